"""How much of what was recorded a plant keeps; what is more goes, the oldest first (`history.upkeep.retention`).

Rules of the file: pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from plantctl.core.recording import Recording


@dataclass(frozen=True, slots=True)
class Keeping:
    """Bytes of the log and of the history, and ns of history; 0 ns for all that has room in the bytes.

    `recording` has the policy of each point that is not kept as scanned, by its stable id.
    """

    log_bytes: int = 2 * 10**9
    history_bytes: int = 20 * 10**9
    history_ns: int = 0
    recording: Mapping[int, Recording] = field(default_factory=dict)
