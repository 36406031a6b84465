"""The how-to's driver and its test, taken from the page and run as a reader would have them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import plantctl.drivers
from plantctl.drivers._profile import TagAddress, assemble
from tests.arch import tidy

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-driver.md"
FILES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))


@pytest.fixture
def driver_in_place(tmp_path, monkeypatch):
    (tmp_path / "balance_file.py").write_text(FILES["plantctl/drivers/balance_file.py"], encoding="utf-8")
    monkeypatch.setattr(plantctl.drivers, "__path__", [*plantctl.drivers.__path__, str(tmp_path)])
    yield
    monkeypatch.delitem(sys.modules, "plantctl.drivers.balance_file", raising=False)


@pytest.mark.usefixtures("driver_in_place")
def test_the_readers_test_passes(tmp_path):
    path = tmp_path / "test_balance_file.py"
    path.write_text(FILES["tests/wire/test_balance_file.py"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("how_to_driver_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (test,) = [f for name, f in vars(module).items() if name.startswith("test_")]
    test(tmp_path)


@pytest.mark.usefixtures("driver_in_place")
def test_a_plant_finds_the_driver_by_its_name_and_is_checked_by_it():
    settings = {"connect": "/srv/balance/today.csv", "poll": "1 s"}
    tag = TagAddress("50-WI-5001", 0, "g", "mass_g")
    plan, problems = assemble(0, "WI-1", "balance_file", settings, [tag], lambda name: None)
    assert (problems, plan.inputs[0].config["column"]) == ([], "mass_g")
    output = TagAddress("50-WC-5001", 0, "g", "mass_g", write=True)
    _, (problem,) = assemble(0, "WI-1", "balance_file", settings, [output], lambda name: None)
    assert (problem.tag, problem.what) == ("50-WC-5001", "a file of readings cannot be written")


def test_the_readers_files_keep_the_house_rules():
    for path, text in FILES.items():
        assert list(tidy.banned_words(path, text)) == []
        assert list(tidy.banned_calls(path, text)) == []
