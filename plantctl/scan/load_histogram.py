"""How long something takes, scan after scan: counts by powers of two, from which quantiles are read at any time.

Bucket k counts durations from 2**(k-1) up to below 2**k microseconds, bucket 0 those below one, the last one all that
are longer. A quantile is given as the upper edge of its bucket: never too good, at most twice too bad. Nothing here
allocates; one count is one addition in a column that may lie in shared memory.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

I8 = npt.NDArray[np.int64]
BUCKETS: Final = 24


class LoadHistogram:
    """Counts durations into `counts` (i8, two buckets or more)."""

    def __init__(self, counts: I8) -> None:
        self.counts = counts
        self._last = len(counts) - 1
        self.worst_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration; one below zero counts as zero."""
        self.counts[min(self._last, max(0, duration_ns // 1000).bit_length())] += 1
        self.worst_ns = max(self.worst_ns, duration_ns)

    def take_worst_us(self) -> float:
        """The longest duration since the last call, us."""
        worst_us, self.worst_ns = self.worst_ns / 1e3, 0
        return worst_us


def quantile_us(counts: I8, share: float) -> float:
    """The duration in us that `share` (0 to 1) of what was counted does not exceed; 0 where nothing was counted.

    The upper edge of the bucket, also in the last one, which holds longer ones as well.
    """
    total = int(counts.sum())
    return float(2 ** int(np.searchsorted(np.cumsum(counts), share * total))) if total else 0.0
