"""Everything without a mouse, and for those who listen: keys, sentences, and axe's rules on every screen."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import AXE, go
from tests.browser.situations import CELL_2_TRIPPED, FOUR_PRIORITIES, tab_to

SCREENS = ("overview", "cells", "alarms", "interlocks", "trend", "events", "devices", "laboratory")


def test_acknowledge_mode_and_set_point_by_keys_alone(page, gateway):
    gateway.tell("values", {"40-EI-4030.high": 1})
    keys = page.keyboard
    expect(page.locator(".highest")).to_contain_text("40-EI-4030")
    keys.press("a")  # to the alarms, on the first row
    expect(page.locator("tr[data-alarm]")).to_be_focused()
    keys.press("a")
    expect(page.locator("tr[data-alarm] .state")).to_have_text("acknowledged")
    keys.press("g")
    keys.press("o")
    keys.press("/")
    keys.type("aic42")
    expect(page.get_by_role("option").first).to_contain_text("40-AIC-4212")
    keys.press("Enter")
    expect(page.locator("#faceplate h2")).to_be_focused()
    tab_to(page, "MAN")
    keys.press("Enter")
    expect(page.get_by_role("button", name="MAN", exact=True)).to_have_attribute("aria-pressed", "true")
    tab_to(page, "AUTO")
    keys.press("Space")
    expect(page.get_by_role("button", name="AUTO", exact=True)).to_have_attribute("aria-pressed", "true")
    tab_to(page, "set-point")
    keys.type("8.05")
    keys.press("Enter")
    expect(page.locator(".entry .stage").first).to_have_text("verified")
    keys.press("Escape")
    expect(page.locator("#faceplate")).to_be_hidden()
    told = [(c["command"], c["target"], c.get("value")) for c in gateway.commands()]
    assert told == [
        ("ack", "40-EI-4030.high", None),
        ("mode", "40-AIC-4212", "man"),
        ("mode", "40-AIC-4212", "auto"),
        ("set", "40-AIC-4212.sp", 8.05),
    ]


def test_keys_of_screens_rows_faceplate_and_help(page):
    keys = page.keyboard
    for letter, screen in (
        ("c", "cells"),
        ("i", "interlocks"),
        ("t", "trend"),
        ("e", "events"),
        ("a", "alarms"),
        ("l", "laboratory"),
        ("o", "overview"),
    ):
        keys.press("g")
        keys.press(letter)
        expect(page.locator("#screen")).to_have_attribute("data-screen", screen)
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    focus = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focus == "solid"
    keys.press("f")
    expect(page.locator("#faceplate h2")).to_have_text("40-AIC-4212")
    keys.press("Escape")
    expect(page.locator("[data-open='40-AIC-4212']")).to_be_focused()
    keys.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("hatched and struck through")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def spoken(page):
    """Note every sentence that the page says to who listens, as it says it."""
    page.evaluate(
        """() => {
          globalThis.spoken = [];
          const node = document.querySelector(".messages .spoken[role=status]");
          new MutationObserver(() => spoken.push(node.textContent)).observe(node, { childList: true });
        }"""
    )
    return lambda: page.evaluate("spoken")


def heard(page, said, wanted):
    """Wait until exactly that was said."""
    page.wait_for_function("wanted => spoken.length >= wanted", arg=len(wanted))
    assert said() == wanted


def test_what_was_done_is_said_in_one_sentence_once(page, gateway):
    said = spoken(page)
    gateway.tell("values", {"40-EI-4030.high": 1})
    go(page, "alarms")
    page.locator("tr[data-alarm]").get_by_role("button", name="Acknowledge").click()
    told = ["Acknowledged: 40-EI-4030.high, cell voltage high."]
    heard(page, said, told)
    page.locator("tr[data-alarm] .name").click()
    page.locator("#faceplate [data-open='40-EC-4030']").click()
    gateway.tell("state", {"slow_device": True})
    field = page.get_by_label("value", exact=True)
    field.fill("5.5")
    field.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Write").click()
    expect(page.locator(".entry .stage")).to_have_text("sent")
    assert said() == told, "what the device has not confirmed yet is not done"
    gateway.tell("state", {"slow_device": False})
    told.append("40-EC-4030 to 5.50 V: verified.")
    heard(page, said, told)
    gateway.tell("state", {"link": "held"})
    page.get_by_role("button", name="OUTPUTS HELD").click()
    page.get_by_role("dialog").get_by_label("reason").fill("looked at")
    page.get_by_role("dialog").get_by_role("button", name="Release").click()
    told.append("Outputs released.")
    heard(page, said, told)
    page.wait_for_timeout(4_500)  # an acceptance is settled after 4 s: that is not said a second time
    assert said() == told


def test_what_was_refused_is_said_as_an_alarm_and_not_as_done(page, gateway):
    said = spoken(page)
    page.locator("[data-open='40-AIC-4212']").click()
    page.get_by_role("button", name="CAS", exact=True).click()
    expect(page.locator(".messages [role=alert]")).to_contain_text("40-AIC-4212 to CAS: refused. wrong-mode")
    page.get_by_role("button", name="MAN", exact=True).click()
    heard(page, said, ["40-AIC-4212 to MAN: accepted."])


def test_many_acknowledgements_at_once_are_few_sentences(page, gateway):
    alarms = [
        f"40-{letters}-40{cell}{digit}" for cell in "1234" for letters, digit in (("EI", "0.high"), ("FI", "3.low"))
    ]
    gateway.tell("values", dict.fromkeys(alarms, 1))
    said = spoken(page)
    go(page, "alarms")
    page.get_by_role("button", name="Acknowledge page").click()
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge all").click()
    page.wait_for_function("() => !document.querySelector('tr.unack')")
    page.wait_for_timeout(600)
    assert 1 <= len(said()) <= 4
    named = sum(each.count("Acknowledged: ") for each in said())
    more = sum(int(n) for each in said() for n in re.findall(r"And (\d+) more", each))
    assert named + more == len(alarms)
    assert all(each.count("Acknowledged: ") <= 3 for each in said())


def test_an_indicator_is_a_sentence(page, gateway):
    gateway.tell("values", {"40-AI-4212": 9.4})
    label = page.locator("svg[data-point='40-AI-4212']").first
    expect(label).to_have_attribute(
        "aria-label",
        re.compile("40-AI-4212 tank pH, probe A: 9.40 pH, above its high alarm 9.00, set-point 8.00, range 0 to 14 pH"),
    )


def test_commands_are_large_enough_for_a_finger(page):
    page.locator("[data-open='40-AIC-4212']").click()
    for button in page.locator("#faceplate .mode-button").all():
        assert button.bounding_box()["height"] >= 44


def findings(page):
    """What axe holds for serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in told["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def test_axe_finds_nothing_serious_on_screens_full_of_trouble(page, gateway):
    trouble = {"40-AI-4213": [None, 2 | (1 << 9)], "40-AI-4212.high": 3}
    gateway.tell("values", CELL_2_TRIPPED | FOUR_PRIORITIES | trouble)
    gateway.tell("stale", ["40-LI-4211"])
    expect(page.locator(".not-normal")).to_contain_text("tripped")
    for screen in SCREENS:
        go(page, screen)
        assert findings(page) == [], screen


def test_axe_finds_nothing_serious_on_faceplates(page):
    for name in ("40-AIC-4212", "40-II-4010"):
        page.locator(f"[data-open='{name}']").click()
        expect(page.locator("#faceplate canvas").first).to_be_visible()
        assert findings(page) == [], name
        page.keyboard.press("Escape")


def test_axe_finds_nothing_serious_in_dialogs_and_on_a_stale_page(page, gateway):
    page.keyboard.press("?")
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert findings(page) == []
    page.keyboard.press("Escape")
    gateway.tell("silence", 20)
    expect(page.locator("html")).to_have_attribute("data-link", "stale")
    assert findings(page) == []
