"""Reads the plant that a verb is about, the same way for each: its text, and the stable ids beside it.

The compiler is imported only when it is needed: every `--help` is quick.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plantctl.core.errors import PlantctlError

if TYPE_CHECKING:
    from plantctl.plan.build import Build


class PlantMissing(PlantctlError):
    """There is no plant where one was named; the message says what was looked for."""


def add_plant_text(parser: argparse.ArgumentParser) -> None:
    """The argument that names a plant's text."""
    parser.add_argument("plant", type=Path, metavar="PLANT", help="plant.yaml, or the folder that holds it")


def known_ids(plant: Path) -> Mapping[str, int]:
    """The stable ids beside the plant's text. Raises `PlantMissing` or `LockDamaged`."""
    from plantctl.app.id_lock import lock_path, read_ids
    from plantctl.plan.check import ROOT

    root = plant / ROOT if plant.is_dir() else plant
    if not root.exists():
        raise PlantMissing(f"there is no plant at {root}: name a plant.yaml or the folder that holds one")
    return read_ids(lock_path(plant))


def read_plant(plant: Path) -> "Build":
    """Build the plant at `plant`. Raises `PlantMissing` or `LockDamaged`; what is wrong with its text is in `Build`."""
    from plantctl.plan.build import build_path

    return build_path(plant, known_ids(plant))
