"""A mistake to be made on demand: in a process of a plant whose PYTHONPATH holds this folder, SIGUSR2 blocks the loop.

Python imports it by its name before anything else. The signal runs between two steps of whatever the process does, as
a call does that should not have been there.
"""

import signal
import sys
import threading

BLOCKED_S = 5.0


def stand_still_here(_number, _frame):
    """Nothing else runs in this thread until the time is over."""
    threading.Event().wait(BLOCKED_S)


if "plantctl.app.split.entry" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, stand_still_here)
