"""The names under which a page asks for points, and the numbers that stand for them on the wire.

A point's number is its stable id. A row that has several names (the output of a loop is the loop and `LOOP.op`) has a
number for each: the further ones follow above the largest id, in the order of the plan's text, so that a client can
keep each name apart without knowing of rows. Names may be patterns: `*` any characters, `?` one, `[4-6]` one of these.
"""

import fnmatch
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError
from plantctl.plan.did_you_mean import meant
from plantctl.plan.plan import Plan, Writer

NAME_LENGTH_MAX: Final = 200
PATTERNS_MAX: Final = 64
NAMES_MAX: Final = 4096
HINTS_MAX: Final = 3
_WILD: Final = re.compile(r"[*?\[]")
I8 = npt.NDArray[np.int64]


class NamesRefused(PlantctlError):
    """A subscription asks for more than one may; the message says what the limit is."""


class PointNames:
    """The names of one plan. An entry is the place of a name: `ids[entry]` is its number, `rows[entry]` its row."""

    def __init__(self, plan: Plan) -> None:
        known = {p.row: p.id for p in plan.points if p.row and p.writer is not Writer.DELAY}
        further = max((p.id for p in plan.points), default=0) + 1
        self.names: list[str] = []
        ids: list[int] = []
        for name, row in plan.rows.items():
            if row not in known:
                continue
            own = plan.points[row].name == name
            self.names.append(name)
            ids.append(known[row] if own else further)
            further += not own
        self.ids: I8 = np.array(ids, np.int64)
        self.rows: I8 = np.array([plan.rows[name] for name in self.names], np.int64)
        self._entries = {name: entry for entry, name in enumerate(self.names)}
        self._patterns: dict[str, tuple[int, ...]] = {}

    def entry(self, name: str) -> int | None:
        """The entry of an exact name."""
        return self._entries.get(name)

    def find(self, wanted: Sequence[str]) -> tuple[tuple[int, ...], list[tuple[str, str]]]:
        """The entries that names and patterns mean, in order and each once; and those that mean none, with why.

        More than `NAMES_MAX` names or `PATTERNS_MAX` patterns raise `NamesRefused`.
        """
        patterns = [name for name in wanted if _WILD.search(name)]
        if len(wanted) > NAMES_MAX or len(patterns) > PATTERNS_MAX:
            raise NamesRefused(f"a subscription holds at most {NAMES_MAX} names, {PATTERNS_MAX} of them patterns")
        found: set[int] = set()
        invalid: list[tuple[str, str]] = []
        for name in wanted:
            if len(name) > NAME_LENGTH_MAX:
                invalid.append((name[:NAME_LENGTH_MAX], f"a name has at most {NAME_LENGTH_MAX} characters"))
            elif (entry := self._entries.get(name)) is not None:
                found.add(entry)
            elif _WILD.search(name):
                matching = self._matching(name)
                found.update(matching)
                if not matching:
                    invalid.append((name, "no point has such a name"))
            else:
                # Looking for what was meant takes long among thousands: a person mistypes one or two.
                hint = meant(name, self.names) if len(invalid) < HINTS_MAX else ""
                invalid.append((name, "; ".join(filter(None, ("no such point", hint)))))
        return tuple(sorted(found)), invalid

    def _matching(self, pattern: str) -> tuple[int, ...]:
        known = self._patterns.get(pattern)
        if known is None:
            matches = re.compile(fnmatch.translate(pattern)).match
            known = tuple(entry for entry, name in enumerate(self.names) if matches(name))
            if len(self._patterns) >= 4 * PATTERNS_MAX:
                self._patterns.clear()
            self._patterns[pattern] = known
        return known
