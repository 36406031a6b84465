"""A laboratory value in a whole plant: entered by one person, signed by another, and there again after kill -9.

What comes after the deaths runs in one process: it reads what the others left, and starts in a quarter of the time.
"""

import http.client
import json
import os
import signal
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME, SOCKET_NAME
from plantctl.history.reading.query import History
from plantctl.hmi.settings import PAGE_NAME
from plantctl.log.storage import ReadOnlyFolder
from tests.process.command_rig import IN_ONE, plantctl, running, wait

PLANT = """\
plant: {name: Bench}
tags:
  AY-1: {unit: mol/L, range: [0, 2], initial: 0.6 mol/L, lab: {limits: [0.5, 0.7], signatures: two}}
"""
SETTINGS = ("--topology", "split", "--interpreted", "--priority", 0, "--no-lock-memory", "--no-awake", "--page", 0)


class Person:
    """Somebody at the page of the plant in `folder`: logged in by its token, as `ada`."""

    def __init__(self, folder):
        address, _, token = (folder / PAGE_NAME).read_text().strip().partition("#token=")
        self._parts = urlsplit(address)
        self._headers = {"origin": f"http://{self._parts.netloc}"}
        answer, _ = self.ask("POST", "/api/v1/session", {"token": token, "name": "ada"})
        self._headers["cookie"] = answer.getheader("set-cookie").partition(";")[0]

    def ask(self, method, path, body=None):
        client = http.client.HTTPConnection(self._parts.hostname, self._parts.port, timeout=20)
        headers = {**self._headers, "content-type": "application/json"}
        client.request(method, path, json.dumps(body) if body else None, headers)
        answer = client.getresponse()
        told = json.loads(answer.read())
        client.close()
        return answer, told


@pytest.mark.timeout(120)
def test_a_signed_value_outlives_the_end_of_every_process(tmp_path):
    state, text = tmp_path / "state", tmp_path / "plant.yaml"
    text.write_text(PLANT)
    folder = state / "Bench"
    taken = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)

    def lab(*words):
        done = plantctl("lab", *words, "--json", state=state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    with running("run", text, *SETTINGS, state=state) as child:
        wait(lambda: all((folder / name).exists() for name in (PAGE_NAME, SOCKET_NAME)), child=child)
        words = ("enter", "AY-1", "550", "--unit", "mmol/L", "--sample-time", taken.isoformat(), "--sample", "S-1")
        entry = lab(*words)["entry"]
        ada = Person(folder)
        answer, told = ada.ask("POST", "/api/v1/lab", {"do": "sign", "entry": entry})
        assert (answer.status, told["state"]) == (200, "signed"), told
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
    (folder / SOCKET_NAME).unlink()
    with running("run", text, *IN_ONE, state=state) as child:
        wait((folder / SOCKET_NAME).exists, child=child)
        assert lab("list") == [told]
        assert [step["do"] for step in told["steps"]] == ["entered", "signed"]
        assert told["steps"][1]["actor"] == "ada (operator)"
    history = History(ReadOnlyFolder(folder / LOG_NAME), ReadOnlyFolder(folder / HISTORY_NAME))
    taken_ns = int(told["sampled"])
    asked = history.raw("AY-1", taken_ns, taken_ns + 1)
    assert (asked.utc_ns.tolist(), asked.value.tolist(), asked.quality.tolist()) == ([taken_ns], [0.55], [0])
