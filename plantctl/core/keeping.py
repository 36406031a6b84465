"""How much of what was recorded a plant keeps; what is more goes, the oldest first (`history.retention`).

Rules of the file: pure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keeping:
    """Bytes of the log and of the history, and ns of history; 0 ns for all that has room in the bytes."""

    log_bytes: int = 2 * 10**9
    history_bytes: int = 20 * 10**9
    history_ns: int = 0
