"""How far a sink is: up to which frame of the log everything has arrived, and which stretches behind that are missing.

The newest rows go first, so that what is missing lies in holes; each is filled from its beginning. The position is one
small file, replaced whole, and written after the rows have arrived: whoever starts anew repeats at most what arrived
since, and a row that arrives twice is one row.

Rules of the file: holes are in order, apart, and all below `through`; what cannot be read is as good as no position.
"""

import json
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from plantctl.core.frame import crc32c

# So many holes are told apart; beyond that the two nearest become one, and what lies between is sent once more.
HOLES_MAX: Final = 256
FORMAT: Final = 1


class Hole(NamedTuple):
    """A stretch of frames that have not arrived: `first` to `last`, both included."""

    first: int
    last: int

    @property
    def frames(self) -> int:
        """How many frames are missing."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Position:
    """Everything up to the frame `through` has arrived, but for `holes`.

    `quarantined` counts records that the peer never took, `lost` frames that were gone from the log before they were
    sent.
    """

    through: int = 0
    holes: list[Hole] = field(default_factory=list)
    quarantined: int = 0
    lost: int = 0

    @property
    def needed(self) -> int:
        """The first frame that has not arrived: the log may let go of those before."""
        return self.holes[0].first if self.holes else self.through + 1

    @property
    def missing(self) -> int:
        """How many frames are in the holes."""
        return sum(hole.frames for hole in self.holes)

    def arrived(self, first: int, last: int) -> None:
        """The frames `first` to `last` have arrived: at the end of what is known, or at the beginning of a hole.

        Raises ValueError where they are neither.
        """
        if first == self.through + 1:
            self.through = max(self.through, last)
            return
        for i, hole in enumerate(self.holes):
            if hole.first == first:
                if last >= hole.last:
                    del self.holes[i]
                else:
                    self.holes[i] = Hole(last + 1, hole.last)
                return
        raise ValueError(f"frames {first} to {last} do not go on from {self}")

    def leap(self, through: int) -> None:
        """Go on behind the frame `through`; what lies between is a hole to be filled later."""
        if through <= self.through:
            return
        first = self.through + 1
        if self.holes and self.holes[-1].last == self.through:
            first = self.holes.pop().first
        self.holes.append(Hole(first, through))
        self.through = through
        self._keep_few()

    def reopen(self, first: int, last: int) -> None:
        """The frames `first` to `last` have not arrived after all, or nobody knows: a hole, with those it touches."""
        last = min(last, self.through)
        if first > last:
            return
        apart = [hole for hole in self.holes if hole.last < first - 1 or hole.first > last + 1]
        touched = [hole for hole in self.holes if not (hole.last < first - 1 or hole.first > last + 1)]
        whole = Hole(min([first, *(h.first for h in touched)]), max([last, *(h.last for h in touched)]))
        self.holes = sorted([*apart, whole])
        self._keep_few()

    def copy(self) -> "Position":
        """The same, apart from this one."""
        return Position(self.through, list(self.holes), self.quarantined, self.lost)

    def cut(self, through: int) -> None:
        """Nothing behind the frame `through` has ever been: the log was put back to there."""
        self.through = through
        self.holes = [Hole(hole.first, min(hole.last, through)) for hole in self.holes if hole.first <= through]

    def _keep_few(self) -> None:
        while len(self.holes) > HOLES_MAX:
            self._join_nearest()

    def _join_nearest(self) -> None:
        gaps = [b.first - a.last for a, b in zip(self.holes, self.holes[1:], strict=False)]
        i = gaps.index(min(gaps))
        self.holes[i : i + 2] = [Hole(self.holes[i].first, self.holes[i + 1].last)]


def encode_position(position: Position) -> bytes:
    """One line of JSON, and the sum that says it is whole."""
    told = {
        "format": FORMAT,
        "through": position.through,
        "holes": [list(hole) for hole in position.holes],
        "quarantined": position.quarantined,
        "lost": position.lost,
    }
    return _with_sum(json.dumps(told))


def _with_sum(line: str) -> bytes:
    return f"{line}\n{crc32c(line.encode()):08x}\n".encode()


def decode_position(data: bytes) -> Position | None:
    """The position in a file; None where it is damaged, cut short or of a format that is not known."""
    try:
        line, _, _ = data.decode().partition("\n")
        if data != _with_sum(line):
            return None
        told = json.loads(line)
        if told["format"] != FORMAT:
            return None
        holes = [Hole(*hole) for hole in told["holes"]]
        return Position(told["through"], holes, told["quarantined"], told["lost"])
    except (ValueError, KeyError, TypeError):
        return None
