"""Which device is lost, since when, and which of its values are not good: on its screen and in the frame."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import go
from tests.browser.gateway import circuit
from tests.browser.test_keyboard_and_listening import findings


def test_every_device_says_that_it_answers_and_its_screen_is_in_the_row_of_screens(page):
    page.get_by_role("link", name="Devices").click()
    for device in circuit.devices():
        row = page.locator(f"tr[data-row='{device['device']}']")
        expect(row.locator(".state")).to_have_text("answers")
        expect(row).to_contain_text(re.compile(r"0\.\d s ago\d+ good"))
    expect(page.locator("tr[data-row='PLC-4']")).to_contain_text("INSECURE")


def test_a_lost_device_is_named_on_every_screen_with_its_last_answer_and_its_values(page, gateway):
    links = gateway_links(lost={"RECT-02": ["down", 35_000], "PLC-4": ["not-admitted", None]})
    gateway.tell("state", {"links": links})
    gateway.tell("stale", ["40-II-4020", "40-AI-4031"])
    page.get_by_role("button", name="no answer 2: PLC-4, RECT-02").click()
    lost = page.locator("tr[data-row='RECT-02']")
    expect(lost.locator(".state")).to_have_text("NO ANSWER")
    expect(lost).to_contain_text(re.compile(r"\d\d:\d\d:\d\d UTC, 3\d s ago"))
    expect(lost).to_contain_text("1 of 2 not good: 40-II-4020")
    refused = page.locator("tr[data-row='PLC-4']")
    expect(refused.locator(".state")).to_have_text("NOT ADMITTED: certificate, user or password")
    expect(refused).to_contain_text("none since the field process began")
    # One station of a gateway is silent: the gateway answers, and its value is named.
    row = page.locator("tr[data-row='GW-4A']")
    expect(row.locator(".state")).to_have_text("answers")
    expect(row).to_contain_text(re.compile(r"1 of \d+ not good: 40-AI-4031"))


def test_a_page_without_data_claims_nothing_of_the_devices(page, gateway):
    go(page, "devices")
    expect(page.locator("tr[data-row='RECT-01'] .state")).to_have_text("answers")
    gateway.tell("silence", 60)
    expect(page.locator("tr[data-row='RECT-01'] .state")).to_have_text("not told")


def gateway_links(lost):
    return {each["device"]: ["up", 100] for each in circuit.devices()} | lost


def test_feeds_are_quiet_at_work_and_say_what_to_do_when_they_need_somebody_or_are_not_told(page, gateway):
    go(page, "devices")
    archive, standby = (page.locator(f"tr[data-row='feed.{name}']") for name in ("archive", "standby"))
    expect(archive.locator(".state")).to_have_text("running")
    gateway.tell("values", {"feed.archive.state": 2, "feed.archive.missing": 812})
    expect(archive).to_have_text(re.compile(r"archivefilling\d\d:\d\d:\d\d UTC0\.0s81200influx"))
    expect(page.locator(".not-normal")).not_to_contain_text("feed")
    states = {"feed.archive.state": 4, "feed.archive.lag": 93.5, "feed.archive.quarantined": 3}
    gateway.tell("values", states | {"feed.standby.state": 7})
    go(page, "overview")
    page.locator(".not-normal").get_by_role("button", name="feed not well 2: archive, standby").press("Enter")
    expect(page.get_by_role("table", name="Feeds")).to_be_visible()
    expect(archive.locator(".state")).to_have_text("NOT ADMITTED")
    expect(archive).to_contain_text("correct token, password, certificate or name; the plant's log has the reason")
    expect(archive).to_contain_text("feeds/archive.quarantine")
    expect(standby).to_contain_text("the feeds process is silent")
    assert findings(page) == []
    gateway.tell("silence", 60)
    expect(archive.locator(".state")).to_have_text("not told")
    expect(archive.locator(".value.good")).to_have_count(0)
    expect(archive).not_to_contain_text("correct token")
    expect(page.locator(".not-normal")).to_contain_text("feed not well 2")  # as it was told last, as all of the line


def test_a_feed_says_since_when_it_is_so_from_what_was_seen_else_from_the_record(page, gateway):
    gateway.tell("recorded", {"feed.archive.state": [[4_000, 3], [600, 1]]})
    go(page, "devices")
    archive, standby = (page.locator(f"tr[data-row='feed.{name}'] td:nth-child(3)") for name in ("archive", "standby"))
    expect(archive).to_have_text(re.compile(r"^\d\d:\d\d:\d\d UTC$"))
    began = archive.inner_text()
    expect(standby).to_have_text("unknown")
    gateway.tell("values", {"feed.archive.state": 3, "feed.standby.state": 3})
    for since in (archive, standby):
        expect(since).to_have_text(re.compile(rf"^(?!{began})\d\d:\d\d:\d\d UTC$"))
    gateway.tell("silence", 60)
    expect(archive).to_have_text("")


def test_arrows_go_through_devices_and_feeds(page):
    go(page, "devices")
    rows = [page.locator(f"tr[data-row='{each['device']}']") for each in circuit.devices()]
    page.keyboard.press("ArrowDown")
    expect(rows[0]).to_be_focused()
    for row in rows[1:]:
        page.keyboard.press("ArrowDown")
        expect(row).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("tr[data-row='feed.archive']")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(rows[-1]).to_be_focused()
