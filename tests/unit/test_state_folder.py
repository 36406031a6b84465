"""Where a plant keeps its state, and that it has one holder at a time."""

import socket
import stat
from pathlib import Path

import pytest

from plantctl.app.field import EndpointMissing, connected, read_endpoints
from plantctl.app.state_folder import PlantHeld, StateRefused, folder_of, held, socket_address, state_root
from plantctl.core.field import DevicePlan


@pytest.mark.parametrize(
    ("name", "folder"),
    [("Circuit A", "Circuit-A"), ("../../etc", "etc"), ("Ofen Süd/1", "Ofen-S-d-1"), ("...", "plant"), ("", "plant")],
)
def test_a_plants_name_becomes_one_folder_inside_the_root(tmp_path, name, folder):
    assert folder_of(name, tmp_path) == tmp_path / folder


def test_the_root_comes_from_the_argument_then_the_surroundings_then_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTCTL_STATE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_root(tmp_path / "given") == tmp_path / "given"
    assert state_root() == tmp_path / "own"
    monkeypatch.delenv("PLANTCTL_STATE")
    assert state_root() == tmp_path / "xdg" / "plantctl"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_root() == tmp_path / ".local" / "state" / "plantctl"


def test_a_held_folder_refuses_the_next_and_names_the_holder(tmp_path):
    folder = tmp_path / "a" / "b"
    with held(folder, "a test"):
        assert stat.S_IMODE((folder / "holder").stat().st_mode) == 0o600
        with pytest.raises(PlantHeld, match=r"is held by process \d+ \(a test\); end that first"), held(folder, "me"):
            pass
    with held(folder, "the next"):
        assert "the next" in (folder / "holder").read_text()


def test_a_folder_that_cannot_be_made_says_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateRefused, match="name another with --state DIR"), held(tmp_path / "file" / "x", "me"):
        pass


def test_a_socket_lies_at_a_path_longer_than_the_kernel_takes(tmp_path):
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with socket_address(folder / "s") as address:
            server.bind(address)
        server.listen()
        with socket_address(folder / "s") as address:
            client.connect(address)
    assert (folder / "s").is_socket()


def test_endpoints_name_every_device_or_the_missing_one_is_told(tmp_path):
    path = tmp_path / "endpoints.yaml"
    path.write_text('A: "tcp://127.0.0.1:1"\nC: opc.tcp://x\n')
    endpoints = read_endpoints(path)
    assert endpoints == {"A": "tcp://127.0.0.1:1", "C": "opc.tcp://x"}
    devices = (DevicePlan("A", "modbus", "tcp://10.0.0.1"), DevicePlan("B", "modbus", "tcp://10.0.0.2"))
    assert connected(devices, None) == devices
    assert connected(devices[:1], endpoints)[0].connect == "tcp://127.0.0.1:1"
    with pytest.raises(EndpointMissing, match="has no line for B; each is `device: url`"):
        connected(devices, endpoints)


@pytest.mark.parametrize("text", ["- a\n", "A: 1\n", "A: {b: c}\n", "", "A: [\n", "\x00"])
def test_a_file_that_holds_no_endpoints_is_named(tmp_path, text):
    path = tmp_path / "endpoints.yaml"
    path.write_text(text)
    with pytest.raises(EndpointMissing) as raised:
        read_endpoints(path)
    assert str(path) in str(raised.value)


def test_no_file_at_all_is_named():
    with pytest.raises(EndpointMissing, match=r"nowhere\.yaml cannot be read: No such file"):
        read_endpoints(Path("nowhere.yaml"))
