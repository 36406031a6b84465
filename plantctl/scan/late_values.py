"""What the scan does about values that came after their time: it looks whether they are this plan's, and lets them into
the log. Nothing in the plant changes, but for the newest good value of a laboratory tag: that becomes the tag's value.

Whether a value is plausible, who may sign it and what an entry was before is decided where people are known.
"""

from typing import Any, NamedTuple

import numpy as np

from plantctl.core import command as codes
from plantctl.core.command import Command
from plantctl.core.errors import CommandRejected, LogDamaged
from plantctl.core.late import CURRENT, LateAct, decode_late, late_payload
from plantctl.plan.plan import Plan


class LateChange(NamedTuple):
    """What such a command changes: of what, the new value, and the row of the input that takes it (0: none)."""

    target: str
    new: float
    entered: int
    quality: int
    source_ns: int
    told: bool


def late_change(plan: Plan, ids: "np.ndarray[Any, np.dtype[np.uint32]]", command: Command) -> LateChange:
    """The change of a command that brings late values; `ids` are those of the plan. Raises `CommandRejected`."""
    try:
        record = decode_late(late_payload(command.value))
    except LogDamaged as error:
        raise CommandRejected(codes.BAD_VALUE, str(error)) from None
    if not len(record.rows) or not np.isin(record.rows["tag"], ids).all():
        raise CommandRejected(codes.UNKNOWN_TARGET, "late values of points that this plan does not have")
    if record.act is LateAct.IMPORTED:
        count = float(len(record.rows))
        return LateChange(command.target, count, 0, 0, 0, bool(command.reason))
    row, late = plan.rows.get(command.target, 0), record.rows[0]
    point = plan.points[row]
    if point.name not in plan.lab or len(record.rows) != 1 or int(late["tag"]) != point.id:
        raise CommandRejected(codes.NOT_WRITABLE, f"`{command.target}` is no laboratory tag")
    value = float(late["value"])
    entered = row if int(late["flags"]) & CURRENT else 0
    return LateChange(point.name, value, entered, int(late["quality"]), int(late["utc_ns"]), told=True)
