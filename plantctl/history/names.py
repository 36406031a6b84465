"""Names: which numbers the log and the sealed files use for a plant's points, and in which units these are.

The text of every plan that wrote frames lies beside the log. Ids are stable, so one table holds them all; where texts
differ the newest word counts, and what a plan does not have any more can still be asked for.
"""

from typing import NamedTuple

from plantctl.core.errors import PlantctlError
from plantctl.log.files import HEAD_BYTES, decode_head, log_names, plan_hashes, plan_name
from plantctl.log.rows import PartlyReadable
from plantctl.plan.did_you_mean import meant


class UnknownTag(PlantctlError):
    """A tag that no plan of this log knows; the message says which was probably meant."""


class NamedPoint(NamedTuple):
    """A point by its name: its stable id, its unit (empty for numbers and words), what it is."""

    name: str
    id: int
    unit: str
    text: str


class Names:
    """The points of all plans of a log, read when they are first asked for and again when a plan was added."""

    def __init__(self, log: PartlyReadable) -> None:
        self._log = log
        self._names: list[str] = []
        self._seen: list[int] = []
        self._points: dict[str, NamedPoint] = {}

    def point(self, name: str, names: list[str] | None = None) -> NamedPoint:
        """The point called `name`; `names` are those of the log's files where they are known. Raises `UnknownTag`."""
        points = self.all(names)
        found = points.get(name)
        if found is None:
            if not points:
                raise UnknownTag("nothing is recorded yet")
            hint = meant(name, points)
            raise UnknownTag(f"`{name}` is not in the record{'; ' + hint if hint else ''}")
        return found

    def all(self, names: list[str] | None = None) -> dict[str, NamedPoint]:
        """The points by name."""
        names = self._log.names() if names is None else names
        if names is self._names or names == self._names:
            return self._points
        self._names = names
        hashes = plan_hashes(names)
        if hashes != self._seen:
            order = self._by_age(names, hashes)
            points: dict[str, NamedPoint] = {}
            for plan_hash in order:
                text = self._log.read(plan_name(plan_hash)).decode("utf-8", "replace")
                points |= points_in(text)
            self._points, self._seen = points, hashes
        return self._points

    def plans(self) -> list[int]:
        """The hashes of all plans of the log."""
        return plan_hashes(self._log.names())

    def _by_age(self, names: list[str], hashes: list[int]) -> list[int]:
        """The plans in the order in which they wrote last; those of files that are gone come first."""
        newest: dict[int, int] = {}
        for age, name in enumerate(log_names(names), 1):
            head = decode_head(self._log.read_part(name, 0, HEAD_BYTES))
            if head is not None:
                newest[head.plan_hash] = age
        return sorted(hashes, key=lambda plan_hash: newest.get(plan_hash, 0))


def points_in(text: str) -> dict[str, NamedPoint]:
    """The points in a plan's text as it lies beside the log."""
    points: dict[str, NamedPoint] = {}
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) == 4 and cells[0].isdigit():
            unit = "" if cells[2] == "1" else cells[2]
            points[cells[1]] = NamedPoint(cells[1], int(cells[0]), unit, cells[3])
        elif line.startswith("file "):
            break
    return points
