"""The scan process: steps the plan on its instants and does nothing else.

It takes what the field published, the commands of the gateway's ring, and gives image, records, outputs and frames,
all in shared memory. It never waits but for its next instant, opens no file after its start, logs nothing while it
runs and has one thread. The heartbeat follows the outputs, so that whoever sees it knows a scan was completed.

A scan process that is new grants no field process anything: its outputs wait for a person. It goes on from what the
scan before it published last; after a power-up from the retained state.
"""

import logging
import signal
from dataclasses import dataclass
from types import FrameType
from typing import Final

from plantctl.app.clock_sync import ClockService
from plantctl.app.split.deadline import monotonic_ns, utc_ns, wait_punctually
from plantctl.app.split.hand_over import WOKEN, HandOver
from plantctl.app.split.log_watch import LogWatch, secured
from plantctl.app.split.realtime import Wishes, be_punctual, throttle_text
from plantctl.app.split.retained_place import moment, retained_file
from plantctl.app.split.scan_inputs import FieldView, Inbox, feeds_said
from plantctl.app.split.segments import (
    ANSWERS,
    COMMANDS,
    EVENTS,
    FRAMES,
    SCAN_EVENT,
    SCAN_FRAME,
    SCAN_MONO,
    SCAN_NUMBER,
    SCAN_UTC,
    Role,
)
from plantctl.core.command import Command
from plantctl.core.event import Event, EventKind
from plantctl.core.field import FieldEvent, InputColumns, OutputColumns
from plantctl.core.message import decode_command, decode_field_event
from plantctl.core.ring import RingReader, RingWriter
from plantctl.core.schedule import SCAN_PHASE_NS
from plantctl.core.schedule import Schedule as Instants
from plantctl.core.segment import ProcessState, SegmentReader, SegmentWriter
from plantctl.history.upkeep.space import space_points
from plantctl.plan.plan import HISTORY_REMOVED, Plan
from plantctl.scan.answers import Answers
from plantctl.scan.executive import Executive
from plantctl.scan.gate import COMMANDS_PER_SCAN
from plantctl.scan.memory import StateMemory
from plantctl.scan.release import Release
from plantctl.scan.retained_state import Start, judge
from plantctl.scan.schedule import Schedule, turns
from plantctl.scan.statistics import Statistics

EVENTS_PER_SCAN: Final = 256


@dataclass(slots=True)
class ScanProcess:
    """One scan process over its memory; `scan` is one instant, `run` all of them."""

    plan: Plan
    writer: SegmentWriter
    executive: Executive
    field: FieldView
    inputs: InputColumns
    outputs: OutputColumns
    commands: Inbox[Command]
    events: Inbox[FieldEvent]
    recorder: SegmentReader
    feeds: SegmentReader
    schedule: Schedule
    statistics: Statistics
    ring: RingWriter
    clock_service: ClockService
    hand_over: HandOver
    log_watch: LogWatch
    ended: bool = False

    def scan(self, number: int, due_ns: int, now_ns: int) -> None:
        """One scan of this number, due at `due_ns`, at the monotonic time `now_ns`."""
        now_utc_ns = utc_ns()
        dt_s = self.schedule.begin(number, now_ns)
        self.statistics.watch_overruns()
        if self.statistics.due(now_ns):
            self._tell(number, now_ns, now_utc_ns)
        field_state = self.field.take(now_ns)
        self.executive.scan(
            number,
            now_ns,
            now_utc_ns,
            dt_s,
            self.inputs,
            self.outputs,
            self.commands.take(),
            self.events.take(),
            field_state,
        )
        said = self.writer.live["scan"]
        said[SCAN_NUMBER], said[SCAN_MONO], said[SCAN_UTC] = number, now_ns, now_utc_ns
        said[SCAN_FRAME], said[SCAN_EVENT] = self.ring.next_sequence - 1, self.events.last
        self.writer.publish()
        end_ns = monotonic_ns()
        self.writer.beat(end_ns)
        for role in WOKEN:
            self.hand_over.wake(role)
        self.statistics.count(now_ns - due_ns, end_ns - now_ns)

    def _tell(self, number: int, now_ns: int, now_utc_ns: int) -> None:
        time = self.clock_service.look()
        self.recorder.take()
        said = self.recorder.columns
        # Also while the recorder is dead or hangs, which it cannot say itself.
        late = self.log_watch.late(now_ns, self.ring.next_sequence - 1, secured(said))
        log = {
            "log.durable_utc": int(said["durable_utc_ns"][0]) / 1e9,
            "log.failing": float(late or said["failing"][0] != 0),
            "log.lost_frames": float(said["lost_frames"][0]),
            "log.bytes": float(said["log_bytes"][0]),
            "log.history_bytes": float(said["history_bytes"][0]),
            **space_points(int(said["disk_free"][0]), int(said["disk_lasts_s"][0]), int(said["disk_space"][0])),
            HISTORY_REMOVED: float(said["history_removed"][0]),
            **feeds_said(self.plan.sinks, self.feeds, now_ns),
        }
        damaged = self.commands.damaged + self.events.damaged
        self.statistics.tell(
            number, now_ns, now_utc_ns, locked=time.locked, offset_ns=time.offset_ns, log=log, damaged=damaged
        )

    def run(self, origin_ns: int) -> None:
        """Scan on every instant until told to end."""
        period_ns = self.plan.period_ns
        instants = Instants("scan", period_ns, SCAN_PHASE_NS % period_ns, origin_ns)
        due_ns = instants.next_after(monotonic_ns())
        first = instants.index_at(due_ns)
        last = -1
        while not self.ended:
            number = instants.index_at(due_ns) - first
            made_up = turns(last, number, self.plan.overrun_catch_up)
            # The time of the waking is the sample's: nothing stands between.
            now_ns = wait_punctually(due_ns)
            for turn in made_up:
                self.scan(turn, due_ns - (number - turn) * period_ns, now_ns)
                now_ns = monotonic_ns()
            last = number
            due_ns = instants.next_after(now_ns)


def build(hand_over: HandOver) -> ScanProcess:
    """Everything the scan needs, made before the first deadline; the segment speaks for this process afterwards."""
    plan, settings = hand_over.plan, hand_over.settings
    writer = hand_over.own()
    before = writer.last()
    live = writer.live
    ring = RingWriter.resume(writer.area(FRAMES), plan.hash)
    answered = writer.area(ANSWERS)
    answers = Answers(RingWriter(answered, plan.hash) if before is None else RingWriter.resume(answered, plan.hash))
    executive = Executive(
        plan,
        compiled=settings.compiled,
        ring=ring,
        memory=StateMemory(plan, over=live),
        release=Release.at_start(),
        answers=answers,
    )
    inputs = InputColumns(len(plan.inputs))
    for i, row in enumerate(plan.inputs):
        if row.initial == row.initial and not row.device:
            inputs.value[i], inputs.quality[i] = row.initial, 0
    outputs = OutputColumns(
        len(plan.outputs), {name: live[f"outputs.{name}"] for name in ("value", "quality", "sequence", "granted")}
    )
    executive.bind(inputs, outputs)
    taken = 0
    if before is not None:
        executive.load(before, outputs)
        taken = int(before["scan"][SCAN_EVENT])
        _enter_again(plan, executive, inputs)
        known = answers.recall(RingReader(answered), int(before["scan"][SCAN_MONO]))
        _tell_start(executive, Start.RESTART, f"from the memory of the scan before, {known} answers known", [])
    else:
        _begin_retained(hand_over, executive, inputs)
    now_ns = monotonic_ns()
    executive.start(now_ns, utc_ns())
    # Known from the first word on: who follows us, should we die before a scan, must not tell old events anew.
    live["scan"][SCAN_EVENT] = taken
    writer.take_over(now_ns)
    schedule = Schedule(plan.tasks, plan.period_ns)
    commands = RingReader(hand_over.reader(Role.GATEWAY).area(COMMANDS))
    # What was asked for while no scan lived is refused by the gateway and never done.
    commands.skip_all()
    return ScanProcess(
        plan,
        writer,
        executive,
        FieldView(plan, hand_over.reader(Role.FIELD), inputs, outputs),
        inputs,
        outputs,
        Inbox(commands, decode_command, COMMANDS_PER_SCAN),
        Inbox(_events_after(hand_over, taken), decode_field_event, EVENTS_PER_SCAN, taken),
        hand_over.reader(Role.RECORDER),
        hand_over.reader(Role.FEEDS),
        schedule,
        Statistics(executive, schedule, live["lateness"], live["execution"]),
        ring,
        ClockService(),
        hand_over,
        LogWatch(),
    )


def _begin_retained(hand_over: HandOver, executive: Executive, inputs: InputColumns) -> None:
    """Begin from what the plant remembers of its last life, as far as that may be trusted."""
    plan = hand_over.plan
    file = retained_file(hand_over.settings.folder)
    kept = file.load()
    now_ns = monotonic_ns()
    if kept is not None:
        start, why = judge(kept.moment.age_ns(moment(utc_ns(), now_ns)), plan.retain_for_ns)
    else:
        # Nothing at all is a first start; something that cannot be read is a state that nobody knows.
        start, why = (Start.STALE, file.why) if file.why else (Start.COLD, "nothing was retained")
    report = executive.restore(kept.state if kept else None, start, inputs, now_ns)
    what = f"{report.rows} blocks, {report.parameters} parameters, {report.points} values restored"
    _tell_start(executive, report.start, why or what, report.told)


def _tell_start(executive: Executive, start: Start, why: str, told: list[str]) -> None:
    """How this scan process began: in the plant's journal, and in the log of the process with every detail."""
    log = logging.getLogger("plantctl")
    log.info("%s start: %s", start.name.lower(), why, extra={"fields": {"told": told}})
    words = tuple(s.name.lower() for s in Start)
    now_ns = monotonic_ns()
    executive.note(
        Event(EventKind.WATCHED, 0, now_ns, utc_ns(), "scan.start", float("nan"), float(start), words, reason=why)
    )


def _enter_again(plan: Plan, executive: Executive, inputs: InputColumns) -> None:
    """The values a person entered are inputs that no device brings back: they are taken from the image."""
    image = executive.image
    for i, row in enumerate(plan.inputs):
        if not row.device:
            inputs.value[i], inputs.quality[i] = image.v[row.row], image.q[row.row]
            inputs.receive_ns[i], inputs.source_ns[i] = image.receive_ns[row.row], image.source_ns[row.row]


def _events_after(hand_over: HandOver, taken: int) -> RingReader:
    """The field's events that no scan has taken yet."""
    area = hand_over.reader(Role.FIELD).area(EVENTS)
    try:
        return RingReader(area, after=taken)
    except ValueError:
        return RingReader(area)


def run(hand_over: HandOver) -> int:
    """Run the scan until SIGTERM; the exit code."""
    scanning = build(hand_over)

    def end(_number: int, _frame: FrameType | None) -> None:
        scanning.ended = True

    signal.signal(signal.SIGTERM, end)
    settings = hand_over.settings
    log = logging.getLogger("plantctl")
    wishes = Wishes(settings.priority, settings.lock_memory, settings.awake, settings.cpu)
    grants = be_punctual(wishes)
    scanning.writer.live["realtime"][:] = [grant.held for grant in grants]
    for grant in grants:
        log.info("%s: %s", grant.name, grant.text, extra={"fields": {"held": grant.held, "wanted": grant.wanted}})
    if throttle_text():
        log.info(throttle_text())
    scanning.writer.say(ProcessState.READY)
    scanning.run(settings.origin_ns)
    scanning.writer.say(ProcessState.ENDING)
    log.info("ended after scan %d", int(scanning.writer.live["scan"][SCAN_NUMBER]))
    return 0
