"""The wiring list of the one-cell line says what is really served, and the devices can be used without sockets."""

import math
from pathlib import Path

import pytest

from plantctl.core.field import InputColumns
from plantctl.core.quality import BAD, GOOD, NOT_YET, SEVERITY_MASK, UNCERTAIN, Reason, bad_because, reason_of
from simulators.devices.cell_line import GATEWAY, PLC, RECTIFIER, SAFETY, CellLine
from simulators.in_memory import MemoryField
from simulators.signals import SIGNALS, signals
from simulators.signals_page import page
from tests.unit.bench_plant import BenchPlant

RUNNING = {
    "rectifier__on": 1.0,
    "rectifier__current_set_a": 85.0,
    "contactor__position": 1.0,
    "cell__current_a": 85.0,
    "cell__voltage_v": 3.0,
    "cell__flow_m3_h": 0.6,
    "pump__run": 1.0,
    "pump__running": 1.0,
}


def field(**signals):
    plant = BenchPlant(**{**RUNNING, **signals})
    return MemoryField(CellLine(plant)), plant


def test_the_reference_page_is_the_table():
    text = (Path(__file__).parents[2] / "docs/reference/demo-signals.md").read_text()
    assert text == page(), "write page() of simulators/signals_page.py to docs/reference/demo-signals.md"


def test_the_table_follows_the_plant():
    assert {signal.device for signal in SIGNALS.values()} == {RECTIFIER, GATEWAY, PLC, SAFETY}
    whole = signals(4, loops=True)
    assert {f"RECT-0{cell}" for cell in (1, 2, 3, 4)} < {signal.device for signal in whole.values()}
    assert {tag for tag in SIGNALS if "4011" in tag} == {"40-AI-4011", "40-TI-4011"}
    assert {tag for tag in whole if tag.startswith("40-AI-40")} == {f"40-AI-40{cell}1" for cell in (1, 2, 3, 4)}


def test_what_the_table_calls_writable_the_plcs_let_write():
    line = CellLine(BenchPlant())
    for signal in SIGNALS.values():
        if signal.device in line.blocks:
            assert line.blocks[signal.device].keys[signal.key].writable == signal.writable, signal.tag


def test_every_tag_reads_good_and_within_its_range():
    memory, _ = field()
    memory.step()
    for (value, quality), signal in ((memory.read(tag), signal) for tag, signal in SIGNALS.items()):
        assert quality == GOOD, signal.tag
        assert signal.low <= value <= signal.high, signal.tag


def test_values_are_in_the_tags_unit():
    memory, plant = field()
    memory.line.rectifier.charge_ah = 7000.0
    plant.values.update({"cell.current_a": -42.0, "cell.voltage_v": -1.5, "probe_b.ph": 7.25, "pump.speed": 0.5})
    memory.step()
    memory.step()
    tags = ["40-II-4010", "40-EI-4010", "40-AI-4213", "40-SI-4216", "40-FI-4013", "40-JQI-4010"]
    values = [memory.read(tag)[0] for tag in tags]
    assert values == pytest.approx([-42.0, -1.5, 7.25, 50.0, 0.6, 7000.0], abs=0.003)


def test_writing_reaches_the_plant_through_the_device():
    memory, plant = field()
    memory.write("40-IC-4010", 60.0)
    memory.write("40-FC-4215", 3.0)
    memory.write("40-XV-4218", 1)
    memory.step()
    assert plant.values["rectifier.current_set_a"] == pytest.approx(60.0, abs=0.002)
    assert plant.values["feed.stroke"] == pytest.approx(0.3)
    assert plant.values["drawoff.open"] > 0.0
    memory.write("40-HS-4010", 0)
    memory.step()
    assert memory.read("40-HS-4010") == (0.0, GOOD)


@pytest.mark.parametrize(
    ("tag", "value", "error"),
    [
        ("40-FI-4013", 1.0, PermissionError),
        ("40-XX-1", 1.0, KeyError),
        ("40-IC-4010", math.nan, ValueError),
        ("40-IC-4010", -1.0, ValueError),
    ],
)
def test_what_cannot_be_written_is_refused(tag, value, error):
    memory, _ = field()
    with pytest.raises(error):
        memory.write(tag, value)


@pytest.mark.parametrize(
    ("trouble", "severity", "reason"),
    [
        ("sensor-failed", BAD, Reason.SENSOR),
        ("nan", BAD, Reason.RANGE),
        ("word-swap", BAD, Reason.RANGE),
        ("calibration-due", UNCERTAIN, Reason.DEVICE),
    ],
)
def test_the_probes_status_becomes_quality(trouble, severity, reason):
    memory, _ = field()
    memory.line.probes[11].trouble = trouble
    _, quality = memory.read("40-AI-4212")
    assert (quality & SEVERITY_MASK, reason_of(quality)) == (severity, reason)


def test_a_probe_in_millivolts_is_not_a_ph():
    memory, _ = field()
    memory.line.probes[11].unit = 0x200000
    value, quality = memory.read("40-AI-4212")
    assert math.isnan(value)
    assert reason_of(quality) is Reason.CONFIG


@pytest.mark.parametrize(("trouble", "severity"), [("nan", BAD), ("bad-status", BAD), ("uncertain-status", UNCERTAIN)])
def test_the_plcs_status_becomes_quality(trouble, severity):
    memory, _ = field()
    memory.line.plc.troubles["40-FI-4013"] = trouble
    memory.step()
    memory.step()
    _, quality = memory.read("40-FI-4013")
    assert quality & SEVERITY_MASK == severity


def test_a_feeder_fills_its_rows_alone_and_follows_what_changes():
    memory, plant = field()
    columns = InputColumns(4)
    feed = memory.feeder({0: "40-AI-4213", 2: "40-FI-4013", 3: "40-II-4010"}, columns)
    for _ in range(4):
        plant.values.update({"probe_b.ph": 7.0, "cell.flow_m3_h": 0.5, "cell.current_a": 40.0})
        memory.step()
    feed()
    assert columns.value[[0, 2, 3]] == pytest.approx([7.0, 0.5, 40.0], abs=0.003)
    assert columns.quality.tolist() == [GOOD, NOT_YET, GOOD, GOOD]
    assert columns.receive_ns.tolist() == [memory.now_ns, 0, memory.now_ns, memory.now_ns]
    assert columns.source_ns.tolist() == [memory.utc_ns, 0, memory.utc_ns, memory.utc_ns]
    memory.line.plc.troubles["40-FI-4013"] = "bad-status"
    plant.values["probe_b.ph"] = 6.0
    for _ in range(4):
        memory.step()
    assert columns.value[0] == 7.0, "nothing moves between two polls"
    feed()
    assert columns.value[0] == 6.0
    assert columns.quality[2] == bad_because(Reason.SENSOR)
