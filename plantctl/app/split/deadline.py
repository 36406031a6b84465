"""The machine's time for a process without an event loop: read it, and wait for an instant of it.

The kernel waits for an absolute instant (clock_nanosleep), so that a delay before the call does not add to the wait.
"""

import time

# How long before its instant a punctual wait ends its sleep: on the reference machine a sleeper of real-time priority
# is woken 40 to 60 us late by half of all timers and 130 us by one in a hundred (decision 0024).
AHEAD_NS = 100_000


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


def wait_punctually(due_ns: int) -> int:
    """`wait_until` for a process that has a processor when it asks for one: sleeps until shortly before the instant
    and looks at the clock from there on, so that the time a sleeper takes to wake is not lateness.

    Costs up to `AHEAD_NS` of a processor a call; with an instant less far away it does not sleep at all.
    """
    wait_until(due_ns - AHEAD_NS)
    while (now_ns := time.monotonic_ns()) < due_ns:
        pass
    return now_ns
