"""A plant of plain numbers for the tests of device twins: what is written stays, measured is what a test says."""

from simulators.plant import SHOWN, WRITTEN


class BenchPlant:
    """Signals as a dictionary; `step` only counts. Current follows the set-point when `obeys` is true."""

    def __init__(self, **values: float) -> None:
        self.values = {**WRITTEN, **SHOWN}
        self.values.update({name.replace("__", "."): value for name, value in values.items()})
        self.steps = 0
        self.obeys = False

    def read(self, name: str) -> float:
        return self.values[name]

    def write(self, name: str, value: float) -> None:
        assert name in WRITTEN, name
        self.values[name] = value

    def step(self, dt_s: float) -> None:
        self.steps += 1
        if self.obeys:
            self.values["cell.current_a"] = self.values["rectifier.current_set_a"] * self.values["rectifier.on"]
            self.values["pump.running"] = self.values["pump.run"]
