"""Circuit A of plain numbers for the tests of its devices: every signal of the plant's table, as when it works."""

from simulators.circuit_names import names

AT_WORK = {
    "rectifier.on": 1.0,
    "rectifier.current_set_a": 78.0,
    "rectifier.voltage_limit_v": 5.0,
    "rectifier.heat_sink_c": 40.0,
    "contactor.position": 1.0,
    "contactor.feedback": 1.0,
    "cell.current_a": 78.0,
    "cell.voltage_v": 3.0,
    "cell.flow_m3_h": 0.6,
    "cell.cathode_potential_v": -0.9,
    "cell.felt_dp_bar": 0.15,
    "cell.membrane_dp_bar": 0.05,
    "outlet_probe.ph": 8.6,
    "outlet_probe.temperature_c": 42.0,
    "cell_valve.process": 1.0,
    "cell_valve.at_process": 1.0,
    "pump.run": 1.0,
    "pump.running": 1.0,
    "pump.speed": 0.8,
    "pump.speed_command": 0.8,
    "feed.stroke": 0.2,
    "feed.flow_l_h": 6.0,
    "heater.output": 0.0,
    "cooling.output": 0.3,
    "cooling.position": 0.3,
    "probe_a.ph": 8.0,
    "probe_b.ph": 8.0,
    "probe_a.temperature_c": 40.0,
    "probe_b.temperature_c": 40.0,
    "tank.level_percent": 60.0,
    "true.tank_level_percent": 60.0,
    "tank.temperature_c": 40.0,
    "density.kg_m3": 1044.0,
    "conductivity.ms_cm": 62.0,
    "purge.flow_nm3_h": 1.0,
    "recirculation.mass_flow_kg_h": 2500.0,
    "recirculation.density_kg_m3": 1044.0,
    "acid.level_percent": 60.0,
    "acid.temperature_c": 40.0,
    "acid.conductivity_ms_cm": 640.0,
    "acid.turbidity_ntu": 1.0,
    "acid.flow_m3_h": 2.4,
    "acid_line.mass_flow_kg_h": 1200.0,
    "acid_line.density_kg_m3": 1033.0,
    "acid_pump.run": 1.0,
    "acid_pump.running": 1.0,
    "acid_pump.speed": 0.7,
    "acid_pump.speed_command": 0.7,
    "acid_water.valve": 0.4,
    "acid_water.position": 0.4,
    "acid_water.flow_l_h": 5.0,
    "acid_product.valve": 0.3,
    "acid_product.position": 0.3,
    "acid_product.flow_l_h": 6.0,
    "bleed.valve": 0.5,
    "bleed.position": 0.5,
    "anolyte.level_percent": 60.0,
    "anolyte.temperature_c": 40.0,
    "anolyte.conductivity_ms_cm": 260.0,
    "anolyte.orp_mv": 700.0,
    "anolyte.flow_m3_h": 3.6,
    "anolyte_pump.run": 1.0,
    "anolyte_pump.running": 1.0,
    "anolyte_pump.speed": 0.7,
    "anolyte_pump.speed_command": 0.7,
    "anolyte_cooling.valve": 0.2,
    "anolyte_cooling.position": 0.2,
    "hydrogen_a.lel_percent": 8.0,
    "hydrogen_b.lel_percent": 8.0,
    "hydrogen_c.lel_percent": 8.0,
    "header.pressure_mbar": -2.0,
    "header.oxygen_percent": 0.3,
    "dilution.flow_nm3_h": 90.0,
    "fan_a.run": 1.0,
    "fan_a.running": 1.0,
    "fan_a.speed": 0.6,
    "fan_a.speed_command": 0.6,
    "anode_gas.chlorine_ppm": 2.0,
    "wash.level_percent": 80.0,
    "wash.ph": 7.0,
}


class BenchCircuit:
    """Four cells and the loops as a dictionary. `step` moves motors, positioners and contactors as they are told."""

    def __init__(self, cells=4):
        table = names(cells, loops=True)
        self.written = {n.name for n in table if n.written}
        self.values = {n.name: AT_WORK.get(_first(n.name), 0.0) for n in table}
        self.deaf = set()

    def set(self, **signals):
        for name, value in signals.items():
            key = name.replace("__", ".")
            assert key in self.values, key
            self.values[key] = value

    def names(self):
        return tuple(self.values)

    def read(self, name):
        return self.values[name]

    def reader(self, *names):
        assert all(name in self.values for name in names), names
        return lambda: tuple(self.values[name] for name in names)

    def write(self, name, value):
        assert name in self.written, name
        if name not in self.deaf:
            self.values[name] = value

    def step(self, dt_s):
        values = self.values
        for motor in ("pump", "acid_pump", "anolyte_pump", "fan_a", "fan_b"):
            values[f"{motor}.running"] = values[f"{motor}.run"]
            values[f"{motor}.speed"] = values[f"{motor}.run"] * values[f"{motor}.speed_command"]
        values["wash.running"] = values["wash.run"]
        for cell in ("contactor", "contactor_2", "contactor_3", "contactor_4"):
            values[f"{cell}.feedback"] = values[f"{cell}.position"]
        for name in list(values):
            place, _, quantity = name.partition(".")
            if place.startswith("cell_valve") and quantity == "process":
                values[f"{place}.at_process"], values[f"{place}.at_wash"] = values[name], 1.0 - values[name]


def _first(name):
    """The name of cell 1 that stands for the one of another cell."""
    place, _, quantity = name.partition(".")
    head, _, last = place.rpartition("_")
    return f"{head}.{quantity}" if last.isdecimal() else name
