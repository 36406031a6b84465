"""What the pictures of the README show: the demo as `make demo` starts it, circuit A at its full current, or the
scripted circuit, where no picture is kept and only the way to it is tried.
"""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import expect

from plantctl.app.control_client import ControlClient
from plantctl.app.state_folder import SOCKET_NAME
from tests.browser.conftest import ROOT, TOKEN, go, live
from tests.browser.situations import CELL_2_TRIPPED
from tests.process.command_rig import wait

START_S = 300.0
STEADY_MS = 180_000
FULL_CURRENT = re.compile(r"^(339\.[5-9]|340\.[0-5])$")
AT_PH_8 = re.compile(r"^(7\.9[89]|8\.0[0-2])$")


class ScriptedStage:
    """The scripted circuit: quick, and its values are made up."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.address = f"{gateway.address}/#token={TOKEN}"

    def at_work(self, page):
        expect(page.locator("#screen .value.good").first).to_be_visible()

    def trip_cell_2(self):
        self._gateway.tell("values", CELL_2_TRIPPED)

    def fall_silent(self):
        self._gateway.tell("silence", 60)

    def end(self):
        """The gateway is of the whole session."""


class DemoStage:
    """The demo in processes of its own, in `folder`."""

    def __init__(self, folder):
        self._folder = folder
        self._stopped = 0
        self._said = folder / "said"
        self._surroundings = {**os.environ, "PLANTCTL_STATE": str(folder), "PYTHONPATH": str(ROOT)}
        with self._said.open("w") as said:
            command = [sys.executable, "-m", "plantctl", "demo", "--plain", "--page", "0"]
            self._demo = subprocess.Popen(command, cwd=ROOT, env=self._surroundings, stdout=said, stderr=said)
        self.address = self._wait_for_address()

    def _wait_for_address(self):
        def found():
            assert self._demo.poll() is None, self._said.read_text()[-2000:]
            return re.search(r"^page: (http\S+)$", self._said.read_text(), re.M)

        # The browser's loop runs in this thread: what waits with a loop of its own has another.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(wait, found, START_S).result()
        return found()[1]

    def at_work(self, page):
        """Four cells at 85 A each, the tank at its pH, nothing that waits, and some minutes of trend behind it."""
        shown = "#screen .value.good[data-point='40-{}'] .number"
        expect(page.locator(shown.format("II-4200"))).to_have_text(FULL_CURRENT, timeout=START_S * 1e3)
        page.wait_for_timeout(STEADY_MS)
        expect(page.locator(shown.format("AI-4213"))).to_have_text(AT_PH_8, timeout=START_S * 1e3)
        go(page, "alarms")
        button = page.get_by_role("button", name="Acknowledge page")
        if button.is_enabled():
            button.click()
            page.get_by_role("dialog").get_by_role("button", name="Acknowledge all").click()
        expect(page.get_by_text("No alarm stands")).to_be_visible()
        go(page, "overview")

    def trip_cell_2(self):
        """The felt of cell 2 clogs until its flow is too low for the current."""
        self.simulate("fault", "cell-clogged", "cell_2", "share=0.6")

    def simulate(self, *words):
        """What `plantctl sim` does to the simulated plant: `fault NAME`, `clear NAME`."""
        command = [sys.executable, "-m", "plantctl", "sim", *words]
        subprocess.run(command, cwd=ROOT, env=self._surroundings, check=True)

    def fall_silent(self):
        self._stopped = self._gateway()
        os.kill(self._stopped, signal.SIGSTOP)

    def _gateway(self):
        with ControlClient(next(Path(self._folder).glob(f"*/{SOCKET_NAME}"))) as client:
            processes = client.ask({"snapshot": True})["processes"]
        return next(each["pid"] for each in processes if each["role"] == "gateway")

    def end(self):
        if self._stopped:
            os.kill(self._stopped, signal.SIGCONT)
        self._demo.terminate()
        self._demo.wait(60)


def opened(page, stage):
    """The page of `stage`, signed in and live."""
    page.goto(stage.address)
    live(page)
    return page
