"""A sign of life for another controller: toggles, driven by the scan itself and by nothing else.

    y changes between 0 and 1 every `period`; `count` rises by one at each change

First scan   y is 0.
Bad input    there is none.
Limits       `count` starts again at 0 behind 2^31 - 1.
Reference    IEC 61784-3:2021, 5.3, watchdog; the receiver alarms when no change comes within its time.
Situation    tests/cases/blocks/heartbeat/
"""

from plantctl.core.block import GOOD, Block, Out, Param, Shown, State, param, port, shown

COUNT_MAX = 2147483647


class Heartbeat(Block):
    """One row is one sign of life."""

    y: Out = port("1", "0 or 1", whole=True)
    period: Param[float] = param("s", "time between two changes", above=0.0, default=1.0)
    count: Shown[int] = shown("", "changes so far")
    started: State[bool]
    elapsed_s: State[float]


def step(b: Heartbeat, dt: float) -> None:
    """Forward: change when the period is over."""
    if not b.started:
        b.started = True
        b.y.v = 0.0
        b.y.q = GOOD
        return
    b.elapsed_s += dt
    if b.elapsed_s >= b.period - 1e-9:
        # What ran over is kept, so that the mean period holds when it is no multiple of the scan.
        b.elapsed_s = min(max(b.elapsed_s - b.period, 0.0), b.period)
        b.y.v = 1.0 - b.y.v
        b.count = b.count + 1 if b.count < COUNT_MAX else 0
    b.y.q = GOOD
