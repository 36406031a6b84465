"""What the devices of the one-cell line serve, as one table: tag, device, item, unit, range, rhythm.

The table is the reference page `docs/reference/demo-signals.md` and the wiring of the in-memory field; a plant's
configuration names the same tags and items. Register numbers and scales are those of `devices/rectifier.py` and
`devices/arc_probe.py`, identifiers those of `devices/plc_signals.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulators.devices import plc_signals as sig
from simulators.devices import rectifier as rect
from simulators.devices.cell_line import GATEWAY, OUTLET_UNIT, PLC, PROBE_A_UNIT, PROBE_B_UNIT, RECTIFIER
from simulators.devices.plc_signals import Key, identifier

AMPERES: Final = rect.RATED_A / rect.COUNTS
VOLTS: Final = rect.RATED_V / rect.COUNTS


@dataclass(frozen=True, slots=True)
class Signal:
    """One tag. `item` is how the page names it in the device; `poll_ms` its rhythm; `writable` whether it is an output.

    For registers `register` is the PDU address and `scale` the unit per count; for a station `station` its number and
    `register` the block; for the PLC `key` the item.
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

    @property
    def item(self) -> str:
        """The address as a driver would be told."""
        if self.device == PLC:
            return identifier(self.key)
        if self.device == GATEWAY:
            return f"unit {self.station}, {self.register} len 10, float in words 3-4"
        return f"{self.register} {'u32' if self.register == rect.AH else 'u16'}" + (
            f" x {self.scale:.6g} {self.unit}" if self.scale != 1.0 else ""
        )


def _rectifier() -> Iterator[Signal]:
    def row(
        tag: str,
        service: str,
        unit: str,
        low: float,
        high: float,
        poll_ms: int,
        register: int,
        scale: float = 1.0,
        writable: bool = False,
        sign_bit: int = 0,
    ) -> Signal:
        return Signal(tag, service, RECTIFIER, unit, low, high, poll_ms, writable, register, scale, sign_bit)

    yield row("40-II-4010", "EC-401 current", "A", -150, 150, 100, 111, AMPERES, sign_bit=rect.I_NEGATIVE)
    yield row("40-EI-4010", "EC-401 cell voltage", "V", -10, 10, 100, 110, VOLTS, sign_bit=rect.V_NEGATIVE)
    yield row("40-IC-4010", "EC-401 current set-point", "A", 0, 120, 200, rect.I_SET, AMPERES, True)
    yield row("40-EC-4010", "EC-401 voltage limit", "V", 0, 6, 1000, rect.V_SET, VOLTS, True)
    yield row("40-HS-4010", "EC-401 rectifier output", "", 0, 1, 200, rect.OUT, 1.0, True)
    yield row("40-XS-4010", "EC-401 rectifier status word", "", 0, 65535, 200, 112)
    yield row("40-XA-4010", "EC-401 rectifier fault latch, writing 0 clears", "", 0, 65535, 200, rect.FAULT, 1.0, True)
    yield row("40-ZS-4010", "EC-401 contactor feedback at the rectifier", "", 0, 2, 200, 114)
    yield row("40-JQI-4010", "EC-401 charge passed, u32 high word first", "A h", 0, 1e9, 1000, rect.AH, 0.1)
    yield row("40-TI-4010", "EC-401 rectifier heat sink", "degC", 0, 150, 1000, 122, 0.1)


def _probes() -> Iterator[Signal]:
    for tag, service, unit, high, register, station in (
        ("40-AI-4011", "EC-401 catholyte outlet pH", "pH", 14, 2090, OUTLET_UNIT),
        ("40-TI-4011", "EC-401 catholyte outlet temperature", "degC", 100, 2410, OUTLET_UNIT),
        ("40-AI-4212", "circuit A tank pH, probe A", "pH", 14, 2090, PROBE_A_UNIT),
        ("40-TI-4212", "circuit A tank pH, probe A's temperature", "degC", 100, 2410, PROBE_A_UNIT),
        ("40-AI-4213", "circuit A tank pH, probe B", "pH", 14, 2090, PROBE_B_UNIT),
        ("40-TI-4213", "circuit A tank pH, probe B's temperature", "degC", 100, 2410, PROBE_B_UNIT),
    ):
        yield Signal(tag, service, GATEWAY, unit, 0, high, 1000, register=register, station=station)


_SERVICES: Final = {
    "40-EI-4012": "EC-401 cathode potential against Ag/AgCl",
    "40-FI-4013": "EC-401 catholyte flow",
    "40-PDI-4014": "EC-401 felt differential pressure",
    "40-PDI-4015": "EC-401 membrane differential pressure",
    "40-LI-4211": "circuit A tank level",
    "40-TI-4214": "circuit A tank temperature",
    "40-FI-4215": "circuit A feed flow",
    "40-DI-4216": "circuit A recirculation density",
    "40-CI-4217": "circuit A conductivity",
    "40-FI-4219": "circuit A N2 purge of the tank",
    "40-SI-4216": "circuit A recirculation pump speed",
}


def _plc() -> Iterator[Signal]:
    for m in sig.MEASUREMENTS:
        key = (m.tag, "PV")
        yield Signal(m.tag, _SERVICES[m.tag], PLC, m.unit, m.low, m.high, m.period_ms, key=key)
    for tag, service, unit, low, high, poll_ms, writable, member in (
        (sig.FEED, "circuit A dosing pump set-point", "L/h", 0, 10, 500, True, "SP"),
        (sig.PUMP_SPEED, "circuit A recirculation pump speed set-point", "%", 0, 100, 200, True, "SP"),
        (sig.PUMP, "circuit A recirculation pump start command", "", 0, 1, 200, True, "CMD"),
        (sig.DRIVE_STATUS, "circuit A recirculation drive status word", "", 0, 65535, 200, False, "PV"),
        (sig.CONTACTOR, "EC-401 contactor command: 0 open, 1 forward, 2 reverse", "", 0, 2, 200, True, "CMD"),
        (sig.CONTACTOR_POSITION, "EC-401 contactor position", "", 0, 2, 200, False, "PV"),
        (sig.COOLING, "circuit A cooling water valve, PLC in automatic", "%", 0, 100, 500, True, "SP"),
        (sig.HEATER, "circuit A heater, PLC in automatic", "%", 0, 100, 500, True, "SP"),
        (
            sig.TEMPERATURE_LOOP,
            "circuit A temperature set-point, PLC's own loop",
            "degC",
            20,
            60,
            500,
            True,
            "SP",
        ),
        (sig.DRAWOFF, "circuit A slurry draw-off valve", "", 0, 1, 200, True, "CMD"),
        (sig.DRAWOFF_POSITION, "its position: 0 closed, 1 open, 2 travel, 3 fault", "", 0, 3, 200, False, "PV"),
        (sig.OVERFILL, "circuit A tank overfill switch", "", 0, 1, 200, False, "PV"),
        (
            sig.ROWS,
            "rows tripped by PLC-4 and the safety PLC, one bit a row",
            "",
            0,
            4095,
            200,
            False,
            "PV",
        ),
        (sig.RESET, "reset of the PLC's rows", "", 0, 1, 500, True, "CMD"),
        (sig.HEARTBEAT_IN, "supervisory heartbeat to the PLC, toggled every second", "", 0, 1, 1000, True, "CMD"),
        (sig.HEARTBEAT_OUT, "PLC heartbeat counter", "", 0, 65535, 1000, False, "PV"),
    ):
        yield Signal(tag, service, PLC, unit, low, high, poll_ms, writable, key=(tag, member))


SIGNALS: Final = {signal.tag: signal for signal in (*_rectifier(), *_probes(), *_plc())}


def page() -> str:
    """The reference page, whole, in Markdown."""
    lines = [_HEAD]
    for device, text in _DEVICES.items():
        lines += [
            f"\n## {device}\n",
            text,
            "",
            "| Tag | Service | Item | Unit | Range | Poll | |",
            "|---|---|---|---|---|---|---|",
        ]
        for s in (s for s in SIGNALS.values() if s.device == device):
            access = "write" if s.writable else "read"
            rhythm = f"{s.poll_ms} ms"
            row = (s.tag, s.service, f"`{s.item}`", s.unit or "-", f"{s.low:g} to {s.high:g}", rhythm, access)
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


_HEAD: Final = """# Signals of the one-cell line

What the simulated devices of circuit A with one cell serve: the demo's wiring list, made by `simulators/signals.py`.
Tags are those of the plant's tag rules; ranges are the instrument's, the poll class is the rhythm at which a driver
should ask (OPC UA: the sampling of the PLC)."""

_DEVICES: Final = {
    RECTIFIER: """\
Modbus TCP, functions 3, 6 and 16, PDU addresses, 53620 counts = 100 % of 10 V and 150 A. Magnitudes: the sign of
the current is bit 11 of 112, of the voltage bit 12. Identity: `PCT-RECT-10-150` as text at 900 (8 registers), serial
number at 908 (4). After each write 935 tells whether the value was used. Watchdog: 1021 on, 1022 seconds.""",
    GATEWAY: """\
Modbus RTU over TCP, one request at a time, 35 ms for 10 registers. Only whole blocks can be read; words 1-2 are the
unit (0x1000 pH, 0x200000 mV, 0x4 degC), 3-4 the value, 5-6 the status (0 good), low word first. Identity: the firmware
text at 1032 (8 registers).""",
    PLC: f"""\
OPC UA without security, string identifiers in the namespace `{sig.NAMESPACE_URI}`, whose index has to be
resolved. Beside PV each measurement has QUAL (0 good, 1 uncertain, 2 bad) and SIM; each set-point has OP, what the PLC
really uses; motor and valve have RUN, FLT, REM, HRS and ZSO, ZSC, TRV, FLT. A tripped row overwrites its commands with
the safe state. The bits of 40-XS-4000 are rows 15, 18, 20, 22, 23, 24, 26, 27, 28, 37, 38 and 46 from bit 0; rows 15
and 37 are the safety PLC's and are reset only at its cabinet.""",
}
