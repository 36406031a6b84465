"""Every folder of tests/cases/plan is a plant whose error.txt is all that the compiler finds in it, as it is shown.

A new case is a folder with a plant.yaml; `PLANTCTL_UPDATE_CASES=1` writes what is shown now, to be read before it is
committed. A folder with a plan.txt instead is a good plant and gives no finding.
"""

import os
from pathlib import Path

import pytest

from plantctl.plan.build import build_path
from plantctl.plan.render import render

CASES = Path(__file__).parent / "plan"
FOLDERS = sorted(path.parent for path in CASES.glob("*/plant.yaml"))
UPDATE = os.environ.get("PLANTCTL_UPDATE_CASES") == "1"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_findings_of(folder):
    expected = folder / "error.txt"
    built = build_path(folder)
    shown = render(built.findings, built.texts)
    if UPDATE and shown:
        expected.write_text(shown, encoding="utf-8")
    assert shown == (expected.read_text(encoding="utf-8") if expected.exists() else "")


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "five-errors" in f.name], ids=lambda folder: folder.name)
def test_five_errors_are_found_in_one_run(folder):
    assert len(build_path(folder).findings) == 5


def test_each_case_is_unlike_the_others():
    """A case that shows what another one shows is noise."""
    texts = [path.read_text(encoding="utf-8") for path in CASES.glob("*/error.txt")]
    assert len(set(texts)) == len(texts) >= 30
