"""The simulated plant as a process of its own: it starts on free ports, takes faults by name, and leaves nothing."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from pymodbus.client import ModbusTcpClient

from plantctl.core.clock import RealClock
from plantctl.core.field import SIMULATOR
from simulators.__main__ import circuit_of
from simulators.control import SOCKET_NAME, SimulatorUnreachable, ask
from simulators.signals import signals

ROOT = Path(__file__).parents[2]
START_S = 240.0  # the first start on a machine compiles the model
STEP_S = 0.02


def wait(condition, limit_s, child=None):
    """Poll until `condition()` is true; a child that ended meanwhile or the limit fails the test."""

    async def polled():
        clock = RealClock()
        end_ns = clock.monotonic_ns() + round(limit_s * 1e9)
        while not condition():
            assert child is None or child.poll() is None, "the simulator ended"
            assert clock.monotonic_ns() < end_ns, "it did not happen in time"
            await clock.sleep(STEP_S)

    asyncio.run(polled())


class Simulator:
    def __init__(self, folder, *options):
        self.endpoints_file = folder / "endpoints.yaml"
        self.socket = folder / SOCKET_NAME
        words = ["--endpoints", str(self.endpoints_file), "--state", str(folder), "--insecure"]
        words += ["--with-parent", str(os.getpid())]
        self.child = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "simulators", *words, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def ready(self):
        wait(self.endpoints_file.exists, START_S, self.child)
        return yaml.safe_load(self.endpoints_file.read_text())

    def ask(self, do, name="", **more):
        return ask(self.socket, {"do": do, "name": name, **more})

    def value(self, name):
        return self.ask("read", name)["value"]

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        try:
            output, _ = self.child.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate(timeout=20)
            raise
        return self.child.returncode, output.decode()


@pytest.fixture
def simulator(tmp_path):
    started = Simulator(tmp_path)
    yield started
    if started.child.poll() is None:
        started.child.kill()
        started.child.communicate(timeout=20)


@pytest.mark.timeout(300)
def test_it_serves_takes_a_pump_trip_and_ends_without_a_trace(simulator):
    endpoints = simulator.ready()
    assert set(endpoints) == {"RECT-01", "GW-4A", "PLC-4", "SIS-4"}
    assert all(url.endswith(SIMULATOR) for url in endpoints.values()), "what reads this marks the values"
    assert stat.S_IMODE(simulator.socket.stat().st_mode) == 0o600
    port = urlsplit(endpoints["RECT-01"]).port
    with ModbusTcpClient("127.0.0.1", port=port, timeout=5) as client:
        assert client.read_holding_registers(114, count=1).registers == [1]
    assert simulator.value("cell.flow_m3_h") == pytest.approx(0.6, abs=0.05)
    assert simulator.ask("fault", "pump-trip")["ok"]
    wait(lambda: simulator.value("cell.flow_m3_h") < 0.24, 30.0, simulator.child)
    # The safety PLC ends the current by itself, since nobody above it does.
    wait(lambda: abs(simulator.value("cell.current_a")) < 1.0, 30.0, simulator.child)
    assert simulator.ask("writes")["writes"] == [], "reading is no write"
    with ModbusTcpClient("127.0.0.1", port=port, timeout=5) as client:
        assert client.read_holding_registers(113, count=1).registers[0] & 0x80
        client.write_registers(101, [7, 60000])
    (first, second) = simulator.ask("writes")["writes"]
    assert (first[1:], second[1:]) == (["RECT-01", "101", 7], ["RECT-01", "102", 60000]), "also one that is ignored"
    assert simulator.ask("writes", since_ns=second[0] + 1)["writes"] == []
    code, output = simulator.end()
    assert (code, output) == (0, "")
    assert not simulator.endpoints_file.exists()
    assert not simulator.socket.exists()


@pytest.mark.timeout(300)
def test_requests_that_cannot_be_done_are_answered_and_the_next_one_works(simulator):
    simulator.ready()
    assert "did you mean `pump-trip`?" in simulator.ask("fault", "pump-trp")["error"]
    assert "did you mean `cell.flow_m3_h`?" in simulator.ask("read", "cell.flow_m3h")["error"]
    assert "there are fault, clear" in simulator.ask("explode")["error"]
    assert not simulator.ask("fault", "late-answers", **{"with": [1]})["ok"]
    assert simulator.ask("fault", "late-answers", target="RECT-01", **{"with": {"late_s": 0.5}})["with"] == {
        "late_s": 0.5
    }
    listed = simulator.ask("list")
    assert listed["active"] == [{"name": "late-answers", "target": "RECT-01", "with": {"late_s": 0.5}}]
    assert {"pump-trip", "link-dead"} <= set(listed["faults"])
    assert "true.tank_ph" in listed["signals"]
    assert "a number of nanoseconds" in simulator.ask("writes", since_ns="now")["error"]
    assert simulator.ask("clear", "all") == {"ok": True, "cleared": 1}
    assert simulator.ask("reset-safety") == {"ok": True}
    assert simulator.end(signal.SIGINT)[0] == 0


def verb(*words):
    done = subprocess.run(
        [sys.executable, "-m", "simulators", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        timeout=START_S,
        check=False,
    )
    return done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.mark.timeout(300)
def test_the_command_line_asks_a_running_one(simulator, tmp_path):
    simulator.ready()
    state = ("--state", tmp_path)
    # Before the pump trips: each verb is a process, and the flow is gone before the next one asks.
    assert 0.0 < float(verb(*state, "read", "cell.flow_m3_h")[1]) < 1.0
    assert verb(*state, "fault", "late-answers", "RECT-01", "late_s=0.5") == (0, "late-answers on RECT-01 late_s=0.5\n")
    assert verb("fault", "pump-trip", *state) == (0, "pump-trip on pump\n")
    code, text = verb(*state, "list")
    assert code == 0
    assert "in now: late-answers on RECT-01" in text
    assert "link-dead: no bytes pass any more" in text
    assert verb(*state, "clear", "all") == (0, "cleared 2\n")
    code, text = verb(*state, "fault", "pump-trp")
    assert (code, "did you mean `pump-trip`?" in text) == (4, True)
    assert verb(*state, "fault")[0] == 2
    code, text = verb(*state, "--insecure", "--endpoints", tmp_path / "second.yaml")
    assert (code, "answers at" in text) == (5, True)


@pytest.mark.timeout(60)
def test_the_command_line_says_when_there_is_none(tmp_path):
    code, text = verb("--state", tmp_path, "list")
    assert (code, "no simulator answers" in text) == (3, True)


@pytest.mark.timeout(300)
def test_it_dies_with_its_parent(tmp_path):
    """The parent is a process that starts the simulator and is killed when it serves."""
    script = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'simulators', '--endpoints', sys.argv[1],"
        " '--state', os.path.dirname(sys.argv[1]), '--insecure', '--with-parent', str(os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    file = tmp_path / "endpoints.yaml"
    parent = subprocess.Popen([sys.executable, "-c", script, str(file)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        pid = int(parent.stdout.readline())
        wait(file.exists, START_S, parent)
    finally:
        parent.kill()
        parent.communicate(timeout=20)
    wait(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2], 20.0)
    assert not file.exists()


def test_without_a_simulator_the_client_says_so(tmp_path):
    with pytest.raises(SimulatorUnreachable, match="no simulator answers"):
        ask(tmp_path / SOCKET_NAME, {"do": "list"})


@pytest.mark.timeout(60)
def test_nobody_serves_an_open_plc_unawares(tmp_path):
    code, text = verb("--endpoints", tmp_path / "endpoints.yaml")
    assert (code, "either --security DIR or --insecure" in text) == (2, True)
    code, text = verb("--endpoints", tmp_path / "endpoints.yaml", "--security", tmp_path)
    assert (code, "plantctl certs make --folder" in text) == (2, True)
    assert verb("--endpoints", tmp_path / "endpoints.yaml", "--security", tmp_path, "--insecure")[0] == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize("words", [("--endpoint",), (), ("explode",)])
def test_a_wrong_command_line_is_usage(words):
    assert verb(*words)[0] == 2


@pytest.mark.parametrize(
    ("devices", "circuit"),
    [
        (["PLC-4", "RECT-01"], (1, False)),
        (["RECT-03"], (3, False)),
        (["LQ-40"], (1, True)),
        (["RECT-04", "SIS-4", "FT-4216", "NEW-1"], (4, True)),
    ],
)
def test_a_plants_devices_say_which_circuit_is_simulated(devices, circuit):
    assert circuit_of(devices) == circuit


@pytest.mark.timeout(300)
def test_the_whole_circuit_is_served_with_its_own_faults_and_answers_on_every_address(tmp_path):
    simulator = Simulator(tmp_path, "--devices", "RECT-04,LQ-40")
    try:
        endpoints = simulator.ready()
        assert set(endpoints) == {signal.device for signal in signals(4, loops=True).values()}
        port = urlsplit(endpoints["LQ-40"]).port
        with ModbusTcpClient("127.0.0.1", port=port, timeout=5) as client:
            assert client.read_input_registers(2, count=1).registers == [0]
            assert client.read_input_registers(14, count=1).registers == [3]
        assert "80-AI-8016" in simulator.ask("list")["faults"]["sensor-failed"]["targets"]
        assert simulator.ask("fault", "drive-trip", target="VFD-4274")["ok"]
        wait(lambda: simulator.value("acid_pump.running") == 0.0, 30.0, simulator.child)
        wait(lambda: abs(simulator.value("cell_3.current_a")) < 1.0, 30.0, simulator.child)
        code, output = simulator.end()
        assert (code, output) == (0, "")
    finally:
        if simulator.child.poll() is None:
            simulator.child.kill()
            simulator.child.communicate(timeout=20)
