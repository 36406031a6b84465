"""`plantctl sim`: the simulated plant in its own process, and faults on one that runs."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def become(arguments: Sequence[str]) -> NoReturn:
    """Become the simulator: the control code never imports it, it is started by name. Its exit code is ours."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "simulators", *arguments])
