"""All sinks of a plant, each with its runner, over the plant's log.

Points that older plans had keep their names, and rows that an older plan wrote go out with the units that it had: they
may still have to be sent. A sink that cannot begin says so and tries again; the others do not wait for it.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.app.alarm_labels import alarm_labels
from plantctl.app.feed_ledger import FeedLedger
from plantctl.app.feed_log import FeedLog
from plantctl.app.feed_place import WAITS
from plantctl.app.older_labels import OlderLabels
from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import Clock
from plantctl.core.feed import SinkPlan, SinkState, feed_point
from plantctl.history.reading.names import Names
from plantctl.log.recording import HELD_NAME, draw_recording
from plantctl.log.rows import PartlyReadable
from plantctl.log.storage import Storage
from plantctl.plan.plan import Plan
from plantctl.scan.event_records import EventRecords
from plantctl.sinks._kinds import load
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner, SinkStatistics
from plantctl.sinks._sink import CommandGate, SinkPlace

# A ledger that cannot be read is asked again after so many seconds.
AGAIN_S: Final = 5.0
# What is said anew where only its reason is another.
SAID_WITH_REASON: Final = (SinkState.NOT_ADMITTED, SinkState.DISK, SinkState.COMPLAINING)


class Feed:
    """One sink: its runner once the ledger was read, and how it is."""

    def __init__(self, plan: SinkPlan) -> None:
        self.plan = plan
        self.runner: SinkRunner | None = None
        self._before = SinkStatistics()

    @property
    def statistics(self) -> SinkStatistics:
        """The counters of the sink."""
        return self._before if self.runner is None else self.runner.statistics

    @property
    def position(self) -> Position | None:
        """How far the sink is; None before that is known."""
        return None if self.runner is None else self.runner.position

    def failed(self, state: SinkState, why: str) -> None:
        """It cannot begin."""
        self._before.state, self._before.last_error = state, why


class Feeds:
    """The sinks of `plan` over `log`, and over `history` where that has let go of rows.

    `ledgers` is the folder where positions are kept, `secrets` that of passwords. `newest` tells the newest durable
    frame and its time (UTC ns). Sinks may keep small files of their own in `folder`, and hand the commands of their
    peers to `command`.
    """

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        log: PartlyReadable,
        history: PartlyReadable | None,
        ledgers: Storage,
        newest: Callable[[], tuple[int, int]],
        secrets: Path | None = None,
        *,
        folder: Path | None = None,
        command: CommandGate | None = None,
    ) -> None:
        self.feeds = [Feed(sink) for sink in plan.sinks]
        self._plan = plan
        self._clock = clock
        self._log = log
        self._ledgers = ledgers
        self._source = FeedLog(log, history, EventRecords(plan), newest)
        self._secrets = secrets
        self._folder = folder
        self._command = command
        self._said: dict[str, tuple[SinkState, str]] = {}

    async def run(self) -> None:
        """Feed every sink until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for feed in self.feeds:
                tasks.create_task(self._run(feed), name=f"sink {feed.plan.name}")

    async def _run(self, feed: Feed) -> None:
        while feed.runner is None:
            try:
                if HELD_NAME in self._ledgers.names():
                    feed.failed(SinkState.NOT_ADMITTED, WAITS)
                else:
                    feed.runner = self._begin(feed.plan)
                    break
            except Exception as fault:
                # The disk, or a mistake of one sink: the others go on.
                feed.failed(SinkState.DISK, f"{type(fault).__name__}: {fault}")
            await self._clock.sleep(AGAIN_S)
        await feed.runner.run()

    def _begin(self, plan: SinkPlan) -> SinkRunner:
        labels = self.labels()
        ledger = FeedLedger(self._ledgers, plan.name, labels)
        position = ledger.position()
        module = load(plan.kind)
        config = module.Config.model_validate(dict(plan.config))
        place = SinkPlace(
            plan.name,
            self._plan.name,
            labels,
            self._clock,
            self._secrets,
            f"{self._plan.hash:016x}",
            folder=self._folder,
            command=self._command,
            alarms=alarm_labels(self._plan),
            recording=draw_recording(self._ledgers, self._clock.random("recording")),
        )
        older = OlderLabels(self._log, labels, self._plan.hash)
        wanted = Wanted(labels, config.tags, events=config.events, older=older)
        return SinkRunner(
            plan.name, module.Sink(place, config), self._source, ledger, position or Position(), self._clock, wanted
        )

    def labels(self) -> dict[int, PointLabel]:
        """What every point is called that the log may hold rows of, by the plan that wrote last. Raises `OSError`."""
        known = Names(self._log).all()
        labels = {p.id: PointLabel(p.name, p.unit, p.text) for p in known.values()}
        for p in self._plan.points:
            if p.name:
                unit = "" if p.unit == "1" else p.unit
                labels[p.id] = PointLabel(p.name, unit, p.text, p.words, p.low, p.high, p.whole)
        return labels

    def points(self) -> dict[str, float]:
        """The points that tell how each sink is, by name."""
        values: dict[str, float] = {}
        for feed in self.feeds:
            statistics, position, name = feed.statistics, feed.position or Position(), feed.plan.name
            values |= {
                feed_point(name, "state"): float(statistics.state),
                feed_point(name, "lag"): statistics.lag_ns / 1e9,
                feed_point(name, "failures"): float(statistics.failures),
                feed_point(name, "missing"): float(position.missing),
                feed_point(name, "quarantined"): float(position.quarantined),
                feed_point(name, "lost"): float(position.lost),
            }
        return values

    def changes(self) -> Iterator[str]:
        """What there is to say of the sinks since this was asked last, a line each."""
        for feed in self.feeds:
            state, why = feed.statistics.state, feed.statistics.last_error
            now = (state, why if state in SAID_WITH_REASON else "")
            before = self._said.get(feed.plan.name)
            if now != before and not (before is None and state is SinkState.IDLE):
                self._said[feed.plan.name] = now
                word = state.name.lower().replace("_", "-")
                yield f"sink {feed.plan.name} is {word}{f': {why}' if why and state >= SinkState.UNREACHABLE else ''}"


class Wanted:
    """The part of a batch that a sink gets: rows of points whose names match one of `patterns`, called as they were by
    the plan that wrote them where `older` knows it.
    """

    def __init__(
        self,
        labels: dict[int, PointLabel],
        patterns: tuple[str, ...],
        *,
        events: bool,
        older: OlderLabels | None = None,
    ) -> None:
        ids = [n for n, label in labels.items() if any(fnmatchcase(label.name, p) for p in patterns)]
        self._ids: npt.NDArray[np.uint32] = np.array(sorted(ids), np.uint32)
        self._events = events
        self._older = older

    def __call__(self, batch: Batch) -> Batch:
        """The part of `batch`; the batch itself where that is all. Raises `OSError`."""
        otherwise = self._older.of(batch.plan_hash) if self._older is not None else {}
        if otherwise:
            batch = replace(batch, otherwise=otherwise)
        mask = np.isin(batch.tag, self._ids)
        return batch if self._events and mask.all() else batch.where(mask, events=self._events)
