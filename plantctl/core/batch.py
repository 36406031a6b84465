"""What leaves the plant: rows and transitions of the durable log, in the portions that a sink takes.

A batch is a run of whole frames, oldest first. Its rows are in the order of their scans; all rows of one scan have its
time. What makes a row itself is its point and its time: a sink that is given it twice must end up with it once, which
is what lets a feed repeat whatever it does not know to have arrived.

Rules of the file: nothing is read or written here; the arrays of a batch are not to be changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from plantctl.core.event import Event

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
U2 = npt.NDArray[np.uint16]


class PointLabel(NamedTuple):
    """How a point is called outside: its full name, its unit (empty for numbers and words), what it is.

    `words` are the words of an enumeration, `low` and `high` its range (NaN where none); `whole` tells that it is a
    boolean, a count or a number of an enumeration.
    """

    name: str
    unit: str = ""
    text: str = ""
    words: tuple[str, ...] = ()
    low: float = float("nan")
    high: float = float("nan")
    whole: bool = False


class SampleLabel(NamedTuple):
    """Which sample a laboratory's value was found in: its number, its lot; empty where it has none."""

    sample: str = ""
    lot: str = ""


PointLabels = Mapping[int, PointLabel]
"""The label of each point by its id, as it stands in `Batch.tag`. Ids are stable over plans; an id may be unknown."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The frames `first_sequence` to `last_sequence` of the log (both included), or a part of their rows and events.

    One entry a row: `utc_ns` the time of its scan, `tag` the point's id, `value` (NaN where there is none), `quality`
    (`core.quality`), `source_ns` the device's own time in UTC ns, 0 where it gave none. `event` are the transitions,
    `event_sequence` the frame of each; a transition is itself by its frame and its place among those of that frame,
    which `places` tells and every part keeps (`event_places`, empty where the transitions of a frame are all there).
    `historical` tells that newer rows have gone out before: what is behind the times, not what is now. `samples` says
    of each row which sample it is of; empty where none is of one.

    `plan_hash` is the plan under which the frames were written, 0 where nobody knows; `otherwise` has the labels that
    some of its points had then, where they are other ones than now. Whoever names a point asks there first.
    """

    first_sequence: int
    last_sequence: int
    utc_ns: I8
    tag: U4
    value: F8
    quality: U2
    source_ns: I8
    events: tuple[Event, ...] = ()
    event_sequences: tuple[int, ...] = ()
    historical: bool = False
    event_places: tuple[int, ...] = ()
    plan_hash: int = 0
    otherwise: PointLabels = field(default_factory=dict)
    samples: tuple[SampleLabel, ...] = ()

    def __len__(self) -> int:
        """How many records: rows and transitions."""
        return len(self.tag) + len(self.events)

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.tag)

    def places(self) -> tuple[int, ...]:
        """The place of each transition among those of its frame, from 0, whatever part of them this batch has."""
        if len(self.event_places) == len(self.events):
            return self.event_places
        counts: dict[int, int] = {}
        places = []
        for sequence in self.event_sequences:
            places.append(counts.get(sequence, 0))
            counts[sequence] = places[-1] + 1
        return tuple(places)

    def part(self, begin: int, end: int) -> "Batch":
        """The records `begin` to `end` (excluded), transitions counted before rows: what a search for a bad one needs.

        The part says the same frames; that it has arrived says nothing of the rest.
        """
        told = len(self.events)
        rows = slice(max(0, begin - told), max(0, end - told))
        return replace(
            self,
            utc_ns=self.utc_ns[rows],
            tag=self.tag[rows],
            value=self.value[rows],
            quality=self.quality[rows],
            source_ns=self.source_ns[rows],
            samples=self.samples[rows],
            events=self.events[begin:end],
            event_sequences=self.event_sequences[begin:end],
            event_places=self.places()[begin:end],
        )

    def label(self, point: int, labels: PointLabels) -> PointLabel | None:
        """What a point was called when these rows were written; `labels` are those of now. None: it has no name."""
        return self.otherwise.get(point) or labels.get(point)

    def as_historical(self) -> "Batch":
        """The same, sent behind newer ones."""
        return replace(self, historical=True)

    def where(self, wanted: npt.NDArray[np.bool_], *, events: bool = True) -> "Batch":
        """The batch with only the rows where `wanted` is true, and its transitions if `events`."""
        return replace(
            self,
            utc_ns=self.utc_ns[wanted],
            tag=self.tag[wanted],
            value=self.value[wanted],
            quality=self.quality[wanted],
            source_ns=self.source_ns[wanted],
            samples=tuple(compress(self.samples, wanted.tolist())),
            events=self.events if events else (),
            event_sequences=self.event_sequences if events else (),
            event_places=self.event_places if events else (),
        )


class Cursor(Protocol):
    """A place in the durable log, moving on. What has arrived is not the cursor's business."""

    @property
    def last_sequence(self) -> int:
        """The last frame given out or passed over."""
        ...

    @property
    def lost_frames(self) -> int:
        """How many frames it passed over, since they are gone or damaged."""
        ...

    def next(self, rows_max: int) -> Batch | None:
        """The next frames, as many as hold up to `rows_max` rows; None where there is none yet.

        A single frame with more rows is given whole. Raises `OSError`; the same frames are then given again.
        """
        ...
