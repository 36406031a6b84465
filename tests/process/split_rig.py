"""The whole demo in topology split beside its simulator, as a person runs it, and the means to kill any part of it."""

import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.shared_memory import map_readable
from plantctl.app.split.segments import CHILDREN, SCAN_NUMBER, Role, layout_of
from plantctl.app.state_folder import LOG_NAME, SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.segment import SegmentReader
from plantctl.log.reader import read_frames
from plantctl.log.storage import ReadOnlyFolder
from plantctl.plan.build import build_path
from simulators.control import SOCKET_NAME as SIMULATOR_SOCKET
from simulators.control import ask as ask_simulator
from tests.process.command_rig import DEMO, running, wait

STATE = "Circuit-A"
LIMIT_S = 60.0
# What a person does to bring the cell to work; each waits until it is done.
START = (
    ("set", "40-SC-4216", "80"),
    ("set", "40-HS-4216", "1"),
    ("reset", "CELL-01", ""),
    ("set", "40-HZ-4010", "1"),
    ("set", "40-EC-4010", "5"),
    ("set", "40-HS-4010", "1"),
    ("mode", "40-AIC-4212", "auto"),
    ("set", "40-IC-4010", "85"),
)


class Split:
    """One plant in processes. `folder` is its state folder, `child` the supervisor's `Popen`, `plan` what it runs."""

    def __init__(self, child, state, simulator, text=DEMO):
        self.child = child
        self.folder = state / STATE
        self._simulator = simulator
        self.plan = build_path(text).plan
        self._readers = {}

    # -- looking

    def segment(self, role):
        """A reader of the segment of `role`, through the supervisor's descriptors."""
        if role not in self._readers:
            folder = Path(f"/proc/{self.child.pid}/fd")
            for entry in sorted(folder.iterdir(), key=lambda e: int(e.name)):
                if os.readlink(entry).startswith(f"/memfd:plantctl-{role} "):
                    descriptor = os.open(entry, os.O_RDONLY)
                    try:
                        self._readers[role] = SegmentReader(map_readable(descriptor), layout_of(role, self.plan))
                    finally:
                        os.close(descriptor)
                    break
        return self._readers[role]

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
        return ask_simulator(self._simulator / SIMULATOR_SOCKET, {"do": "read", "name": name})["value"]

    def ask(self, request):
        """One request to the control socket; None while the gateway is away."""
        try:
            with ControlClient(self.folder / SOCKET_NAME, timeout_s=LIMIT_S) as client:
                return client.ask(request)
        except NotRunning:
            return None

    def wait(self, condition, limit_s=LIMIT_S):
        """Wait until `condition()`; it fails where the plant ended or the time is over."""
        wait(condition, limit_s, self.child)

    # -- doing

    def command(self, verb, target, value="", reason="test", wait_s=20.0):
        """One command; its stages by word."""
        asked = {"verb": verb, "target": target, "value": value, "reason": reason, "wait_s": wait_s}
        answer = self.ask({"command": asked})
        assert answer is not None, f"no gateway for {verb} {target}"
        return answer

    def done(self, verb, target, value=""):
        """One command that must be accepted, tried again while the plant is not ready for it."""
        said = []

        def accepted():
            said[:] = [self.command(verb, target, value)]
            stages = [s["stage"] for s in said[0].get("stages", ())]
            return "accepted" in stages

        try:
            self.wait(accepted, 30.0)
        except AssertionError:
            raise AssertionError(f"{verb} {target} {value}: {said}") from None

    def release(self):
        """A person releases the outputs, as soon as that is possible."""
        self.done("release", "plant")
        self.wait(lambda: self.value("scan.held") == 0.0)

    def operate(self, current_a=85.0):
        """Release, and bring the cell to work at its current."""
        self.release()
        for verb, target, value in START:
            self.done(verb, target, value)
        self.wait(lambda: abs(self.true("cell.current_a") - current_a) < 2.0)

    def send(self, role, number):
        """A signal to the process of `role`; its number."""
        pid = self.pid(role)
        os.kill(pid, number)
        return pid

    def kill(self, role):
        """SIGKILL, and wait until another process of that role has taken over."""
        generation = self.segment(role).generation
        pid = self.send(role, signal.SIGKILL)
        self.wait(lambda: self.pid(role) not in (0, pid) and self.segment(role).generation > generation)

    @contextmanager
    def stopped(self, role):
        """The process of `role` stands still while the block runs."""
        pid = self.send(role, signal.SIGSTOP)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGCONT)

    def let_pass(self, seconds):
        """Let the plant run so long."""
        clock = RealClock()
        end_ns = clock.monotonic_ns() + round(seconds * 1e9)
        self.wait(lambda: clock.monotonic_ns() >= end_ns, seconds + LIMIT_S)

    def frames(self):
        """The frames that the log holds, oldest first."""
        return [frame for _, frame in read_frames(ReadOnlyFolder(self.folder / LOG_NAME))]


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


@contextmanager
def split(folder, *options, text=DEMO):
    """The demo's simulator and its controller in topology split, ready; both end with the block.

    `text` is another plant over the demo's devices.
    """
    endpoints = folder / "endpoints.yaml"
    state = folder / "state"
    # A simulator that was killed leaves its file behind.
    endpoints.unlink(missing_ok=True)
    serve = ("--endpoints", endpoints, "--state", folder, "--with-parent", os.getpid())
    with running(*serve, module="simulators", state=state) as simulator:
        wait(endpoints.exists, child=simulator)
        words = ("run", text, "--topology", "split", "--endpoints", endpoints, "--with-parent", os.getpid())
        with running(*words, *options, state=state) as child:
            plant = Split(child, state, folder, text)
            wait((plant.folder / SOCKET_NAME).exists, child=child)
            plant.wait(lambda: plant.scans() > 5 and all(plant.pid(role) for role in CHILDREN))
            try:
                yield plant
            finally:
                if child.poll() is None:
                    child.send_signal(signal.SIGTERM)
                    child.communicate(timeout=30)
