"""Mishaps to be made on demand in the processes of a plant whose PYTHONPATH holds this folder.

SIGUSR2 blocks what the process does, as a call does that should not have been there; SIGTRAP raises what nobody has
thought of in its main thread, wherever that is. The eight bytes of the file that
`MISHAP_CLOCK` names are added to UTC, ns: whoever writes them sets the clock of all processes at once, as a person or
a time service does. Python imports this by its name before anything else.
"""

import mmap
import os
import signal
import struct
import sys
import threading
import time

BLOCKED_S = 5.0


def stand_still_here(_number, _frame):
    """Nothing else runs in this thread until the time is over."""
    threading.Event().wait(BLOCKED_S)


class Mistake(Exception):
    """What nobody has thought of."""


def raise_here(_number, _frame):
    """A mistake in whatever the process does now."""
    raise Mistake("made by a test")


def set_clock(path):
    """From now on UTC is off by what the file says."""
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    true_ns = time.time_ns

    def time_ns():
        return true_ns() + struct.unpack_from("<q", memory)[0]

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


if "plantctl.app.split.entry" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, stand_still_here)
    signal.signal(signal.SIGTRAP, raise_here)
    if "MISHAP_CLOCK" in os.environ:
        set_clock(os.environ["MISHAP_CLOCK"])
