"""The plant that the benchmark of history records: noisy, slow and resting tags, and what they did, scan by scan.

40 % of the tags are noisy measurements of two decimals, 30 % move slowly, 30 % rest. The same tags, values and times
for everybody who stores them.
"""

import math
import time

import numpy as np

S = 1_000_000_000
NOISE, STEP = 0.05, 0.01
NOISY_SHARE = 0.4
# What the noise alone holds, whatever keeps it: the entropy of a normal distribution in steps, for the noisy tags.
NOISE_BYTES_SAMPLE = NOISY_SHARE * math.log2(NOISE / STEP * math.sqrt(2 * math.pi * math.e)) / 8
UTC_NS = 1_700_000_000 * S  # in the past at any desk: a database may refuse what comes from the future


class Signals:
    """The columns of a plant: noisy, slow and resting tags in turn."""

    def __init__(self, tags, hertz, with_source=False):
        self.tags, self.hertz = tags, hertz
        self.inputs = tags if with_source else 0
        self.chance = np.random.default_rng(1)
        self.kind = np.arange(tags) % 10
        self.noisy = np.flatnonzero(self.kind < 4)
        self.slow = np.flatnonzero((self.kind >= 4) & (self.kind < 7))
        self.base = self.chance.uniform(10, 90, tags)
        self.period_s = self.chance.uniform(300, 3000, tags)
        self.value = np.round(self.base, 2)
        self.quality = np.zeros(tags, np.uint16)
        self.receive_ns = np.zeros(tags, np.int64)
        self.source_ns = np.zeros(tags, np.int64)

    def move(self, scan):
        """The next scan; returns which tags changed."""
        before = self.value.copy()
        t = scan / self.hertz
        self.value[self.noisy] = np.round(
            self.base[self.noisy] + NOISE * self.chance.standard_normal(len(self.noisy)), 2
        )
        turn = 2 * np.pi * t / self.period_s[self.slow]
        self.value[self.slow] = np.round(self.base[self.slow] + 5 * np.sin(turn), 2)
        changed = np.flatnonzero(before.view(np.int64) != self.value.view(np.int64))
        if self.inputs:
            jitter_ms = self.chance.integers(-20, 20, len(changed))
            self.source_ns[changed] = UTC_NS + scan * S // self.hertz + jitter_ms * 1_000_000
        return changed


class Moves:
    """What such a plant did, kept: for each scan its UTC, which tags changed, and the values of all."""

    def __init__(self, tags, hertz, seconds):
        self.tags, self.hertz, self.seconds = tags, hertz, seconds
        signals = Signals(tags, hertz)
        scans = range(1, hertz * seconds + 1)
        self.utc_ns = [UTC_NS + number * S // hertz for number in scans]
        self.values = np.empty((len(scans), tags))
        self.which = []
        for k, number in enumerate(scans):
            self.which.append(signals.move(number))
            self.values[k] = signals.value
        self.points = sum(len(which) for which in self.which)
        self.samples = tags * len(scans)

    def of(self, tag, every):
        """Time and value of one tag's points, or of its samples."""
        rows = range(len(self.utc_ns)) if every else np.flatnonzero([tag in which for which in self.which]).tolist()
        return [(self.utc_ns[row], float(self.values[row, tag])) for row in rows]


class Spent:
    """Time that went by, and CPU of this process, in blocks of `with`."""

    def __init__(self):
        self.wall_s = self.cpu_s = 0.0

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()

    def __exit__(self, *error):
        self.wall_s += time.perf_counter() - self.begin[0]
        self.cpu_s += time.process_time() - self.begin[1]


def timed(call, repeats):
    """The median time in ms of a call, and what it gave last."""
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        found = call()
        took.append((time.perf_counter() - begin) * 1e3)
    return round(float(np.median(took)), 4), found


def noisy(tags):
    """Tags that move in nearly every scan, but for the first."""
    return [tag for tag in range(1, tags) if tag % 10 < 4]
