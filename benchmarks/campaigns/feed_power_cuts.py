"""Cuts the power of a machine that records and feeds, 10,000 times at operations and with luck of its own each.

`make campaign NAME=feed-power-cuts` or `python -m benchmarks.campaigns.feed_power_cuts [CUTS]`. After each cut the
machine starts again: every durable row must be in the log and at the peer, none there that is not in the log.
"""

import sys
import time
from random import Random

from benchmarks._record import record
from tests.properties.test_feed_power_cuts import cut


def main():
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    chance, went, began_s = Random(5), 0, time.monotonic()
    for number in range(cuts):
        went += cut(chance.randint(0, 246), seed=number)
    seconds = round(time.monotonic() - began_s)
    record("feed-power-cuts", {"cuts": cuts, "power_went": went, "lost": 0, "refused_starts": 0, "seconds": seconds})


if __name__ == "__main__":
    main()
