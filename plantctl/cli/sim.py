"""`plantctl sim`: the simulated plant in its own process, and faults on one that runs."""

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything behind `sim` is the simulator's own."""
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="arguments of the simulator; try: plantctl sim --help")


def run(arguments: argparse.Namespace) -> int:
    """Become the simulator: the control code never imports it, it is started by name."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "simulators", *arguments.rest])
