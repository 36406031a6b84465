"""The supervisor of topology `split`: it makes the plant's memory, starts the processes in their order, starts again
what dies, and ends all in order. It does nothing else, so that nothing else can kill it: no network, no loop of
coroutines, no second thread; the plan is only handed on.

    start    recorder and field; then the scan; then gateway and feeds. Who waits for another one waits 5 s at most:
             a recorder that cannot start must not keep the plant from being controlled
    death    started again: at once, then after longer and longer waits. A scan or a field that dies too often ends
             the plant; any other one rests, which its column `gave_up` says
    silence  a process whose heartbeat stands still has its stack written, and at last is killed
    end      gateway and feeds; then the scan; then the field, which writes the fail-safe values; then the recorder,
             which empties the ring into the log. Each has 5 s, then it is killed

Its own death ends every child by the kernel's hand; the devices' watchdogs then hold the plant safe.

Rules of the file: it waits in one place, `_wait`; a child may do whatever it likes.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plantctl.app.split.child import Child
from plantctl.app.split.deadline import monotonic_ns, utc_ns
from plantctl.app.split.entry import MODULES
from plantctl.app.split.hand_over import Settings
from plantctl.app.split.plant_memory import PlantMemory, next_sequence
from plantctl.app.split.process_log import start_log
from plantctl.app.split.restart_policy import SECOND_NS, RestartLimits, RestartPolicy
from plantctl.app.split.segments import CHILDREN, Role
from plantctl.app.split.systemd_notify import Notifier
from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME, LOGS_NAME
from plantctl.core.errors import PlantctlError
from plantctl.core.segment import ProcessState, SegmentWriter
from plantctl.log.storage import FolderStorage
from plantctl.plan.plan import Plan

ENDED: Final = 0
GAVE_UP: Final = 3  # the plant does not run and another start may mend it: what a caller of plantctl calls 3
ESSENTIAL: Final = (Role.SCAN, Role.FIELD)
STARTS_AFTER: Final[Mapping[Role, tuple[Role, ...]]] = {
    Role.SCAN: (Role.RECORDER, Role.FIELD),
    Role.GATEWAY: (Role.SCAN,),
    Role.FEEDS: (Role.SCAN,),
}
ENDS: Final = ((Role.GATEWAY, Role.FEEDS), (Role.SCAN,), (Role.FIELD,), (Role.RECORDER,))
MACHINES: Final = ("x86_64",)
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SplitRefused(PlantctlError):
    """The machine cannot run topology `split`; the message says why, and the way out."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits, and for what.

    `before_next_ns`: for one process before the start of the next; `ready_ns`: for a process to be ready before it is
    killed; `end_ns`: for a process told to end, `hurried_ns` after a second Ctrl-C. Every `check_ns` it looks at the
    heartbeats; `checks_still`: after how many of these a stack is written of a process that stands still, and after
    how many one of `ESSENTIAL`, or any other one, is killed. While a process starts it looks every `look_ns`.
    """

    before_next_ns: int = 5 * SECOND_NS
    ready_ns: int = 60 * SECOND_NS
    end_ns: int = 5 * SECOND_NS
    hurried_ns: int = SECOND_NS // 2
    checks_still: tuple[int, int, int] = (3, 15, 60)
    look_ns: int = SECOND_NS // 200
    check_ns: int = SECOND_NS
    restarts: RestartLimits = field(default_factory=RestartLimits)


def check_machine(machine: str) -> None:
    """`SplitRefused` where the processor is not one whose order of stores between processes was tested."""
    if machine not in MACHINES:
        raise SplitRefused(
            f"topology `split` needs an x86-64 processor, this one is {machine}: how it orders what processes write "
            "into shared memory is not tested; run the plant in one process with --topology one"
        )


class Supervisor:
    """The processes of one plant. `run` is called once, in the main thread of a process of its own.

    The caller holds the plant's state folder. `modules` is the package of the roles' modules; `say` tells a person.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        say: Callable[[str], None],
        *,
        modules: str = MODULES,
        patience: Patience | None = None,
    ) -> None:
        check_machine(os.uname().machine)
        self._plan, self._settings, self._say = plan, settings, say
        self._modules = modules
        self._patience = patience or Patience()
        self._log = logging.getLogger("plantctl")
        self._children: dict[Role, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._notifier = Notifier()
        self._asked = self._hurried = False
        self._escalated = False
        self._scans = self._told_ready = False
        self._told = ""
        self._check_ns = self._watchdog_ns = 0
        self._scan_heartbeat_ns = 0
        self._segment: SegmentWriter

    def run(self) -> int:
        """Run the plant until a signal ends it, or until its scan or field is given up: `ENDED` or `GAVE_UP`.

        Raises `OSError` where there is no memory for the plant, or no folder for its state.
        """
        folder = self._settings.folder
        start_log(folder / LOGS_NAME, Role.SUPERVISOR)
        to_person = logging.StreamHandler(sys.stderr)
        to_person.setFormatter(logging.Formatter("plantctl: %(message)s"))
        to_person.setLevel(logging.WARNING)
        self._log.addHandler(to_person)
        self._notifier = Notifier.of(os.environ, os.getpid())
        log, history = FolderStorage(folder / LOG_NAME), FolderStorage(folder / HISTORY_NAME)
        first = next_sequence(log, history, utc_ns())
        memory = PlantMemory(self._plan, self._settings, first)
        self._segment = memory.own()
        self._segment.take_over(monotonic_ns())
        for role in CHILDREN:
            policy = RestartPolicy(role in ESSENTIAL, self._patience.restarts)
            self._children[role] = Child(role, memory, policy, self._modules)
        restore = self._hear_signals()
        try:
            self._note("starts", first_sequence=first)
            while not (self._asked or self._escalated):
                self._turn()
        finally:
            try:
                self._end()
            finally:
                restore()
                self._selector.close()
                memory.close()
                self._log.removeHandler(to_person)
                self._notifier.close()
        return GAVE_UP if self._escalated else ENDED

    # ------------------------------------------------------------------------------------------------- one turn

    def _turn(self) -> None:
        """Start what is due, look at what runs, then wait for whatever comes first."""
        now_ns = monotonic_ns()
        for child in self._children.values():
            if not child.running and child.due_ns <= now_ns and self._may_start(child, now_ns):
                self._start(child, now_ns)
            elif child.running and not child.ready_ns:
                self._look(child, now_ns)
        if now_ns >= self._check_ns:
            self._check_ns = now_ns + self._patience.check_ns
            self._check(now_ns)
        self._tell_systemd(now_ns)
        self._publish(now_ns)
        if not (self._asked or self._escalated):
            self._wait(self._next_ns(now_ns))

    def _may_start(self, child: Child, now_ns: int) -> bool:
        """Whether those that come before it have been ready, or had their time. A restart waits for nobody."""
        before = [self._children[role] for role in STARTS_AFTER.get(child.role, ())]
        late_ns = now_ns - self._patience.before_next_ns
        return child.starts > 0 or all(b.was_ready or 0 < b.first_ns <= late_ns for b in before)

    def _start(self, child: Child, now_ns: int) -> None:
        if child.start(now_ns):
            self._selector.register(child.pidfd, selectors.EVENT_READ, child)
            self._note(f"{child.role} starts", pid=child.pid, starts=child.starts)
        else:
            self._after_death(child, "could not be started")

    def _look(self, child: Child, now_ns: int) -> None:
        if child.look(now_ns):
            self._note(f"{child.role} is ready", pid=child.pid, took_ms=(now_ns - child.since_ns) // 1_000_000)
            if all(c.was_ready for c in self._children.values()) and self._segment.state == ProcessState.STARTING:
                self._segment.say(ProcessState.READY)
                with contextlib.suppress(OSError):  # whoever listened may have gone
                    self._say(self._who_runs())
        elif now_ns - child.since_ns > self._patience.ready_ns:
            self._log.warning("%s (process %d) does not become ready: killed", child.role, child.pid)
            child.since_ns = now_ns
            child.send(signal.SIGKILL)

    def _check(self, now_ns: int) -> None:
        """Once a second: who stands still, who has been well for so long that its deaths are forgotten."""
        stack, essential, other = self._patience.checks_still
        for child in self._children.values():
            still = child.standing_still()
            if not child.ready_ns:
                continue
            child.policy.ran(child.ready_ns, now_ns)
            where = f"{self._settings.folder / LOGS_NAME / child.role}.stack"
            if still == stack:
                self._log.warning("%s (process %d) stands still; its stack is in %s", child.role, child.pid, where)
                child.send(signal.SIGUSR1)
            elif still == (essential if child.role in ESSENTIAL else other):
                still_s = still * self._patience.check_ns / 1e9
                self._log.error("%s (process %d) stood still for %.1f s: killed", child.role, child.pid, still_s)
                child.send(signal.SIGKILL)

    def _next_ns(self, now_ns: int) -> int:
        """The next instant at which there is something to do if nothing happens before."""
        if not self._scans or any(c.running and not c.ready_ns for c in self._children.values()):
            return now_ns + self._patience.look_ns
        due = [c.due_ns for c in self._children.values() if not c.running and c.due_ns > now_ns]
        return min(self._check_ns, *due, self._watchdog_ns or self._check_ns)

    def _wait(self, until_ns: int) -> None:
        """Wait for a death, a signal or the instant; who died is buried."""
        left_ns = max(0, until_ns - monotonic_ns())
        dead = []
        for key, _ in self._selector.select(left_ns / 1e9):
            if isinstance(key.data, Child):
                self._selector.unregister(key.fd)
                dead.append(key.data)
                key.data.bury()
            else:
                key.data.recv(64)
        for child in dead:
            if self._segment.state == ProcessState.ENDING:
                self._note(f"{child.role} ended", exit=child.exit_code)
            else:
                self._after_death(child, described(child.exit_code))

    def _after_death(self, child: Child, how: str) -> None:
        now_ns = monotonic_ns()
        again_ns = child.policy.died(now_ns)
        fields = {"role": child.role, "exit": child.exit_code, "starts": child.starts}
        if again_ns is None:
            self._escalated = True
            self._log.error("%s %s too often: the plant ends", child.role, how, extra={"fields": fields})
            return
        child.due_ns = again_ns
        wait_s = (again_ns - now_ns) / 1e9
        when = f"in {wait_s:.1f} s" if wait_s else "at once"
        often = " once more: it has died too often" if child.policy.gave_up else ""
        self._log.warning("%s %s%s; it is started again %s", child.role, how, often, when, extra={"fields": fields})

    # -------------------------------------------------------------------------------------------- what is told

    def _publish(self, now_ns: int) -> None:
        live = self._segment.live
        for i, child in enumerate(self._children.values()):
            row = child.pid, child.starts, child.exit_code, child.policy.gave_up
            for name, value in zip(("pid", "starts", "exit", "gave_up"), row, strict=True):
                live[name][i] = value
        self._segment.publish()
        self._segment.beat(now_ns)

    def _tell_systemd(self, now_ns: int) -> None:
        """READY when scans are completed; then a sign of life at half the watchdog's time, if they still are."""
        scan = self._children[Role.SCAN]
        heartbeat_ns = scan.segment.heartbeat_ns
        # The first heartbeat is the take-over's, a later one that of a scan.
        self._scans = self._scans or (scan.ready_ns > 0 and heartbeat_ns > scan.segment.started_ns)
        away = ", ".join(child.role for child in self._children.values() if not child.ready_ns)
        status = f"{self._plan.name} runs" + (f"; not ready: {away}" if away else "")
        if self._told_ready and status != self._told and self._notifier.tell(STATUS=status):
            self._told = status
        if not self._told_ready:
            self._told_ready, self._told = self._scans and self._notifier.tell(READY=1, STATUS=status), status
            self._scan_heartbeat_ns = heartbeat_ns
            self._watchdog_ns = now_ns + self._notifier.watchdog_ns // 2 if self._notifier.watchdog_ns else 0
        elif self._watchdog_ns and now_ns >= self._watchdog_ns:
            self._watchdog_ns = now_ns + self._notifier.watchdog_ns // 2
            if heartbeat_ns != self._scan_heartbeat_ns:
                self._notifier.tell(WATCHDOG=1)
            self._scan_heartbeat_ns = heartbeat_ns

    def _note(self, what: str, **fields: Any) -> None:
        self._log.info(what, extra={"fields": fields})

    def _who_runs(self) -> str:
        who = ", ".join(f"{c.role} {c.pid}" for c in self._children.values())
        return (
            f"{self._plan.name} runs in processes: supervisor {os.getpid()}, {who}; its state is in "
            f"{self._settings.folder}, what they say in {LOGS_NAME}/ there; Ctrl-C ends it"
        )

    # ------------------------------------------------------------------------------------------------- the end

    def _end(self) -> None:
        """End every process in order, by force where it takes too long."""
        self._segment.say(ProcessState.ENDING)
        self._notifier.tell(STOPPING=1, STATUS=f"{self._plan.name} ends")
        for roles in ENDS:
            running = [self._children[role] for role in roles if self._children[role].running]
            for child in running:
                child.send(signal.SIGTERM)
            if not self._all_ended(running):
                for child in running:
                    if child.running:
                        self._log.warning("%s (process %d) does not end: killed", child.role, child.pid)
                        child.send(signal.SIGKILL)
                self._all_ended(running)
        self._note("ends")

    def _all_ended(self, children: Iterable[Child]) -> bool:
        """Wait until all have ended; False when their time is over."""
        end_ns = monotonic_ns() + self._patience.end_ns
        while any(child.running for child in children):
            now_ns = monotonic_ns()
            if self._hurried:
                end_ns = min(end_ns, now_ns + self._patience.hurried_ns)
            if now_ns >= end_ns:
                return False
            self._publish(now_ns)
            self._wait(end_ns)
        return True

    def _hear_signals(self) -> Callable[[], None]:
        """SIGTERM, SIGINT and SIGHUP are noted, each wakes the wait up; what undoes that."""
        ours, wakes = socket.socketpair()
        for end in (ours, wakes):
            end.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, ours)
        before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        woken = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)

        def restore() -> None:
            signal.set_wakeup_fd(woken)
            for number, what in before.items():
                signal.signal(number, what)
            ours.close()
            wakes.close()

        return restore

    def _heard(self, number: int, frame: object) -> None:
        self._hurried = self._asked and number == signal.SIGINT
        self._asked = True


def described(exit_code: int) -> str:
    """How a process ended, for a person."""
    if exit_code >= 0:
        return f"ended with code {exit_code}"
    name = signal.strsignal(-exit_code)
    return f"was ended by signal {-exit_code}" + (f" ({name.lower()})" if name else "")
