"""Split range: one loop moves two outputs, each in its own part of the loop's range.

    output = low + (high - low) s,    s = (x - from) / (to - from) within 0..1

`from` is where in the loop's range the output is closed, `to` where it is open: with 50 and 0 it opens downward.

Answer       both outputs taken by somebody else: INIT with the place in the range where the open one stands; only the
             one in use taken, limited or behind: that place, and the limit that it is in the loop's direction, so that
             the loop does not wind up; the other one counts nothing. An output that is taken is asked for what stands
             there, so that its release moves nothing.
First scan   nothing asked before the loop asks.
Bad input    the outputs hold, quality held.
Limits       x beyond the range leaves both at their ends.
Reference    Astrom and Hagglund, Advanced PID Control (2006), chapter 13.
Situation    tests/cases/blocks/split/
"""

from plantctl.core.block import (
    GOOD,
    HELD,
    HIGH,
    HUGE,
    INIT,
    LOW,
    NONE,
    NOT_YET,
    Block,
    CasIn,
    CasOut,
    Out,
    Param,
    State,
    bad,
    clip,
    mirror,
    param,
    port,
)


class Split(Block):
    """One row is one loop with two outputs."""

    cas: CasIn = port("any", "request of the loop")
    y: Out = port("cas", "place in the loop's range")
    first: CasOut = port("any", "the first output")
    second: CasOut = port("any", "the second output")
    first_from: Param[float] = param("cas", "where the first output is closed")
    first_to: Param[float] = param("cas", "where the first output is open")
    first_low: Param[float] = param("first", "the first output closed", default=0.0)
    first_high: Param[float] = param("first", "the first output open", default=100.0)
    second_from: Param[float] = param("cas", "where the second output is closed")
    second_to: Param[float] = param("cas", "where the second output is open")
    second_low: Param[float] = param("second", "the second output closed", default=0.0)
    second_high: Param[float] = param("second", "the second output open", default=100.0)
    first_taken: State[bool]
    second_taken: State[bool]
    started: State[bool]


def back(b: Split, dt: float) -> None:
    """Leaf to root: what of the request was used."""
    wanted_first = part(b.y.v, b.first_from, b.first_to, b.first_low, b.first_high)
    wanted_second = part(b.y.v, b.second_from, b.second_to, b.second_low, b.second_high)
    first = b.first.used if abs(b.first.used) < HUGE else wanted_first
    second = b.second.used if abs(b.second.used) < HUGE else wanted_second
    b.first_taken = (b.first.status & INIT) != 0
    b.second_taken = (b.second.status & INIT) != 0
    at_first = place(first, b.first_from, b.first_to, b.first_low, b.first_high)
    at_second = place(second, b.second_from, b.second_to, b.second_low, b.second_high)
    b.cas.used = b.y.v
    b.cas.status = NONE
    if b.first_taken and b.second_taken:
        b.cas.used = at_first if at_first != b.first_from else at_second
        b.cas.status = INIT
    elif first != wanted_first and share(b.y.v, b.first_from, b.first_to) > 0.0:
        b.cas.used = at_first
        b.cas.status = mirror(HIGH if first < wanted_first else LOW, slope(b.first_to - b.first_from))
    elif second != wanted_second and share(b.y.v, b.second_from, b.second_to) > 0.0:
        b.cas.used = at_second
        b.cas.status = mirror(HIGH if second < wanted_second else LOW, slope(b.second_to - b.second_from))


def step(b: Split, dt: float) -> None:
    """Root to leaf: each output its part."""
    quality = GOOD
    if not bad(b.cas):
        b.y.v = b.cas.v
        b.started = True
    else:
        quality = HELD if b.started else NOT_YET
    b.y.q = quality
    b.first.q = quality
    b.second.q = quality
    if b.first_taken and abs(b.first.used) < HUGE:
        b.first.v = b.first.used
    else:
        b.first.v = part(b.y.v, b.first_from, b.first_to, b.first_low, b.first_high)
    if b.second_taken and abs(b.second.used) < HUGE:
        b.second.v = b.second.used
    else:
        b.second.v = part(b.y.v, b.second_from, b.second_to, b.second_low, b.second_high)


def share(x: float, closed: float, opened: float) -> float:
    """How far open an output is at `x`, 0 to 1."""
    width = opened - closed
    return clip((x - closed) / width, 0.0, 1.0) if width != 0.0 else 0.0


def part(x: float, closed: float, opened: float, low: float, high: float) -> float:
    """What an output is at `x`."""
    return low + (high - low) * share(x, closed, opened)


def place(value: float, closed: float, opened: float, low: float, high: float) -> float:
    """Where in the loop's range an output stands at `value`."""
    span = high - low
    return closed + (opened - closed) * clip((value - low) / span, 0.0, 1.0) if span != 0.0 else closed


def slope(width: float) -> float:
    """1 where an output opens upward, -1 where downward."""
    return 1.0 if width > 0.0 else -1.0
