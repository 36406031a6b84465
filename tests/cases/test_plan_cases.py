"""Every folder of tests/cases/plan with an error.txt is a plant with findings; error.txt is what `check` prints.

A new case is a folder with a plant.yaml; `PLANTCTL_UPDATE_CASES=1` writes what is printed now, to be read before it is
committed. A folder without error.txt is a good plant and must give no finding.
"""

import os
from pathlib import Path

import pytest

from plantctl.plan.check import diagnose, report

CASES = Path(__file__).parent / "plan"
FOLDERS = sorted(path.parent for path in CASES.glob("*/plant.yaml"))
UPDATE = os.environ.get("PLANTCTL_UPDATE_CASES") == "1"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_findings_of(folder):
    expected = folder / "error.txt"
    shown = report(folder)
    if UPDATE and shown:
        expected.write_text(shown, encoding="utf-8")
    assert shown == (expected.read_text(encoding="utf-8") if expected.exists() else "")


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "five-errors" in f.name], ids=lambda folder: folder.name)
def test_five_errors_are_found_in_one_run(folder):
    assert len(diagnose(folder)) == 5


def test_each_case_is_unlike_the_others():
    """A case that shows what another one shows is noise."""
    texts = [path.read_text(encoding="utf-8") for path in CASES.glob("*/error.txt")]
    assert len(set(texts)) == len(texts) >= 30
