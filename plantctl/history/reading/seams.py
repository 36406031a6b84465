"""Parts of a record put together: what was in force over several files and the log behind them.

Rules of the file: pure; where two parts meet, the later one says what was in force.
"""

from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.history.files.buckets import InForce

# What is told of a part as a whole, or left out where nothing in it has it.
_OF_ALL: Final = ("orderly", "line", "off_by")
Places = npt.NDArray[np.intp]


def points_from(parts: list[InForce], start_ns: int) -> int:
    """How many points of the parts are not before the start."""
    return sum(int((force.is_point & (force.utc_ns >= start_ns)).sum()) for force in parts)


def seamless(parts: list[InForce]) -> InForce:
    """Parts of a record as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0, np.int64)
        return InForce(none, none, none, np.zeros(0), np.zeros(0, np.uint16), none, np.zeros(0, np.bool_))
    names = [f.name for f in fields(InForce) if f.name not in _OF_ALL]
    if all(map(_goes_on, parts, parts[1:])):
        return _one_row(parts, names)
    columns: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    columns["at_ns"] = np.maximum.accumulate(columns["at_ns"])
    columns["until_ns"] = np.maximum(columns["until_ns"], columns["at_ns"])
    columns["until_ns"][:-1] = np.minimum(columns["until_ns"][:-1], columns["at_ns"][1:])
    if any(p.line is not None for p in parts):
        columns["line"] = np.concatenate([np.zeros(len(p), np.bool_) if p.line is None else p.line for p in parts])
    return InForce(**columns, off_by=max(p.off_by for p in parts))


def _goes_on(before: InForce, after: InForce) -> bool:
    """Whether a part begins with what was in force at the end of the one before, up to that moment, and in order."""
    if not (before.orderly and after.orderly and before.line is None and after.line is None) or after.is_point[0]:
        return False
    at_ns = after.at_ns[0]
    same = (each[0].tobytes() == last[-1].tobytes() for each, last in zip(_told(after), _told(before), strict=True))
    return bool(before.until_ns[-1] == at_ns >= before.at_ns[-1]) and all(same)


def _told(force: InForce) -> tuple[npt.NDArray[Any], ...]:
    return force.utc_ns, force.value, force.quality, force.source_ns


def _one_row(parts: list[InForce], names: list[str]) -> InForce:
    """The same of parts that go on: what only repeats is left out, so that points stand side by side."""
    first, *others = parts
    columns = {name: np.concatenate([getattr(first, name), *(getattr(p, name)[1:] for p in others)]) for name in names}
    end = len(first)
    for part in others:
        columns["until_ns"][end - 1] = part.until_ns[0]
        end += len(part) - 1
    return InForce(**columns, orderly=True, off_by=max(p.off_by for p in parts))


def row_at(force: InForce, utc_ns: int) -> int | None:
    """The row that was in force at a moment, None where none was."""
    row = int(np.searchsorted(force.at_ns, utc_ns, "right")) - 1
    return row if row >= 0 and utc_ns <= int(force.until_ns[row]) else None


def bound_at(force: InForce, start_ns: int, end_ns: int) -> int | None:
    """The row that stands at the beginning of an answer: what was in force at the start; where the record begins after
    it, what was in force there, which may have come long before. None where neither is known.
    """
    row = row_at(force, start_ns)
    if row is None and len(force) and not force.is_point[0] and start_ns < force.at_ns[0] < end_ns:
        return 0
    return row


def ends_of(force: InForce, rows: Places) -> Places:
    """Up to which row each of some points held: on through those behind it that only repeat it, up to the next point.

    What a part begins with is another value where the part before it is missing or damaged: no point held through that.
    """
    new = force.is_point
    if force.line is None and len(force):
        new = new | (force.utc_ns != np.append(force.utc_ns[:1], force.utc_ns[:-1]))
    begins = np.append(np.flatnonzero(new), len(force))
    found: Places = begins[np.searchsorted(begins, rows, "right")] - 1
    return found


def lines_from(force: InForce, rows: slice | Places) -> npt.NDArray[np.bool_] | None:
    """From which of the rows of an answer it went straight to the next point; None: from none."""
    return None if force.line is None or not force.line[rows].any() else force.line[rows]


class Told(NamedTuple):
    """Which `rows` answer a question, and up to which row (`ends`) each of them held.

    `truncated`: there were more points than asked, `end_ns` is where they were cut off.
    """

    rows: slice | Places
    ends: slice | Places
    end_ns: int
    truncated: bool


def told(force: InForce, start_ns: int, end_ns: int, limit: int) -> Told:
    """The points with start <= UTC < end, the oldest `limit` of them, after the row in force at the start."""
    if force.orderly:
        return _neighbours(force, start_ns, end_ns, limit)
    wanted = force.is_point & (force.utc_ns >= start_ns) & (force.utc_ns < end_ns)
    rows = np.flatnonzero(wanted)
    truncated = len(rows) > limit
    if truncated:
        end_ns = int(force.utc_ns[rows[limit]])
    rows = rows[:limit]
    before = bound_at(force, start_ns, end_ns)
    if before is not None and not wanted[before]:
        rows = np.concatenate(([before], rows))
    return Told(rows, ends_of(force, rows), end_ns, truncated)


def _neighbours(force: InForce, start_ns: int, end_ns: int, limit: int) -> Told:
    """The same of what is orderly: the rows that answer stand side by side."""
    first = 1 if len(force) and not force.is_point[0] else 0
    begin = max(first, int(force.at_ns.searchsorted(start_ns)))
    end = max(begin, int(force.at_ns.searchsorted(end_ns)))
    truncated = end - begin > limit
    if truncated:
        end = begin + limit
        end_ns = int(force.utc_ns[end])
    before = bound_at(force, start_ns, end_ns)
    if before is not None and before < begin:
        begin = before
    return Told(slice(begin, end), slice(begin, end), end_ns, truncated)
