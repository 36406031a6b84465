"""The publication: what the field is to write, laid out for it at the end of a scan.

A value is asked for again, with the next number of its sequence, when it changed or when a person wants it written
once more; never while it is bad.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plantctl.core.field import OutputColumns
from plantctl.core.image import Image
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.plan.bind import bind_routine
from plantctl.plan.plan import Plan


class Publication:
    """The output rows of a plan, in the order of `plan.outputs`."""

    def __init__(self, plan: Plan, image: Image, *, compiled: bool = False, cache: Path | None = None) -> None:
        self._index = {o.row: i for i, o in enumerate(plan.outputs)}
        self._asked = np.zeros(len(plan.outputs), np.uint8)
        self._compiled, self._cache = compiled, cache
        self._calls: dict[OutputColumns, Callable[..., int]] = {}
        rows = np.array([o.row for o in plan.outputs], np.int64)
        self._arrays: dict[str, Any] = {"v": image.v, "q": image.q, "rows": rows, "asked": self._asked}

    def give(self, columns: OutputColumns, asked: Sequence[int]) -> None:
        """Lay the outputs into `columns`; `asked` are rows to write again. Columns not bound before are bound first."""
        for row in asked:
            self._asked[self._index[row]] = 1
        if columns not in self._calls:
            self.bind(columns)
        assert self._calls[columns]() == 1, "the publication broke off"

    def bind(self, columns: OutputColumns) -> None:
        """Make ready to lay outputs into `columns`; each set stays known."""
        arrays: dict[str, Any] = {"value": columns.value, "quality": columns.quality, "sequence": columns.sequence}
        self._calls[columns] = bind_routine(give, arrays | self._arrays, compiled=self._compiled, folder=self._cache)


def give(value: Any, quality: Any, sequence: Any, v: Any, q: Any, rows: Any, asked: Any) -> int:
    """The publication of one scan, compiled or interpreted. Returns 1."""
    for i in range(len(rows)):
        row = rows[i]
        quality[i] = q[row]
        if q[row] & SEVERITY_MASK < BAD and (v[row] != value[i] or asked[i] != 0):
            value[i] = v[row]
            sequence[i] += 1
        asked[i] = 0
    return 1
