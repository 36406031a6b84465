"""Trends: what tags did in rows of equal spans, from minutes or quarters of an hour where these are kept.

Rules of the file: as `query`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.history.buckets import Buckets, in_buckets, merged_each
from plantctl.history.minutes import MINUTE_NS, QUARTER_NS
from plantctl.history.record_minutes import MinutesRecord

BUCKETS_MAX: Final = 20_000
WIDER_MOST: Final = 5, 4


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
        by_points = {p.id for p in named if width_ns < MINUTE_NS or self.late.of(p.id) is not None}
        by_minutes = list(dict.fromkeys(p.id for p in named if p.id not in by_points))
        coarse = self._trends_in_minutes(by_minutes, start_ns, end_ns, points)
        found: list[Trend] = []
        for tag, point in zip(tags, named, strict=True):
            if point.id in by_points:
                begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
                buckets = in_buckets(
                    begin_ns, width_ns, self._whole(self._parts_of(point.id, start_ns, end_ns), point.id)
                )
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
        for group, kept, owner in read(tags, start_ns, end_ns):
            together = merged_each(kept, owner, begin_ns, end_ns, len(group))
            for place, tag in enumerate(group):
                here = slice(place * len(begin_ns), (place + 1) * len(begin_ns))
                found[tag] = width_ns, together.pick(here), tier
        return found


def check(start_ns: int, end_ns: int) -> None:
    """Refuses an empty span with `NothingAsked`."""
    if end_ns <= start_ns:
        raise NothingAsked("the span ends before it begins")
