"""What each process of topology `split` publishes: the contract between them, drawn from the plan alone.

    scan        the image, every record, the outputs it wants, its load; the frame ring
    field       the inputs, what became of outputs, the devices' counters; a ring of device events
    gateway     a ring of commands
    recorder    until when the log and the retained state are durable
    feeds       how far the sinks are
    supervisor  how the processes are

Two processes that hold the same plan draw the same layouts; the digest in the segment's head proves it. One role
writes a segment, all others read it.
"""

from dataclasses import fields as fields_of
from enum import StrEnum
from typing import Final

import numpy as np

from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.ring import HEAD_BYTES, ring_bytes
from plantctl.core.segment import Column, Layout
from plantctl.plan.plan import Plan
from plantctl.scan.load_histogram import BUCKETS

F8, I8, I4, U2, U1 = (np.dtype(t) for t in ("f8", "i8", "i4", "u2", "u1"))


class Role(StrEnum):
    """A process of the plant, by what it does."""

    SUPERVISOR = "supervisor"
    SCAN = "scan"
    FIELD = "field"
    RECORDER = "recorder"
    GATEWAY = "gateway"
    FEEDS = "feeds"


# Those the supervisor starts, in this order; it ends them the other way round, the recorder last.
CHILDREN: Final = (Role.RECORDER, Role.FIELD, Role.SCAN, Role.GATEWAY, Role.FEEDS)

# Rings beside the frame ring: some seconds of the worst a field or a crowd of operators can say.
EVENT_RING_BYTES: Final = 1 << 18
COMMAND_RING_BYTES: Final = 1 << 18
# The answers to the last 4,096 commands of a program that repeats them, with keys and texts of common length.
ANSWER_RING_BYTES: Final = 1 << 20
FRAMES, EVENTS, COMMANDS, ANSWERS = "frames", "events", "commands", "answers"

# Column `scan` of the scan's segment: the scan's number and times, the last frame it wrote, the last event of the field
# it took.
SCAN_NUMBER, SCAN_MONO, SCAN_UTC, SCAN_FRAME, SCAN_EVENT = range(5)

# The wishes of `realtime`, in the order of the column of that name.
REALTIME: Final = ("priority", "memory", "awake", "cpu", "timer", "garbage")

# The wish of the field, told beside them.
PROMPT: Final = "prompt"

# As `scan.load_histogram` counts.
LOAD_BUCKETS: Final = BUCKETS

TEXT_BYTES: Final = 200
STATISTICS: Final = tuple(f.name for f in fields_of(DeviceStatistics))


def layout_of(role: Role, plan: Plan) -> Layout:
    """The layout of the segment that `role` writes."""
    return {
        Role.SCAN: scan_layout,
        Role.FIELD: field_layout,
        Role.GATEWAY: gateway_layout,
        Role.RECORDER: recorder_layout,
        Role.FEEDS: feeds_layout,
        Role.SUPERVISOR: supervisor_layout,
    }[role](plan)


def scan_layout(plan: Plan) -> Layout:
    """`scan`: number, monotonic and UTC time of the last scan. `image.*`, `records.KIND`: the stepper's whole memory.

    `outputs.*`: what the field is to write; `outputs.granted` is the one field generation that may write it, 0 for
    none. `lateness`, `execution`: counts by power of two of a microsecond, since the process began. `realtime`: 1 for
    each wish of `REALTIME` that holds. The ring `answers` is for the scan process that follows: what was answered to
    which key.
    """
    points, outputs = len(plan.points), len(plan.outputs)
    columns = [
        Column("scan", I8, 8),
        Column("image.v", F8, points),
        Column("image.q", U2, points),
        Column("image.used", F8, points),
        Column("image.status", I8, points),
        Column("image.receive_ns", I8, points),
        Column("image.source_ns", I8, points),
        *(Column(f"records.{rows.kind.name}", U1, rows.rows.nbytes) for rows in plan.kinds),
        Column("outputs.value", F8, outputs),
        Column("outputs.quality", U2, outputs),
        Column("outputs.sequence", I8, outputs),
        Column("outputs.granted", I8, 1),
        Column("lateness", I8, LOAD_BUCKETS),
        Column("execution", I8, LOAD_BUCKETS),
        Column("realtime", U1, len(REALTIME)),
    ]
    frames = ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs))
    return Layout("scan", tuple(columns), ((FRAMES, frames), (ANSWERS, HEAD_BYTES + ANSWER_RING_BYTES)))


def field_layout(plan: Plan) -> Layout:
    """`inputs.*` and `outputs.*`: as in `core.field`; `devices.*`: the counters of each device; `safe`: see below.

    `safe` is 1 while the field has put its outputs to their fail-safe values and keeps silent; `unconfirmed` counts
    those that the devices have not confirmed. `follows` is the generation of the scan whose outputs the devices may
    hold, 0 for none: what a new field process must know of the one before it. `prompt` is 1 while it has real-time
    priority.
    """
    inputs, outputs, devices = len(plan.inputs), len(plan.outputs), len(plan.devices)
    columns = [
        Column("inputs.value", F8, inputs),
        Column("inputs.quality", U2, inputs),
        Column("inputs.receive_ns", I8, inputs),
        Column("inputs.source_ns", I8, inputs),
        Column("outputs.written_value", F8, outputs),
        Column("outputs.write_sequence", I8, outputs),
        Column("outputs.write_ns", I8, outputs),
        Column("outputs.error", I4, outputs),
        *(Column(f"devices.{name}", I8, devices) for name in STATISTICS),
        Column("safe", I8, 1),
        Column("unconfirmed", I8, 1),
        Column("follows", I8, 1),
        Column("events_dropped", I8, 1),
        Column("prompt", I8, 1),
    ]
    return Layout("field", tuple(columns), ((EVENTS, HEAD_BYTES + EVENT_RING_BYTES),))


def gateway_layout(plan: Plan) -> Layout:
    """`clients`: how many are connected; the ring of commands."""
    return Layout("gateway", (Column("clients", I8, 1),), ((COMMANDS, HEAD_BYTES + COMMAND_RING_BYTES),))


def recorder_layout(plan: Plan) -> Layout:
    """The log: frames and bytes written, the last durable frame and its UTC time, what was lost, whether it fails.

    `retained_sequence`: the retained file holds the state after this frame; `retained_utc_ns` when that was.
    `sealed_sequence`: the newest frame in the sealed history, `sealed_errors` what its disk refused. `log_bytes` and
    `history_bytes` are the room these take, `history_removed` the files of history that were more than is kept.
    `disk_free` is the room of the disk in bytes, `disk_lasts_s` how long it lasts, `disk_space` a `Space`.
    """
    names = ("frames", "bytes", "files", "commits", "lost_frames", "refused_frames", "failing", "errors")
    durable = ("durable_sequence", "durable_utc_ns", "retained_sequence", "retained_utc_ns", "retained_errors")
    sealed = ("sealed_sequence", "sealed_errors", "log_bytes", "history_bytes", "history_removed")
    room = ("disk_free", "disk_lasts_s", "disk_space")
    return Layout(
        "recorder",
        (*(Column(n, I8, 1) for n in (*names, *durable, *sealed, *room)), Column("last_error", U1, TEXT_BYTES)),
    )


def feeds_layout(plan: Plan) -> Layout:
    """One row a sink, in the order of the plan: how it is and how far (`core.feed`); `needed` is the first frame
    that has not arrived, 0 before that is known.
    """
    names = ("state", "lag_ns", "missing", "quarantined", "lost", "failures", "needed")
    return Layout("feeds", tuple(Column(n, I8, len(plan.sinks)) for n in names))


def supervisor_layout(plan: Plan) -> Layout:
    """One row a child, in the order of `CHILDREN`: process id (0: not running), starts, how it ended last."""
    return Layout("supervisor", tuple(Column(n, I8, len(CHILDREN)) for n in ("pid", "starts", "exit", "gave_up")))
