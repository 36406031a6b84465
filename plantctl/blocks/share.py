"""Shares one total equally among those that can take a share.

    y = total / available, within low..high; 0 where nothing is asked or nobody can take it

`short` is what of the total finds no place: above 0 the shares stand at `high`, below 0 they must not go under `low`.

First scan   bad, not-yet, until the total is known.
Bad input    bad total: the last total counts, quality held; what cannot be known cannot take a share.
Limits       low..high for each share.
Reference    the product's own; the equal split of a production master: process design, supervisory loops.
Situation    tests/cases/blocks/share/
"""

from plantctl.core.block import (
    GOOD,
    HELD,
    NOT_YET,
    Block,
    In,
    Literal,
    Out,
    Param,
    Ports,
    Shown,
    State,
    Watched,
    bad,
    clip,
    param,
    port,
    shown,
    watched,
)

TAKERS = 16


class Share(Block):
    """One row is one total."""

    total: In = port("any", "what is shared")
    x: Ports[In, Literal[16]] = port("1", "who can take a share, 1 or 0")
    y: Out = port("total", "the share of each")
    n: Param[int] = param("", "takers wired", minimum=0, maximum=16, default=0)
    low: Param[float] = param("total", "the least share", minimum=0.0, default=0.0)
    high: Param[float] = param("total", "the largest share", minimum=0.0, default=1e29)
    available: Watched[int] = watched("", "how many take a share")
    short: Shown[float] = shown("total", "what of the total finds no place")
    asked: State[float]
    started: State[bool]


def step(b: Share, dt: float) -> None:
    """Forward: count and divide."""
    available = 0
    for k in range(TAKERS):
        if k < b.n and not bad(b.x[k]) and b.x[k].v != 0.0:
            available += 1
    b.available = available
    if not bad(b.total):
        b.asked = max(0.0, b.total.v)
        b.started = True
        b.y.q = GOOD
    else:
        b.y.q = HELD if b.started else NOT_YET
    share = 0.0
    if available > 0 and b.asked > 0.0:
        share = clip(b.asked / available, b.low, max(b.low, b.high))
    b.y.v = share
    b.short = b.asked - share * available
