"""The machine's time for a process without an event loop: read it, and wait for an instant of it.

The kernel waits for an absolute instant (clock_nanosleep), so that a delay before the call does not add to the wait.
"""

import time


def monotonic_ns() -> int:
    """Nanoseconds that never go back; the same line for all processes of the machine."""
    return time.monotonic_ns()


def utc_ns() -> int:
    """Nanoseconds since 1970-01-01 UTC, as the machine believes."""
    return time.time_ns()


def wait_until(due_ns: int) -> int:
    """Return at or after the instant, never before, and what time it is then; at once for one that has passed.

    A signal is handled meanwhile.
    """
    while (now_ns := time.monotonic_ns()) < due_ns:
        time.sleep((due_ns - now_ns) / 1e9)
    return now_ns
