"""What is seen on every screen: alarms, link, who, time, what is not normal; and that it fits."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import go, live
from tests.browser.situations import CELL_2_TRIPPED, FOUR_PRIORITIES

# Everything that is wider than its place, where that hides what is behind its edge; names that are broken in two.
CUT_OFF = """() => {
  const all = ["html", "#screen", "#screen .list", ".not-normal", ".not-normal li > *", ".item .name", ".item .text"];
  const wide = [...document.querySelectorAll(all.join())].filter((node) => node.scrollWidth > node.clientWidth + 1);
  const broken = [...document.querySelectorAll("#screen .name .tag")].filter((node) => node.offsetHeight > 20);
  return [...wide, ...broken].map((node) => `${node.className || node.tagName}: ${node.textContent.slice(0, 60)}`);
}"""
SCREENS = ("overview", "cells", "alarms", "interlocks", "trend", "events", "devices")


def test_the_token_leaves_the_address_at_once_and_the_frame_tells_who_where_and_when(page):
    assert "token" not in page.url
    expect(page.locator(".user")).to_have_text("ada (operator)")
    expect(page.locator(".simulation")).to_be_visible()
    # The browser's zone is Tokyo's; the page tells UTC and names it.
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", page.locator(".clock").inner_text())
    said = page.evaluate("new Date().toISOString().slice(0, 16).replace('T', ' ')")
    assert abs(int(page.locator(".clock").inner_text()[14:16]) - int(said[14:16])) in (0, 1, 59)


def test_a_password_signs_in_where_no_token_is_and_a_wrong_one_is_told(blank, gateway):
    gateway.tell("state", {"session": None})
    blank.goto(gateway.address)
    blank.get_by_label("name", exact=True).fill("ada")
    blank.get_by_label("password", exact=True).fill("wrong")
    blank.get_by_role("button", name="Sign in").click()
    expect(blank.get_by_role("alert")).to_contain_text("not this password")
    blank.get_by_label("password", exact=True).fill("correct horse")
    blank.get_by_role("button", name="Sign in").click()
    live(blank)
    blank.complaints[:] = [each for each in blank.complaints if "401" not in each]


def test_the_frame_stands_on_every_screen(page, gateway):
    gateway.tell("values", CELL_2_TRIPPED | {"40-LI-4211": [61, 1 << 15]})
    for screen in SCREENS:
        go(page, screen)
        expect(page.locator(".highest")).to_contain_text("40-FI-4023 catholyte flow low: 0.210 m³/h")
        expect(page.locator(".not-normal")).to_contain_text("tripped 1: CELL-02")
        expect(page.locator(".not-normal")).to_contain_text("forced 1: 40-LI-4211")
        expect(page.locator(".not-normal")).to_contain_text("insecure link 1: PLC-4")
        expect(page.locator(".count").first).to_have_attribute(
            "aria-label", "priority 1: 1 standing, 0 returned, 1 not acknowledged"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen


def test_the_overview_fits_a_small_screen_whole(page):
    assert page.evaluate("(s => s.scrollHeight <= s.clientHeight)(document.getElementById('screen'))")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("size", [(1280, 800), (1100, 700), (1000, 700), (1920, 1080)], ids=str)
def test_nothing_is_cut_off_and_nothing_scrolls_sideways_at_any_size(page, gateway, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    gateway.tell("values", CELL_2_TRIPPED | FOUR_PRIORITIES | {"C35-03": 1, "E1-03": 1, "E1-03.active": 1})
    gateway.tell("values", {f"40-FI-40{n}3.low.suppressed": 1 for n in (1, 3)})
    for screen in ("overview", "alarms", "devices"):
        go(page, screen)
        expect(page.locator(".not-normal")).to_contain_text("tripped 2: CELL-02, CELL-03")
        assert page.evaluate(CUT_OFF) == [], screen


def test_outputs_that_wait_for_a_person_are_released_from_any_screen_with_a_reason(page, gateway):
    gateway.tell("state", {"link": "held"})
    page.get_by_role("button", name="OUTPUTS HELD").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect(dialog.get_by_role("button", name="Release")).to_be_disabled()
    dialog.get_by_label("reason").fill("looked at the field")
    dialog.get_by_role("button", name="Release").click()
    expect(page.get_by_role("button", name="OUTPUTS HELD")).to_have_count(0)
    assert [(c["command"], c["reason"]) for c in gateway.commands()] == [("release", "looked at the field")]


def test_what_a_plant_says_is_text_and_never_acts(page, gateway):
    gateway.tell("events", {"kind": "alarm", "target": "<img src=x onerror=alert(1)>", "text": "<b>bold</b>"})
    go(page, "events")
    expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()


def test_nothing_is_asked_of_another_host(blank, gateway):
    asked = []
    blank.on("request", lambda request: asked.append(request.url))
    blank.goto(f"{gateway.address}/#token=t0ken")
    live(blank)
    go(blank, "trend")
    blank.wait_for_selector(".chart canvas")
    assert {url.split("/")[2] for url in asked} == {gateway.address.split("/")[2]}
