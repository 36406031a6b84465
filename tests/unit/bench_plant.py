"""A plant of plain numbers for the tests of device twins: what is written stays, measured is what a test says."""

WRITTEN = {
    "rectifier.on": 0.0,
    "rectifier.current_set_a": 0.0,
    "rectifier.voltage_limit_v": 5.0,
    "contactor.position": 0.0,
    "pump.run": 0.0,
    "pump.speed_command": 0.8,
    "feed.stroke": 0.0,
    "heater.output": 0.08,
    "cooling.output": 0.0,
    "drawoff.open": 0.0,
}
SHOWN = {
    "cell.current_a": 0.0,
    "cell.voltage_v": 0.0,
    "cell.flow_m3_h": 0.0,
    "cell.cathode_potential_v": -0.9,
    "cell.felt_dp_bar": 0.0,
    "cell.membrane_dp_bar": -0.09,
    "outlet_probe.ph": 8.0,
    "outlet_probe.temperature_c": 40.0,
    "probe_a.ph": 8.0,
    "probe_a.temperature_c": 40.0,
    "probe_b.ph": 8.0,
    "probe_b.temperature_c": 40.0,
    "tank.level_percent": 60.0,
    "tank.temperature_c": 40.0,
    "feed.flow_l_h": 0.0,
    "pump.speed": 0.0,
    "pump.running": 0.0,
    "density.kg_m3": 1044.0,
    "conductivity.ms_cm": 61.0,
    "purge.flow_nm3_h": 1.0,
    "rectifier.heat_sink_c": 25.0,
    "rectifier.cv": 0.0,
    "rectifier.fan_failed": 0.0,
    "rectifier.cc": 0.0,
}


class BenchPlant:
    """Signals as a dictionary; `step` only counts. Current follows the set-point when `obeys` is true."""

    def __init__(self, **values: float) -> None:
        self.values = {**WRITTEN, **SHOWN}
        self.values.update({name.replace("__", "."): value for name, value in values.items()})
        self.steps = 0
        self.obeys = False

    def names(self):
        return tuple(self.values)

    def read(self, name: str) -> float:
        if name == "contactor.feedback" and name not in self.values:
            return self.values["contactor.position"]
        return self.values[name]

    def reader(self, *names: str):
        return lambda: tuple(self.read(name) for name in names)

    def write(self, name: str, value: float) -> None:
        assert name in WRITTEN, name
        self.values[name] = value

    def step(self, dt_s: float) -> None:
        self.steps += 1
        if self.obeys:
            self.values["cell.current_a"] = self.values["rectifier.current_set_a"] * self.values["rectifier.on"]
            self.values["pump.running"] = self.values["pump.run"]
