"""How a PLC executes rows of the cause and effect chart (section 6.3): delay, latch, first-out, reset.

Written apart from plantctl on purpose: a controller and the last line behind it must not share a mistake. A row is
true for its delay, then it latches with its effects and shows a bit with the instant it came; a latch is released only
when its cause is gone, by the reset of the PLC that executes it. The first row that stands against a cell is its
first-out; rows that latch in one cycle of 100 ms are in the order of the chart.

Effects are the chart's names with the cell they are for, 0 for the circuit: `("E1", 2)`. E2 and E3 are E1 of every
cell here, since the circuit is all there is; E4 of the circuit is that of every cell.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

SECOND_NS: Final = 1_000_000_000
Effect = tuple[str, int]
OF_EACH_CELL: Final = ("E1", "E4", "E6")
NOTHING: Final[frozenset[Effect]] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One row: number in the chart, delay in s, effects, text and cause.

    `when` is given the readings of a cell (`each_cell`) or of the circuit. It is written as what is still allowed, so
    that not-a-number, neither above nor below, demands a trip. `place` tells rows of one number apart.
    """

    number: int
    delay_s: float
    effects: tuple[str, ...]
    text: str
    when: Callable[[Any], bool]
    each_cell: bool = False
    place: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A row where it acts: `cell` 1 to 4, or 0 for the circuit."""

    row: Row
    cell: int
    effects: frozenset[Effect]
    delay_ns: int

    def tag(self, letters: str) -> str:
        """The tag of its bits, row and place in four digits: `40-XA-1802` is row 18 of cell 2."""
        return f"40-{letters}-{self.row.number:02d}{self.cell or self.row.place:02d}"


def placed(rows: Iterable[Row], cells: int) -> tuple[Placed, ...]:
    """The rows of a circuit of `cells` cells, in the order of the chart, each cell's after the other."""
    found = []
    for row in rows:
        for cell in range(1, cells + 1) if row.each_cell else (0,):
            places = range(1, cells + 1) if cell == 0 else (cell,)
            effects: set[Effect] = set()
            for name in row.effects:
                effect = "E1" if name in ("E2", "E3") else name
                effects |= {(effect, n) for n in places} if effect in OF_EACH_CELL else {(effect, 0)}
            found.append(Placed(row, cell, frozenset(effects), round(row.delay_s * SECOND_NS)))
    return tuple(found)


class RowLatches:
    """Delays and latches of the rows of one PLC. `step` once a cycle, times in ns, monotonic and UTC.

    `tripped` holds the instant (UTC) at which each latched row came, by its index; `first` the rows that came first;
    `changes` counts whatever became new of demands and latches.
    """

    def __init__(self, rows: Sequence[Placed], cells: int) -> None:
        self.rows = tuple(rows)
        self._judged = [(placed.row.when, placed.cell) for placed in self.rows]
        self._cells = range(1, cells + 1)
        self._since_ns: dict[int, int] = {}
        self.demands: Sequence[bool] = [False] * len(rows)
        self.tripped: dict[int, int] = {}
        self.first: frozenset[int] = frozenset()
        self.effects = NOTHING
        self.changes = 0
        self._first_of: dict[int, int] = {}

    def step(self, cells: Sequence[Any], circuit: Any, now_ns: int, utc_ns: int) -> None:
        """Judge the readings of each cell and of the circuit; a demand that goes away before its delay is forgotten."""
        demands = [when(cells[cell - 1] if cell else circuit) for when, cell in self._judged]
        if demands != self.demands:
            self.demands = demands
            self.changes += 1
        if not self._since_ns and True not in demands:
            return
        changed = False
        for n, demanded in enumerate(demands):
            if not demanded:
                self._since_ns.pop(n, None)
                continue
            if n not in self._since_ns:
                self._since_ns[n] = now_ns
            if n not in self.tripped and now_ns - self._since_ns[n] >= self.rows[n].delay_ns:
                self.tripped[n] = utc_ns
                changed = True
        if changed:
            self._settle()

    def reset(self) -> None:
        """Release the latches whose cause is gone."""
        self.tripped = {n: since for n, since in self.tripped.items() if self.demands[n]}
        self._settle()

    def numbers(self) -> set[int]:
        """The numbers of the rows that are latched, wherever."""
        return {self.rows[n].row.number for n in self.tripped}

    def _settle(self) -> None:
        self.changes += 1
        self.effects = frozenset().union(*(self.rows[n].effects for n in self.tripped))
        for cell in self._cells:
            against = [n for n in self.tripped if self.rows[n].cell in (0, cell)]
            if self._first_of.get(cell) not in against:
                self._first_of.pop(cell, None)
            if against:
                self._first_of.setdefault(cell, min(against, key=lambda n: (self.tripped[n], n)))
        self.first = frozenset(self._first_of.values())
