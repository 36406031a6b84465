"""Asks this machine for what makes a scan punctual, in a process of its own that ends right after.

`python -m plantctl.app.machine_probe` prints one JSON object: `grants`, one for each wish of `split.realtime`, and
`late_us`, by how many microseconds waking every millisecond came late. What was granted ends with the process. It runs
at real-time priority for a fifth of a second, nearly all of which it sleeps.
"""

if __name__ == "__main__":
    import ctypes

    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: it must not be left behind at that priority

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any, Final

from plantctl.app.split.child import surroundings
from plantctl.app.split.deadline import monotonic_ns, wait_until
from plantctl.app.split.realtime import Wishes, be_punctual

WAKES: Final = 200
PERIOD_NS: Final = 1_000_000
TIME_S: Final = 20.0


def main() -> int:
    """Be the process that asks."""
    grants = [asdict(grant) for grant in be_punctual(Wishes())]
    late_us = []
    due_ns = monotonic_ns()
    for _ in range(WAKES):
        due_ns = max(due_ns + PERIOD_NS, monotonic_ns())
        wait_until(due_ns)
        late_us.append((monotonic_ns() - due_ns) // 1000)
    print(json.dumps({"grants": grants, "late_us": sorted(late_us)}))
    return 0


def ask() -> dict[str, Any] | str:
    """What such a process printed; a sentence where it did not come to its end."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "plantctl.app.machine_probe"],
            capture_output=True,
            text=True,
            timeout=TIME_S,
            check=True,
            env=surroundings(),
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["no word"]
        return f"the probe ended with code {error.returncode}: {last[0]}"
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"the probe failed: {error}"
    return answer


if __name__ == "__main__":
    sys.exit(main())
