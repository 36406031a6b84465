"""Names: which numbers the log and the sealed files use for a plant's points, and in which units these are.

The text of every plan that wrote frames lies beside the log. Ids are stable, so one table holds them all; where texts
differ the newest word counts, and what a plan does not have any more can still be asked for.
"""

from itertools import chain
from typing import Final, NamedTuple

from plantctl.core.errors import PlantctlError
from plantctl.log.files import HEAD_BYTES, decode_head, log_names, plan_hashes, plan_name
from plantctl.log.plan_file import decode_plan
from plantctl.log.rows import PartlyReadable
from plantctl.plan.did_you_mean import meant

NAMELESS: Final = (
    "no text of a plan can be read beside this log, so that no point has a name; "
    "`plantctl history check` says which is gone"
)


class UnknownTag(PlantctlError):
    """A tag that no plan of this log knows; the message says which was probably meant."""


class NamedPoint(NamedTuple):
    """A point by its name: its stable id, its unit (empty for numbers and words), what it is."""

    name: str
    id: int
    unit: str
    text: str


class Names:
    """The points of all plans of a log: one by one as they are asked for, all of them only where somebody wants all."""

    def __init__(self, log: PartlyReadable) -> None:
        self._log = log
        self._names: list[str] = []
        self._plans: list[int] = []  # the one that wrote last is the last
        self._newest = ""
        self._known: dict[str, NamedPoint] = {}
        self._all: dict[str, NamedPoint] | None = None

    def point(self, name: str, names: list[str] | None = None) -> NamedPoint:
        """The point called `name`; `names` are those of the log's files where they are known. Raises `UnknownTag`."""
        self._look(names)
        found = self._known.get(name) or self._found(name)
        if found is None:
            points = self.all(names)
            if not points:
                raise UnknownTag(NAMELESS if log_names(self._log.names()) else "nothing is recorded yet")
            hint = meant(name, points)
            raise UnknownTag(f"`{name}` is not in the record{'; ' + hint if hint else ''}")
        self._known[name] = found
        return found

    def all(self, names: list[str] | None = None) -> dict[str, NamedPoint]:
        """The points by name."""
        self._look(names)
        if self._all is None:
            points: dict[str, NamedPoint] = {}
            for plan_hash in self._plans:
                points |= points_in(self._text(plan_hash))
            self._all = points
        return self._all

    def _look(self, names: list[str] | None) -> None:
        """Sees which plans there are now."""
        names = self._log.names() if names is None else names
        if names is self._names or names == self._names:
            return
        hashes, writes = plan_hashes(names), self._writes(names)
        # A text comes before the first file of its plan, and a plan may come back to an older text: who writes now is
        # looked at with every new file.
        if sorted(hashes) != sorted(self._plans) or (writes in hashes and writes != self._plans[-1]):
            self._plans, self._newest, self._known, self._all = self._by_age(names, hashes), "", {}, None
        # A head that is not on disk yet is looked at again.
        self._names = [] if writes is None and log_names(names) else names

    def _found(self, name: str) -> NamedPoint | None:
        """The point in the newest text that has it: a plan of thousands is not taken apart for one of them."""
        if self._plans and not self._newest:
            self._newest = self._text(self._plans[-1])
        older = (self._text(plan_hash) for plan_hash in reversed(self._plans[:-1]))
        for text in chain([self._newest], older):
            found = point_in(text, name)
            if found is not None:
                return found
        return None

    def _text(self, plan_hash: int) -> str:
        return decode_plan(self._log.read(plan_name(plan_hash))).text

    def plant(self) -> str:
        """The plant's name, as its newest plan has it; empty where none is kept."""
        self._look(None)
        first = self._text(self._plans[-1]).partition("\n")[0] if self._plans else ""
        return first.removeprefix("plant ")

    def plans(self) -> list[int]:
        """The hashes of all plans of the log."""
        return plan_hashes(self._log.names())

    def _writes(self, names: list[str]) -> int | None:
        """The plan of the newest file; None where its head is not there (yet)."""
        head = next((decode_head(self._log.read_part(n, 0, HEAD_BYTES)) for n in reversed(log_names(names))), None)
        return None if head is None else head.plan_hash

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
        point = _point_of(line)
        if point is not None:
            points[point.name] = point
        elif line.startswith("file "):
            break
    return points


def point_in(text: str, name: str) -> NamedPoint | None:
    """The same of one point alone."""
    end = text.find("\nfile ")
    at = end = len(text) if end < 0 else end
    while (at := text.rfind(f"\t{name}\t", 0, at)) >= 0:
        begin, beyond = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        point = _point_of(text[begin : len(text) if beyond < 0 else beyond])
        if point is not None and point.name == name:
            return point
    return None


def _point_of(line: str) -> NamedPoint | None:
    cells = line.split("\t")
    if len(cells) != 4 or not cells[0].isdigit():
        return None
    return NamedPoint(cells[1], int(cells[0]), "" if cells[2] == "1" else cells[2], cells[3])
