"""A year of a plant, sealed by the product's own sealer, quickly: what is asked about in `history_spans.py`.

The sealer is given its rows as the columns that it would have read from the log, hour by hour; from there on it is the
sealer of the recorder: gathers, encodes, keeps minutes, writes with fdatasync, renames, and puts quarters of an hour
together. So the files are those that the log would have become, and only the log itself is not there.

The plant scans once a second, and once every ten seconds a year long but for the last day. `T-0` moves with every
second all year, others with every tenth, many rest; on the last day fifty move with every second.
"""

import os
import time

import numpy as np

from plantctl.history.upkeep.seal import Sealer
from plantctl.log.rows import Stretch
from plantctl.log.storage import FolderStorage

S = 1_000_000_000
HOUR_NS = 3600 * S
HOURS = 365 * 24
PLAN = 0xB0B0_B0B0_B0B0_B0B1
UTC_NS = 1_700_000_000 * S // HOUR_NS * HOUR_NS
NOISE = 0.05


class Year:
    """What the tags of a plant did: `hours` of it, the last `busy_hours` with `busy` tags at `hertz`, before it one.

    The same for everybody who asks: each hour is drawn from a seed of its own.
    """

    def __init__(self, hours, busy_hours, busy, hertz=1, slow=4, resting=50):
        self.hours, self.busy_hours, self.busy, self.hertz, self.slow = hours, busy_hours, busy, hertz, slow
        self.tags = max(busy, 1 + slow) + resting
        self.scans_hour = 3600 * hertz
        self.end_ns = UTC_NS + hours * HOUR_NS

    def quick(self, hour):
        """How many tags move with every scan of an hour."""
        return self.busy if hour >= self.hours - self.busy_hours else 1

    def utc_ns(self, hour):
        """The scans of an hour."""
        return UTC_NS + hour * HOUR_NS + np.arange(self.scans_hour) * (S // self.hertz)

    def values(self, hour):
        """What the quick tags measured in each scan of an hour, a row a tag."""
        chance = np.random.default_rng(hour)
        quick = self.quick(hour)
        noise = chance.standard_normal((quick, self.scans_hour), np.float32)
        level = 50 + np.arange(quick)[:, None] + 5 * np.sin(2 * np.pi * hour / 24)
        return np.round(level + NOISE * noise, 2)

    def of(self, tag, begin_hour=0):
        """Time and value of a quick tag from an hour on."""
        hours = range(begin_hour, self.hours)
        return (
            np.concatenate([self.utc_ns(hour) for hour in hours]),
            np.concatenate([self.values(hour)[tag] for hour in hours]),
        )

    def everything(self):
        """Every tag with all that it did: its number, times and values."""
        utc_ns = np.concatenate([self.utc_ns(hour) for hour in range(self.hours)])
        before = (self.hours - self.busy_hours) * self.scans_hour
        of_0 = self.of(0)[1]
        yield 0, utc_ns, of_0
        busy = np.concatenate([self.values(hour) for hour in range(self.hours - self.busy_hours, self.hours)], axis=1)
        for tag in range(1, self.busy):
            slow = slice(0, before if tag <= self.slow else 0, 10)
            values = np.concatenate((np.round(of_0[slow] + tag, 2), busy[tag]))
            yield tag, np.concatenate((utc_ns[slow], utc_ns[before:])), values
        for tag in range(max(self.busy, 1 + self.slow), self.tags):
            yield tag, utc_ns[:1], np.array([float(tag)])

    def stretch(self, hour, sequence):
        """The rows of an hour as the log would tell them, sorted by tag."""
        quick, scans = self.quick(hour), np.arange(self.scans_hour)
        values = self.values(hour)
        places, found = [scans] * quick, [*values]
        tags = list(range(quick))
        for tag in range(quick, 1 + self.slow):
            places.append(scans[::10])
            found.append(np.round(values[0][::10] + tag, 2))
            tags.append(tag)
        if not hour:
            rest = range(tags[-1] + 1, self.tags)
            places += [scans[:1]] * len(rest)
            found += [np.array([float(tag)]) for tag in rest]
            tags += rest
        rows = sum(len(each) for each in places)
        hole = np.zeros(self.scans_hour, np.bool_)
        return Stretch(
            PLAN,
            sequence + 1,
            sequence + self.scans_hour,
            self.utc_ns(hour),
            sequence + 1 + scans,
            hole,
            np.repeat(np.array(tags, np.uint32), [len(each) for each in places]),
            np.concatenate(places),
            np.concatenate(found),
            np.zeros(rows, np.uint16),
            np.zeros(rows, np.int64),
            [],
        )


class _ForcedLater(FolderStorage):
    """A folder whose files are forced to disk all at once, when the year is over."""

    def sync(self, file):
        pass

    def sync_folder(self):
        pass


class _KeepsAll(Sealer):
    """The sealer of a plant that looks for what is too much some other time: here a year passes in a minute."""

    def _trim(self):
        pass


class _Rows:
    """Reads a year as if it were a log."""

    def __init__(self, year):
        self.year = year
        self.hour = self.last_sequence = 0

    def read(self, through):
        while self.hour < self.year.hours and self.last_sequence < through:
            stretch = self.year.stretch(self.hour, self.last_sequence)
            self.hour, self.last_sequence = self.hour + 1, stretch.last_sequence
            yield stretch


def seal_year(year, folder):
    """Seals it into the folder `history` beside a `log` that has the names of its tags; the sealer's turns, s each."""
    names = "".join(f"{tag}\tT-{tag}\tm3/h\t\n" for tag in range(year.tags))
    log = FolderStorage(folder / "log")
    log.names()
    (folder / "log" / f"plan-{PLAN:016x}.txt").write_text(f"plant bench\n\npoints:\n{names}")
    sealer = _KeepsAll(log, _ForcedLater(folder / "history"), span_ns=HOUR_NS - S)  # a file an hour
    sealer.finish(0, 0)
    sealer._rows = _Rows(year)
    frames = year.hours * year.scans_hour
    took, more = [], True
    while more:
        begin = time.perf_counter()
        more = sealer.turn(frames, 0, at_once=True)
        took.append(time.perf_counter() - begin)
    sealer.finish_early(frames, 0)
    assert sealer.status.sealed_sequence == frames, sealer.status
    os.sync()
    return took
