"""How punctual the scan is while something goes on beside it, and cyclictest in the same seconds.

A scan of 10 ms on a machine of which others have a share is late by what they take, whatever goes on beside it; so
each span is measured several times in turn with the others, and beside each cyclictest runs with the scan's priority
and period, woken half a period after it: what it finds is the limit of this machine in those seconds.
"""

import signal
from contextlib import contextmanager
from statistics import median

import numpy as np

from benchmarks._split_plant import PERIOD_NS, cyclictest, cyclictest_latencies, instants
from benchmarks.scan_lateness import PRIORITY, SHARES, of_cyclictest, scan_lateness
from plantctl.core.clock import RealClock

CLOCK = RealClock()
LONGEST_S = 3600
FACTOR, WIDTH_US = 2.0, 20.0
JUDGED = ("p50_us", "p99_us")


class Spans:
    """The spans of a plant by the name of what went on, in the order they were."""

    def __init__(self, plant, folder):
        self.plant, self.folder = plant, folder
        self.schedule = instants(plant)
        self.found = {}

    @contextmanager
    def span(self, name):
        """Measure while the block runs, as one more span of this name."""
        each = self.found.setdefault(name, [])
        file = self.folder / f"{name}-{len(each)}.json"
        phase_ns = (self.schedule.origin_ns + self.schedule.phase_ns + PERIOD_NS // 2) % PERIOD_NS
        peer = cyclictest(LONGEST_S, PRIORITY, phase_ns // 1000, file)
        begin_ns = CLOCK.monotonic_ns()
        try:
            yield
        finally:
            end_ns = CLOCK.monotonic_ns()
            peer.send_signal(signal.SIGINT)  # it tells what it found so far
            assert peer.wait(30) == 0, "cyclictest failed; it needs root"
        each.append((begin_ns, end_ns, of_cyclictest(cyclictest_latencies(file))))

    def lateness(self):
        """Of each name the medians over its spans, us: the scan's and cyclictest's; missed scans are added up."""
        frames = self.plant.frames()
        told = {}
        for name, spans in self.found.items():
            scans = [scan_lateness(frames, self.schedule, begin_ns, end_ns) for begin_ns, end_ns, _ in spans]
            told[name] = {
                "spans": len(spans),
                "missed": sum(missed for _, missed in scans),
                **{share: round(median(quantile_us(late, at) for late, _ in scans), 1) for share, at in SHARES.items()},
                "cyclictest": {share: median(peer[share] for *_, peer in spans) for share in SHARES},
            }
        return told


def quantile_us(lateness_ns, share):
    """A quantile of latenesses, us."""
    return float(np.quantile(lateness_ns, share)) / 1e3


def unchanged(told, beside, without):
    """Whether the scan is as punctual `beside` as `without`: median and p99 at most twice and 20 us.

    By as much as cyclictest is later in the same seconds, the machine is: twice of that.
    """
    for share in JUDGED:
        machine = max(1.0, told[beside]["cyclictest"][share] / max(told[without]["cyclictest"][share], 1.0))
        if told[beside][share] > FACTOR * machine * told[without][share] + WIDTH_US:
            return False
    return True
