"""Runs a sink: what to send next, when to try again, what to set aside, how far it is.

What is new goes first. After an outage the runner leaps to the newest frames and fills the hole behind them with what
time is left, not faster than the settings allow; each part arrives in order, so that the rows of one point do, among
the new and among the old. A peer that refuses a batch is asked with halves of it until the bad records are found; they
are set aside with the reason and the rest goes on. A peer that does not even take again what it has taken before has
another problem: then nothing is set aside and everything waits.

Rules of the file: nothing counts as arrived before the sink says so; nothing that a sink or a disk does ends the
runner; what it knows on the way is bounded.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from plantctl.core.batch import Batch, Cursor
from plantctl.core.clock import Clock, heed_cancel
from plantctl.core.feed import SinkState
from plantctl.sinks._pace import Pace
from plantctl.sinks._position import Position
from plantctl.sinks._record import Ledger, Source
from plantctl.sinks._sink import Sink, SinkError, SinkNotAdmitted, SinkRejected, SinkUnreachable

# How often the runner looks for what is new, and keeps its position, in seconds.
LOOK_S: Final = 0.1
KEEP_S: Final = 1.0
# Later than this the newest rows do not wait for those before them.
LATE_NS: Final = 1_500_000_000
# So many records that a peer refuses which has taken none yet are not the records' fault.
REFUSED_MAX: Final = 64


class _DiskFailed(Exception):
    """The log, the position or the quarantine cannot be read or written."""


@dataclass(slots=True)
class SinkStatistics:
    """Counters since the start. `lag_ns`: how much older than the newest row on disk the first one is that the peer has
    not been given since it took something last, when last looked.
    """

    state: SinkState = SinkState.IDLE
    rows: int = 0
    events: int = 0
    batches: int = 0
    filled_rows: int = 0
    failures: int = 0
    connects: int = 0
    lag_ns: int = 0
    last_error: str = ""


@dataclass(slots=True)
class _Lane:
    """One place in the log from which is sent, and the batch in hand."""

    cursor: Cursor
    hole: int = 0  # the last frame of the hole it fills, 0 for what is new
    batch: Batch | None = None


class SinkRunner:
    """Runs one sink until cancelled; `run()` is the task, `statistics` and `position` may be read at any time."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        source: Source,
        ledger: Ledger,
        position: Position,
        clock: Clock,
        wanted: Callable[[Batch], Batch] = lambda batch: batch,
    ) -> None:
        self.name, self.sink = name, sink
        self.position = position
        self.statistics = SinkStatistics()
        self._settings = sink.settings
        self._source = source
        self._ledger = ledger
        self._clock = clock
        self._wanted = wanted
        self._chance = clock.random(f"sink {name}")
        self._live: _Lane | None = None
        self._old: _Lane | None = None
        self._attempts = 0
        self._unsettled: deque[tuple[int, int, int]] = deque()  # until when (monotonic ns), first and last frame
        self._link = sink.link
        self._taken: Batch | None = None  # the last record the peer took
        self._leapt_ns = 0  # UTC of the first row that was leapt over since the peer took anything; 0: none
        self._kept_ns = clock.monotonic_ns()
        self._pace = Pace(self._settings.backfill, clock.monotonic_ns())

    async def run(self) -> None:
        """Send until cancelled. Never raises anything but CancelledError; what is known is kept when it ends."""
        try:
            while True:
                pause_s = await self._session()
                await self._clock.sleep(pause_s)
        finally:
            self._keep(at_once=True)

    # ------------------------------------------------------------------------------------------------ connection

    async def _session(self) -> float:
        """One connection from opening to trouble; the pause before the next in seconds."""
        least_s = 0.0
        statistics = self.statistics
        try:
            async with asyncio.timeout(self._settings.patience):
                await self.sink.open()
            statistics.connects += 1
            await self._serve_attentively()
        except SinkUnreachable as fault:
            statistics.state, statistics.last_error = SinkState.UNREACHABLE, fault.what
            least_s = fault.after_s or 0.0
        except SinkNotAdmitted as fault:
            statistics.state, statistics.last_error = SinkState.NOT_ADMITTED, fault.what
        except SinkError as fault:
            statistics.state, statistics.last_error = SinkState.UNREACHABLE, fault.what
        except TimeoutError:
            statistics.state, statistics.last_error = SinkState.UNREACHABLE, "no answer in time"
        except _DiskFailed as fault:
            statistics.state, statistics.last_error = SinkState.DISK, str(fault)
        except Exception as fault:
            # A mistake of the sink or a surprise from its library costs this connection, never the feeds.
            statistics.state, statistics.last_error = SinkState.UNREACHABLE, f"{type(fault).__name__}: {fault}"
        finally:
            await self._let_go()
        statistics.failures += 1
        self._repeat_unsettled()
        with suppress(Exception):  # what is wrong with the log was told, or will be by the next session
            self._take_new()
        self._keep()
        return max(least_s, self._pause_s())

    async def _let_go(self) -> None:
        try:
            async with asyncio.timeout(self._settings.patience):
                await self.sink.close()
        except Exception as fault:
            self.statistics.last_error = self.statistics.last_error or f"{type(fault).__name__}: {fault}"

    def _pause_s(self) -> float:
        """Exponential back-off, with jitter so that sinks that were lost together do not come back together."""
        ceiling = min(self._settings.backoff_most, self._settings.backoff_first * float(2 ** min(self._attempts, 16)))
        self._attempts += 1
        return ceiling * self._chance.uniform(0.5, 1.0)

    # ------------------------------------------------------------------------------------------------ what is next

    async def _serve_attentively(self) -> None:
        """Send, and listen to the peer beside it where the sink can."""
        attend = getattr(self.sink, "attend", None)
        if attend is None:
            return await self._serve()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(attend(), name=f"sink {self.name} listens")
                await self._serve()
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None

    async def _serve(self) -> None:
        """Send what there is, new before old, for ever."""
        while True:
            self._stay_within_the_log()
            new = await self._send_new()
            old = await self._send_old()  # also where new rows never end
            self._keep()
            if new or old:
                await self._clock.sleep(0.0)  # what nobody wants is passed over without waiting for anything
            else:
                self._say_how_it_goes()
                await self._clock.sleep(LOOK_S)

    def _say_how_it_goes(self) -> None:
        """It goes well, or is behind, or the sink has something to complain of although all arrives."""
        statistics, complaint = self.statistics, getattr(self.sink, "complaint", "")
        if complaint:
            statistics.failures += statistics.state is not SinkState.COMPLAINING
            statistics.state, statistics.last_error = SinkState.COMPLAINING, complaint
        else:
            statistics.state = SinkState.FILLING if self.position.holes else SinkState.RUNNING

    def _stay_within_the_log(self) -> None:
        """A log that is shorter than what was sent was put back from a copy: what it gets from now on is new."""
        newest, _ = self._source.newest()
        if 0 < newest < self.position.through:
            self.position.cut(newest)
            self._live = self._old = None

    def _look(self) -> int:
        """How old the new batch in hand is, in ns; 0 where there is none. The sink is that late, or as late as what was
        leapt over.
        """
        newest, newest_ns = self._source.newest()
        batch = None if self._live is None else self._live.batch
        leapt_ns = newest_ns - self._leapt_ns if self._leapt_ns and self.position.holes else 0
        age_ns = 0
        if newest > self.position.through and batch is not None and batch.rows:
            age_ns = 0 if batch.historical else newest_ns - int(batch.utc_ns[0])  # late values are of long ago
        self.statistics.lag_ns = max(0, age_ns, leapt_ns)
        return age_ns

    async def _send_new(self) -> bool:
        """Send the next batch of new frames, or the newest there is where that is late; False where there is none."""
        age_ns = self._take_new()
        if (lane := self._live) is None or (batch := lane.batch) is None:
            return False
        if age_ns > LATE_NS:
            newest, _ = self._source.newest()
            self._leapt_ns = self._leapt_ns or int(batch.utc_ns[0])
            self.position.leap(newest)  # what lies between is a hole from now on
            self._live = _Lane(self._source.cursor(newest))
            return False
        await self._send_from(lane, historical=False)
        return True

    def _take_new(self) -> int:
        """Take the next new batch in hand, without which nobody knows how late it is, and look how old it is."""
        self._live = self._live or _Lane(self._source.cursor(self.position.through))
        self._take(self._live, self._settings.batch)
        return self._look()

    async def _send_old(self) -> bool:
        """Send a part of the oldest hole; False where its rate does not allow it yet, or there is none."""
        holes = self.position.holes
        if not holes or not self._pace.allows(self._clock.monotonic_ns()):
            return False
        lane = self._old
        if lane is None or lane.hole != holes[0].last:
            lane = self._old = _Lane(self._source.cursor(holes[0].first - 1, holes[0].last), holes[0].last)
        if not self._take(lane, min(self._settings.batch, self._pace.part_rows)):
            return False
        assert lane.batch is not None
        began_ns, rows = self._clock.monotonic_ns(), lane.batch.rows
        sent = await self._send_from(lane, historical=True)
        self._pace.went(began_ns, rows, sent)
        self.statistics.filled_rows += sent
        return True

    def _take(self, lane: _Lane, rows_max: int) -> bool:
        """Take the next batch in hand, where there is none yet; False where there is none to be had."""
        if lane.batch is not None:
            return True
        after, lost = lane.cursor.last_sequence, lane.cursor.lost_frames
        try:
            lane.batch = lane.cursor.next(rows_max)
        except OSError as fault:
            raise _DiskFailed(f"the log cannot be read: {fault}") from fault
        self.position.lost += lane.cursor.lost_frames - lost
        if lane.batch is None and lane.cursor.last_sequence > after:
            self.position.arrived(after + 1, lane.cursor.last_sequence)  # passed over: it is gone
        return lane.batch is not None

    async def _send_from(self, lane: _Lane, *, historical: bool) -> int:
        """Send the batch in hand and account for it; how many rows of it are for this sink."""
        batch = lane.batch
        assert batch is not None
        try:
            wanted = self._wanted(batch)
        except OSError as fault:
            raise _DiskFailed(f"the log cannot be read: {fault}") from fault
        await self._deliver(wanted.as_historical() if historical else wanted)
        self.position.arrived(batch.first_sequence, batch.last_sequence)
        lane.batch = None
        self._settle(batch)
        self._say_how_it_goes()
        return wanted.rows

    # ------------------------------------------------------------------------------------------------ one batch

    async def _deliver(self, batch: Batch) -> None:
        """Have the peer take the batch; what it refuses is set aside. Raises `SinkError`, `_DiskFailed`."""
        if not len(batch):
            return
        refused: dict[int, str] = {}
        try:
            await self._write(batch)
        except SinkRejected as fault:
            if self._taken is not None:
                await self._ask_with_what_was_taken(fault)
            await self._find_refused(batch, 0, fault, refused)
            if self._taken is None:
                raise SinkNotAdmitted(f"the peer refuses everything: {fault.what}") from fault
            self._set_aside(batch, refused)
        self._attempts = 0
        statistics = self.statistics
        statistics.batches += 1
        statistics.rows += batch.rows
        statistics.events += len(batch.events)
        statistics.last_error = ""

    def _set_aside(self, batch: Batch, refused: dict[int, str]) -> None:
        try:
            for position, why in sorted(refused.items()):
                self._ledger.set_aside(batch.part(position, position + 1), why)
        except OSError as fault:
            raise _DiskFailed(f"what the peer refuses cannot be set aside: {fault}") from fault
        self.position.quarantined += len(refused)
        self._kept_ns = 0  # at once: else they are set aside twice after a death

    async def _write(self, batch: Batch) -> None:
        async with asyncio.timeout(self._settings.patience):
            await self.sink.write(batch)
        heed_cancel()
        self._taken, self._leapt_ns = batch.part(len(batch) - 1, len(batch)), 0

    async def _ask_with_what_was_taken(self, refusal: SinkRejected) -> None:
        """Send once more a record that the peer has taken: whoever refuses that refuses us. Raises `SinkError`."""
        assert self._taken is not None
        try:
            await self._write(self._taken)
        except SinkRejected as fault:
            raise SinkNotAdmitted(f"the peer refuses everything: {fault.what}") from refusal

    async def _find_refused(self, batch: Batch, offset: int, fault: SinkRejected, refused: dict[int, str]) -> None:
        """Note the records of a refused part, which begins at `offset` in its batch; the others arrive."""
        named = sorted({i for i in fault.records if 0 <= i < len(batch)})
        if named or len(batch) == 1:
            refused |= {offset + i: fault.what for i in named or [0]}
            if len(named) < len(batch) and len(batch) > 1:
                self._taken = self._taken or _first_but(batch, named)
            elif self._taken is None and len(refused) > REFUSED_MAX:
                raise SinkNotAdmitted(f"the peer refuses everything: {fault.what}") from fault
            return
        half = len(batch) // 2
        for begin, end in ((0, half), (half, len(batch))):
            part = batch.part(begin, end)
            try:
                await self._write(part)
            except SinkRejected as again:
                await self._find_refused(part, offset + begin, again, refused)

    # ------------------------------------------------------------------------------------------------ position

    def _settle(self, batch: Batch) -> None:
        """Remember what the peer has taken until it is on its disk."""
        if self.sink.link != self._link:
            self._link = self.sink.link
            self._repeat_unsettled()
        if not self._settings.settle:
            return
        now_ns = self._clock.monotonic_ns()
        until_ns = now_ns + round(self._settings.settle * 1e9)
        self._unsettled.append((until_ns, batch.first_sequence, batch.last_sequence))
        while self._unsettled[0][0] <= now_ns:
            self._unsettled.popleft()

    def _repeat_unsettled(self) -> None:
        """The connection is another one: what may not have been on the peer's disk is a hole again.

        However long ago that was: only a later answer on the same connection proves that the peer lived until then.
        """
        for _, first, last in self._unsettled:
            self.position.reopen(first, last)
        self._unsettled.clear()
        self._old = None

    def _keep(self, *, at_once: bool = False) -> None:
        """Keep the position on disk, once a second; a disk that fails costs a repetition, no row."""
        now_ns = self._clock.monotonic_ns()
        if not at_once and now_ns - self._kept_ns < KEEP_S * 1e9:
            return
        self._kept_ns = now_ns
        settled = self.position.copy()
        for _, first, last in self._unsettled:
            settled.reopen(first, last)
        try:
            self._ledger.keep(settled)
        except OSError as fault:
            self.statistics.last_error = f"the position cannot be kept: {fault}"


def _first_but(batch: Batch, named: list[int]) -> Batch:
    """The first record of a batch that is not among `named`."""
    first = next(i for i in range(len(batch)) if i not in named)
    return batch.part(first, first + 1)
