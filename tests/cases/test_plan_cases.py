"""Every folder of tests/cases/plan is a plant: error.txt is all that the compiler finds in it, as it is shown; a good
plant has no finding, and its plan.txt is what `explain` says of it.

A new case is a folder with a plant.yaml; `PLANTCTL_UPDATE_CASES=1` writes what is shown now, to be read before it is
committed.
"""

import os
from pathlib import Path

import pytest

from plantctl.plan.build import build_path
from plantctl.plan.codes import CODES
from plantctl.plan.explain import explain_plan
from plantctl.plan.render import render

CASES = Path(__file__).parent / "plan"
FOLDERS = sorted(path.parent for path in CASES.glob("*/plant.yaml"))
UPDATE = os.environ.get("PLANTCTL_UPDATE_CASES") == "1"


def golden(path, shown):
    if UPDATE and shown:
        path.write_text(shown, encoding="utf-8")
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_shown_of(folder):
    built = build_path(folder)
    findings = render(built.findings, built.texts)
    assert findings == golden(folder / "error.txt", findings)
    plan = explain_plan(built.plan) + "\n" if built.plan is not None else ""
    assert plan == golden(folder / "plan.txt", plan)
    assert (built.plan is None) == bool(findings)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "five-errors" in f.name], ids=lambda folder: folder.name)
def test_five_errors_are_found_in_one_run(folder):
    assert len(build_path(folder).findings) == 5


def test_each_case_is_unlike_the_others():
    """A case that shows what another one shows is noise."""
    texts = [path.read_text(encoding="utf-8") for path in CASES.glob("*/error.txt")]
    assert len(set(texts)) == len(texts) >= 90


@pytest.mark.parametrize("code", [code for code in CODES if code >= "PC300"])
def test_every_finding_of_the_linker_has_a_case(code):
    shown = [path.parent.name for path in CASES.glob("*/error.txt") if f" {code} " in path.read_text(encoding="utf-8")]
    assert shown


CLASSES = (
    "syntax",
    "plain",
    "unknown-key",
    "unknown-reference",
    "unit-dimension",
    "two-writers",
    "order-of",
    "algebraic",
)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_of_broken_configuration_has_three_cases(name):
    assert len([folder for folder in FOLDERS if folder.name.startswith(name)]) >= 3
