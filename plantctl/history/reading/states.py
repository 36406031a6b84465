"""What is in force of every tag at one moment, as columns: the opening of a sealed file, and what the sealer knows.

Rules of the file: pure; the tags of an opening ascend, each stands in it once.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.history.files.chunk import Opening
from plantctl.history.reading.gathering import State


def opening_of(states: dict[int, State]) -> Opening:
    """What is in force of each tag, as columns."""
    tags = sorted(states)
    rows = [states[tag] for tag in tags]
    return Opening(
        np.array(tags, np.int64),
        np.array([r.utc_ns for r in rows], np.int64),
        np.array([r.value for r in rows], np.float64),
        np.array([r.quality for r in rows], np.uint16),
        np.array([r.source_ns for r in rows], np.int64),
    )


NOTHING: Final = opening_of({})


def state_in(opening: Opening, tag: int) -> State | None:
    """What is in force of one tag; None where that is not known."""
    row = int(opening.tag.searchsorted(tag))
    if row >= len(opening.tag) or opening.tag[row] != tag:
        return None
    return State(
        int(opening.utc_ns[row]), float(opening.value[row]), int(opening.quality[row]), int(opening.source_ns[row])
    )


def newest_of(parts: Sequence[Opening]) -> Opening:
    """The newest word on each tag, of parts in the order of time, one at least."""
    tag = np.concatenate([p.tag for p in parts])
    order = np.argsort(tag, kind="stable")
    newest = np.ones(len(tag), np.bool_)
    newest[:-1] = np.diff(tag[order]) != 0
    return _rows(
        Opening(
            tag,
            np.concatenate([p.utc_ns for p in parts]),
            np.concatenate([p.value for p in parts]),
            np.concatenate([p.quality for p in parts]),
            np.concatenate([p.source_ns for p in parts]),
        ),
        order[newest],
    )


def without(opening: Opening, tags: Iterable[int]) -> Opening:
    """What is in force of all other tags."""
    gone = set(tags)
    return _rows(opening, np.array([k for k, tag in enumerate(opening.tag.tolist()) if tag not in gone], np.intp))


def _rows(opening: Opening, rows: npt.NDArray[np.intp]) -> Opening:
    return Opening(
        opening.tag[rows], opening.utc_ns[rows], opening.value[rows], opening.quality[rows], opening.source_ns[rows]
    )
