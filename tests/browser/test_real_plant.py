"""The page over the real thing: simulator, controller in processes and gateway, one cell, killed and stopped."""

import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from plantctl.app.field import read_endpoints
from plantctl.app.split.segments import Role
from plantctl.core.field import SIMULATOR
from plantctl.hmi.settings import PAGE_NAME
from tests.browser.conftest import go, live
from tests.browser.situations import NOTE_WHEN_NONE_IS_ENABLED
from tests.process.split_rig import ENDPOINTS, split

pytestmark = pytest.mark.timeout(300)
QUIET = ("--priority", 0, "--no-lock-memory", "--no-awake")
SETPOINT = "40-AIC-4212.sp"
# When each point's number was first seen to be old.
NOTE_WHEN_OLD = """() => {
  globalThis.old = {};
  const look = () => {
    for (const value of document.querySelectorAll(".value.old[data-point]")) old[value.dataset.point] ??= Date.now();
    setTimeout(look, 20);
  };
  look();
}"""


class Aside:
    """What waits for the plant has a loop of its own, and the browser's already runs in this thread: so it has another.

    One thread for all, since the plant's processes end with the thread that started them.
    """

    def __init__(self, thread, plant):
        self._thread = thread
        self._plant = plant

    def __getattr__(self, name):
        found = getattr(self._plant, name)
        if name == "stopped" or not callable(found) or threading.current_thread() is not threading.main_thread():
            return found
        return lambda *arguments: self._thread.submit(found, *arguments).result()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    with ThreadPoolExecutor(1) as thread:
        rig = split(tmp_path_factory.mktemp("real"), *QUIET)
        running = thread.submit(rig.__enter__).result()
        # The gateway answers at the control socket before it serves the page.
        thread.submit(running.wait, (running.folder / PAGE_NAME).exists).result()
        yield Aside(thread, running)
        thread.submit(rig.__exit__, None, None, None).result()


@pytest.fixture(scope="module")
def cookies():
    """The session that the one token began, for the tests after the first."""
    return []


@pytest.fixture
def operator(blank, plant, cookies):
    """The page of an operator."""
    address, _, token = (plant.folder / PAGE_NAME).read_text().strip().partition("#")
    blank.context.add_cookies(cookies)
    blank.goto(f"{address}#{token}" if not cookies else address)
    live(blank)
    cookies[:] = blank.context.cookies()
    yield blank
    # There is no history in this plant's gateway where it is not served: the trends say so and go on.
    blank.complaints[:] = [each for each in blank.complaints if "404" not in each]


def open_loop(page):
    page.locator("[data-open='40-AIC-4212']").first.click()
    field = page.get_by_label("set-point", exact=True)
    expect(field).to_be_enabled()
    return field


def test_a_set_point_goes_through_to_the_scan_and_back(operator, plant):
    field = open_loop(operator)
    wanted = 8.05 if abs(plant.value(SETPOINT) - 8.05) > 0.01 else 8.1
    field.fill(f"{wanted:.2f}")
    field.press("Enter")
    expect(operator.locator(".entry .stage").first).to_have_text("accepted")
    plant.wait(lambda: plant.value(SETPOINT) == wanted)
    expect(operator.locator(f"#faceplate .value[data-point='{SETPOINT}'] .number")).to_have_text(f"{wanted:.2f}")
    go(operator, "events")
    expect(operator.locator("tr.kind-command").first).to_contain_text(SETPOINT)


def test_a_field_that_stands_still_hatches_every_number_of_its_devices_with_its_age(operator, plant):
    go(operator, "overview")
    limits_ms = {row.tag: row.stale_after_ns / 1e6 for row in plant.plan.inputs if row.device and row.stale_after_ns}
    shown = {each.get_attribute("data-point") for each in operator.locator("#screen .value[data-point]").all()}
    watched = {tag: limit_ms for tag, limit_ms in limits_ms.items() if tag in shown}
    assert len(watched) > 5
    for tag in watched:
        expect(operator.locator(f"#screen .value.good[data-point='{tag}']").first).to_be_visible(timeout=60_000)
    operator.evaluate(NOTE_WHEN_OLD)
    with plant.stopped(Role.FIELD):
        stopped_ms = time.time() * 1e3
        for tag in watched:
            expect(operator.locator(f"#screen .value[data-point='{tag}']").first).to_have_class(re.compile(r"\bold\b"))
            expect(operator.locator(f"#screen .value[data-point='{tag}'] .beside").first).to_contain_text(
                re.compile("old .* s")
            )
        seen_ms = operator.evaluate("old")
        late = {tag: seen_ms[tag] - stopped_ms - limit_ms for tag, limit_ms in watched.items()}
        assert {tag: ms for tag, ms in late.items() if ms > 2_000} == {}
        expect(operator.locator("html")).to_have_attribute("data-link", "live")


def test_a_gateway_that_stands_still_takes_every_input_away_and_nothing_typed_is_ever_done(operator, plant):
    field = open_loop(operator)
    before = plant.value(SETPOINT)
    field.fill("8.20")
    operator.evaluate(NOTE_WHEN_NONE_IS_ENABLED)
    with plant.stopped(Role.GATEWAY):
        stopped_ms = time.time() * 1e3
        expect(operator.locator("html")).to_have_attribute("data-link", "stale")
        assert operator.evaluate("disabled") - stopped_ms < 2_000
        operator.keyboard.press("Enter")
        expect(operator.locator(".messages")).to_contain_text(f"8.20, typed for {SETPOINT}, was discarded")
    live(operator)
    expect(field).to_be_enabled()
    plant.let_pass(1.5)
    assert plant.value(SETPOINT) == before


def test_a_gateway_that_is_killed_comes_back_under_the_page_with_a_gap_that_is_stated(operator, plant):
    pid = plant.send(Role.GATEWAY, signal.SIGKILL)
    expect(operator.locator("html")).to_have_attribute("data-link", "stale")
    expect(operator.locator(".stale-banner")).to_contain_text("No connection to the plant")
    plant.wait(lambda: plant.pid(Role.GATEWAY) not in (0, pid))
    operator.wait_for_selector("html[data-link=live]", timeout=60_000)
    expect(operator.locator(".messages")).to_contain_text("were started anew")
    expect(operator.locator("#screen .value.good[data-point='40-LI-4211']")).to_be_visible()


def test_the_screen_of_devices_tells_the_address_that_is_used_and_that_of_the_text_beside_it(operator, plant):
    go(operator, "devices")
    used = read_endpoints(plant.folder.parents[1] / ENDPOINTS)
    for device in plant.plan.devices:
        address = used[device.name].removesuffix(SIMULATOR)
        assert address != device.connect
        cell = operator.locator(f"tr[data-row='{device.name}'] td:has(.configured)")
        expect(cell).to_have_text(f"{address}in the plant's text: {device.connect}")


def a_page_that_comes_later_knows_the_alarm_as_this_one_does(operator, plant):
    """Since when, the value of then, what happened and who acknowledged, from the record of the real plant."""
    alarm = "tr[data-alarm='40-FI-4013.low'] td"
    expect(operator.locator(alarm).nth(5)).to_have_text(re.compile(r"^0\.\d{3}$"), timeout=20_000)
    later = operator.context.new_page()
    later.goto((plant.folder / PAGE_NAME).read_text().strip().partition("#")[0])
    live(later)
    go(later, "alarms")
    for column in (2, 5):
        expect(later.locator(alarm).nth(column)).to_have_text(operator.locator(alarm).nth(column).inner_text())
    go(later, "events")
    expect(later.locator("tr.kind-alarm", has_text="40-FI-4013.low").filter(has_text="unack → acked")).to_contain_text(
        "operator (operator)"
    )
    go(operator, "events")
    told, told_later = (
        set(page.locator("tr[class^=kind]:not(.kind-gap)").all_inner_texts()) for page in (operator, later)
    )
    assert told <= told_later
    later.close()


def test_a_trip_is_first_out_on_the_page_and_is_reset_from_it(operator, plant):
    plant.operate()
    go(operator, "interlocks")
    card = operator.locator("[data-group='CELL-01']")
    expect(card.locator(".group-state")).to_have_text("ready")
    plant.command("set", "40-HS-4216", "0")
    expect(card.locator(".group-state")).to_have_text("TRIPPED", timeout=20_000)
    expect(card.locator("[data-row='C15-01'] .order")).to_contain_text("1st out")
    expect(card.locator(".missing")).to_contain_text("40-FI-4013 is 0.")
    expect(card.get_by_role("button", name="Reset")).to_be_disabled()
    expect(operator.locator(".not-normal")).to_contain_text("tripped 1: CELL-01")
    expect(operator.locator(".highest")).to_contain_text("40-FI-4013")
    go(operator, "alarms")
    operator.locator("tr[data-alarm='40-FI-4013.low']").get_by_role("button", name="Acknowledge").click()
    expect(operator.locator("tr[data-alarm='40-FI-4013.low'] .state")).to_have_text("acknowledged")
    a_page_that_comes_later_knows_the_alarm_as_this_one_does(operator, plant)
    plant.command("set", "40-HS-4216", "1")
    go(operator, "interlocks")
    expect(card.locator(".missing")).to_be_hidden(timeout=40_000)
    card.get_by_role("button", name="Reset").click()
    operator.get_by_role("dialog").get_by_label("reason").fill("pump runs again")
    operator.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(card.locator(".group-state")).to_have_text("ready")
