"""Kills a plant that records and seals some hundred times: nothing durable is lost, nothing is there twice.

`make campaign NAME=sealing-kills` or `python benchmarks/campaigns/sealing_kills.py [KILLS]` (default 300). After each
kill the history must hold every count that the plant had told to be on disk, each once; how long it took to open stands
in `benchmarks/results/sealing-kills.json`.
"""

import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks._record import record
from tests.process.sealing_kills import kill_once, look


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    draw = Random(7)
    opened_s, sealed, total = [], 0, 0
    while total < kills:
        with tempfile.TemporaryDirectory() as name:
            folder, told = Path(name), []
            for run in range(1, min(50, kills - total) + 1):
                told.append(kill_once(folder, run, draw.randint(1, 30), draw.uniform(0, 0.1)))
                took, sealed_now = look(folder, told)
                opened_s.append(took)
                total += 1
            sealed += sealed_now
    record(
        "sealing-kills",
        {"kills": total, "lost": 0, "doubled": 0, "sealed_files": sealed, "opened_s_max": round(max(opened_s), 4)},
    )


if __name__ == "__main__":
    main()
