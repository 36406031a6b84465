"""`plantctl.lock`: the stable ids of a plant's points, beside its text and kept with it under version control.

One line a point, `id name`, in the order of the ids. An id is never given twice: the line of a point that is gone
stays, so that old logs keep their meaning.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from plantctl.core.errors import PlantctlError
from plantctl.plan.plan import Plan

LOCK_NAME = "plantctl.lock"
RESTORE = "take it from version control again"
HEADER = "# stable ids of this plant's points; written by plantctl run, keep it with the plant\n"


class LockDamaged(PlantctlError):
    """The lock cannot be read or written; the message names file and line."""


def lock_path(plant: Path) -> Path:
    """The lock of the plant at `plant`, its root file or its folder."""
    return (plant if plant.is_dir() else plant.parent) / LOCK_NAME


def read_ids(path: Path) -> dict[str, int]:
    """The ids by name; empty where there is no lock yet. Raises `LockDamaged`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise LockDamaged(f"{path} cannot be read: {why}; {RESTORE}") from error
    ids: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        text, _, name = line.partition(" ")
        if not text.isdigit() or not 0 < int(text) < 2**32 - 1 or not name or name in ids:
            raise LockDamaged(f"{path}:{number}: `{line}` is not `id name`, or the name stands twice; {RESTORE}")
        ids[name] = int(text)
    if len(set(ids.values())) != len(ids):
        raise LockDamaged(f"{path}: an id stands twice; {RESTORE}")
    return ids


def write_ids(path: Path, plan: Plan, known: Mapping[str, int]) -> bool:
    """Add the plan's new points to the lock; whether there were any. The file is replaced whole.

    Raises `LockDamaged` where it cannot be written.
    """
    ids = {**known, **{p.name: p.id for p in plan.points if p.name}}
    if ids == known:
        return False
    text = HEADER + "".join(f"{number} {name}\n" for name, number in sorted(ids.items(), key=lambda item: item[1]))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        why = (error.strerror or str(error)).lower()
        raise LockDamaged(f"{path} cannot be written: {why}; copy the plant to a folder of yours") from error
    return True
