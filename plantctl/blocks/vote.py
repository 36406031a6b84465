"""M-out-of-N vote over channels of one condition.

    t channels in demand, b bad or bypassed, n installed, m needed
    b = 0        t >= m
    b = n        demand, whatever the policy
    safety       t + b >= m                      a bad channel votes for the trip
    degrade      t >= max(1, min(m, n - b - 1))  the vote shrinks towards the trip
    availability t >= min(m, n - b)              the vote shrinks towards running

First scan   channels that were never seen are bad: under every policy the vote is a demand while all are.
Bad input    as the policy says; the output itself is always good, simulated where any channel is.
Limits       none of its own.
Reference    IEC 61511-1:2016, 11.3; IEC 61508-6:2010, annex B for the architectures.
Situation    tests/cases/blocks/vote/
"""

from plantctl.core.block import (
    GOOD,
    SIMULATED,
    Block,
    In,
    Literal,
    Out,
    Param,
    Ports,
    Shown,
    Watched,
    bad,
    param,
    port,
    shown,
    watched,
)

CHANNELS = 8
SAFETY = 0
DEGRADE = 1


class Vote(Block):
    """One row is one vote."""

    x: Ports[In, Literal[8]] = port("1", "channels, 1 in demand")
    y: Out = port("1", "1 when the vote is a demand", whole=True)
    n: Param[int] = param("", "channels installed", minimum=1, maximum=8, default=1)
    m: Param[int] = param("", "channels needed", minimum=1, maximum=8, default=1)
    policy: Param[int] = param(
        "", "what bad channels do", minimum=0, maximum=2, default=SAFETY, words=("safety", "degrade", "availability")
    )
    tripping: Shown[int] = shown("", "channels in demand")
    bad_channels: Shown[int] = shown("", "channels that cannot be known")
    degraded: Watched[bool] = watched("", "a channel is bad", event="quality")


def step(b: Vote, dt: float) -> None:
    """Forward: count and decide."""
    tripping = 0
    unknown = 0
    mark = 0
    for k in range(CHANNELS):
        if k < b.n:
            mark |= b.x[k].q & SIMULATED
            if bad(b.x[k]):
                unknown += 1
            elif b.x[k].v != 0.0:
                tripping += 1
    b.tripping = tripping
    b.bad_channels = unknown
    b.degraded = unknown > 0
    b.y.v = 1.0 if demanded(tripping, unknown, b.n, b.m, b.policy) else 0.0
    b.y.q = GOOD | mark


def demanded(tripping: int, unknown: int, installed: int, needed: int, policy: int) -> bool:
    """Whether so many channels are a demand."""
    if unknown >= installed:
        return True
    if unknown == 0:
        return tripping >= needed
    if policy == SAFETY:
        return tripping + unknown >= needed
    if policy == DEGRADE:
        return tripping >= max(1, min(needed, installed - unknown - 1))
    return tripping >= min(needed, installed - unknown)
