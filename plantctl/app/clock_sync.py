"""Whether this machine's UTC follows a reference, as the kernel knows it from the time service.

Source: adjtimex(2); the kernel marks the clock unsynchronised 16 s of estimated error after the service fell silent.
"""

import ctypes
from dataclasses import dataclass
from typing import Final

STA_UNSYNC: Final = 0x0040
TIME_ERROR: Final = 5
STA_NANO: Final = 0x2000


class _Timex(ctypes.Structure):
    """`struct timex` of the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    )


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """`locked`: UTC follows a reference; `offset_ns` what the service still corrects, `error_ns` its largest error."""

    locked: bool
    offset_ns: int
    error_ns: int


class ClockService:
    """Asks the kernel; one object, since it keeps its memory. A call takes about a microsecond and never waits."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timex = _Timex()
        self._pointer = ctypes.byref(self._timex)

    def look(self) -> Synchronisation:
        """How the clock stands now; unlocked where the kernel does not tell."""
        timex = self._timex
        timex.modes = 0
        answer = int(self._libc.adjtimex(self._pointer))
        locked = answer >= 0 and answer != TIME_ERROR and not timex.status & STA_UNSYNC
        unit_ns = 1 if timex.status & STA_NANO else 1000
        return Synchronisation(locked, int(timex.offset) * unit_ns, int(timex.maxerror) * 1000)
