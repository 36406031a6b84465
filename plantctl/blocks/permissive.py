"""Conditions that must be true to start something: asked at the start, never in run.

    ok   every condition is good and true

First scan   not ok until every condition has been seen.
Bad input    a condition that cannot be known is not fulfilled.
Limits       none of its own.
Reference    ISA-5.06.01-2007, permissive; IEC 61511-1:2016, 3.2 for the difference to an interlock.
Situation    tests/cases/blocks/permissive/
"""

from plantctl.core.block import Block, In, Literal, Param, Ports, Shown, Watched, bad, param, port, shown, watched

CONDITIONS = 16


class Permissive(Block):
    """One row is the permit of one output."""

    x: Ports[In, Literal[16]] = port("1", "conditions")
    ok: Watched[bool] = watched("", "every condition is fulfilled", event="permissive")
    n: Param[int] = param("", "conditions wired", minimum=0, maximum=16, default=0)
    failing: Shown[int] = shown("", "the first condition that is not fulfilled, from 1; 0 for none")


def step(b: Permissive, dt: float) -> None:
    """Forward: look for a condition that is not fulfilled."""
    failing = 0
    for k in range(CONDITIONS):
        if k < b.n and failing == 0 and (bad(b.x[k]) or b.x[k].v == 0.0):
            failing = k + 1
    b.failing = failing
    b.ok = failing == 0
