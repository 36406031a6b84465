"""`plantctl exec`: run a compiled plan over recorded inputs; for acceptance tests, what-ifs and third parties."""

import argparse
from pathlib import Path

from plantctl.cli.plant_text import add_plant_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("--inputs", type=Path, metavar="IN.csv", help="time_s,tag,value,quality")
    parser.add_argument("--commands", type=Path, metavar="CMD.csv", help="time_s,command,target,value,actor,reason")
    parser.add_argument("--until", metavar="TIME", help="last scan at most at this time, as in 60s or 100 ms")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.csv", help="one row a scan")
    parser.add_argument("--events", type=Path, metavar="EV.csv", help="transitions, commands and refusals")
    parser.add_argument("--record", metavar="TAG,...", help="the columns, in this order (default: every tag)")
    parser.add_argument("--quality", action="store_true", help="a column TAG.quality beside each")
    parser.add_argument("--ages", action="store_true", help="let held inputs grow stale")
    parser.add_argument("--from", dest="log", type=Path, metavar="LOG", help="replay the latched inputs of a log")
    parser.add_argument("--run", type=int, metavar="N", help="run of the log, 1 is the oldest (default: the newest)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--interpreted", action="store_true", help="step the blocks as plain Python")
    mode.add_argument("--compiled", action="store_true", help="step the blocks compiled")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.cli import offline

    return offline.run(arguments)
