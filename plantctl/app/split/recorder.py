"""The recorder process: moves frames from the scan's ring to disk, keeps the retained state, and says what is durable.

It has no network and nobody waits for it: while it is away the ring keeps the last minute, and the next recorder goes
on behind the last frame that the log holds. Its segment tells everyone until when nothing can be lost any more; a
command's answer waits for that.

Between its commits it seals what is on disk into the history, a few milliseconds at a time.

The retained state is saved with every commit: once a second, and at once after a transition or a command.
"""

import logging
from typing import Final

import numpy as np

from plantctl.app.disk_watch import DiskWatch
from plantctl.app.plan_text import plan_text
from plantctl.app.split.deadline import monotonic_ns, utc_ns
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.retained_place import moment, retained_file
from plantctl.app.split.segments import FRAMES, SCAN_FRAME, SCAN_MONO, SCAN_UTC, TEXT_BYTES, Role
from plantctl.app.split.until_told import UntilTold
from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME
from plantctl.core.ring import RingReader
from plantctl.core.segment import ProcessState
from plantctl.history.upkeep.seal import Sealer, sealed_through
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.memory import StateMemory
from plantctl.scan.retain import Retention

PERIOD_NS: Final = 20_000_000


class RecorderProcess:
    """One recorder over the plant's memory and its folder; `turn` moves what there is."""

    def __init__(self, hand_over: HandOver) -> None:
        plan, folder = hand_over.plan, hand_over.settings.folder
        self._log = logging.getLogger("plantctl")
        self.writer = hand_over.own()
        place = folder / LOG_NAME
        place.mkdir(parents=True, exist_ok=True)
        log, history = FolderStorage(place), FolderStorage(folder / HISTORY_NAME)
        self.recorder = Recorder(log, plan.name, {plan.hash: plan_text(plan)})
        last = self.recorder.open(utc_ns(), _sealed(history))
        self._sealer = Sealer(log, history, keeping=plan.keeping)
        ring = hand_over.reader(Role.SCAN).area(FRAMES)
        try:
            self._reader = RingReader(ring, after=last)
        except ValueError:
            self._log.warning("the log is ahead of the ring; all that the ring holds is recorded")
            self._reader = RingReader(ring)
        self._scan = hand_over.reader(Role.SCAN)
        self._retention = Retention(plan)
        self._plan = plan
        self._retained = retained_file(folder)
        self._retained.load()
        self._retained_sequence = 0
        self._last_error = ""
        self._disk = DiskWatch(place, self.recorder, self._sealer)

    def turn(self) -> None:
        """Move what is there, commit where it is time, and publish how far everything is."""
        recorder, now_ns = self.recorder, monotonic_ns()
        recorder.drain(self._reader, now_ns, utc_ns())
        if recorder.commit_due(now_ns):
            self._retain()
            recorder.commit(monotonic_ns(), utc_ns())
        self._sealer.turn(recorder.durable_sequence, now_ns)
        self.publish()

    def _retain(self) -> None:
        """Save the state after the last scan, where there was one since the last time."""
        scan = self._scan
        if not scan.take():
            return
        said = scan.columns["scan"]
        sequence, mono_ns, scan_utc_ns = (int(said[k]) for k in (SCAN_FRAME, SCAN_MONO, SCAN_UTC))
        if sequence <= self._retained_sequence or not mono_ns:
            return
        state = self._retention.gather(StateMemory(self._plan, over=scan.columns, keep=True))
        if self._retained.save(state, moment(scan_utc_ns, mono_ns)):
            self._retained_sequence = sequence
            live = self.writer.live
            live["retained_sequence"][0], live["retained_utc_ns"][0] = sequence, scan_utc_ns

    def publish(self) -> None:
        """Tell everyone how far the log is."""
        self._disk.look(monotonic_ns())
        live, recorder, status = self.writer.live, self.recorder, self.recorder.status
        for name in ("frames", "bytes", "files", "commits", "lost_frames", "refused_frames", "failing"):
            live[name][0] = int(getattr(status, name))
        live["errors"][0] = sum(status.errors.values())
        live["durable_sequence"][0], live["durable_utc_ns"][0] = recorder.durable_sequence, recorder.durable_utc_ns
        live["retained_errors"][0] = sum(self._retained.status.errors.values())
        sealed = self._sealer.status
        live["sealed_sequence"][0], live["sealed_errors"][0] = sealed.sealed_sequence, sealed.errors
        live["log_bytes"][0], live["history_bytes"][0] = sealed.log_bytes, sealed.sealed_bytes
        live["history_removed"][0] = sealed.removed_files
        space = self._disk.space
        live["disk_free"][0], live["disk_lasts_s"][0], live["disk_space"][0] = (
            space.told_free,
            int(space.told_lasts_s),
            space.state,
        )
        if status.failing or self._retained.status.failing:
            self._say(status.last_error if status.failing else f"retained state: {self._retained.status.last_error}")
        elif sealed.failing:
            self._say(f"history: {sealed.last_error}")
        elif self._last_error:
            self._last_error = ""
            self._log.info("the log can be written again")
        self.writer.publish()
        self.writer.beat(monotonic_ns())

    def _say(self, text: str) -> None:
        """A disk's trouble: in the segment, and once in the log of this process."""
        if text == self._last_error:
            return
        self._last_error = text
        self._log.error(text)
        column = self.writer.live["last_error"]
        data = text.encode()[:TEXT_BYTES]
        column[:] = 0
        column[: len(data)] = np.frombuffer(data, np.uint8)

    def end(self) -> None:
        """Take the ring to its end and close the log; everything is durable when this returns without a complaint."""
        self.turn()
        self._retain()
        if not self.recorder.close(monotonic_ns(), utc_ns()):
            self._log.error("the last entries of the log are not on disk: %s", self.recorder.status.last_error)
        self.publish()


def _sealed(history: FolderStorage) -> int:
    """The newest frame in the sealed history, 0 where its folder cannot be read: the ring's own count then holds."""
    try:
        return sealed_through(history)
    except OSError:
        return 0


def run(hand_over: HandOver) -> int:
    """Record until SIGTERM; the exit code."""
    told = UntilTold()
    recording = RecorderProcess(hand_over)
    recording.writer.take_over(monotonic_ns())
    recording.publish()
    recording.writer.say(ProcessState.READY)
    told.turns(recording.turn, PERIOD_NS)
    recording.writer.say(ProcessState.ENDING)
    recording.end()
    return 0
