"""What keeps a device's connection alive: one task per device that connects, polls, writes, and starts again.

Everything a driver would otherwise have to get right by itself is here once: the identity check before anything is
believed or written, absolute deadlines on the plant's clock, back-off with jitter, time limits, what a lost link does
to the inputs (bad, comm, the values stay), one event when it breaks and one when it heals, the statistics, writing on
change and on refresh.

Rules of the file: one request at a time and a device; a device's instants come from the plan's order and the clock's
timetable, so that no two devices share one; nothing queues up: what was missed is counted and skipped; writes happen
only while the scan's heartbeat has advanced since the last write (interfaces.md 20), so that a dead scan never keeps
a device's watchdog quiet; each telegram that changes something is sent only while its wish still stands (`Permit`).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from plantctl.core.clock import Clock, heed_cancel
from plantctl.core.device_statistics import DeviceStatistics, LinkState
from plantctl.core.errors import DeviceError, Garbled, NotAdmitted, WrongDevice
from plantctl.core.field import (
    DevicePlan,
    FieldEventKind,
    FieldEvents,
    InputColumns,
    OutputColumns,
    WriteError,
    may_write,
)
from plantctl.core.plugin import load_plugin, plugin_kinds
from plantctl.core.quality import Reason, bad_because
from plantctl.core.schedule import Schedule
from plantctl.drivers._driver import ALWAYS, Driver, Job, Permit, Port, Wish, Withdrawn, Written

PACKAGE: Final = "plantctl.drivers"

# The first instant of a device in its period; the scan and the simulators have theirs below.
FIRST_PHASE_NS: Final = 2_000_000
PHASE_STEP_NS: Final = 100_000

# Between two log-ins that the device refused: servers lock an account after some. It doubles up to the most, and
# ends early when a person has changed what was refused.
REFUSED_FIRST_S: Final = 30.0
REFUSED_MOST_S: Final = 900.0
LOOK_AGAIN_S: Final = 2.0

# These did not reach the device or nobody knows: they are tried again without being asked for.
RETRIED: Final = frozenset({WriteError.UNREACHABLE, WriteError.PROTOCOL, WriteError.WRONG_DEVICE, WriteError.WITHDRAWN})
UNTOLD: Final = frozenset({WriteError.UNREACHABLE, WriteError.WITHDRAWN})


def driver_kinds() -> list[str]:
    """The kinds there are: the files of this folder and the entry points of others, sorted."""
    return plugin_kinds(PACKAGE)


def load(kind: str) -> ModuleType:
    """The driver of this kind: the file of that name in this folder, else an entry point of `plantctl.drivers`.

    Raises PlantctlError when there is none. Imports no protocol library: drivers do that when they connect.
    """
    return load_plugin(PACKAGE, kind, "driver")


def build(
    device: DevicePlan,
    inputs: InputColumns,
    outputs: OutputColumns,
    clock: Clock,
    events: FieldEvents,
    permit: Permit = ALWAYS,
    secrets: Path | None = None,
) -> "DeviceRunner":
    """The runner of one device, its instants entered in the clock's timetable; it writes while `permit` holds.
    `secrets` is the folder of the plant's keys, certificates and passwords.

    Build the devices in the plan's order. Raises pydantic's ValidationError when the configuration does not fit the
    driver's `Config` or `Item`, PlantctlError when there is no such driver, ValueError for settings that contradict
    each other; the compiler has found all of these before.
    """
    module = load(device.kind)
    config = module.Config.model_validate(dict(device.config))
    items = [module.Item.model_validate(dict(i.config)) for i in device.inputs]
    written = [module.Item.model_validate(dict(i.config)) for i in device.outputs]
    port = Port(device, inputs, outputs, clock, events, permit, secrets)
    return DeviceRunner(module.Driver(port, config, items, written), port)


@dataclass(slots=True)
class _Timed:
    """A job and when it is due next."""

    job: int
    schedule: Schedule
    due_ns: int = 0


WRITE_JOB: Final = -1


def _order_of_work(timed: _Timed) -> tuple[int, int]:
    """What is due first, of what is due at one instant the write."""
    return timed.due_ns, timed.job


class DeviceRunner:
    """Runs one device until cancelled; `run()` is the task, `statistics` may be read at any time."""

    def __init__(self, driver: Driver, port: Port) -> None:
        self.driver = driver
        self.port = port
        self.device = port.device
        self._clock = port.clock
        self._settings = driver.settings
        self._chance = port.clock.random(f"driver {self.device.name}")
        self._attempts = 0
        self._refusals = 0
        self._mended: Callable[[], bool] | None = None
        self._told: tuple[FieldEventKind, str] | None = None
        self._armed = False
        self._answers = 0
        self._heartbeat_used_ns = 0
        self._refreshed_ns = 0
        self._rows = np.array([o.index for o in self.device.outputs], dtype=np.intp)
        self._schedules: list[Schedule] = []
        periods_s = {n: job.period_s for n, job in enumerate(driver.jobs)}
        if self.device.outputs:
            periods_s[WRITE_JOB] = self._settings.write_period
        in_turn = sorted(periods_s.items(), key=lambda job_and_period: job_and_period[1])
        self._timed = [_Timed(job, self._enter(period_s)) for job, period_s in in_turn]

    @property
    def statistics(self) -> DeviceStatistics:
        """The device's counters since the start."""
        return self.port.statistics

    @property
    def jobs(self) -> Sequence[Job]:
        """What is read, for `explain` and diagnostics."""
        return self.driver.jobs

    def _enter(self, period_s: float) -> Schedule:
        """The schedule of this period. Enter the short ones first: a longer period keeps to every so many instants of
        a shorter one, so that the device is woken once for both; only what fits none has instants of its own.
        """
        period_ns = round(period_s * 1e9)
        for shorter in self._schedules:
            if period_ns % shorter.period_ns == 0:
                return replace(shorter, period_ns=period_ns)
        wanted_ns = (FIRST_PHASE_NS + self.device.order * PHASE_STEP_NS) % period_ns
        phase_ns = self._clock.free_phase_ns(period_ns, wanted_ns)
        name = f"{self.device.name} every {period_s:g} s"
        schedule = self._clock.register(name, period_ns, wanted_ns if phase_ns is None else phase_ns)
        self._schedules.append(schedule)
        return schedule

    def release(self) -> None:
        """Give the device's instants back to the timetable; after this the runner is spent."""
        for schedule in self._schedules:
            self._clock.release(schedule.name)
        self._schedules.clear()

    async def run(self) -> None:
        """Keep the device connected until cancelled. Never raises anything but CancelledError."""
        try:
            # Devices must not even begin at one instant: each waits for the first one of its own.
            first = min((t.schedule.next_after(self._clock.monotonic_ns()) for t in self._timed), default=0)
            await self._clock.sleep_until(first)
            while True:
                while self.port.quiet:
                    await self._clock.sleep(self._settings.write_period)
                pause_s = await self._session()
                heed_cancel()
                await self._rest(pause_s)
        finally:
            self.statistics.state = LinkState.DOWN
            self.port.all_lost()
            self.release()

    async def _rest(self, pause_s: float) -> None:
        """Wait before the next attempt; a long pause ends early when a person has touched what was refused."""
        mended, self._mended = self._mended, None
        while mended is not None and pause_s > LOOK_AGAIN_S:
            await self._clock.sleep(LOOK_AGAIN_S)
            pause_s -= LOOK_AGAIN_S
            if mended():
                return
        await self._clock.sleep(pause_s)

    async def _session(self) -> float:
        """One connection from opening to loss; returns the pause before the next attempt in seconds."""
        self.statistics.state = LinkState.CONNECTING
        self._armed = False
        self._answers = self.statistics.answers
        quality, error, why = bad_because(Reason.COMM), WriteError.UNREACHABLE, ""
        state, least_s = LinkState.DOWN, 0.0
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self.driver.open()
                await self.driver.identify()
            self._look_for_life()
            await self._serve()
        except WrongDevice as fault:
            quality, error, why = bad_because(Reason.CONFIG), WriteError.WRONG_DEVICE, str(fault)
            state = LinkState.WRONG_DEVICE
        except NotAdmitted as fault:
            quality, why, state = bad_because(Reason.CONFIG), str(fault), LinkState.NOT_ADMITTED
            if fault.locks:
                least_s = min(REFUSED_MOST_S, REFUSED_FIRST_S * 2.0 ** min(self._refusals, 16))
                self._refusals += 1
                self._mended = fault.mended
        except DeviceError as fault:
            why = str(fault)
        except TimeoutError:
            why = f"{self.device.name}: took too long"
        except Exception as fault:
            # A driver's mistake or a surprise from its library must cost this connection, never the plant.
            why = f"{self.device.name}: {type(fault).__name__}: {fault}"
        finally:
            await self.driver.close()
        self._down(state, quality, error, why)
        return max(least_s, self._pause_s())

    def _look_for_life(self) -> None:
        """The link is up when something has answered; a socket that only accepts connections is not a device."""
        if self.statistics.answers == self._answers:
            return
        self._answers = self.statistics.answers
        if self.statistics.state is not LinkState.UP:
            self.statistics.state = LinkState.UP
            self.statistics.connects += 1
            self._told = None
            self._refusals = 0
            self.port.tell(FieldEventKind.LINK_UP, "the device answers")
        else:
            self._attempts = 0

    def _down(self, state: LinkState, quality: int, error: WriteError, why: str) -> None:
        """The link is gone: all inputs bad once, open wishes answered, one event until it is back, or until a refusal
        has another reason.
        """
        if self.statistics.state is LinkState.UP:
            self.statistics.disconnects += 1
        self.statistics.state = state
        self.port.all_lost(quality)
        outputs = self.port.outputs
        for plan in self.device.outputs:
            if outputs.write_sequence[plan.index] != outputs.sequence[plan.index]:
                outputs.error[plan.index] = error
        kind = FieldEventKind.LINK_DOWN if state is LinkState.DOWN else FieldEventKind.DISCREPANCY
        told = (kind, why if state is LinkState.NOT_ADMITTED else "")
        if told != self._told:
            self._told = told
            self.port.tell(kind, why)

    def _pause_s(self) -> float:
        """Exponential back-off; the jitter keeps devices that were lost together from coming back together."""
        most = self._settings.backoff_most
        ceiling = min(most, self._settings.backoff_first * float(2 ** min(self._attempts, 16)))
        self._attempts += 1
        return ceiling * self._chance.uniform(0.5, 1.0)

    async def _serve(self) -> None:
        """Do what is due, in the order of its instants, until the link is lost."""
        now_ns = self._clock.monotonic_ns()
        for timed in self._timed:
            # The first round begins at once: after a loss nobody wants to wait a whole period for the values.
            timed.due_ns = now_ns
        while True:
            timed = min(self._timed, key=_order_of_work)
            if timed.due_ns > now_ns:
                await self._clock.sleep_until(timed.due_ns)
            began_ns = timed.due_ns
            if timed.job != WRITE_JOB:
                if not self.port.quiet:
                    async with asyncio.timeout(self._settings.patience):
                        await self.driver.read(timed.job)
            elif wishes := self._wishes():
                async with asyncio.timeout(self._settings.patience):
                    await self._write(wishes)
            heed_cancel()
            self._look_for_life()
            now_ns = self._clock.monotonic_ns()
            if timed.job != WRITE_JOB and now_ns > began_ns + timed.schedule.period_ns:
                self.statistics.overruns += 1
            timed.due_ns = timed.schedule.next_after(max(now_ns, began_ns))

    def _wishes(self) -> list[Wish]:
        """What to write now, in the plan's order: what the scan asks for and what keeps the watchdog quiet, if the
        scan is alive; a bad or non-finite wish of the scan is not one.
        """
        outputs = self.port.outputs
        if outputs.scan_heartbeat_ns == self._heartbeat_used_ns:
            return []
        self.port.take_wishes()
        refresh_s = self.driver.refresh_s if self.port.permit.refreshes else None
        since_ns = self._clock.monotonic_ns() - self._refreshed_ns
        # A write period early rather than late: the next look comes only then.
        early_ns = round(self._settings.write_period * 1e9)
        refresh = refresh_s is not None and since_ns + early_ns > round(refresh_s * 1e9)
        asked = outputs.sequence[self._rows].tolist()
        tried = outputs.write_sequence[self._rows].tolist()
        errors = outputs.error[self._rows].tolist()
        wishes: list[Wish] = []
        if asked == tried and not any(errors) and not refresh:
            return wishes
        for position, plan in enumerate(self.device.outputs):
            wanted = tried[position] != asked[position] or errors[position] in RETRIED
            repeat = refresh and position in self.driver.refreshed
            if not (wanted or repeat) or asked[position] == 0 or not may_write(int(outputs.quality[plan.index])):
                continue
            raw = (float(outputs.value[plan.index]) - plan.offset) / plan.factor
            wishes.append(Wish(position, raw, refresh=not wanted))
        return wishes

    async def _write(self, wishes: Sequence[Wish]) -> None:
        """Write the wishes and account for them."""
        outputs = self.port.outputs
        heartbeat_ns = outputs.scan_heartbeat_ns
        sequences = [int(outputs.sequence[self.device.outputs[w.position].index]) for w in wishes]
        if not self._armed:
            try:
                await self.driver.prepare_writing()
            except Withdrawn:
                return
            self._armed = True
        self._heartbeat_used_ns = heartbeat_ns
        if any(w.position in self.driver.refreshed for w in wishes):
            self._refreshed_ns = self._clock.monotonic_ns()
        try:
            answers = await self.driver.write(wishes)
        except Withdrawn as fault:
            answers = [Written(w.position, w.value, WriteError.WITHDRAWN, fault.what) for w in wishes]
        except BaseException as fault:
            # Whether any of them arrived is not known; they are asked for again on the next connection.
            error = WriteError.PROTOCOL if isinstance(fault, Garbled) else WriteError.UNREACHABLE
            answers = [Written(w.position, w.value, error, "the link was lost") for w in wishes]
            self._account(wishes, sequences, answers)
            raise
        self._account(wishes, sequences, answers)

    def _account(self, wishes: Sequence[Wish], sequences: Sequence[int], answers: Sequence[Written]) -> None:
        """Put what became of the wishes where the scan sees it, and say once what was refused."""
        outputs = self.port.outputs
        now_ns = self._clock.monotonic_ns()
        for wish, sequence, answer in zip(wishes, sequences, answers, strict=True):
            plan = self.device.outputs[answer.position]
            outputs.write_sequence[plan.index] = sequence
            outputs.error[plan.index] = answer.error
            if answer.error is WriteError.NONE:
                self.statistics.writes += 1
                self.statistics.lived(now_ns)
                outputs.written_value[plan.index] = answer.value * plan.factor + plan.offset
                outputs.write_ns[plan.index] = now_ns
                self.port.mended(plan.tag)
            else:
                self.statistics.write_errors += 1
                if answer.error not in UNTOLD:
                    word = answer.error.name.lower().replace("_", "-")
                    text = f"write of {wish.value:g} {word}: {answer.text}".rstrip(": ")
                    self.port.trouble(plan.tag, text, cause=f"write {word}")
