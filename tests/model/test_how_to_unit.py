"""The how-to's unit, its situation and its plant, taken from the page and run as a reader would have them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

import simulators.units
from tests.arch import tidy
from tests.model.test_units import PARAGRAPHS, breaches
from tests.model.unit_rig import bench, run_file

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-simulated-unit.md"
FILES = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
UNIT = FILES["simulators/units/plate_cooler.py"]
SITUATION = "tests/cases/units/plate_cooler/valve-opens.yaml"


@pytest.fixture
def unit_in_place(tmp_path, monkeypatch):
    (tmp_path / "plate_cooler.py").write_text(UNIT, encoding="utf-8")
    monkeypatch.setattr(simulators.units, "__path__", [*simulators.units.__path__, str(tmp_path)])
    yield
    sys.modules.pop("simulators.units.plate_cooler", None)
    vars(simulators.units).pop("plate_cooler", None)


def situation(tmp_path, text):
    path = tmp_path / "plate_cooler" / "valve-opens.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.usefixtures("unit_in_place")
def test_the_readers_situation_passes(tmp_path):
    assert run_file(situation(tmp_path, FILES[SITUATION])) == []


@pytest.mark.usefixtures("unit_in_place")
def test_a_situation_that_is_not_met_says_so(tmp_path):
    wrong = yaml.safe_load(FILES[SITUATION])
    wrong["steps"][1]["expect"]["taken_w"] = [10000, 11000]
    (miss,) = run_file(situation(tmp_path, yaml.safe_dump(wrong)))
    assert re.match(r"step 2: taken_w is 6\d+.*, expected 10000 to 11000", miss)


@pytest.mark.usefixtures("unit_in_place")
def test_the_readers_plant_runs_and_cools(tmp_path, capsys):
    """Interpreted here: that a unit which keeps the rules compiles is what the rules are for."""
    text = FILES["with_cooler.py"].replace("sheet=sheet", "sheet=sheet, compiled=False")
    path = tmp_path / "with_cooler.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("with_cooler", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    watts, celsius = re.match(r"(\d+) W, tank ([\d.]+) degC", capsys.readouterr().out).groups()
    assert 500 < int(watts) < 1500
    assert 38.5 < float(celsius) < 40.0


@pytest.mark.usefixtures("unit_in_place")
def test_the_readers_unit_compiles_with_the_same_bits():
    runs = [bench("plate_cooler", yaml.safe_load(FILES[SITUATION])["values"], compiled=way) for way in (True, False)]
    for plant in runs:
        plant.set_field("unit.valve", 0.3)
        plant.run(2.0)
    assert runs[0].snapshot().tobytes() == runs[1].snapshot().tobytes()


def test_the_readers_files_keep_the_house_rules():
    assert breaches(UNIT) == []
    assert [word for word in PARAGRAPHS if f"\n{word}" not in UNIT] == []
    for path, text in FILES.items():
        assert list(tidy.banned_words(path, text)) == []
        assert list(tidy.banned_calls(path, text)) == []
