"""What the tests of sinks have in common: a place, labels and batches by hand."""

from dataclasses import replace

import numpy as np

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.event import Event, EventKind
from plantctl.core.quality import GOOD
from plantctl.sinks._sink import SinkPlace

NAN = float("nan")
T0 = 1_763_877_600_000_000_000  # 2025-11-23T06:00:00Z
LABELS = {
    3: PointLabel("40-TI-4216", "degC", "catholyte", low=0.0, high=150.0),
    4: PointLabel("40-XI-4216", "", "pump runs", whole=True, low=0.0, high=1.0, words=("stopped", "running")),
    5: PointLabel("TIC-4216.mode", "", "", whole=True, words=("oos", "iman", "man", "auto")),
    6: PointLabel("scan.count", "", "", whole=True),
}


def place(labels=None, **more):
    """Where the sink of a test stands."""
    return SinkPlace("cloud", "bench", LABELS if labels is None else labels, RealClock(), **more)


def batch(*rows, events=(), first=1, historical=False):
    """Rows are (seconds behind T0, point, value[, quality[, source ns]])."""
    filled = [(*row, *(GOOD, 0)[len(row) - 3 :]) for row in rows]
    time_s, tag, value, quality, source = zip(*filled, strict=True) if filled else ((),) * 5
    return Batch(
        first,
        first + max(0, len(filled) - 1),
        np.array([T0 + round(t * 1e9) for t in time_s], np.int64),
        np.array(tag, np.uint32),
        np.array(value, np.float64),
        np.array(quality, np.uint16),
        np.array(source, np.int64),
        tuple(events),
        tuple(first + i for i in range(len(events))),
        historical,
    )


def alarm(time_s, target="40-TI-4216.high", **more):
    """A transition into an alarm."""
    event = Event(EventKind.ALARM, 7, 0, T0 + round(time_s * 1e9), target, 0.0, 1.0, ("normal", "active"))
    return replace(event, **more)
