"""The plant as another process sees it: what its processes published last, through their segments and the frame ring.

Everything here is read and nothing is kept that another process could not tell again. What a process said that is gone
by now is not shown as the present: its devices are down, its log fails.
"""

from typing import Any

from plantctl.app.field import connected
from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.heartbeat import field_silence_ns, lives, silence_ns
from plantctl.app.split.log_watch import LogWatch, secured
from plantctl.app.split.segments import CHILDREN, FRAMES, PROMPT, REALTIME, SCAN_FRAME, SCAN_NUMBER, STATISTICS, Role
from plantctl.core.device_statistics import DeviceStatistics, LinkState
from plantctl.core.event import Event
from plantctl.core.field import DevicePlan
from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.hmi.live_plant import Load, LogWord, Pulse, Snapshot
from plantctl.plan.link_hold import FIELD_GENERATION, HELD

RECORDER_AWAY = "the recorder is away; the last minute is kept in memory"
LOG_LATE = "the disk is behind: what was recorded lately is in memory only"


class SeenPlant:
    """The plant of `hand_over`, read at monotonic `now_ns` wherever it matters how old something is."""

    def __init__(self, hand_over: HandOver) -> None:
        self.plan = hand_over.plan
        self._segments = {role: hand_over.reader(role) for role in (Role.SUPERVISOR, *CHILDREN)}
        self._devices = connected(self.plan.devices, hand_over.settings.endpoints)
        settings = hand_over.settings
        wishes = (settings.priority > 0, settings.lock_memory, settings.awake, settings.cpu >= 0, True, True)
        self._wanted = dict(zip(REALTIME, wishes, strict=True))
        self._silence_ns, self._field_silence_ns = silence_ns(self.plan), field_silence_ns(self.plan)
        self._log_watch = LogWatch()
        self.feed = FrameFeed(self.plan, self._segments[Role.SCAN].area(FRAMES))

    def snapshot(self) -> Snapshot:
        """The plant after the newest scan that was published; before the first all is zero."""
        columns = self._taken(Role.SCAN)
        records = [columns[f"records.{rows.kind.name}"].view(rows.rows.dtype) for rows in self.plan.kinds]
        v, q, receive_ns, source_ns = (columns[f"image.{name}"] for name in ("v", "q", "receive_ns", "source_ns"))
        return Snapshot(int(columns["scan"][SCAN_NUMBER]), v, q, receive_ns, source_ns, records)

    def device_statistics(self, now_ns: int) -> list[tuple[DevicePlan, DeviceStatistics]]:
        """Every device with its counters; all are down while the field process is."""
        columns = self._taken(Role.FIELD)
        alive = lives(self._segments[Role.FIELD], now_ns, self._field_silence_ns)
        found = []
        for i, device in enumerate(self._devices):
            numbers = {name: int(columns[f"devices.{name}"][i]) for name in STATISTICS}
            state = numbers.pop("state")
            state = state if alive else LinkState.DOWN
            found.append((device, DeviceStatistics(LinkState(state), **numbers)))
        return found

    def events(self) -> list[Event]:
        """The last transitions, oldest first."""
        return self.feed.recent

    def hold(self) -> str:
        """Why the outputs wait for a release; empty where they do not."""
        row = self.plan.statistics.get(HELD)
        columns = self._taken(Role.SCAN)
        if row is None or not columns["image.v"][row]:
            return ""
        last = self.feed.last_hold
        if last is not None and last.new and last.reason:
            return last.reason
        generation = int(columns["image.v"][self.plan.statistics[FIELD_GENERATION]])
        return f"field generation {generation} was not released" if generation else "the field process is not alive"

    def pulse(self, now_ns: int) -> Pulse:
        """Whether scan and field are there, and how old their last sign of life is."""
        scan, field = self._segments[Role.SCAN], self._segments[Role.FIELD]
        ages = (max(0, now_ns - scan.heartbeat_ns), max(0, now_ns - field.heartbeat_ns))
        if not lives(scan, now_ns, self._silence_ns):
            return Pulse("scan-dead", *ages)
        if scan.state is not ProcessState.READY:
            return Pulse("scan-replaced", *ages)
        return Pulse("held" if self.hold() else "ok", *ages)

    def load(self) -> Load:
        """How punctual and how long the scans are, since the scan process began."""
        columns = self._taken(Role.SCAN)
        return Load(columns["lateness"].tolist(), columns["execution"].tolist())

    def log(self, now_ns: int) -> LogWord:
        """How the log is, as the recorder said last; it fails as well where nothing reaches the disk in time."""
        said = self._taken(Role.RECORDER)
        newest = int(self._taken(Role.SCAN)["scan"][SCAN_FRAME])
        late = self._log_watch.late(now_ns, newest, secured(said))
        failing, error = bool(said["failing"][0]), bytes(said["last_error"]).rstrip(b"\0").decode(errors="replace")
        if not lives(self._segments[Role.RECORDER], now_ns, self._silence_ns):
            failing, error = True, RECORDER_AWAY
        elif late and not failing:
            failing, error = True, LOG_LATE
        return LogWord(int(said["frames"][0]), int(said["durable_utc_ns"][0]), failing, error if failing else "")

    def processes(self, now_ns: int) -> list[dict[str, Any]]:
        """The processes that the supervisor keeps, and itself: `state` is up, starting, ending, silent or down."""
        said = self._taken(Role.SUPERVISOR)
        found: list[dict[str, Any]] = [{"role": Role.SUPERVISOR.value, "pid": 0, "starts": 1, "gave_up": False}]
        found += [
            {
                "role": role.value,
                "pid": int(said["pid"][i]),
                "starts": int(said["starts"][i]),
                "gave_up": bool(said["gave_up"][i]),
            }
            for i, role in enumerate(CHILDREN)
        ]
        return [each | {"state": self._state(Role(each["role"]), each["pid"], now_ns)} for each in found]

    def _state(self, role: Role, pid: int, now_ns: int) -> str:
        segment = self._segments[role]
        if role is not Role.SUPERVISOR and not pid:
            return "down"
        if segment.state is ProcessState.STARTING or segment.generation == 0:
            return "starting"
        if segment.state is ProcessState.ENDING:
            return "ending"
        # The supervisor looks around once a second.
        patient = {Role.SUPERVISOR: 4 * self._silence_ns, Role.FIELD: self._field_silence_ns}
        return "up" if lives(segment, now_ns, patient.get(role, self._silence_ns)) else "silent"

    def realtime(self) -> list[dict[str, Any]]:
        """What the scan asked of the machine to be punctual and the field to be prompt, and what of it holds."""
        held = self._taken(Role.SCAN)["realtime"]
        told = [{"name": name, "wanted": self._wanted[name], "held": bool(held[i])} for i, name in enumerate(REALTIME)]
        prompt = bool(self._taken(Role.FIELD)["prompt"][0])
        return [*told, {"name": PROMPT, "wanted": self._wanted["priority"], "held": prompt}]

    def _taken(self, role: Role) -> dict[str, Any]:
        reader: SegmentReader = self._segments[role]
        reader.take()
        return reader.columns
