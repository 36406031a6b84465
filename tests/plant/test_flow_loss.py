"""The flow is lost, or cannot be known any more, while current flows: the mirror of row 15, from the meter to the
rectifier and back, and the way to operation again.
"""

from itertools import pairwise

import pytest

from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from tests.plant.circuit_rig import run_circuit
from tests.plant.trip_path import LoggedRun

BAD = 2


async def operate(circuit):
    """Up to the cell at 85 A in AUTO, with enough behind it that no window of a start is still open."""
    await circuit.start_up()
    await circuit.wait(22.0)
    circuit.events.clear()


def now_s(circuit):
    return circuit.clock.monotonic_ns() / 1e9


async def lose(circuit, fault, target, limit_s):
    """Put a fault in and wait until the plant's own current is gone; the seconds it took are kept."""
    begin_s = now_s(circuit)
    circuit.faults.inject(fault, target)
    await circuit.until(lambda: circuit.plant.read("cell.current_a") < 1.0, limit_s, "the end of the current")
    circuit.dead_after_s = now_s(circuit) - begin_s


# -- the drive trips, and everything after


async def lose_the_flow_and_come_back(circuit):
    await operate(circuit)
    await lose(circuit, "pump-trip", "", 60.0)
    await circuit.wait(10.0)
    circuit.refused = [await circuit.command("reset", "CELL-01"), await circuit.command("set", "40-HS-4010", 1)]
    circuit.image_then = {
        name: circuit.value(name) for name in ("E1-01.failed", "E1-01", "40-HZ-4010", "40-HS-4010", "40-AIC-4212.mode")
    }
    circuit.safety_plc = set(circuit.serving.line.plc.latches.tripped)
    # The way back: the drive is made ready, switched off and on, the flow stands for its time, then release and start.
    circuit.faults.clear("pump-trip")
    await circuit.command("set", "40-HS-4216", 0)
    await circuit.wait(2.0)
    await circuit.command("set", "40-HS-4216", 1)
    await circuit.until(lambda: circuit.value("40-FI-4013") > 0.36, 60.0, "the flow")
    circuit.too_early = await circuit.command("reset", "CELL-01")
    await circuit.until(lambda: circuit.value("C15-01") == 0.0, 20.0, "the end of the cause")
    circuit.restart = [
        await circuit.command(*words, 40.0)
        for words in (
            ("reset", "CELL-01", ""),
            ("set", "40-HZ-4010", 1),
            ("set", "40-HS-4010", 1),
        )
    ]
    circuit.feed_l_h = []
    circuit.listen(lambda: circuit.feed_l_h.append(circuit.value("40-FC-4215")))
    circuit.restart.append(await circuit.command("set", "40-IC-4010", 85, 40.0))
    await circuit.wait(60.0)


@pytest.fixture(scope="module")
def drive_trip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drive-trip")
    circuit = run_circuit(lose_the_flow_and_come_back, folder)
    circuit.log = LoggedRun(folder, circuit.running.plan)
    return circuit


def test_a_tripped_drive_ends_the_current(drive_trip):
    circuit = drive_trip
    assert [e.target for e in circuit.events_of("first-out") if e.new] == ["C15-01"]
    assert circuit.image_then["E1-01.failed"] == 0.0
    assert circuit.image_then["40-HZ-4010"] == 0.0
    assert circuit.image_then["40-HS-4010"] == 0.0
    # The flow decays in some seconds; the mirror acts 1.5 s below its limit, before the safety PLC's 2 s.
    assert circuit.dead_after_s < 10.0
    assert circuit.safety_plc == set()


def test_nothing_starts_while_the_flow_is_low_although_the_current_is_gone(drive_trip):
    for result in drive_trip.refused:
        assert result.stage is Stage.REFUSED
        assert "C15-01 is active" in result.text
        assert "catholyte flow low" in result.text
    assert drive_trip.too_early.stage is Stage.REFUSED


def test_with_the_flow_back_a_reset_and_a_start_are_taken_and_the_feed_follows_the_current(drive_trip):
    circuit = drive_trip
    assert [r.stage for r in circuit.restart] == [Stage.ACCEPTED, Stage.VERIFIED, Stage.VERIFIED, Stage.VERIFIED]
    assert circuit.plant.read("cell.current_a") == pytest.approx(85.0, abs=2.0)
    assert circuit.value("40-AIC-4212.mode") == circuit.image_then["40-AIC-4212.mode"] == 4
    feed = circuit.feed_l_h
    # 5 A/s of current ask for 0.09 L/h of feed each second; the rest is the noise of the probe times the gain.
    assert max(abs(b - a) for a, b in pairwise(feed)) < 0.35
    assert sum(feed[-300:]) / 300 == pytest.approx(1.46, abs=0.15)
    assert circuit.plant.read("true.tank_ph") == pytest.approx(8.0, abs=0.05)


def test_the_log_tells_the_whole_way_of_the_trip(drive_trip):
    log = drive_trip.log
    trip_scan, trip_ns = next(
        (scan, mono_ns)
        for scan, mono_ns, tag, record in log.events
        if tag == "C15-01" and record["code"] == EventKind.TRIP and record["new"] == 1.0
    )
    first_out = [tag for scan, _, tag, r in log.events if r["code"] == EventKind.FIRST_OUT and r["new"] == 1.0]
    assert first_out[-1] == "C15-01"
    operating = trip_scan - 100
    low = log.first("40-FI-4013", lambda v: v < 0.24, operating)
    assert 0 < low.source_ns <= low.utc_ns, "the PLC's own time of the sample"
    assert low.utc_ns - low.source_ns < 1_000_000_000
    assert 0 < low.receive_ns <= low.mono_ns, "when it came in, then the scan that took it"
    assert 1_400_000_000 <= trip_ns - low.mono_ns <= 1_700_000_000, "the cause's delay"
    write_scan, write = next((s, r) for s, r in log.writes["40-HS-4010"] if s >= trip_scan and r["value"] == 0.0)
    assert write["error"] == 0
    assert trip_ns < write["write_ns"] < trip_ns + 500_000_000, "the device confirmed"
    read_back = log.first("40-HY-4010", lambda v: v == 0.0, trip_scan)
    assert write["write_ns"] < read_back.receive_ns <= read_back.mono_ns
    gone = log.first("40-II-4010", lambda v: v < 1.0, trip_scan)
    assert trip_ns < gone.mono_ns < trip_ns + 1_000_000_000, "seen to work within its second"
    assert trip_scan <= write_scan <= read_back.scan + 5


# -- the flow cannot be known


@pytest.mark.parametrize(
    ("fault", "target", "latest_s"),
    [
        ("nan", "40-FI-4013", 5.0),
        ("bad-status", "40-FI-4013", 5.0),
        ("link-dead", "PLC-4", 2.0 + 5.0),
        ("frozen", "40-FI-4013", 20.0 + 5.0),
    ],
)
def test_a_flow_that_cannot_be_known_ends_the_current_within_its_delay(fault, target, latest_s, tmp_path):
    async def script(circuit):
        await operate(circuit)
        await lose(circuit, fault, target, 40.0)
        circuit.image_q = circuit.quality("40-FI-4013") & 3
        circuit.contactor_at_trip = circuit.value("40-HZ-4010")
        await circuit.wait(2.0)

    circuit = run_circuit(script, tmp_path)
    assert circuit.image_q == BAD
    assert circuit.dead_after_s < latest_s + 1.5, "one second to be seen, some scans on the way"
    assert circuit.dead_after_s > 4.0, "a short silence is no trip"
    assert [e.target for e in circuit.events_of("first-out") if e.new] == ["C15-01"]
    assert [circuit.value(tag) for tag in ("E1-01", "E4-01", "40-HS-4010", "40-HZ-4010")] == [1.0, 1.0, 0.0, 0.0]
    log = LoggedRun(tmp_path, circuit.running.plan)
    assert any(r["code"] == EventKind.FIRST_OUT and tag == "C15-01" for _, _, tag, r in log.events)


def test_a_rectifier_that_hears_nothing_ends_its_current_itself_and_does_not_come_back_by_itself(tmp_path):
    async def script(circuit):
        await operate(circuit)
        await lose(circuit, "link-dead", "RECT-01", 10.0)
        await circuit.wait(10.0)
        circuit.faults.clear("link-dead")
        await circuit.until(lambda: circuit.quality("40-II-4010") & 3 == 0, 30.0, "the link")
        circuit.most_a = 0.0
        for _ in range(100):
            await circuit.wait(0.1)
            circuit.most_a = max(circuit.most_a, circuit.plant.read("cell.current_a"))

    circuit = run_circuit(script, tmp_path)
    assert circuit.dead_after_s < 2.0 + 1.0 + 0.5, "its watchdog and its ramp"
    assert circuit.most_a < 1.0


def test_a_short_restart_of_the_plcs_server_is_no_trip(tmp_path):
    async def script(circuit):
        await operate(circuit)
        circuit.faults.inject("server-restart", "PLC-4", off_s=1.0)
        await circuit.wait(20.0)

    circuit = run_circuit(script, tmp_path)
    assert not [e for e in circuit.events_of("trip") if e.new]
    assert circuit.plant.read("cell.current_a") == pytest.approx(85.0, abs=2.0)
