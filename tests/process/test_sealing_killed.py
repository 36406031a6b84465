"""SIGKILL at any moment of recording, sealing and removing old log files: what was durable is there, once.

The campaign `sealing_kills` does it some hundred times, and measures how long the record takes to open afterwards.
Takes a second a kill: each starts a Python with numpy.
"""

from random import Random

import pytest

from tests.process.sealing_kills import kill_once, look


@pytest.mark.timeout(240)
def test_a_plant_that_seals_is_killed_again_and_again(tmp_path):
    draw = Random(1)
    told = []
    for run in range(1, 6):
        told.append(kill_once(tmp_path, run, 12, draw.uniform(0, 0.05)))
        _, sealed = look(tmp_path, told)
    assert sealed >= 5
    assert len(list((tmp_path / "log").glob("*.log"))) < 12, "old log files were removed meanwhile"
