"""First-order lag: a filter, or the model of a well-mixed vessel.

    tau dy/dt = u - y      solved exactly over one scan: y += (u - y) (1 - exp(-dt / tau)), any dt > 0

First scan   y starts at u: no transient at start-up or after a restart without retained state.
Bad input    y holds, its quality is held (uncertain); held longer than `hold` it is bad.
Limits       none of its own.
Reference    Astrom and Wittenmark, Computer-Controlled Systems, 3rd ed. (1997), section 2.3.
Situation    tests/cases/blocks/lag/
"""

import math

from plantctl.core.block import (
    BAD,
    HELD,
    MARKS,
    Block,
    In,
    Out,
    Param,
    State,
    Watched,
    bad,
    clock,
    param,
    port,
    state,
    watched,
)


class Lag(Block):
    """One row is one lag."""

    u: In = port("any", "what is filtered")
    y: Out = port("u", "the filtered value")
    tau: Param[float] = param("s", "time constant", above=0.0, default=1.0)
    hold: Param[float] = param("s", "longest time to hold on a bad input", minimum=0.0, default=10.0)
    started: State[bool]
    bad_s: State[float] = state("s", "how long the input has been bad", default=-1.0)
    held: Watched[bool] = watched("", "the input is bad and the output holds", event="quality")


def step(b: Lag, dt: float) -> None:
    """Forward: one exact step of the lag."""
    if bad(b.u):
        b.bad_s = clock(b.bad_s, True, dt)
        b.held = True
        b.y.q = (HELD if b.started and b.bad_s <= b.hold + 1e-9 else BAD) | (b.u.q & MARKS)
        return
    b.bad_s = -1.0
    b.held = False
    share = rise(dt, b.tau) if b.started else 1.0
    b.y.v = b.u.v if share == 1.0 else b.y.v + (b.u.v - b.y.v) * share
    b.y.q = b.u.q
    b.started = True


def rise(dt: float, tau: float) -> float:
    """Share of a step that a lag of time constant `tau` has made good after `dt` (1)."""
    return -math.expm1(-dt / tau)
