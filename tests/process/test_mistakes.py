"""A mistake of ours in any process of a plant (F28): the process ends with it, says where, and another one begins
at once. The plant is one without devices in its real processes; what a death means to devices is told by
test_planned_deaths, and how long a process takes to be back by the campaign `planned-deaths`.
"""

import json
import os
import signal

import pytest

from plantctl.app.split.segments import CHILDREN
from plantctl.app.state_folder import LOGS_NAME, SOCKET_NAME
from tests.process.command_rig import ROOT, bench, running, wait
from tests.process.split_rig import MISHAPS, READY, Split
from tests.process.test_run_split_process import QUIET


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    state, text = folder / "state", bench(folder / "plant")
    path = os.pathsep.join((str(ROOT), str(MISHAPS)))
    with running("run", text, "--topology", "split", *QUIET, state=state, PYTHONPATH=path) as child:
        made = Split(child, state, None, text)
        made.folder = state / "Bench"
        wait((made.folder / SOCKET_NAME).exists, child=child)
        made.wait(lambda: all(made.segment(role).state == READY for role in CHILDREN))
        yield made
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)


@pytest.mark.parametrize("role", CHILDREN)
def test_a_process_that_makes_a_mistake_says_where_and_is_replaced_at_once(plant, role):
    generation = plant.segment(role).generation
    others = {other: plant.pid(other) for other in CHILDREN if other is not role}
    pid = plant.send(role, signal.SIGTRAP)
    plant.wait(lambda: plant.replaced(role, pid, generation), what=f"the other {role} does not become ready")
    lines = (plant.folder / LOGS_NAME / "supervisor.jsonl").read_text().splitlines()
    noted = [json.loads(line)["message"] for line in lines]
    # On a busy machine somebody may have stood still for so long that the supervisor killed it: that is no mistake, and
    # who died before waits a little when it dies again.
    starved = {each.partition(" ")[0] for each in noted if " stood still for " in each}
    deaths = [each for each in noted if each.startswith(f"{role} ") and "; it is started again " in each]
    assert deaths[-1].startswith(f"{role} ended with code"), deaths
    assert deaths[-1].endswith(" at once") or role in starved, deaths
    said = (plant.folder / LOGS_NAME / f"{role}.jsonl").read_text()
    assert "Mistake: made by a test" in said
    died = {other for other, before in others.items() if plant.pid(other) != before}
    assert died <= starved, f"another process died with it: {noted[-8:]}"
