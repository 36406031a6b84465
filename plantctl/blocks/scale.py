"""Scales a raw signal to an engineering value and filters it.

    y = out_low + (u - in_low) (out_high - out_low) / (in_high - in_low)
    filtered exactly over one scan: y += (y_new - y) (1 - exp(-dt / filter)), any dt > 0

First scan   the filter starts at the first good value.
Bad input    y holds, its quality is the input's: bad; the filter starts anew when the input is good again.
Limits       `clamp` keeps y within out_low..out_high. An input further outside in_low..in_high than `over` of its span
             is a fault of the sensor: y holds, bad, range (with 4..20 mA and 0.025: below 3.6, above 20.4 mA). So is
             a result too large to compute with.
Reference    NAMUR NE 43 (2003) for the fault bands; Astrom and Wittenmark, Computer-Controlled Systems, 3rd ed.
             (1997), section 2.3 for the filter.
Situation    tests/cases/blocks/scale/
"""

import math

from plantctl.core.block import (
    HUGE,
    MARKS,
    OUT_OF_RANGE,
    Block,
    In,
    Out,
    Param,
    State,
    bad,
    clip,
    param,
    port,
    state,
)


class Scale(Block):
    """One row is one signal."""

    u: In = port("any", "raw signal")
    y: Out = port("u", "engineering value", free=True)
    in_low: Param[float] = param("u", "raw at the low end", default=0.0)
    in_high: Param[float] = param("u", "raw at the high end", default=1.0)
    out_low: Param[float] = param("y", "value at the low end", default=0.0)
    out_high: Param[float] = param("y", "value at the high end", default=1.0)
    filter: Param[float] = param("s", "time constant, 0 for none", minimum=0.0, default=0.0)
    over: Param[float] = param("1", "share of the span that is no fault yet, 0 for any", minimum=0.0, default=0.0)
    clamp: Param[bool] = param("", "keep the value within its ends", default=False)
    started: State[bool]
    filtered: State[float] = state("y", "the filter's value")


def step(b: Scale, dt: float) -> None:
    """Forward: scale, then filter."""
    if bad(b.u):
        b.y.q = b.u.q if b.u.q & 2 else OUT_OF_RANGE | (b.u.q & MARKS)
        b.started = False
        return
    span = b.in_high - b.in_low
    share = (b.u.v - b.in_low) / span if span != 0.0 else 0.0
    if b.over > 0.0 and (share < -b.over or share > 1.0 + b.over):
        b.y.q = OUT_OF_RANGE | (b.u.q & MARKS)
        b.started = False
        return
    # The unit gain is kept exact: a signal that is only filtered must not lose a bit to the scaling.
    new = b.u.v
    if b.in_low != b.out_low or b.in_high != b.out_high:
        new = b.out_low + share * (b.out_high - b.out_low)
    if b.clamp:
        new = clip(new, min(b.out_low, b.out_high), max(b.out_low, b.out_high))
    if not abs(new) < HUGE:
        # A span next to nothing, or ends far beyond any plant: no value is better than an absurd one.
        b.y.q = OUT_OF_RANGE | (b.u.q & MARKS)
        b.started = False
        return
    if not b.started or b.filter <= 0.0:
        b.filtered = new
    else:
        b.filtered += (new - b.filtered) * -math.expm1(-dt / b.filter)
    b.started = True
    b.y.v = b.filtered
    b.y.q = b.u.q
