"""Puts together what a tag did in many files: what `gathering.in_force` and `seams.seamless` do file by file.

Files mostly go on where the one before ended. Then the columns of all are laid behind each other once, and no file
gets columns of its own before: of a day's points, moving memory takes longer than reading them.

Rules of the file: pure; the same rows as `seamless`, which is asked where files do not go on.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from plantctl.history.files.buckets import InForce
from plantctl.history.files.chunk import Points, Scans
from plantctl.history.reading.gathering import State, in_force
from plantctl.history.reading.seams import seamless

_STATE: Final = struct.Struct("<qdHq")


class Piece(NamedTuple):
    """What a tag did in a part of the record, the scans of this, and what was in force before."""

    points: Points
    scans: Scans
    before: State | None


def told_by(piece: Piece | InForce) -> InForce:
    """What was in force in a piece."""
    return piece if isinstance(piece, InForce) else in_force(*piece)


def together(pieces: Sequence[Piece | InForce]) -> InForce:
    """What was in force over pieces of a record that follow each other."""
    plain = [piece for piece in pieces if isinstance(piece, Piece)]
    if len(plain) == len(pieces) > 1 and _is_plain(plain[0]) and all(_goes_on(a, b) for a, b in pairwise(plain)):
        return _one_row(plain)
    forces = [told_by(piece) for piece in pieces]
    return seamless([force for force in forces if len(force)])


def _is_plain(piece: Piece) -> bool:
    """Whether each point held until the next one, nothing is missing, and the clock was never set back."""
    points, scans = piece.points, piece.scans
    return scans.ascend and not len(scans.holes) and not points.line and (len(points) > 0 or piece.before is not None)


def _goes_on(one: Piece, other: Piece) -> bool:
    """Whether a piece begins with what was in force at the end of the one before, up to that moment, by bits."""
    if other.before is None or not _is_plain(other) or int(one.scans.utc_ns[-1]) != other.scans.begin_ns:
        return False
    return _STATE.pack(*_closing(one)) == _STATE.pack(*other.before)


def _closing(piece: Piece) -> State:
    points, scans = piece.points, piece.scans
    if not len(points):
        assert piece.before is not None
        return piece.before
    utc_ns = int(scans.utc_ns[points.scan[-1]])
    return State(utc_ns, float(points.value[-1]), int(points.quality[-1]), int(points.source_ns[-1]))


def _one_row(pieces: Sequence[Piece]) -> InForce:
    """Pieces that go on: a row for each point, behind one for what was in force before all."""
    before, points = pieces[0].before, [piece.points for piece in pieces]
    first = int(before is not None)
    count = first + sum(map(len, points))
    times = np.empty(count + 1, np.int64)
    value, quality = np.empty(count, np.float64), np.empty(count, np.uint16)
    begin = first
    for piece in pieces:  # one after the other: columns of all files beside each other would be as much memory again
        end = begin + len(piece.points)
        times[begin:end] = piece.scans.utc_ns.take(piece.points.scan)
        begin = end
    np.concatenate([each.value for each in points], out=value[first:])
    np.concatenate([each.quality for each in points], out=quality[first:])
    times[-1] = pieces[-1].scans.utc_ns[-1]
    is_point = np.ones(count, np.bool_)
    source_ns = np.zeros(count, np.int64)
    if any(each.source_ns.any() for each in points):
        np.concatenate([each.source_ns for each in points], out=source_ns[first:])
    utc_ns = times[:-1]
    if before is not None:
        times[0], is_point[0] = pieces[0].scans.begin_ns, False
        if before.utc_ns != times[0]:
            utc_ns = utc_ns.copy()
        utc_ns[0], value[0], quality[0], source_ns[0] = before
    off_by = max(each.off_by for each in points)
    return InForce(times[:-1], times[1:], utc_ns, value, quality, source_ns, is_point, orderly=True, off_by=off_by)
