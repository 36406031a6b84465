"""Parts of a record put together: what was in force over several files and the log behind them.

Rules of the file: pure; where two parts meet, the later one says what was in force.
"""

from dataclasses import fields

import numpy as np

from plantctl.history.buckets import InForce


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
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(InForce)}
    columns["at_ns"] = np.maximum.accumulate(columns["at_ns"])
    columns["until_ns"] = np.maximum(columns["until_ns"], columns["at_ns"])
    columns["until_ns"][:-1] = np.minimum(columns["until_ns"][:-1], columns["at_ns"][1:])
    return InForce(**columns)


def row_at(force: InForce, utc_ns: int) -> int | None:
    """The row that was in force at a moment, None where none was."""
    row = int(np.searchsorted(force.at_ns, utc_ns, "right")) - 1
    return row if row >= 0 and utc_ns <= int(force.until_ns[row]) else None
