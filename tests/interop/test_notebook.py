"""The notebook of docs/how-to runs on a record of the plant, and shows what it shows there.

`PLANTCTL_WRITE_GOLDEN=1` writes it anew from `look-at-a-campaign.py` beside it. The record takes 5 s: a start-up, three
runs and their ends are 18 minutes of plant.
"""

import json
import os
from pathlib import Path

from tests.notebook_bench import run, written
from tests.plant.recorded_days import RecordedDays

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
SOURCE, NOTEBOOK = HOW_TO / "look-at-a-campaign.py", HOW_TO / "look-at-a-campaign.ipynb"


def runs(folder):
    """Three runs of a cell; in the third the feed is stronger than the laboratory's value."""
    circuit = RecordedDays(folder, seed=3)
    circuit.operate()
    circuit.run(280.0)
    for current_a, stronger in ((60, False), (85, True)):
        circuit.command("set", "40-IC-4010", 0)
        circuit.run(70.0)
        if stronger:
            circuit.inject("feed-strength", percent=10.0)
        circuit.command("set", "40-IC-4010", current_a)
        circuit.run(300.0)
    circuit.command("set", "40-IC-4010", 0)
    circuit.run(30.0)
    circuit.finish()


def test_the_notebook_is_what_it_shows(tmp_path, monkeypatch):
    runs(tmp_path / "state" / "demo")
    monkeypatch.setenv("PLANTCTL_STATE", str(tmp_path / "state"))
    made = run(SOURCE.read_text(encoding="utf-8"), tmp_path)
    if os.environ.get("PLANTCTL_WRITE_GOLDEN"):
        NOTEBOOK.write_text(written(made), encoding="utf-8")
    kept = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for here, there in zip(made["cells"], kept["cells"], strict=True):
        assert here == there
    assert made == kept
