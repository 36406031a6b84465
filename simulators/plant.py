"""The simulated plant as its devices see it: named signals and one step.

    plant = Plant(seed=1)
    plant.write("rectifier.current_set_a", 60.0)
    plant.step()                                   # 100 ms
    plant.read("probe_a.ph")

Names end in their unit. Signals that begin with `true.` are the truth; no device serves them. Two plants of the same
seed that are written the same give the same bits, compiled or interpreted.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators import compiled as engine
from simulators.circuit import circuit_a
from simulators.flowsheet import Flowsheet, Linked, link

TICK_S = 0.1


class Plant:
    """A flowsheet that runs; by default circuit A with one cell. `cells=4, loops=True` is the whole circuit.

    `start` is `running` (pH 8.0, 85 A, 0.6 m3/h, 40 g/L) or `stopped` (no current, no flow). `compiled=False` runs
    the plain functions. `faults` and `healthy` belong to `simulators.faults`: what is injected, and what
    the changed fields were before.
    """

    def __init__(
        self,
        seed: int,
        start: str = "running",
        *,
        cells: int = 1,
        loops: bool = False,
        compiled: bool = True,
        sheet: Flowsheet | None = None,
    ) -> None:
        self.seed = seed
        self.sheet = sheet if sheet is not None else circuit_a(cells, start, loops=loops)
        self.linked: Linked = link(self.sheet, seed)
        self.time_s = 0.0
        self.faults: dict[tuple[str, str], dict[str, float]] = {}
        self.healthy: dict[str, float] = {}
        self._memory: Any = memoryview(self.linked.memory.data)
        self._advance = engine.compiled(self.linked) if compiled else engine.interpreted(self.linked)
        addresses = self.linked.addresses
        self._signals: dict[str, int] = {name: addresses[end] for name, end in self.sheet.signals.items()}
        self._written = {name: self._signals[name] for name in self.sheet.written}
        self._index = np.array(list(self._signals.values()), dtype=np.intp)
        self._advance(TICK_S)  # the instruments show the start before anybody reads them

    def step(self, dt_s: float = TICK_S) -> None:
        """Advance by `dt_s` seconds; 0.1 s is what the model is made for, 0 or less does nothing."""
        if dt_s > 0.0:
            self._advance(dt_s)
            self.time_s += dt_s

    def run(self, seconds: float) -> None:
        """Advance by whole ticks of 0.1 s for `seconds`."""
        for _ in range(round(seconds / TICK_S)):
            self._advance(TICK_S)
        self.time_s += round(seconds / TICK_S) * TICK_S

    def names(self) -> tuple[str, ...]:
        """Every signal name, always in the same order."""
        return tuple(self._signals)

    def written_names(self) -> tuple[str, ...]:
        """The signals that `write` takes."""
        return tuple(self._written)

    def read(self, name: str) -> float:
        """The present value of a signal, in the unit its name ends with. Raises KeyError on an unknown name."""
        return float(self._memory[self._signals[name]])

    def reader(self, *names: str) -> Callable[[], tuple[float, ...]]:
        """A function that reads `names`, two or more, at once, in their order. Raises KeyError on an unknown name."""
        assert len(names) > 1, "one signal is read by `read`"
        return partial(itemgetter(*(self._signals[name] for name in names)), self._memory)

    def write(self, name: str, value: float) -> None:
        """Set a signal that devices write. Raises KeyError on another name; hostile values are the unit's to judge."""
        self._memory[self._written[name]] = value

    @property
    def signals(self) -> Mapping[str, float]:
        """All signals by name, as they are now."""
        return dict(zip(self._signals, self.signal_array.tolist(), strict=True))

    @property
    def signal_array(self) -> NDArray[np.float64]:
        """All signals in the order of `names`, a copy."""
        return self.linked.memory[self._index]

    def has_field(self, end: str) -> bool:
        """Whether there is a field `unit.field`."""
        return end in self.linked.addresses

    def field(self, end: str) -> float:
        """Any field of any unit, `unit.field` (a vector's first number). Raises KeyError."""
        return float(self._memory[self.linked.addresses[end]])

    def set_field(self, end: str, value: float) -> None:
        """Set a parameter, state or unwired input, `unit.field`: for faults and tests. Raises KeyError."""
        self._memory[self.linked.addresses[end]] = value

    def snapshot(self) -> NDArray[np.float64]:
        """The whole state; `restore` of it continues with the same bits."""
        return self.linked.memory.copy()

    def restore(self, state: NDArray[np.float64]) -> None:
        """Go back to a snapshot of a plant with the same flowsheet. The clock `time_s` is the caller's."""
        self.linked.memory[:] = state
