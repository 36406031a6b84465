"""`plantctl set TAG VALUE`: write a value of the running plant."""

import argparse

from plantctl.cli.command import add_settings, give


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("target", metavar="TAG", help="an output that is in manual, or a set-point (LOOP.sp)")
    parser.add_argument("value", metavar="VALUE", help="a number in the tag's unit, true or false")
    parser.epilog = (
        "examples: plantctl set 40-IC-4010 60\n          plantctl set 40-AIC-4212.sp 7.8 --reason 'batch 12'"
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 4 where the plant refused."""
    return give("set", arguments)
