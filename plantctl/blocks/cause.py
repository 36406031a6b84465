"""One cause of the cause-and-effect chart: a condition that must stand for a time, counted only while armed.

    demand    `when` is true, while `arm` is (or may be) true
    tripped   the demand stood for `delay`, or `when` was bad, while armed, for `trip_after`
    cleared   `clear` (default: `when` good and false) was true for `clear_for`, whatever `arm` says

Once tripped, a cause stays so until it is cleared: a trip that takes the arming away does not clear itself.

First scan   not tripped; inputs that were never there are bad and run against `trip_after` while armed.
Bad input    bad `arm` counts as armed; bad `when` trips after `trip_after`; where it changes between bad and true, each
             of the two clocks stands still in the other's turn, and only good and false starts them anew; a bad value
             never clears.
Limits       none of its own.
Reference    IEC 61511-1:2016, 11.3 and 11.6; the chart's semantics: interfaces of the product, causes.
Situation    tests/cases/blocks/cause/
"""

from plantctl.core.block import (
    Block,
    In,
    Param,
    Shown,
    State,
    Watched,
    bad,
    clock,
    lasted,
    param,
    port,
    shown,
    state,
    watched,
)


class Cause(Block):
    """One row is one cause."""

    when: In = port("1", "the condition")
    arm: In = port("1", "the demand counts only while this is true", optional=True)
    clear: In = port("1", "the condition that ends the cause", optional=True)
    held: In = port("1", "an effect of this cause was tripped a scan ago", optional=True)
    tripped: Watched[bool] = watched("", "the cause acts", event="trip")
    delay: Param[float] = param("s", "how long the demand must stand", minimum=0.0, default=0.0)
    clear_for: Param[float] = param("s", "how long `clear` must be true", minimum=0.0, default=0.0)
    trip_after: Param[float] = param("s", "how long `when` may be bad", minimum=0.0, default=0.0)
    has_arm: Param[bool] = param("", "`arm` is wired", default=False)
    has_clear: Param[bool] = param("", "`clear` is wired", default=False)
    has_held: Param[bool] = param("", "`held` is wired", default=False)
    demand: Shown[bool] = shown("", "the condition is true and armed")
    bad_input: Watched[bool] = watched("", "the condition cannot be known", event="quality")
    first_out: Watched[bool] = watched("", "the first to trip its effects", event="first-out")
    demand_s: State[float] = state("s", "how long the demand has stood", default=-1.0)
    bad_s: State[float] = state("s", "how long the condition has been unknown", default=-1.0)
    clear_s: State[float] = state("s", "how long `clear` has been true", default=-1.0)


def step(b: Cause, dt: float) -> None:
    """Forward: run the three clocks and decide."""
    b.bad_input = bad(b.when)
    armed = not b.has_arm or bad(b.arm) or b.arm.v != 0.0
    b.demand = not bad(b.when) and b.when.v != 0.0 and armed
    # A value that changes between bad and demanded was never seen healthy: each clock waits for the other's turn.
    if not b.bad_input or not armed:
        b.demand_s = clock(b.demand_s, b.demand, dt)
    if not b.demand:
        b.bad_s = clock(b.bad_s, b.bad_input and armed, dt)
    b.clear_s = clock(b.clear_s, cleared(b), dt)
    free = not b.has_held or (not bad(b.held) and b.held.v == 0.0)
    if lasted(b.demand_s, b.delay) or lasted(b.bad_s, b.trip_after):
        if not b.tripped and free:
            b.first_out = True
        b.tripped = True
        return
    if b.tripped and lasted(b.clear_s, b.clear_for) and not b.demand:
        b.tripped = False
    if free and not b.tripped:
        b.first_out = False


def cleared(b: Cause) -> bool:
    """Whether the condition that ends the cause is known to be true now."""
    if b.has_clear:
        return not bad(b.clear) and b.clear.v != 0.0
    return not bad(b.when) and b.when.v == 0.0
