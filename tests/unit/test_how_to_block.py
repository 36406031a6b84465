"""The how-to's block and its situation, taken from the page and run as a reader would have them."""

import re
import sys
from pathlib import Path

import pytest

import plantctl.blocks
from plantctl.plan import kind as kinds
from tests.arch.block_rules import breaches
from tests.cases.test_exec_cases import run_exec
from tests.properties import test_blocks_hostile as hostile

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-block.md"
FILES = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
BLOCK = FILES["plantctl/blocks/totalizer.py"]
SITUATION = "tests/cases/blocks/totalizer/flow-lost-for-a-second"


@pytest.fixture
def block_in_place(tmp_path, monkeypatch):
    """The file where the registry finds it, beside the shipped ones."""
    folder = tmp_path / "blocks"
    folder.mkdir()
    (folder / "totalizer.py").write_text(BLOCK, encoding="utf-8")
    monkeypatch.setattr(plantctl.blocks, "__path__", [*plantctl.blocks.__path__, str(folder)])
    kinds.kind_names.cache_clear()
    yield
    kinds.kind_names.cache_clear()
    sys.modules.pop("plantctl.blocks.totalizer", None)
    vars(plantctl.blocks).pop("totalizer", None)


def test_the_page_shows_the_block_and_a_whole_situation():
    shown = {Path(name).name for name in FILES if name.startswith(SITUATION)}
    assert shown == {"plant.yaml", "in.csv", "case.yaml", "out.csv", "ev.csv"}
    assert breaches("totalizer", BLOCK) == []


@pytest.mark.usefixtures("block_in_place")
@pytest.mark.parametrize("mode", ["--interpreted", "--compiled"])
def test_the_readers_situation_gives_what_the_page_says(tmp_path, mode):
    for name, text in FILES.items():
        if name.startswith(SITUATION):
            (tmp_path / Path(name).name).write_text(text, encoding="utf-8")
    folder = tmp_path / "made"
    folder.mkdir()
    out, events = run_exec(tmp_path, folder, mode)
    assert out == FILES[f"{SITUATION}/out.csv"]
    assert events == FILES[f"{SITUATION}/ev.csv"]


@pytest.mark.usefixtures("block_in_place")
def test_the_readers_block_stands_the_storm(monkeypatch, compile_cache):
    monkeypatch.setattr(hostile, "SCANS", 100)
    hostile.test_a_storm_leaves_no_bit_of_difference_and_nothing_that_is_not_finite("totalizer", compile_cache)
    hostile.test_after_the_storm_the_block_comes_back("totalizer", compile_cache)
