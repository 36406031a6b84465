"""Compiles what every scan calls beside the blocks: latch, expressions, publication, frames.

Called by the set-up (`python -m plantctl.scan.warm`), so that the first start of a plant need not wait for it, and
before the start of a plant with the kinds of its blocks, in a process that ends when all is in the cache. The halves of
all blocks are compiled by `python -m plantctl.plan.load --warm`.
"""

import sys
from pathlib import Path

from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.ring import HEAD_BYTES, RingWriter
from plantctl.plan import load
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.executive import Executive

# The smallest plan that has an expression; it needs no block.
PLANT = """
plant: {name: warm}
tags: {A-1: {unit: pH}}
calculated: {A-2: {expression: "{A-1} + 1 [pH]", unit: pH}}
"""


def warm(folder: Path | None = None) -> None:
    """Leave the compiled routines in the cache `folder`, by default the user's."""
    plan = build("plant.yaml", from_texts({"plant.yaml": PLANT})).plan
    assert plan is not None, "the plan above has no errors"
    ring = RingWriter(bytearray(HEAD_BYTES + 8192), plan.hash)
    executive = Executive(plan, compiled=True, ring=ring, cache=folder)
    executive.bind(InputColumns(len(plan.inputs)), OutputColumns(len(plan.outputs)))


def main(kinds: list[str]) -> int:
    """Compile what every scan calls, and the halves of `kinds`; say how many of these the cache had not."""
    warm()
    done = load.warm(kinds)
    if done:
        print(f"compiled {len(done)} halves")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
