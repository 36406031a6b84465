"""The demo's ids are kept with its text."""

from pathlib import Path

from plantctl.app.id_lock import lock_path, read_ids
from plantctl.plan.build import build_path

DEMO = Path(__file__).resolve().parents[2] / "config" / "demo"


def test_the_demos_lock_holds_every_point_so_that_running_it_changes_no_file():
    known = read_ids(lock_path(DEMO))
    plan = build_path(DEMO, known).plan
    assert plan is not None
    missing = [p.name for p in plan.points if p.name and p.name not in known]
    assert not missing, f"run plantctl once and commit {lock_path(DEMO)}: {missing}"
