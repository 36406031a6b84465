"""The simulated plant as its devices see it: named signals, one step.

First version with the final names and rough first-order behaviour, so that device servers can be built on it; the
units of `simulators/units/` replace the inside without changing the names.
"""

import math
from collections.abc import Mapping

WRITTEN: Mapping[str, float] = {
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
    "feed.re_mol_l": 0.60,
    "feed.hcl_mol_l": 0.05,
}
"""What devices write (and two parameters that tests set), with the value of a stopped plant."""

SHOWN: Mapping[str, float] = {
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
    "rectifier.cc": 0.0,
    "true.tank_ph": 8.0,
    "true.cell_outlet_ph": 8.0,
    "true.re_dissolved_mol_l": 0.001,
    "true.solids_g_l": 40.0,
    "true.charge_ah": 0.0,
    "true.acid_made_mol": 0.0,
    "true.re_precipitated_mol": 0.0,
    "true.feed_re_mol_l": 0.60,
}

RUNNING: Mapping[str, float] = {
    "rectifier.on": 1.0,
    "rectifier.current_set_a": 85.0,
    "contactor.position": 1.0,
    "pump.run": 1.0,
    "feed.stroke": 0.146,
    "cell.current_a": 85.0,
    "cell.flow_m3_h": 0.6,
    "pump.speed": 0.8,
    "feed.flow_l_h": 1.46,
}


class Plant:
    """Circuit A with one cell. `start` is `running` (pH 8.0, 85 A, 0.6 m3/h) or `stopped` (current and flow 0)."""

    def __init__(self, seed: int, start: str = "running") -> None:
        self.seed = seed
        self._values = {**WRITTEN, **SHOWN, **(RUNNING if start == "running" else {})}

    def names(self) -> tuple[str, ...]:
        """Every signal name, always in the same order."""
        return tuple(self._values)

    def read(self, name: str) -> float:
        """The present value of a signal, in the unit its name ends with. Raises KeyError on an unknown name."""
        return self._values[name]

    def write(self, name: str, value: float) -> None:
        """Set a signal that a device writes. Raises KeyError on an unknown name."""
        if name not in WRITTEN:
            raise KeyError(name)
        self._values[name] = value

    def step(self, dt_s: float = 0.1) -> None:
        """Advance the plant by `dt_s` seconds."""
        v = self._values
        closed = v["contactor.position"] != 0.0 and v["rectifier.on"] != 0.0
        current = v["rectifier.current_set_a"] if closed else 0.0
        speed = v["pump.speed_command"] if v["pump.run"] else 0.0
        self._approach("cell.current_a", current, dt_s, 0.05)
        self._approach("pump.speed", speed, dt_s, 1.0)
        self._approach("cell.flow_m3_h", 0.75 * v["pump.speed"], dt_s, 0.3)
        self._approach("feed.flow_l_h", 10.0 * v["feed.stroke"], dt_s, 0.5)
        self._approach("cell.voltage_v", 1.85 + 0.0139 * v["cell.current_a"], dt_s, 0.3)
        excess = v["cell.current_a"] * 0.852 / 96485.33 * 3600.0 / (3.0 * v["feed.re_mol_l"] + v["feed.hcl_mol_l"])
        v["true.tank_ph"] -= 0.033 * (v["feed.flow_l_h"] - excess) * dt_s / 60.0
        for probe in ("probe_a.ph", "probe_b.ph", "outlet_probe.ph"):
            self._approach(probe, v["true.tank_ph"], dt_s, 8.0)
        v["pump.running"] = float(v["pump.speed"] > 0.01)
        v["rectifier.cc"] = float(closed)
        v["true.charge_ah"] += v["cell.current_a"] * dt_s / 3600.0

    def _approach(self, name: str, target: float, dt_s: float, tau_s: float) -> None:
        self._values[name] += (target - self._values[name]) * -math.expm1(-dt_s / tau_s)
