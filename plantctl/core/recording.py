"""What of a point goes into the history: everything that was scanned, what a tolerance leaves, or nothing.

The log keeps all of it either way, for as long as it goes back, and so does what is made of it while it is new: alarms,
feeds, the page. A point that no policy names is kept as scanned. `history.upkeep.thinning` says what a
tolerance guarantees.

Rules of the file: pure.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Keep(Enum):
    """What is kept."""

    DEAD_BAND = "dead_band"  # what left the band around the last value kept; between them it holds
    SWINGING_DOOR = "swinging_door"  # where straight lines between what is kept would be too far off
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Recording:
    """The policy of one point: by how much its history may be off, in its unit, and after how long one is kept anyway.

    `at_least_ns` 0: only when the tolerance says so.
    """

    keep: Keep
    off_by: float = 0.0
    at_least_ns: int = 0

    def in_words(self, unit: str) -> str:
        """What is kept, as `explain` tells it; `unit` with a space before it."""
        if self.keep is Keep.NONE:
            return "nothing"
        what = f"{_WORDS[self.keep]} of {self.off_by:g}{unit}"
        return what + (f", one in {self.at_least_ns / 1e9:g} s at least" if self.at_least_ns else "")


_WORDS: Final = {Keep.DEAD_BAND: "dead-band", Keep.SWINGING_DOOR: "swinging door"}
