"""The feeds process: hands the plant's record to whatever stores or shows it elsewhere.

It reads the log from disk, up to what the recorder says is durable, and never the plant's memory: it may be slow, hang
or die without anybody noticing but the sinks. How far each is, is in its segment, once a second.
"""

import asyncio
import logging
import signal
from typing import Final

from plantctl.app.feed_commands import FeedCommands
from plantctl.app.feeds import Feeds
from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import FEEDS_NAME, HISTORY_NAME, LOG_NAME, SECURITY_NAME, SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.segment import ProcessState
from plantctl.log.storage import FolderStorage, ReadOnlyFolder

PERIOD_S: Final = 0.1


class FeedsProcess:
    """One feeds process over its memory and its folder."""

    def __init__(self, hand_over: HandOver) -> None:
        folder = hand_over.settings.folder
        self.writer = hand_over.own()
        self._recorder = hand_over.reader(Role.RECORDER, ("durable_sequence", "durable_utc_ns"))
        self._log = logging.getLogger("plantctl")
        self.clock = RealClock()
        self.feeds = Feeds(
            hand_over.plan,
            self.clock,
            ReadOnlyFolder(folder / LOG_NAME),
            ReadOnlyFolder(folder / HISTORY_NAME),
            FolderStorage(folder / FEEDS_NAME),
            self.newest,
            folder / SECURITY_NAME,
            folder=folder / FEEDS_NAME,
            command=FeedCommands(folder / SOCKET_NAME),
        )

    def newest(self) -> tuple[int, int]:
        """The newest frame on disk and its time, as the recorder says."""
        self._recorder.take()
        said = self._recorder.columns
        return int(said["durable_sequence"][0]), int(said["durable_utc_ns"][0])

    def turn(self) -> None:
        """Publish how every sink is, and say what changed."""
        live = self.writer.live
        for n, feed in enumerate(self.feeds.feeds):
            statistics, position = feed.statistics, feed.position
            live["state"][n], live["lag_ns"][n] = statistics.state, statistics.lag_ns
            live["failures"][n] = statistics.failures
            if position is not None:
                live["missing"][n], live["needed"][n] = position.missing, position.needed
                live["quarantined"][n], live["lost"][n] = position.quarantined, position.lost
        self.writer.publish()
        self.writer.beat(monotonic_ns())
        for line in self.feeds.changes():
            self._log.info(line)

    async def serve(self, ended: asyncio.Event) -> None:
        """Feed until `ended`."""

        async def turns() -> None:
            while True:
                self.turn()
                await self.clock.sleep(PERIOD_S)

        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self.feeds.run(), name="sinks"),
                tasks.create_task(turns(), name="turns"),
            ]
            self.writer.say(ProcessState.READY)
            await ended.wait()
            self.writer.say(ProcessState.ENDING)
            for task in work:
                task.cancel()


def run(hand_over: HandOver) -> int:
    """Feed until SIGTERM; the exit code."""
    feeding = FeedsProcess(hand_over)
    feeding.writer.take_over(monotonic_ns())

    async def main() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await feeding.serve(ended)

    asyncio.run(main())
    return 0
