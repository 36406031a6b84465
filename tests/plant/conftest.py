"""What the tests of the plant share: circuit A whole and at work, and the command line called in a test's process."""

import pytest

from plantctl.log.storage import FolderStorage
from tests.plant.whole_circuit import WholeCircuit


@pytest.fixture
def circuit(tmp_path):
    """Circuit A, new for each test, started by its text: at work at 85 A a cell. A module may let it run on first."""
    made = WholeCircuit(FolderStorage(tmp_path))
    made.start_by_text()
    yield made
    made.close()


@pytest.fixture
def signals_stay(monkeypatch):
    """The command line sets signals for its own child; here it is called."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
