"""Flips one bit in each of ten thousand files of a plant's record, and looks at what each costs.

`make campaign NAME=flipped-bits` or `python -m benchmarks.campaigns.flipped_bits [FLIPS]`. Each flip is in a copy of a
record of its own: `plantctl history check` must name the file and only that, no answer may be untrue, one frame of a
log file or one chunk of a sealed one may be missing and nothing for any other file; every second time `--repair` must
give back the rest, every third time the plant and its sink begin on what is left.
"""

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from benchmarks._record import record
from tests.properties.flipped_bits import SHARES, flipped, kinds

PROCESSES = 2


def part(place, first, of):
    """The flips `first`, ..., one kind after the other; what they cost by kind."""
    found = {kind: Counter() for kind in SHARES}
    for number, kind in enumerate(of, first):
        points, events, mended = flipped(place, number, kind)
        cost = found[kind]
        cost["flips"] += 1
        cost["cost_points"] += points > 0
        cost["cost_transitions"] += events > 0
        cost["repairs"] += number % 2
        cost["whole_after_repair"] += mended
    return found


def main():
    flips = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    began_s = time.monotonic()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        of = kinds(flips, Random(5))
        size = -(-flips // PROCESSES)
        work = []
        for number in range(PROCESSES):
            place = Path(name) / str(number)
            place.mkdir()
            work.append((place, number * size, of[number * size : (number + 1) * size]))
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            told = pool.starmap(part, work)
    costs = {kind.strip("."): dict(sum((each[kind] for each in told), Counter())) for kind in SHARES}
    seconds = round(time.monotonic() - began_s)
    figures = {"flips": flips, "found": flips, "untrue": 0, "crashes": 0, "kinds": costs, "seconds": seconds}
    record("flipped-bits", figures)


if __name__ == "__main__":
    main()
