"""The other end of the control socket: what it does when the process that answers dies under a request."""

import json
import socket
import threading

import pytest

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.state_folder import held, socket_address

SET = {"command": {"verb": "set", "key": "once"}}


class Answering:
    """Whoever answers at `path`: of each request it is told whether to answer or to die first."""

    def __init__(self, path, *deaths):
        self.path, self.deaths = path, list(deaths)
        self.heard = []
        self.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def listen(self):
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        with socket_address(self.path) as address:
            self.socket.bind(address)
        self.socket.listen()

    def serve(self):
        while True:
            link, _ = self.socket.accept()
            with link, link.makefile("rwb") as file:
                for line in file:
                    self.heard.append(json.loads(line))
                    if self.deaths and self.deaths.pop(0):
                        break
                    file.write(b'{"number": %d}\n' % len(self.heard))
                    file.flush()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "Pilot"


@pytest.mark.parametrize("request_", [{"snapshot": True}, {"get": ["A-1"]}, SET])
def test_what_may_be_asked_twice_is_asked_again_while_somebody_holds_the_plant(folder, request_):
    with held(folder, "a supervisor"):
        plant = Answering(folder / "control.sock", True)
        with ControlClient(folder / "control.sock") as client:
            assert client.ask(request_) == {"number": 2}
            assert client.ask(request_) == {"number": 3}
        assert plant.heard == [request_] * 3


def test_a_command_without_a_key_is_never_given_twice(folder):
    with held(folder, "a supervisor"):
        plant = Answering(folder / "control.sock", True)
        with ControlClient(folder / "control.sock") as client, pytest.raises(NotRunning, match="went away"):
            client.ask({"command": {"verb": "set"}})
        assert len(plant.heard) == 1


def test_a_plant_that_nobody_holds_any_more_is_not_waited_for(folder):
    folder.mkdir()
    plant = Answering(folder / "control.sock", True)
    with ControlClient(folder / "control.sock") as client, pytest.raises(NotRunning, match="went away"):
        client.ask({"snapshot": True})
    assert len(plant.heard) == 1


def test_a_plant_that_is_held_and_never_answers_again_is_given_up(folder, monkeypatch):
    monkeypatch.setattr("plantctl.app.control_client.RETURN_S", 0.3)
    with held(folder, "a supervisor"):
        plant = Answering(folder / "control.sock", True)
        with ControlClient(folder / "control.sock") as client:
            plant.path.unlink()
            with pytest.raises(NotRunning, match="went away"):
                client.ask({"snapshot": True})
