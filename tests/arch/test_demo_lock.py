"""The ids of the plants that are run from their folder are kept with their text."""

from pathlib import Path

import pytest

from plantctl.app.id_lock import lock_path, read_ids
from plantctl.plan.build import build_path

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", ["config/demo", "tests/plant/one_cell"])
def test_the_lock_holds_every_point_so_that_running_the_plant_changes_no_file(folder):
    known = read_ids(lock_path(ROOT / folder))
    plan = build_path(ROOT / folder, known).plan
    assert plan is not None
    missing = [p.name for p in plan.points if p.name and p.name not in known]
    assert not missing, f"run plantctl once and commit {lock_path(ROOT / folder)}: {missing}"
