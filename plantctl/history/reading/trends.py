"""Trends: what tags did in rows of equal spans, from minutes or quarters of an hour where these are kept.

Rules of the file: as `query`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError
from plantctl.history.files.buckets import Buckets, in_buckets, joined, merged_each
from plantctl.history.files.minutes import MINUTE_NS, QUARTER_NS
from plantctl.history.files.numbers import I8
from plantctl.history.reading.overlay import ends_of, holding, windows_of
from plantctl.history.reading.record_minutes import MinutesRecord
from plantctl.history.reading.seams import row_at

BUCKETS_MAX: Final = 20_000
WIDER_MOST: Final = 5, 4
# What lies between two stretches that are made from points is made from them too where it is no longer.
CLOSE_NS: Final = 4 * QUARTER_NS


class NothingAsked(PlantctlError):
    """A question without an answer: a span that ends before it begins, no buckets; the message says which."""


class Tier(Enum):
    """What an answer was made from."""

    POINTS = "raw"
    MINUTES = "1min"
    QUARTERS = "15min"


@dataclass(frozen=True, slots=True)
class Trend:
    """What a tag did in spans of `width_ns`. Where `tier` is minutes or quarters, the spans begin with whole ones."""

    tag: str
    unit: str
    width_ns: int
    buckets: Buckets
    tier: Tier


class TrendsRecord(MinutesRecord):
    """A record that is asked for trends."""

    def trend(self, tag: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """At most `points` buckets from start to end, made from minutes where a bucket is a minute or longer.

        Of a record long enough to have them, quarters of an hour are used where that makes a bucket a quarter longer at
        most than it would be.

        An unknown tag raises `UnknownTag`; an empty span, or less than one or too many buckets, `NothingAsked`.
        """
        return self.trends([tag], start_ns, end_ns, points)[0]

    def trends(self, tags: Sequence[str], start_ns: int, end_ns: int, points: int) -> list[Trend]:
        """The trends of many tags, each as `trend` gives it; much faster than one after the other."""
        check(start_ns, end_ns)
        if not 1 <= points <= BUCKETS_MAX:
            raise NothingAsked(f"a trend has 1 to {BUCKETS_MAX} points, not {points}")
        named = self._points(tags)
        width_ns = -(-(end_ns - start_ns) // points)
        by_points = {p.id for p in named if width_ns < MINUTE_NS or ((late := self.late.of(p.id)) and late.lab)}
        by_minutes = list(dict.fromkeys(p.id for p in named if p.id not in by_points))
        coarse = self._trends_in_minutes(by_minutes, start_ns, end_ns, points)
        found: list[Trend] = []
        for tag, point in zip(tags, named, strict=True):
            if point.id in by_points:
                begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
                force = self._whole(self._parts_of(point.id, start_ns, end_ns), point.id)
                buckets = in_buckets(begin_ns, width_ns, force)
                found.append(Trend(tag, point.unit, width_ns, buckets, Tier.POINTS))
            else:
                found.append(Trend(tag, point.unit, *coarse[point.id]))
        return found

    def _trends_in_minutes(
        self, tags: Sequence[int], start_ns: int, end_ns: int, points: int
    ) -> dict[int, tuple[int, Buckets, Tier]]:
        """How long a bucket of each tag is, the buckets, and what they were made from."""
        width_ns = -(-(end_ns - start_ns) // points)
        unit_ns, tier = MINUTE_NS, Tier.MINUTES
        if self._quarters and -(-width_ns // QUARTER_NS) * QUARTER_NS * WIDER_MOST[1] <= width_ns * WIDER_MOST[0]:
            unit_ns, tier = QUARTER_NS, Tier.QUARTERS
        start_ns -= start_ns % unit_ns
        width_ns = -(-(end_ns - start_ns) // (points * unit_ns)) * unit_ns
        begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
        end_ns = int(begin_ns[-1]) + width_ns  # the last span is whole, though it ends after what was asked
        read = self._in_quarters if tier is Tier.QUARTERS else self._in_minutes
        found: dict[int, tuple[int, Buckets, Tier]] = {}
        scanned = [tag for tag in tags if self.late.of(tag) is None]
        for tag in (tag for tag in tags if tag not in scanned):
            kept = next(iter(read([tag], start_ns, end_ns))).buckets
            kept = self._with_late(tag, kept, start_ns, end_ns, unit_ns)
            found[tag] = width_ns, merged_each(kept, None, begin_ns, end_ns, 1), tier
        for group, kept, owner in read(scanned, start_ns, end_ns):
            together = merged_each(kept, owner, begin_ns, end_ns, len(group))
            for place, tag in enumerate(group):
                here = slice(place * len(begin_ns), (place + 1) * len(begin_ns))
                found[tag] = width_ns, together.pick(here), tier
        return found

    def _with_late(self, tag: int, kept: Buckets, start_ns: int, end_ns: int, unit_ns: int) -> Buckets:
        """What is kept of a tag, with its late values: where these tell otherwise it is made from points."""
        late = self.late.of(tag)
        assert late is not None
        first, last = self._late_in_force(tag, late, start_ns, end_ns)
        if first == last:
            return kept
        newest_ns = self._newest_ns()
        beyond = (end_ns - 1 if newest_ns is None else min(newest_ns, end_ns - 1)) // unit_ns
        late = late.pick(slice(first, last))
        of = np.maximum(late.utc_ns, start_ns) // unit_ns
        newest = np.append(of[1:] != of[:-1], True)  # of each minute or quarter
        late, of = late.pick(newest), of[newest]
        made, outlives = self._from_points(tag, of, late.utc_ns, unit_ns)
        late, begin = late.pick(outlives), of[outlives]
        end = ends_of(begin, kept, of, beyond, unit_ns)
        more = end[~_among(of, end)]
        made += self._from_points(tag, more, more, unit_ns)[0]
        made.append(holding(late, begin, end, unit_ns))
        new = joined(made)
        new = new.pick(np.argsort(new.begin_ns, kind="stable"))
        new = new.pick(np.append(True, new.begin_ns[1:] > new.begin_ns[:-1]))  # two windows may have told the same
        changed = np.sort(np.concatenate((of, more, new.begin_ns // unit_ns)))
        whole = joined([kept.pick(~_among(changed, kept.begin_ns // unit_ns)), new])
        return whole.pick(np.argsort(whole.begin_ns, kind="stable"))

    def _from_points(
        self, tag: int, units: I8, utc_ns: I8, unit_ns: int
    ) -> tuple[list[Buckets], npt.NDArray[np.bool_]]:
        """Some minutes or quarters from points, and whether at their ends the point of `utc_ns` was in force."""
        found: list[Buckets] = []
        lasts = np.zeros(len(units), np.bool_)
        for begin, end in windows_of(units, CLOSE_NS // unit_ns):
            begin_ns = np.arange(begin, end, dtype=np.int64) * unit_ns
            force = self._whole(self._parts_of(tag, begin * unit_ns, end * unit_ns), tag)
            buckets = in_buckets(begin_ns, unit_ns, force)
            found.append(buckets.pick(buckets.told))
            for place in range(int(units.searchsorted(begin)), int(units.searchsorted(end))):
                row = row_at(force, (int(units[place]) + 1) * unit_ns - 1)
                lasts[place] = row is not None and force.utc_ns[row] == utc_ns[place]
        return found, lasts


def _among(numbers: I8, which: I8) -> npt.NDArray[np.bool_]:
    """Which of some are among ascending numbers."""
    found: npt.NDArray[np.bool_] = numbers.searchsorted(which) != numbers.searchsorted(which, "right")
    return found


def check(start_ns: int, end_ns: int) -> None:
    """Refuses an empty span with `NothingAsked`."""
    if end_ns <= start_ns:
        raise NothingAsked("the span ends before it begins")
