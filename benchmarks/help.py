"""How long a person waits for help: CPU of `plantctl --help` and of each verb's. Goal: below 0.3 s."""

import resource
import subprocess
import sys
from pathlib import Path

from plantctl.cli.main import VERBS

GOAL_S = 0.3
TIMES = 5


def cpu_s(*arguments):
    """The least CPU, user and system, of some runs."""
    least = float("inf")
    for _ in range(TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, "-m", "plantctl", *arguments, "--help"]
        subprocess.run(line, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def main():
    worst = 0.0
    for arguments in ((), *((verb,) for verb in VERBS)):
        found = cpu_s(*arguments)
        worst = max(worst, found)
        print(f"plantctl {' '.join((*arguments, '--help')):18} {found:.3f} s CPU")
    print(f"worst {worst:.3f} s, goal {GOAL_S} s")
    return 0 if worst < GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
