"""What the sealer does with the points of tags that are not kept as scanned: thins them, or leaves them out.

A tag that moved less than four times a minute is kept as scanned whatever its tolerance: its points take less room than
the minutes that a thinned tag has in every file, made of all that was scanned.

Rules of the file: pure.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.recording import Keep, Recording
from plantctl.history.files.chunk import Opening, Points, Scans, encode_points
from plantctl.history.files.many_points import ManyPoints
from plantctl.history.files.minutes import MINUTE_NS
from plantctl.history.reading.gathering import State
from plantctl.history.reading.states import state_in, without
from plantctl.history.upkeep.thinning import BEFORE_ALL, rows_of, thinned, together

Places = npt.NDArray[np.intp]
# A point costs a byte or so, a minute four; below so many points a minute minutes are not worth their room.
MINUTES_WORTH: Final = 4
# So many points are thinned in some milliseconds.
SLICE_POINTS: Final = 4_000


class Policies:
    """The policies of a plant's tags by their stable ids; what has none is kept as scanned."""

    def __init__(self, recording: Mapping[int, Recording]) -> None:
        self._recording = recording
        self._thinned = np.array(sorted(t for t, r in recording.items() if r.keep is not Keep.NONE), np.int64)
        self._none = np.array(sorted(t for t, r in recording.items() if r.keep is Keep.NONE), np.int64)

    def known(self, states: Opening) -> Opening:
        """What is in force without the tags of which nothing is kept."""
        if not len(self._none) or not len(states.tag):
            return states
        return without(states, self._none[np.isin(self._none, states.tag)].tolist())

    def parted(self, points: ManyPoints, span_ns: int) -> tuple[Places, Places]:
        """Which tags of some points are kept as scanned in a file of that span, and which are thinned."""
        enough = points.cuts.number >= MINUTES_WORTH * span_ns // MINUTE_NS
        thin = np.isin(points.tag, self._thinned) & enough
        return np.flatnonzero(~thin & ~np.isin(points.tag, self._none)), np.flatnonzero(thin)

    def encoded(
        self, points: ManyPoints, which: Places, scans: Scans, before: Opening
    ) -> Iterator[tuple[list[bytes], int]]:
        """The chunks of the thinned points of some tags, some at a time, and how many points they are."""
        chunks: list[bytes] = []
        kept = looked = 0
        for place in which.tolist():
            tag, one = int(points.tag[place]), points.one(place)
            state, from_scan, pieces = state_in(before, tag), BEFORE_ALL, []
            for begin in range(0, len(one), SLICE_POINTS):
                piece = rows_of(one, slice(begin, begin + SLICE_POINTS))
                pieces.append(thinned(piece, scans, state, self._recording[tag], from_scan))
                state, from_scan = _last(piece, scans), int(piece.scan[-1])
                looked += len(piece)
                if looked >= SLICE_POINTS:
                    yield chunks, kept
                    chunks, kept, looked = [], 0, 0
            fewer = together(pieces)
            chunks.append(encode_points(tag, fewer, scans.utc_ns))
            kept += len(fewer)
        yield chunks, kept


def _last(points: Points, scans: Scans) -> State:
    utc_ns = int(scans.utc_ns[points.scan[-1]])
    return State(utc_ns, float(points.value[-1]), int(points.quality[-1]), int(points.source_ns[-1]))
