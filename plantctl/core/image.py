"""The process image: the columns that everything else moves data in and out of.

A row is one point. Row 0 belongs to nobody: it stays bad, not-yet, and is what an unwired port reads. The input rows
follow, in the order of the plan's inputs, then every point that a block, an expression or the executive writes.

    v          f8   value, in the point's declared unit; booleans 0 and 1, enumerations small integers
    q          u2   quality word (core.quality)
    used       f8   answer of the block below a request: the value it really used
    status     i8   answer: limits (bits 0-1) and the request to initialise (bit 2)
    receive_ns i8   monotonic; for inputs when life was last seen, for others the scan that changed them
    source_ns  i8   UTC; for inputs the device's word, for others the scan that changed them

Nothing here grows after it was made.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import NOT_YET

NOBODY = 0
# Every column: type of an element, and what a row says before the first scan.
COLUMNS: Final[Mapping[str, tuple[Any, float]]] = {
    "v": (np.float64, np.nan),
    "q": (np.uint16, NOT_YET),
    "used": (np.float64, np.nan),
    "status": (np.int64, 0),
    "receive_ns": (np.int64, 0),
    "source_ns": (np.int64, 0),
}


class Image:
    """The columns for `points` rows, row 0 included, before the first scan.

    `over` gives arrays, by column name, to lie in instead of memory of its own; they are reset unless `keep`.
    """

    v: npt.NDArray[np.float64]
    q: npt.NDArray[np.uint16]
    used: npt.NDArray[np.float64]
    status: npt.NDArray[np.int64]
    receive_ns: npt.NDArray[np.int64]
    source_ns: npt.NDArray[np.int64]

    def __init__(self, points: int, over: Mapping[str, npt.NDArray[Any]] | None = None, *, keep: bool = False) -> None:
        for name, (dtype, empty) in COLUMNS.items():
            column = np.full(points, empty, dtype) if over is None else over[name]
            if column.dtype != dtype or column.shape != (points,):
                what = f"{column.shape} of {column.dtype}"
                raise ValueError(f"the column `{name}` needs {points} of {np.dtype(dtype)}, not {what}")
            if not keep:
                column[:] = empty
            setattr(self, name, column)

    def __len__(self) -> int:
        return len(self.v)
