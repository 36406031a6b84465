"""One effect of the cause-and-effect chart: the latch, its release, and the proof that it worked.

    tripped   a demand stands; a latched cell keeps it until a person resets it when no demand stands
    active    tripped, and `after` is true or its time is over: what arbiters obey
    failed    active, and `verify` was not true within `within`: what the next effect listens to

First scan   tripped, as after any power-up, unless `start_tripped` is off: a person releases.
Bad input    a demand that cannot be known counts as a demand; a verification that cannot be known is not verified; an
             `after` that cannot be known is not there yet, so `after_limit` ends the wait: the chart demands one.
Limits       set dominates reset: a reset while a demand stands is dropped.
Reference    IEC 61511-1:2016, 11.6 and 11.7; IEC 61131-3:2013, table 43 (SR: set dominant).
Situation    tests/cases/blocks/effect/
"""

from plantctl.core.block import (
    Block,
    In,
    Literal,
    Param,
    Ports,
    Shown,
    State,
    Tracked,
    Values,
    Watched,
    bad,
    clock,
    lasted,
    param,
    port,
    shown,
    state,
    values,
    watched,
)

DEMANDS = 16


class Effect(Block):
    """One row is one effect."""

    x: Ports[In, Literal[16]] = port("1", "causes, and effects that failed")
    verify: In = port("1", "true when the effect is seen to work", optional=True)
    after: In = port("1", "a staged effect waits for this", optional=True)
    tripped: Watched[bool] = watched("", "the effect is demanded or latched", event="trip")
    latched: Values[Literal[16]] = values("1", "1 where the chart's cell is latched")
    n: Param[int] = param("", "demands wired", minimum=0, maximum=16, default=0)
    within: Param[float] = param("s", "time for the effect to be seen", minimum=0.0, default=0.0)
    after_limit: Param[float] = param("s", "longest wait for `after`, 0 for no end", minimum=0.0, default=0.0)
    has_verify: Param[bool] = param("", "`verify` is wired", default=False)
    has_after: Param[bool] = param("", "`after` is wired", default=False)
    start_tripped: Param[bool] = param("", "tripped after power-up", default=True)
    reset: Tracked[bool] = shown("", "a person asks for release")
    active: Watched[bool] = watched("", "the effect acts", event="watched")
    failed: Watched[bool] = watched("", "the effect was not seen in time", event="watched")
    first: Shown[int] = shown("", "the first demand that tripped it, from 1; 0 for power-up")
    latch: State[bool]
    started: State[bool]
    wait_s: State[float] = state("s", "how long it has waited for `after`", default=-1.0)
    unseen_s: State[float] = state("s", "how long it has acted without being seen", default=-1.0)


def step(b: Effect, dt: float) -> None:
    """Forward: demands, latch, release, staging, verification."""
    if not b.started:
        b.started = True
        b.tripped = b.start_tripped
        b.latch = b.start_tripped
    demand = 0
    for k in range(DEMANDS):
        if k < b.n and (bad(b.x[k]) or b.x[k].v != 0.0):
            if demand == 0:
                demand = k + 1
            if b.latched[k] != 0.0:
                b.latch = True
    if demand > 0:
        if not b.tripped:
            b.first = demand
        b.tripped = True
    elif b.reset or not b.latch:
        b.tripped = False
        b.latch = False
    b.reset = False
    if not b.tripped:
        b.active = False
        b.failed = False
        b.wait_s = -1.0
        b.unseen_s = -1.0
        return
    stage(b, dt)
    if b.active:
        prove(b, dt)


def stage(b: Effect, dt: float) -> None:
    """Let the effect act when what it waits for is there, or its time is over."""
    if b.active:
        return
    b.wait_s = clock(b.wait_s, True, dt)
    over = b.after_limit > 0.0 and lasted(b.wait_s, b.after_limit)
    b.active = not b.has_after or over or (not bad(b.after) and b.after.v != 0.0)


def prove(b: Effect, dt: float) -> None:
    """Watch whether the plant shows the effect."""
    if not b.has_verify:
        return
    if not bad(b.verify) and b.verify.v != 0.0:
        b.unseen_s = -1.0
        b.failed = False
        return
    # The scan that acts cannot see its own effect yet, so it never fails at once, even where `within` is 0.
    b.unseen_s = clock(b.unseen_s, True, dt)
    b.failed = b.unseen_s > 0.0 and lasted(b.unseen_s, b.within)
