"""Every folder of tests/cases with an in.csv is a plant, what happened to it, and what `exec` must make of it.

`case.yaml` says why the case exists, `until` when it runs, what is recorded, and further options of the verb; `cmd.csv`
holds commands if there are any. The verb runs twice, with interpreted and with compiled blocks: both must write the
bytes of `out.csv` and `ev.csv`. `PLANTCTL_UPDATE_CASES=1` writes what the interpreted blocks give now, to be read
before it is committed.
"""

import argparse
import os
from pathlib import Path

import pytest
import yaml

from plantctl.cli import exec as exec_verb
from plantctl.plan.kind import kind_names

CASES = Path(__file__).parent
FOLDERS = sorted(path.parent for path in CASES.rglob("in.csv"))
KEYS = {"why", "until", "record", "options"}
UPDATE = os.environ.get("PLANTCTL_UPDATE_CASES") == "1"
MODES = ["--interpreted"] if UPDATE else ["--interpreted", "--compiled"]


def run_exec(folder, out, *options):
    """Run the verb on a case; the two files it wrote."""
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    assert case.keys() <= KEYS, f"a case knows {sorted(KEYS)}"
    assert case["why"]
    given = [str(folder / "plant.yaml"), "--inputs", str(folder / "in.csv"), "--until", case["until"]]
    given += ["--out", str(out / "out.csv"), "--events", str(out / "ev.csv"), *case.get("options", ()), *options]
    if (folder / "cmd.csv").exists():
        given += ["--commands", str(folder / "cmd.csv")]
    if "record" in case:
        given += ["--record", ",".join(case["record"])]
    parser = argparse.ArgumentParser()
    exec_verb.add_arguments(parser)
    assert exec_verb.run(parser.parse_args(given)) == 0
    return (out / "out.csv").read_text(encoding="utf-8"), (out / "ev.csv").read_text(encoding="utf-8")


def expected(path):
    """What a case must give; a new case has none yet."""
    assert path.exists(), f"no {path.name} yet: PLANTCTL_UPDATE_CASES=1 writes it, to be compared by hand"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(CASES)))
def test_what_exec_makes_of(folder, mode, tmp_path, capsys):
    out, events = run_exec(folder, tmp_path, mode)
    if UPDATE:
        (folder / "out.csv").write_text(out, encoding="utf-8")
        (folder / "ev.csv").write_text(events, encoding="utf-8")
    assert out == expected(folder / "out.csv")
    assert events == expected(folder / "ev.csv")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", kind_names())
def test_every_block_has_a_situation(kind):
    assert [folder for folder in FOLDERS if folder.parent == CASES / "blocks" / kind], (
        f"tests/cases/blocks/{kind}: none"
    )
