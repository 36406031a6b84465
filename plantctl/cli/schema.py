"""`plantctl schema`: the form of a plant's text for an editor, which completes keys and says what they mean."""

import argparse
import json
from pathlib import Path

from plantctl.cli.exit_code import DONE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: to the screen)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code. Raises `OSError` where the file cannot be written."""
    from plantctl.plan.json_schema import plant_schema

    text = json.dumps(plant_schema(), indent=1, ensure_ascii=False)
    if arguments.out is None:
        print(text)
    else:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    return DONE
