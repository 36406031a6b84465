"""What a plant remembers when it is ended and started again, and what it does not do by itself."""

import json
import shutil

import pytest

from plantctl.app.split.segments import Role
from plantctl.log.retained import SLOTS
from tests.process.split_rig import STATE, split

pytestmark = pytest.mark.timeout(300)


def starts(plant):
    """How the scan processes began, in the words of their log."""
    lines = (plant.folder / "logs" / "scan.jsonl").read_text().splitlines()
    return [m for m in (json.loads(line)["message"] for line in lines) if " start: " in m]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The folder of a plant that a person tuned and brought to work, and that has ended in order."""
    folder = tmp_path_factory.mktemp("ended")
    with split(folder) as plant:
        plant.operate()
        plant.done("tune", "40-AIC-4212.gain", "9.5")
        plant.wait(lambda: int(plant.columns(Role.RECORDER)["retained_sequence"][0]) > 0)
        assert starts(plant)[-1].startswith("cold start")
    return folder


@pytest.fixture
def place(ended, tmp_path):
    """A folder with what that plant left behind, for one that is started again."""
    shutil.copytree(ended / "state", tmp_path / "state")
    return tmp_path


def test_a_plant_that_is_started_again_knows_its_tuning_and_modes_but_is_tripped_and_waits_for_a_person(place):
    with split(place) as plant:
        assert starts(plant)[-1].startswith("warm start")
        assert plant.ask({"get": ["40-AIC-4212.gain"]})["points"][0]["value"] == pytest.approx(9.5)
        assert plant.value("40-AIC-4212.mode") in (1.0, 4.0), "auto, or initialising below a held output"
        assert plant.value("E1-01") == 1.0
        assert plant.value("scan.held") == 1.0
        plant.operate()
        assert plant.value("40-AIC-4212.mode") == 4.0
        plant.wait(lambda: plant.ask({"get": ["40-AIC-4212.gain"]})["points"][0]["value"] == pytest.approx(9.5))


def test_a_plant_whose_retained_state_is_damaged_starts_in_manual_and_tripped(place):
    for slot in SLOTS:
        file = place / "state" / STATE / slot
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    with split(place) as plant:
        assert starts(plant)[-1].startswith("stale start")
        plant.wait(lambda: plant.scans() > 20)
        assert plant.ask({"get": ["40-AIC-4212.target"]})["points"][0]["value"] == 3.0
        assert plant.value("E1-01") == 1.0
