"""The whole demo in topology split beside its simulator, as a person runs it, and the means to kill any part of it."""

import os
import shutil
import signal
import struct
from contextlib import contextmanager, suppress
from pathlib import Path

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.shared_memory import map_readable
from plantctl.app.split.segments import CHILDREN, SCAN_NUMBER, Role, layout_of
from plantctl.app.state_folder import LOG_NAME, SOCKET_NAME
from plantctl.cli.plant_text import read_plant
from plantctl.core.clock import RealClock
from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.log.reader import read_frames
from plantctl.log.storage import ReadOnlyFolder
from simulators.control import SOCKET_NAME as SIMULATOR_SOCKET
from simulators.control import ask as ask_simulator
from simulators.writes import Write
from tests.process.command_rig import DEMO, ROOT, running, wait

STATE = "Circuit-A"
ENDPOINTS = "endpoints.yaml"
CLOCK = "clock"
MISHAPS = Path(__file__).parent / "mishaps"
LIMIT_S = 60.0
READY = ProcessState.READY
# What a person does to bring the cell to work; each waits until it is done.
START = (
    ("set", "40-SC-4216", "80"),
    ("set", "40-HS-4216", "1"),
    ("reset", "CELL-01", ""),
    ("set", "40-XA-4010", "0"),
    ("set", "40-HS-4000", "0"),
    ("set", "40-HS-4000", "1"),
    ("set", "40-HZ-4010", "0"),
    ("set", "40-HZ-4010", "1"),
    ("set", "40-EC-4010", "5"),
    ("set", "40-HS-4010", "1"),
    ("mode", "40-AIC-4212", "auto"),
)
# Enough to be seen and to arm the trip, and reached in four seconds: the controller ramps at 5 A/s.
CURRENT_A = 20.0
NEAR_A = 1.0


class Split:
    """One plant in processes. `folder` is its state folder, `child` the supervisor's `Popen`, `plan` what it runs."""

    def __init__(self, child, state, simulator, text=DEMO):
        self.child = child
        self.folder = state / STATE
        self._simulator = simulator
        self.plan = read_plant(text).plan
        self._readers = {}

    # -- looking

    def segment(self, role):
        """The rig's own reader of the segment of `role`."""
        if role not in self._readers:
            self._readers[role] = self.new_reader(role)
        return self._readers[role]

    def new_reader(self, role):
        """A reader of the segment of `role`, through the supervisor's descriptors."""
        folder = Path(f"/proc/{self.child.pid}/fd")
        for entry in sorted(folder.iterdir(), key=lambda e: int(e.name)):
            if os.readlink(entry).startswith(f"/memfd:plantctl-{role} "):
                descriptor = os.open(entry, os.O_RDONLY)
                try:
                    return SegmentReader(map_readable(descriptor), layout_of(role, self.plan))
                finally:
                    os.close(descriptor)
        raise AssertionError(f"the supervisor holds no memory of {role}")

    def columns(self, role):
        """What `role` published last."""
        segment = self.segment(role)
        segment.take()
        return segment.columns

    def value(self, name):
        """A point of the image now."""
        return float(self.columns(Role.SCAN)["image.v"][self.plan.rows[name]])

    def quality(self, name):
        """The quality word of a point now."""
        return int(self.columns(Role.SCAN)["image.q"][self.plan.rows[name]])

    def scans(self):
        """The number of the newest scan."""
        return int(self.columns(Role.SCAN)["scan"][SCAN_NUMBER])

    def pid(self, role):
        """The process number of `role`, 0 while there is none."""
        return int(self.columns(Role.SUPERVISOR)["pid"][CHILDREN.index(role)])

    def true(self, name):
        """A signal of the simulated plant, as it really is."""
        return self.true_at(name)[0]

    def true_at(self, name):
        """A signal of the simulated plant, as it really is, and the monotonic time that the plant has come to, ns."""
        answer = ask_simulator(self._simulator / SIMULATOR_SOCKET, {"do": "read", "name": name})
        return answer["value"], answer["plant_ns"]

    def ask(self, request):
        """One request to the control socket; None while the gateway is away."""
        try:
            with ControlClient(self.folder / SOCKET_NAME, timeout_s=LIMIT_S) as client:
                return client.ask(request)
        except NotRunning:
            return None

    def written(self, since_ns):
        """What reached the devices since that monotonic time: `simulators.writes.Write` as lists."""
        request = {"do": "writes", "since_ns": since_ns}
        return [Write(*write) for write in ask_simulator(self._simulator / SIMULATOR_SOCKET, request)["writes"]]

    def safe(self):
        """Whether the cell is in its safe state: no current, as it really is."""
        return abs(self.true("cell.current_a")) < NEAR_A

    def working(self):
        """Whether the cell has its current and nothing waits for a person."""
        return self.value("scan.held") == 0.0 and abs(self.true("cell.current_a") - CURRENT_A) < NEAR_A

    def wait(self, condition, limit_s=LIMIT_S, what="it did not happen in time"):
        """Wait until `condition()`, how long that took in s; it fails where the plant ended or the time is over."""
        clock = RealClock()
        begin_ns = clock.monotonic_ns()
        wait(condition, limit_s, self.child, what)
        return (clock.monotonic_ns() - begin_ns) / 1e9

    # -- doing

    def command(self, verb, target, value="", reason="test", wait_s=20.0, key=""):
        """One command; its stages by word."""
        asked = {"verb": verb, "target": target, "value": value, "reason": reason, "wait_s": wait_s, "key": key}
        answer = self.ask({"command": asked})
        assert answer is not None, f"no gateway for {verb} {target}"
        return answer

    def done(self, verb, target, value=""):
        """One command that must be accepted, tried again while the plant is not ready for it."""
        said = []

        def accepted():
            said[:] = [self.command(verb, target, value)]
            stages = said[0].get("stages", ())
            # A reset where nothing is tripped has nothing to do.
            return any(s["stage"] == "accepted" or s.get("code") == "not-active" for s in stages)

        try:
            self.wait(accepted, 30.0)
        except AssertionError:
            raise AssertionError(f"{verb} {target} {value}: {said}") from None

    def release(self):
        """A person releases the outputs, as soon as that is possible."""
        self.done("release", "plant")
        self.wait(lambda: self.value("scan.held") == 0.0)

    def operate(self):
        """Release, and bring the cell to work at its current, wherever it is now."""
        if self.value("scan.held"):
            self.release()
        if not self.working():
            ask_simulator(self._simulator / SIMULATOR_SOCKET, {"do": "reset-safety"})
            for verb, target, value in (*START, ("set", "40-IC-4010", f"{CURRENT_A:g}")):
                self.done(verb, target, value)
            self.wait(self.working, 20.0, f"the cell does not come to {CURRENT_A:g} A")

    def send(self, role, number):
        """A signal to the process of `role`; its number."""
        pid = self.pid(role)
        os.kill(pid, number)
        return pid

    def replaced(self, role, pid, generation):
        """Whether another process than `pid` has taken over the part of `role`, and is ready."""
        segment = self.segment(role)
        return self.pid(role) not in (0, pid) and segment.generation > generation and segment.state == READY

    @contextmanager
    def stopped(self, role):
        """The process of `role` stands still while the block runs."""
        pid = self.send(role, signal.SIGSTOP)
        try:
            yield pid
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def set_clock(self, step_s):
        """Set the UTC of all processes so far from the true one, s."""
        with (self._simulator / CLOCK).open("r+b") as file:
            file.write(struct.pack("<q", round(step_s * 1e9)))

    def let_pass(self, seconds):
        """Let the plant run so long."""
        clock = RealClock()
        end_ns = clock.monotonic_ns() + round(seconds * 1e9)
        wait(lambda: clock.monotonic_ns() >= end_ns, seconds + LIMIT_S)

    def frames(self):
        """The frames that the log holds, oldest first."""
        return [frame for _, frame in self.dated_frames()]

    def dated_frames(self):
        """The frames that the log holds with their UTC, ns, oldest first."""
        return list(read_frames(ReadOnlyFolder(self.folder / LOG_NAME)))


def household(pid):
    """What the kernel counts of a process: faults, switches, resident pages."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    return {
        "minor_faults": int(fields[7]),
        "major_faults": int(fields[9]),
        "waits": int(status["voluntary_ctxt_switches"]),
        "preemptions": int(status["nonvoluntary_ctxt_switches"]),
        "resident_kb": int(status["VmRSS"].split()[0]),
    }


def fast_text(folder):
    """The text of the demo, copied into `folder`, with a scan of 10 ms instead of 100."""
    text = folder / "fast"
    shutil.copytree(DEMO, text)
    file = text / "plant.yaml"
    slow = file.read_text()
    file.write_text(slow.replace("protect: 100 ms", "protect: 10 ms"))
    assert file.read_text() != slow, "the demo has no task of 100 ms any more"
    return text


def text_serving(folder, asked):
    """The text of the demo, copied into `folder`, with this OPC UA server."""
    text = folder / "text"
    shutil.copytree(DEMO, text)
    file = text / "plant.yaml"
    file.write_text(file.read_text().replace("plant: {", f"plant: {{opcua_server: {asked}, ", 1))
    return text


def start_words(folder, text=DEMO):
    """The command that starts the controller beside the simulator of `folder`."""
    beside = ("--endpoints", folder / ENDPOINTS, "--with-parent", os.getpid())
    return ("run", text, "--topology", "split", "--page", 0, *beside)


@contextmanager
def split(folder, *options, text=DEMO):
    """The demo's simulator and its controller in topology split, ready; both end with the block.

    `text` is another plant over the demo's devices.
    """
    state = folder / "state"
    # A simulator that was killed leaves its file behind.
    (folder / ENDPOINTS).unlink(missing_ok=True)
    serve = ("--endpoints", folder / ENDPOINTS, "--state", folder, "--insecure", "--with-parent", os.getpid())
    with running(*serve, module="simulators", state=state) as simulator:
        wait((folder / ENDPOINTS).exists, child=simulator)
        path = os.pathsep.join((str(ROOT), str(MISHAPS)))
        (folder / CLOCK).write_bytes(bytes(8))
        environment = {"PYTHONPATH": path, "MISHAP_CLOCK": str(folder / CLOCK)}
        with running(*start_words(folder, text), *options, state=state, **environment) as child:
            plant = Split(child, state, folder, text)
            wait((plant.folder / SOCKET_NAME).exists, child=child)
            plant.wait(lambda: plant.scans() > 5 and all(plant.pid(role) for role in CHILDREN))
            try:
                yield plant
            finally:
                if child.poll() is None:
                    child.send_signal(signal.SIGTERM)
                    child.communicate(timeout=30)
