"""A plant that records, seals and removes old log files as fast as it can, to be killed: `python -m ... FOLDER RUN`.

In every scan one tag counts up, `RUN * 1,000,000 + scan`. After each commit the last count that is on disk is told on
standard output, as eight bytes, so that whoever killed it knows what must be there.
"""

import sys
from pathlib import Path
from random import Random

from plantctl.core.keeping import Keeping
from plantctl.history.upkeep.seal import sealed_through
from plantctl.log.storage import FolderStorage
from tests.history_bench import SCAN_NS, Plant

COUNTED = 5  # the row of the tag that counts, B-3
RUN = 1_000_000


def main(folder, run):
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    plant = Plant(
        Random(run),
        log,
        sealed,
        file_bytes=20_000,
        floor=sealed_through(sealed),
        mono_ns=run * 10_000 * SCAN_NS,
        span_ns=40 * SCAN_NS,
        keeping=Keeping(log_bytes=60_000),
        follow_ns=0,
    )
    while True:
        for _ in range(8):
            plant.value[COUNTED] = run * RUN + plant.count + 1
            plant.scan()
        plant.keep()
        sys.stdout.buffer.write((run * RUN + plant.count).to_bytes(8, "little"))
        sys.stdout.flush()
        for _ in range(40):
            plant.sealer.turn(plant.recorder.durable_sequence, plant.mono_ns)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
