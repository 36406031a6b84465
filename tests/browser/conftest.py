"""A browser, a gateway that does what a test says, and a page of the operator signed in to it.

The browser is Debian's chromium, driven by Playwright. A page that logs an error, breaks the content security policy or
raises fails its test, whatever else the test looked at.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
SIZE = {"width": 1280, "height": 800}
TOKEN = "t0ken"
# As root chromium has no sandbox; shared memory of containers is small.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
expect.set_options(timeout=8_000)


class TestGateway:
    """The gateway of `tests/browser/gateway.py` in a process of its own."""

    __test__ = False

    def __init__(self):
        command = [sys.executable, "-m", "tests.browser.gateway"]
        self.server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.server.stdout.readline().strip()

    def tell(self, what, body=None):
        """Move the plant; gives the commands that reached it."""
        request = urllib.request.Request(f"{self.address}/test/{what}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def commands(self):
        return self.tell("look")["commands"]

    def stop(self):
        os.kill(self.server.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.server.pid, signal.SIGCONT)

    def end(self):
        self.go_on()
        self.server.terminate()
        self.server.wait(10)
        self.server.stdout.close()
        self.server.stdin.close()


@pytest.fixture(scope="session")
def served():
    gateway = TestGateway()
    yield gateway
    gateway.end()


@pytest.fixture
def gateway(served):
    served.tell("reset")
    yield served
    served.go_on()


@contextmanager
def browsing():
    """Debian's chromium, until the block ends."""
    chromium = shutil.which("chromium")
    assert chromium, "the browser tests drive Debian's chromium: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser():
    with browsing() as found:
        yield found


@pytest.fixture(scope="session")
def context(browser):
    """One for all tests, so that files of the page are kept; its zone is not UTC, so that UTC is no accident."""
    context = browser.new_context(viewport=SIZE, reduced_motion="reduce", timezone_id="Asia/Tokyo", locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def blank(context):
    """A page that has not been anywhere; what it complains about fails the test."""
    context.clear_cookies()
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield page
    page.close()
    # A gateway that a test stopped refuses connections: that is the test's doing.
    assert [each for each in page.complaints if "net::ERR_CONNECTION" not in each and "WebSocket" not in each] == []


@pytest.fixture
def page(blank, gateway):
    """The overview, signed in and live."""
    blank.goto(f"{gateway.address}/#token={TOKEN}")
    live(blank)
    return blank


def live(page):
    """Wait until the page shows values that come."""
    page.wait_for_selector("html[data-ready][data-link=live]")


def go(page, screen):
    """Show a screen."""
    page.evaluate("screen => { location.hash = screen }", screen)
    page.wait_for_selector(f"#screen[data-screen={screen.split('?')[0]}]")
