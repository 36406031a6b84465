"""A gateway that is killed: its successor knows what happened, and a command that is given again acts once."""

import os
import signal

import pytest

from plantctl.app.control_client import ControlClient
from tests.process.command_rig import bench, plantctl, running, wait


def pid_of(client, role):
    (found,) = (p["pid"] for p in client.ask({"snapshot": True})["processes"] if p["role"] == role)
    return found


@pytest.mark.timeout(120)
def test_the_next_gateway_knows_the_past_and_a_repeated_command_acts_once(tmp_path):
    state = tmp_path / "state"
    settings = ("--topology", "split", "--interpreted", "--priority", 0, "--no-lock-memory", "--no-awake", "--page", 0)
    path = state / "Bench" / "control.sock"
    with running("run", bench(tmp_path / "plant"), *settings, state=state) as child:
        wait(path.exists, child=child)
        with ControlClient(path) as client:

            def give(value, key):
                asked = {"verb": "set", "target": "10-AY-1", "value": value, "key": key, "wait_s": 20}
                return client.ask({"command": asked})["stages"][-1]

            first = give("3", "once")
            assert first["stage"] == "accepted"
            before = [e for e in client.ask({"snapshot": True})["events"] if e["kind"] == "command"]
            gateway = pid_of(client, "gateway")
            os.kill(gateway, signal.SIGKILL)
            again = give("5", "once")
            assert (again["stage"], again["mono_ns"]) == ("accepted", first["mono_ns"])
            assert client.ask({"get": ["10-AY-2"]})["points"][0]["text"] == "6"
            after = [e for e in client.ask({"snapshot": True})["events"] if e["kind"] == "command"]
            assert after == before
            assert [(e["target"], e["new"]) for e in after] == [("10-AY-1", "3")]
            assert pid_of(client, "gateway") != gateway
            assert give("5", "twice")["stage"] == "accepted"
            wait(lambda: client.ask({"get": ["10-AY-2"]})["points"][0]["text"] == "10")
        doctor = plantctl("doctor", tmp_path / "plant", "--state", state, state=state)
        # The machine of the tests may have a clock without a reference.
        assert doctor.returncode in (0, 1), doctor.stderr
        assert "Bench" in doctor.stdout
        assert "runs in 6 processes" in doctor.stdout
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
