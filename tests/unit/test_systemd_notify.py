"""What systemd is told, on a socket like its own."""

import socket

import pytest

from plantctl.app.split.systemd_notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def ear(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@plantctl-test-{tmp_path.name}-{id(request)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(5)
        yield name, listening


def test_what_is_told_arrives_in_one_message(ear):
    name, listening = ear
    notifier = Notifier.of({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "77"}, 77)
    assert notifier.tell(READY=1, STATUS="Circuit A runs")
    assert listening.recv(4096) == b"READY=1\nSTATUS=Circuit A runs"
    assert notifier.watchdog_ns == 10_000_000_000
    notifier.close()


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(variables):
    assert Notifier.of(variables, 77).watchdog_ns == 0


def test_without_systemd_telling_is_nothing():
    for address in ("", "vsock:2:1234"):
        notifier = Notifier(address)
        assert notifier.tell(READY=1)
        notifier.close()


def test_a_systemd_that_does_not_listen_never_stops_the_plant(tmp_path):
    notifier = Notifier(str(tmp_path / "nobody"))
    assert not notifier.tell(READY=1)
    notifier.close()


def test_a_systemd_that_does_not_read_is_not_waited_for(ear):
    name, _ = ear
    notifier = Notifier(name)
    assert not all(notifier.tell(STATUS="x" * 1000) for _ in range(10_000))
    notifier.close()
