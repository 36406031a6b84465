"""The reference page of what the simulated devices serve, made from their tables."""

from collections.abc import Mapping

from simulators.devices import plc_signals as sig
from simulators.devices.area_plc import row_bits
from simulators.signals import Signal, signals


def page() -> str:
    """The reference page, whole, in Markdown."""
    lines = [_HEAD, "\n# One cell, without loops\n"]
    lines += _devices(signals(1, loops=False), 1, False)
    lines += ["\n# Circuit A: four cells with their loops\n"]
    lines += _devices(signals(4, loops=True), 4, True)
    return "\n".join(lines).replace("\n# ", "\n## ") + "\n"


def _devices(table: Mapping[str, Signal], cells: int, loops: bool) -> list[str]:
    lines: list[str] = []
    for device in dict.fromkeys(s.device for s in table.values()):
        text = _TEXTS.get(device, "") or _CLASSES.get(device.partition("-")[0], "")
        if device == "PLC-4":
            bits = ", ".join(str(number) for number in row_bits(sig.layout(cells, loops)))
            text = f"{text} The bits of 40-XS-4000 are rows {bits} from bit 0."
        lines += [f"\n### {device}\n", text, "", "| Tag | Service | Item | Address | Unit | Range | Poll | |"]
        lines.append("|---|---|---|---|---|---|---|---|")
        for s in (s for s in table.values() if s.device == device):
            access = "write" if s.writable else "read"
            address = f"`{s.address}`" if s.address else "-"
            reach = f"{s.low:g} to {s.high:g}"
            row = (s.tag, s.service, f"`{s.item}`", address, s.unit or "-", reach, f"{s.poll_ms} ms", access)
            lines.append("| " + " | ".join(row) + " |")
    return lines


_HEAD = """# Signals of the simulated devices

What the simulated devices serve, made by `simulators/signals.py`: a line of one cell, and circuit A whole. Tags are
those of the plant's tag rules; an item is the device profile's (`config/devices`); ranges are the instrument's, the
poll class is the rhythm at which a driver should ask (OPC UA: the sampling of the PLC)."""

_TEXTS = {
    "GW-4A": """\
Profiles `arc-ph` and `arc-orp`. Modbus RTU over TCP, one request at a time, 35 ms for 10 registers. Only whole blocks
can be read; words 1-2 are the unit (0x1000 pH, 0x200000 mV, 0x4 degC), 3-4 the value, 5-6 the status (0 good), low word
first. Identity: the firmware text at 1032 (8 registers).""",
    "PLC-4": f"""\
Profile `s7-plc`. OPC UA, string identifiers in the namespace `{sig.NAMESPACE_URI}`, whose index
has to be resolved. Beside PV each measurement has QUAL (0 good, 1 uncertain, 2 bad), SIM and, where it has limits, ALM
(bits 0 LL, 1 L, 2 H, 3 HH). Each set-point has OP, what the PLC really uses, MODE (1 a chart row has it, 2 the PLC's
own loop, 3 whoever writes it), and PV where a positioner answers. Motor and valve have RUN, FLT, REM, HRS and ZSO, ZSC,
TRV, FLT. A chart row has PV (latched, its source time is the instant it came), DEMAND and FIRST (first-out). A tripped
row overwrites its commands with the safe state.""",
    "SIS-4": """\
Profile `safety-plc`. OPC UA, read-only. Each row of type S has PV (latched, its source time is the instant it came),
DEMAND and FIRST; it is reset with the key at the cabinet (`plantctl sim reset-safety`).""",
    "LQ-40": """\
Profile `liquiline`. Modbus TCP, input registers; an input without a sensor has status 3 and no number. The device tag
is text at holding register 1151.""",
    "JT-9011": "Profile `scalar`. Modbus TCP; the heartbeat at 5 counts seconds.",
}
_CLASSES = {
    "RECT": """\
Profile `rectifier`. Modbus TCP, functions 3, 6 and 16, PDU addresses, 53620 counts = 100 % of 10 V and 150 A.
Magnitudes: the sign of the current is bit 11 of 112, of the voltage bit 12. Identity: `PCT-RECT-10-150` as text at 900
(8 registers), serial number at 908 (4). After each write 935 tells whether the value was used. Watchdog: 1021 on, 1022
seconds.""",
    "FT": """\
Profile `promass`. Modbus TCP, scan list from register 5051, floats low word first (1-0-3-2); entry 16 is the known
constant 1000.0.""",
    "VFD": "Profile `fc-drive`. Modbus TCP; a control word without bit 10 is ignored.",
    "AT": "Profile `midas`. Modbus TCP; bit 11 of the status word toggles every 2 s.",
}
