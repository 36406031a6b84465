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

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import NOT_YET

NOBODY = 0


class Image:
    """The columns for `points` rows, row 0 included, before the first scan."""

    def __init__(self, points: int) -> None:
        self.v: npt.NDArray[np.float64] = np.full(points, np.nan)
        self.q: npt.NDArray[np.uint16] = np.full(points, NOT_YET, np.uint16)
        self.used: npt.NDArray[np.float64] = np.full(points, np.nan)
        self.status: npt.NDArray[np.int64] = np.zeros(points, np.int64)
        self.receive_ns: npt.NDArray[np.int64] = np.zeros(points, np.int64)
        self.source_ns: npt.NDArray[np.int64] = np.zeros(points, np.int64)

    def __len__(self) -> int:
        return len(self.v)
