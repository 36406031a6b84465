"""Compiles what every scan calls beside the blocks: latch, expressions, publication, frames.

Called by the set-up (`python -m plantctl.scan.warm`), so that the first start of a plant need not wait for it; the
blocks' halves are compiled by `python -m plantctl.plan.load --warm`.
"""

from pathlib import Path

from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.ring import HEAD_BYTES, RingWriter
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


if __name__ == "__main__":
    warm()
