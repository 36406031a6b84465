"""A client of another make at our OPC UA server: node-opcua, signed and encrypted, with an account.

It runs in a process of its own; it is installed by `make interop` from tests/interop's lock.
"""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from plantctl.app.certificates import trust
from plantctl.app.state_folder import SECURITY_NAME
from plantctl.core.command import Stage
from plantctl.drivers._certificates import read_certificate
from tests.gateway_bench import demo_plan
from tests.opcua_bench import PASSWORD, served
from tests.wire.test_opcua_served_access import accounts, plan_alarms, taken
from tests.wire.test_opcua_served_history import at, record

HERE = Path(__file__).parent
FLOW, SP = "40-FI-4013", "40-AIC-4212.sp"
LIMIT_S = 60.0


async def driven(plant, policy="Basic256Sha256", user="ada"):
    """What the peer tells, by its first word, and what it complained of."""
    folder = plant.peer.folder
    trust(folder, read_certificate(plant.folder / SECURITY_NAME / "own.der"), "plant")
    wanted = {
        "user": user,
        "password": PASSWORD,
        "policy": policy,
        "namespace": "urn:plantctl:plant:circuit-a",
        "flow": FLOW,
        "setpoint": SP,
        "alarm": plan_alarms(plant)[0],
        "begin": at(3).isoformat(),
        "end": at(8).isoformat(),
    }
    (folder / "wanted.json").write_text(json.dumps(wanted))
    assert shutil.which("node"), "the peer needs node: make interop"
    child = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "opcua_client.js"),
        str(folder),
        plant.url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, complained = await asyncio.wait_for(child.communicate(), LIMIT_S)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    found = {}
    for line in told.decode().splitlines():
        if line.startswith("{"):
            said = json.loads(line)
            found[next(iter(said))] = said
    return found, complained.decode()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256_Sha256_RsaPss"])
def test_a_client_of_another_make_browses_reads_subscribes_writes_acknowledges_and_reads_the_past(tmp_path, policy):
    plan = demo_plan()

    async def situation(plant):
        accounts(plant)
        given, answer = taken(plant)
        async with plant.scanning(answer):
            found, complained = await driven(plant, policy)
        assert "past" in found, complained
        assert found["browsed"]["browsed"] == plan.name
        assert {"Tags", "Loops", "Alarms", "Protection", "Commands"} <= set(found["browsed"]["below"])
        read = found["read"]
        assert 0.4 < read["read"] < 0.7
        assert (read["status"], read["timed"], read["high"]) == ("Good", True, 1.0)
        assert (read["unit"], read["number"]) == ("m3/h", 5067080)
        changes = found["changes"]["changes"]
        assert changes == sorted(set(changes))
        assert len(changes) == 8
        assert (found["written"]["written"], found["written"]["refused"]) == ("Good", "BadNotWritable")
        assert (found["called"]["called"], found["called"]["told"][0]) == ("Good", Stage.ACCEPTED.word)
        assert [(c.verb, c.target, c.reason) for c in given] == [
            ("set", SP, "OPC UA, 127.0.0.1"),
            ("ack", plan_alarms(plant)[0], "seen from afar"),
        ]
        assert found["past"]["past"] == [3.0, 4.0, 5.0, 6.0, 7.0]

    record(plan, tmp_path)
    served(plan, tmp_path, situation, secure=True)


@pytest.mark.timeout(150)
def test_a_client_of_another_make_understands_that_it_is_not_let_in(tmp_path):
    async def situation(plant):
        accounts(plant)
        async with plant.scanning():
            found, complained = await driven(plant, user="mallory")
        assert found == {}
        assert "BadUserAccessDenied" in complained

    served(demo_plan(), tmp_path, situation, secure=True)
