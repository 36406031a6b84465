"""Where plants keep their state: one folder a plant in `$PLANTCTL_STATE`, by default in the user's state folder."""

import os
import re
from pathlib import Path
from typing import Final

LOG_NAME: Final = "log"
HISTORY_NAME: Final = "history"


def state_root(root: Path | None = None) -> Path:
    """Where the state folders of all plants of this user are: `root`, `$PLANTCTL_STATE`, or the user's state folder."""
    if root is not None:
        return root
    user = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "plantctl"
    return Path(os.environ.get("PLANTCTL_STATE") or user)


def folder_of(plant: str, root: Path | None = None) -> Path:
    """The state folder of the plant called `plant`; characters that do not belong in a file name become `-`."""
    return state_root(root) / (re.sub(r"[^A-Za-z0-9_.-]+", "-", plant).strip("-.") or "plant")


def records_beside(folder: Path) -> str:
    """A hint where a plant has no record in `folder`: the plants beside it that have one, or empty where none has."""
    try:
        names = sorted(p.parent.name for p in folder.parent.glob(f"*/{LOG_NAME}"))
    except OSError:
        return ""
    return f"; there are records of {', '.join(names)}" if names else ""
