"""One child of the supervisor: how it is started, seen, told to end, and what became of it.

It is known by a descriptor of the process (pidfd), never by its number alone, which the kernel gives away again. It
inherits the descriptors it is handed and standard error, no more. That it dies with the supervisor is its own first
statement (`entry`): wished for between fork and exec it would take a real fork, which holds the supervisor up for
14 to 28 ms where vfork takes 0.3 ms, and only a child that has not done anything yet could tell the difference.
"""

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import plantctl
from plantctl.app.split.entry import MODULES
from plantctl.app.split.plant_memory import PlantMemory
from plantctl.app.split.restart_policy import RestartPolicy
from plantctl.app.split.segments import Role
from plantctl.app.split.systemd_notify import VARIABLES
from plantctl.core.segment import ProcessState

STDERR: Final = 2
NOT_STARTED: Final = 127  # the exit code of a child that could not even be made, as a shell says it


class Child:
    """The process of one role, over all its lives. It is not running at first.

    `due_ns`: when it is to be started; `since_ns`, `ready_ns`: when its present life began and became ready, 0 if not;
    `starts`, `exit_code`: how many lives, and how the last one ended (a negative number is a signal's).
    """

    def __init__(self, role: Role, memory: PlantMemory, policy: RestartPolicy, modules: str = MODULES) -> None:
        self.role = role
        self.policy = policy
        self.segment = memory.reader(role)
        self.pidfd = -1
        self.pid = 0
        self.starts = 0
        self.exit_code = 0
        self.due_ns = 0
        self.first_ns = self.since_ns = self.ready_ns = 0
        self.was_ready = False
        self._memory = memory
        self._modules = modules
        self._running: subprocess.Popen[bytes] | None = None
        self._generation = 0
        self._heartbeat_ns = 0
        self._still = 0

    @property
    def running(self) -> bool:
        """Whether it lives, or has died and was not buried yet."""
        return self._running is not None

    def start(self, now_ns: int) -> bool:
        """Begin a life; False where the machine cannot, `exit_code` is then `NOT_STARTED`."""
        told, descriptors = self._memory.handed(self.role, os.getpid())
        line = [sys.executable, "-P", "-m", "plantctl.app.split.entry", self.role, told, self._modules]
        self.starts += 1
        self.first_ns = self.first_ns or now_ns
        self.since_ns, self.ready_ns = now_ns, 0
        self._generation = self.segment.generation
        self._still = 0
        try:
            self._running = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=STDERR,
                pass_fds=descriptors,
                env=surroundings(),
                process_group=0,  # what a terminal sends to its group is the supervisor's to act on
            )
            self.pid = self._running.pid
            self.pidfd = os.pidfd_open(self.pid)
        except (OSError, subprocess.SubprocessError):
            if self._running is not None:
                self._running.kill()
                self._running.wait()
            self._running, self.pid, self.exit_code = None, 0, NOT_STARTED
            return False
        return True

    def look(self, now_ns: int) -> bool:
        """Whether it has become ready since the last look."""
        if not self._running or self.ready_ns or self.segment.generation == self._generation:
            return False
        if self.segment.state != ProcessState.READY:
            return False
        self.ready_ns = now_ns
        self.was_ready = True
        return True

    def standing_still(self) -> int:
        """To be asked once a second: at how many of these checks its heartbeat has not moved since it was ready.

        Checks are counted, not time: a machine that was itself stopped has not found anybody standing still.
        """
        heartbeat_ns = self.segment.heartbeat_ns
        moved = heartbeat_ns != self._heartbeat_ns or not self.ready_ns
        self._heartbeat_ns = heartbeat_ns
        self._still = 0 if moved else self._still + 1
        return self._still

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self.pidfd >= 0:
            signal.pidfd_send_signal(self.pidfd, number)

    def bury(self) -> int:
        """Take note of its end, to be called when its descriptor says so; how it ended."""
        assert self._running is not None
        self.exit_code = self._running.wait()
        os.close(self.pidfd)
        self._running, self.pidfd, self.pid, self.ready_ns = None, -1, 0, 0
        return self.exit_code


def surroundings() -> dict[str, str]:
    """The environment of a child: it finds plantctl where the supervisor did, and does not speak to systemd.

    Its working folder is no place to import from. Linear algebra is not plantctl's work: no threads for it.
    """
    found = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    place = str(Path(plantctl.__file__).parents[1])
    if place != sysconfig.get_path("purelib"):
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (place, found.get("PYTHONPATH"))))
    found.setdefault("OPENBLAS_NUM_THREADS", "1")
    return found
