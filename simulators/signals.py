"""What the devices of a circuit serve, as one table: tag, device, item, unit, range, rhythm.

The table is the reference page `docs/reference/demo-signals.md` and the wiring of the in-memory field; a plant's
configuration names the same tags and items. Items are those of the shipped device profiles; addresses and scales stand
in the twins (`simulators/devices`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from simulators.devices import area_rows, safety_plc
from simulators.devices import plc_signals as sig
from simulators.devices import rectifier as rect
from simulators.devices.cell_line import (
    GATEWAY,
    ORP_UNIT,
    PLC,
    POWER_METER,
    PROBE_A_UNIT,
    PROBE_B_UNIT,
    SAFETY,
    TRANSMITTER,
    WASH_UNIT,
)
from simulators.devices.plc_rows import placed
from simulators.devices.plc_signals import Key, Layout, cell_tag, identifier

AMPERES: Final = rect.RATED_A / rect.COUNTS
VOLTS: Final = rect.RATED_V / rect.COUNTS


@dataclass(frozen=True, slots=True)
class Signal:
    """One tag. `item` is the profile's name of the datum; `poll_ms` its rhythm; `writable` whether it is an output.

    For a rectifier `register` is the PDU address and `scale` the unit per count; for a station `station` its number and
    `register` the block; for a PLC `key` the item.
    """

    tag: str
    service: str
    device: str
    unit: str
    low: float
    high: float
    poll_ms: int
    writable: bool = False
    register: int = 0
    scale: float = 1.0
    sign_bit: int = 0
    station: int = 0
    key: Key = ("", "")
    item: str = ""

    @property
    def address(self) -> str:
        """Where it is, as the page prints it; empty where the profile's item says all."""
        if self.key != ("", ""):
            return identifier(self.key)
        if self.station:
            return f"station {self.station}, {self.register} len 10"
        return str(self.register or "")


def _rectifier(cell: int) -> Iterator[Signal]:
    device, name = f"RECT-{cell:02d}", f"EC-4{cell:02d}"
    for letters, service, unit, low, high, poll_ms, register, item, scale, writable, sign_bit in (
        ("II", "current", "A", -150, 150, 100, 111, "I_MON", AMPERES, False, rect.I_NEGATIVE),
        ("EI", "cell voltage", "V", -10, 10, 100, 110, "V_MON", VOLTS, False, rect.V_NEGATIVE),
        ("IC", "current set-point", "A", 0, 120, 200, rect.I_SET, "I_SET", AMPERES, True, 0),
        ("EC", "voltage limit", "V", 0, 6, 1000, rect.V_SET, "V_SET", VOLTS, True, 0),
        ("HS", "rectifier output", "", 0, 1, 200, rect.OUT, "OUT", 1.0, True, 0),
        ("XS", "rectifier status word", "", 0, 65535, 200, rect.STAT, "STAT", 1.0, False, 0),
        ("XA", "rectifier fault latch, writing 0 clears", "", 0, 65535, 200, rect.FAULT, "FAULT", 1.0, True, 0),
        ("ZS", "contactor feedback at the rectifier", "", 0, 2, 200, 114, "POL", 1.0, False, 0),
        ("JQI", "charge passed", "A h", 0, 1e9, 1000, rect.AH, "AH", 0.1, False, 0),
        ("TI", "rectifier heat sink", "degC", 0, 150, 1000, 122, "T_HS", 0.1, False, 0),
    ):
        tag, said = cell_tag(letters, cell, 0), f"{name} {service}"
        yield Signal(tag, said, device, unit, low, high, poll_ms, writable, register, scale, sign_bit, item=item)


def _probes(plan: Layout) -> Iterator[Signal]:
    def row(tag: str, service: str, unit: str, low: float, high: float, station: int, item: str) -> Signal:
        register = 2410 if item == "T" else 2090
        return Signal(tag, service, GATEWAY, unit, low, high, 1000, register=register, station=station, item=item)

    for cell in range(1, plan.cells + 1):
        name = f"EC-4{cell:02d} catholyte outlet"
        yield row(cell_tag("AI", cell, 1), f"{name} pH", "pH", 0, 14, cell, "PH")
        yield row(cell_tag("TI", cell, 1), f"{name} temperature", "degC", 0, 100, cell, "T")
    yield row("40-AI-4212", "circuit A tank pH, probe A", "pH", 0, 14, PROBE_A_UNIT, "PH")
    yield row("40-TI-4212", "circuit A tank pH, probe A's temperature", "degC", 0, 100, PROBE_A_UNIT, "T")
    yield row("40-AI-4213", "circuit A tank pH, probe B", "pH", 0, 14, PROBE_B_UNIT, "PH")
    yield row("40-TI-4213", "circuit A tank pH, probe B's temperature", "degC", 0, 100, PROBE_B_UNIT, "T")
    if plan.loops:
        yield row("40-AI-4263", "anolyte ORP, profile arc-orp", "mV", 0, 1500, ORP_UNIT, "ORP")
        yield row("40-AI-4284", "wash return pH", "pH", 0, 14, WASH_UNIT, "PH")


def _instruments() -> Iterator[Signal]:
    """The devices with registers of the loops; each names its profile in `PROFILES`."""

    def row(
        tag: str, service: str, device: str, item: str, unit: str, low: float, high: float, poll_ms: int, out: int = 0
    ) -> Signal:
        return Signal(tag, service, device, unit, low, high, poll_ms, bool(out), item=item)

    for number, service, high in (("4216", "circuit A recirculation", 4000), ("4273", "acid density line", 2000)):
        device = f"FT-{number}"
        yield row(f"40-FI-{number}", f"{service}, mass flow", device, "MASS_FLOW", "kg/h", 0, high, 500)
        yield row(f"40-DI-{number}", f"{service}, density", device, "DENSITY", "kg/m3", 900, 1400, 500)
    for tag, service, item, unit, high in (
        ("40-CI-4217", "circuit A conductivity", "AI1", "mS/cm", 200),
        ("40-CI-4262", "anolyte conductivity", "AI5", "mS/cm", 400),
        ("40-CI-4272", "acid loop conductivity", "AI6", "mS/cm", 900),
        ("40-TI-4272", "acid loop temperature", "AI7", "degC", 100),
        ("40-AI-4277", "acid loop rare earth, turbidity", "AI8", "NTU", 100),
    ):
        yield row(tag, service, TRANSMITTER, item, unit, 0, high, 1000)
    for number, service in (
        ("40-4216", "circuit A recirculation pump"),
        ("40-4265", "anolyte pump P-455"),
        ("40-4274", "acid loop pump P-456"),
        ("80-8012", "H2 dilution fan A FN-812"),
        ("80-8013", "H2 dilution fan B FN-813"),
    ):
        area, _, loop = number.partition("-")
        device = f"VFD-{loop}"
        reset = f"{area}-HS-{loop}R"
        yield row(reset, f"{service}, reset of a trip, on its rising edge", device, "RESET", "", 0, 1, 500, 1)
        for letters, what, item, unit, high, out in (
            ("HS", "start command", "START", "", 1, 1),
            ("HY", "reset bit in the drive", "RESET", "", 1, 0),
            ("SC", "speed reference", "SPEED_SET", "%", 100, 1),
            ("SI", "actual speed", "SPEED", "%", 100, 0),
            ("XS", "status word", "STATUS", "", 65535, 0),
            ("XI", "runs", "RUNNING", "", 1, 0),
            ("XA", "trip", "TRIPPED", "", 1, 0),
        ):
            poll_ms = 500 if item == "RESET" else 200
            yield row(f"{area}-{letters}-{loop}", f"{service}, {what}", device, item, unit, 0, high, poll_ms, out)
    for number, service, unit, high in (
        ("8016", "H2 header, analyser A", "%LEL", 100),
        ("8017", "H2 header, analyser B", "%LEL", 100),
        ("8018", "H2 header, analyser C", "%LEL", 100),
        ("8022", "anode gas header chlorine", "ppm", 1000),
    ):
        yield row(f"80-AI-{number}", service, f"AT-{number}", "GAS", unit, 0, high, 500)
        yield row(f"80-XS-{number}", f"{service}, status word", f"AT-{number}", "STATUS", "", 0, 65535, 500)
    yield row("90-JI-9011", "rectifier feeder active power", POWER_METER, "VALUE", "kW", 0, 30, 1000)


def _plc(plan: Layout) -> Iterator[Signal]:
    def row(tag: str, service: str, high: float, item: str = "PV", *, poll_ms: int = 200, out: bool = False) -> Signal:
        return Signal(tag, service, PLC, "", 0, high, poll_ms, out, key=(tag, item), item=item)

    for m in plan.measurements:
        yield Signal(m.tag, m.service, PLC, m.unit, m.low, m.high, m.period_ms, key=(m.tag, "PV"), item="MEASURED")
    for s in plan.setpoints:
        poll_ms = 200 if s.tag == sig.PUMP_SPEED else 500
        yield Signal(s.tag, s.service, PLC, s.unit, s.low, s.high, poll_ms, True, key=(s.tag, "SP"), item="SP")
    for cell in range(1, plan.cells + 1):
        name = f"EC-4{cell:02d} contactor"
        yield row(cell_tag("HZ", cell, 0), f"{name} command: 0 open, 1 forward, 2 reverse", 2, "CMD", out=True)
        yield row(cell_tag("ZI", cell, 0), f"{name} position", 2)
    for v in plan.valves:
        yield row(v.tag, f"{v.service} valve", 1, "CMD", out=True)
        yield row(v.position_tag, f"{v.service}, position: 0 closed, 1 open, 2 travel, 3 fault", 3)
    if plan.loops:
        yield row(sig.WASH_PUMP, "P-462 wash pump start command", 1, "CMD", out=True)
        yield row(sig.WASH_RUNS, "P-462 wash pump runs", 1)
    else:
        yield row(sig.PUMP, "circuit A recirculation pump start command", 1, "CMD", out=True)
        yield row(sig.DRIVE_STATUS, "circuit A recirculation drive status word", 65535)
    yield row(sig.OVERFILL, "circuit A tank overfill switch", 1)
    rows = placed(area_rows.rows(plan.loops), plan.cells)
    word = (1 << len({p.row.number for p in rows})) - 1
    yield row(sig.ROWS, "rows tripped by PLC-4, one bit a number of the chart", word)
    yield row(sig.RESET, "reset of the PLC's rows", 1, "CMD", poll_ms=500, out=True)
    yield row(sig.HEARTBEAT_IN, "supervisory heartbeat, toggled every second", 1, "CMD", poll_ms=1000, out=True)
    yield row(sig.HEARTBEAT_OUT, "PLC heartbeat counter", 65535, poll_ms=1000)
    for p in rows:
        yield row(p.tag("XA"), f"row {p.row.number}: {p.row.text}{_where(p.cell)}", 1)


def _safety(plan: Layout) -> Iterator[Signal]:
    for p in placed(safety_plc.rows(plan.loops), plan.cells):
        tag, service = p.tag("XZ"), f"row {p.row.number}: {p.row.text}{_where(p.cell)}"
        yield Signal(tag, service, SAFETY, "", 0, 1, 200, key=(tag, "PV"), item="PV")


def _where(cell: int) -> str:
    return f", EC-4{cell:02d}" if cell else ""


@cache
def signals(cells: int, loops: bool) -> Mapping[str, Signal]:
    """The table of a circuit of 1 to 4 cells, with the loops or without, by tag."""
    plan = sig.layout(cells, loops)
    rows = [s for cell in range(1, cells + 1) for s in _rectifier(cell)]
    rows += [*_probes(plan), *(_instruments() if loops else ()), *_plc(plan), *_safety(plan)]
    return {row.tag: row for row in rows}


SIGNALS: Final = signals(1, loops=False)
"""The one-cell line."""
