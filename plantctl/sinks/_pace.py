"""How fast the holes of a sink are filled: a rate in rows a second, kept on average over parts sent one by one."""

from typing import Final

# One part of a hole takes no longer than this by its rate, in seconds, so that what is new waits no longer for it.
PART_S: Final = 0.5
# Rows that are not for the sink cost this much less: reading them takes the processor's time alone.
PASSED_OVER: Final = 10


class Pace:
    """`rate` is in rows a second, above 0. All times are monotonic, in ns; `now_ns` is that from which it counts."""

    def __init__(self, rate: float, now_ns: int) -> None:
        self._rate = rate
        self._from_ns = now_ns

    @property
    def part_rows(self) -> int:
        """How many rows a part may have."""
        return max(1, int(self._rate * PART_S))

    def allows(self, now_ns: int) -> bool:
        """Whether the next part may go at that time."""
        return now_ns >= self._from_ns

    def went(self, began_ns: int, read: int, sent: int) -> None:
        """A part of `read` rows went, `sent` of which were for the sink; it began at `began_ns`.

        What the peer takes its time for counts, and so does a part's time that was not used before, which makes up for
        the pauses between parts that are small.
        """
        takes_ns = int(max(sent, read / PASSED_OVER) * 1e9 / self._rate)
        self._from_ns = max(self._from_ns, began_ns - int(PART_S * 1e9)) + takes_ns
