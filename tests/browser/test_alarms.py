"""The alarm list: order, guidance, acknowledging, and signs that need no colour."""

import itertools
import re
import time

import numpy as np
from playwright.sync_api import expect

from tests.browser.conftest import go, live
from tests.browser.png import luminance
from tests.browser.situations import FOUR_PRIORITIES

GREY_AND_THREE_DEFICIENCIES = ("achromatopsia", "deuteranopia", "protanopia", "tritanopia")


def rows(page):
    return [row.get_attribute("data-alarm") for row in page.locator("tr[data-alarm]").all()]


def test_unacknowledged_stand_first_then_priorities(page, gateway):
    gateway.tell("values", FOUR_PRIORITIES | {"40-FI-4274.low": 2, "40-AI-4212.high": 3})
    go(page, "alarms")
    expect(page.locator("tr[data-alarm]")).to_have_count(5)
    assert rows(page) == ["40-EI-4030.high", "40-TI-4214.high", "40-CI-4217.low", "40-AI-4212.high", "40-FI-4274.low"]


def test_no_alarm_is_said_in_words(page):
    go(page, "alarms")
    expect(page.get_by_text("No alarm stands and none waits")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge page")).to_be_disabled()


def test_the_chosen_alarm_tells_cause_consequence_and_what_to_do(page, gateway):
    gateway.tell("values", {"40-AI-4212": 9.4, "40-AI-4212.high": 1})
    go(page, "alarms")
    page.locator("tr[data-alarm='40-AI-4212.high']").focus()
    for text in ("feed pump, stock or a probe", "gel, felt clogging", "compare the probes", "10 min"):
        expect(page.locator(".guidance")).to_contain_text(text)


def test_an_alarm_of_a_feed_or_of_the_record_tells_its_value_its_cause_and_what_to_do(page, gateway):
    alarms = {"feed.archive.lag.high": 1, "log.lasts.low": 1}
    gateway.tell("values", {"feed.archive.lag": 95.0, "log.lasts": 7200.0} | alarms)
    go(page, "alarms")
    for alarm, value, guidance in (
        ("feed.archive.lag.high", "95.0", ("the network or the database", "in the log alone", "the database answers")),
        ("log.lasts.low", "7200", ("something fills the disk", "old values are given up", "look what fills the disk")),
    ):
        row = page.locator(f"tr[data-alarm='{alarm}']")
        expect(row.locator("[data-point] .number")).to_have_text(value)
        expect(row.locator(".beside")).to_have_text("")
        row.focus()
        for text in guidance:
            expect(page.locator(".guidance")).to_contain_text(text)


def test_one_alarm_is_acknowledged_and_stands_on(page, gateway):
    gateway.tell("values", {"40-EI-4030.high": 1, "40-CI-4217.low": 1})
    go(page, "alarms")
    row = page.locator("tr[data-alarm='40-EI-4030.high']")
    row.get_by_role("button", name="Acknowledge").click()
    expect(row.locator(".state")).to_have_text("acknowledged")
    expect(page.locator("tr[data-alarm='40-CI-4217.low'] .state")).to_have_text("unacknowledged")
    assert [(c["command"], c["target"]) for c in gateway.commands()] == [("ack", "40-EI-4030.high")]


def test_an_alarm_that_latches_waits_for_its_reset_after_it_was_over_and_acknowledged(page, gateway):
    gateway.tell("values", {"40-LI-4211.high": 4, "40-CI-4217.low": 1})
    go(page, "alarms")
    row = page.locator("tr[data-alarm='40-LI-4211.high']")
    expect(row.locator(".state")).to_have_text("returned, unack., waits for reset")
    expect(page.locator("tr[data-alarm='40-CI-4217.low']").get_by_role("button", name="Reset")).to_be_hidden()
    expect(page.locator(".count").nth(1)).to_have_attribute(
        "aria-label", "priority 2: 0 standing, 1 returned, 1 not acknowledged"
    )
    row.get_by_role("button", name="Acknowledge").click()
    expect(row.locator(".state")).to_have_text("returned, waits for reset")
    row.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_label("reason").fill("level looked at")
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(row).to_have_count(0)
    assert [(c["command"], c["target"], c["reason"]) for c in gateway.commands()] == [
        ("ack", "40-LI-4211.high", ""),
        ("reset", "40-LI-4211.high", "level looked at"),
    ]
    go(page, "events")
    said = [row.inner_text().split("\t")[2:4] for row in page.locator("tr.kind-command").all()]
    assert said == [["40-LI-4211.high", "reset"], ["40-LI-4211.high", "acknowledged"]]


def test_an_alarm_whose_value_is_back_says_so_before_its_value(page, gateway):
    gateway.tell("values", {"40-AI-4212.high": 3})
    expect(page.locator(".highest")).to_contain_text(re.compile(r"returned: 40-AI-4212 tank pH high: 8\.0\d pH"))


def test_a_page_is_acknowledged_after_a_question_that_names_them(page, gateway):
    gateway.tell("values", {"40-EI-4030.high": 1, "40-CI-4217.low": 3})
    go(page, "alarms")
    page.get_by_role("button", name="Acknowledge page").click()
    expect(page.get_by_role("dialog")).to_contain_text("40-EI-4030.high, 40-CI-4217.low")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge all").click()
    expect(page.locator("tr[data-alarm]")).to_have_count(1)
    assert sorted(c["target"] for c in gateway.commands()) == ["40-CI-4217.low", "40-EI-4030.high"]


def test_what_is_suppressed_by_design_is_found_with_what_arms_it_and_counted_nowhere(page, gateway):
    gateway.tell("values", {"40-FI-4013.low.suppressed": 1, "40-FI-4033.low.suppressed": 1})
    go(page, "alarms")
    fold = page.get_by_role("button", name="suppressed by design")
    expect(fold).to_have_text("suppressed by design (2)")
    expect(page.get_by_role("heading", name="Suppressed by design")).to_have_count(0)
    expect(page.get_by_text("No alarm stands and none waits")).to_be_visible()
    expect(page.locator(".summary[role=status]")).to_have_text("0 unacknowledged · 0 acknowledged · 0 returned")
    assert [each.inner_text() for each in page.locator("header .count").all()] == ["1\n0", "2\n0", "3\n0", "4\n0"]
    assert "suppressed" not in page.locator("header").aria_snapshot()
    fold.click()
    tree = page.get_by_role("region", name="Suppressed by design").aria_snapshot()
    rows_told = [line.strip(" -:") for line in tree.splitlines() if 'row "40-' in line]
    assert rows_told == [f'row "40-FI-40{n}3 catholyte flow low 1 0.360 m³/h 40-XI-4216 == 1 for 20 s"' for n in (1, 3)]
    page.get_by_role("button", name="40-FI-4033").click()
    expect(page.locator("#faceplate .alarms-of .state")).to_have_text("suppressed by design")
    expect(page.locator("#faceplate .alarms-of .state")).to_have_attribute(
        "title", "counts only while 40-XI-4216 == 1 for 20 s"
    )


def test_an_alarm_that_counts_again_leaves_the_suppressed_ones_and_one_of_before_stays_among_those_that_wait(
    page, gateway
):
    gateway.tell("values", {"40-FI-4013.low.suppressed": 1, "40-FI-4013.low": 3, "40-FI-4033.low.suppressed": 1})
    go(page, "alarms")
    page.get_by_role("button", name="suppressed by design (2)").click()
    expect(page.locator("tr[data-alarm='40-FI-4013.low'] .state")).to_have_text("returned, unack.")
    gateway.tell("values", {"40-FI-4013.low.suppressed": 0})
    expect(page.locator("tr[data-suppressed]")).to_have_count(1)
    expect(page.locator("tr[data-suppressed]")).to_have_attribute("data-suppressed", "40-FI-4033.low")
    gateway.tell("values", {"40-FI-4033.low.suppressed": 0})
    expect(page.get_by_role("region", name="Suppressed by design")).to_contain_text("Every alarm counts now.")
    expect(page.get_by_role("button", name="suppressed by design (0)")).to_have_attribute("aria-expanded", "true")


def test_new_alarms_are_told_to_who_listens_but_not_one_by_one(page, gateway):
    page.evaluate(
        """() => {
          globalThis.told = [];
          const node = document.querySelector("[aria-live=assertive]");
          const all = { childList: true, characterData: true, subtree: true };
          new MutationObserver(() => told.push(node.textContent)).observe(node, all);
        }"""
    )
    gateway.tell("values", FOUR_PRIORITIES)
    expect(page.locator("[aria-live=assertive]")).to_contain_text("4 new alarms. Highest, priority 1: 40-FI-4274")
    gateway.tell("values", {"40-LI-4211.low": 1})
    expect(page.locator(".count").nth(1)).to_contain_text("2")
    assert len(page.evaluate("told")) == 1


def came(page, gateway, alarm, value, state, recorded):
    """An alarm that stands so when the page comes, and what the record has of it and its tag: `(time, value then)`."""
    gateway.tell("state", {"wander": False})
    tag = alarm.rpartition(".")[0]
    gateway.tell("values", {alarm: state, tag: value})
    gateway.tell("recorded", recorded)
    page.reload()
    live(page)
    go(page, "alarms")
    cells = page.locator(f"tr[data-alarm='{alarm}'] td")
    return cells.nth(2), cells.nth(5)


def seconds_ago(text):
    """How long ago a time of the day of UTC was, in s."""
    hours, minutes, seconds = text.split(" ")[-1].split(":")
    now = time.time() % 86_400
    return (now - int(hours) * 3600 - int(minutes) * 60 - float(seconds)) % 86_400


def test_an_alarm_of_before_the_page_has_time_and_value_of_when_it_came_not_of_the_acknowledgement(page, gateway):
    recorded = {
        "40-CI-4217.low": [[9000, 0], [7000, 1], [6900, 0], [300, 1], [60, 2]],
        "40-CI-4217": [[9000, 61.8], [300, 34.6], [200, 31.2], [10, 33.0]],
    }
    since, then = came(page, gateway, "40-CI-4217.low", 33.0, 2, recorded)
    expect(then).to_have_text("34.6")
    assert 300 <= seconds_ago(since.inner_text()) < 330


def test_an_alarm_that_stood_for_more_than_a_day_has_the_value_of_then(page, gateway):
    recorded = {
        "40-CI-4217.low": [[99_000, 0], [98_990, 1]],
        "40-CI-4217": [[99_000, 61.8], [98_990, 34.1], [10, 33.0]],
    }
    since, then = came(page, gateway, "40-CI-4217.low", 33.0, 1, recorded)
    expect(then).to_have_text("34.1")
    expect(since).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d "))


def test_what_the_record_does_not_tell_of_an_alarm_is_said_to_be_not_known_and_why(page, gateway):
    recorded = {"40-CI-4217.low": [[500, 1]], "40-CI-4217": [[500, 34.1], [10, 33.0]]}
    since, then = came(page, gateway, "40-CI-4217.low", 33.0, 1, recorded)
    expect(then).to_have_text("not known: it stood when the record begins, or for longer than it goes back")
    expect(since).to_have_text("before this page")
    recorded = {"40-CI-4217.low": [[500, 0], [400, 1]], "40-CI-4217": [[500, 61.0], [450, None], [10, 33.0]]}
    since, then = came(page, gateway, "40-CI-4217.low", 33.0, 1, recorded)
    expect(then).to_have_text("not known: there was no value")
    assert 400 <= seconds_ago(since.inner_text()) < 430


def test_a_record_that_is_behind_is_asked_again_and_an_older_alarm_is_not_taken_for_this_one(page, gateway):
    behind = {"40-CI-4217.low": [[9000, 0], [7000, 1], [6900, 0]], "40-CI-4217": [[9000, 61.8], [7000, 30.0]]}
    since, then = came(page, gateway, "40-CI-4217.low", 33.0, 1, behind)
    expect(then).to_have_text("…: being asked of the record")
    now = {"40-CI-4217.low": [*behind["40-CI-4217.low"], [1, 1]], "40-CI-4217": [[7000, 30.0], [1, 34.9]]}
    gateway.tell("recorded", now)
    expect(then).to_have_text("34.9")
    assert seconds_ago(since.inner_text()) < 30


def test_an_alarm_that_came_in_a_gap_has_the_value_of_then_and_is_announced(page, gateway):
    gateway.tell("state", {"wander": False})
    go(page, "alarms")
    gateway.tell("values", {"40-CI-4217": 61.8})
    gateway.tell("state", {"ring": []})
    gateway.tell("unsaid", {"40-CI-4217.low": 1, "40-CI-4217": 31.0})
    recorded = {"40-CI-4217.low": [[900, 0], [40, 1]], "40-CI-4217": [[900, 61.8], [40, 34.2], [5, 31.0]]}
    gateway.tell("recorded", recorded)
    gateway.tell("state", {"epoch": "00000000000000aa"})
    gateway.tell("drop")
    cells = page.locator("tr[data-alarm='40-CI-4217.low'] td")
    expect(cells.nth(5)).to_have_text("34.2")
    assert 40 <= seconds_ago(cells.nth(2).inner_text()) < 70
    expect(page.locator("[aria-live=assertive]")).to_contain_text("40-CI-4217")


def test_priorities_are_told_apart_without_colour(page, gateway):
    go(page, "alarms")
    session = page.context.new_cdp_session(page)
    signs = page.locator("tr[data-alarm] .alarm-place")
    for word, state in (("unack", 1), ("acked", 2), ("rtn", 3), ("latched", 4), ("latched-acked", 5)):
        gateway.tell("values", dict.fromkeys(FOUR_PRIORITIES, state))
        expect(page.locator(f"tr[data-alarm] .alarm-shape.{word}")).to_have_count(4)
        for deficiency in GREY_AND_THREE_DEFICIENCIES:
            session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
            pictures = [luminance(sign.screenshot()) for sign in signs.all()]
            for one, other in itertools.combinations(pictures, 2):
                assert np.mean(np.abs(one - other) > 48) > 0.08, (word, deficiency)


def test_what_waits_for_a_person_is_told_from_what_does_not_without_colour(page, gateway):
    gateway.tell("values", {"40-EI-4010.high": 1, "40-EI-4020.high": 2, "40-EI-4030.high": 3, "40-EI-4040.high": 5})
    go(page, "alarms")
    expect(page.locator("tr[data-alarm] .alarm-shape")).to_have_count(4)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    pictures = [luminance(sign.screenshot()) for sign in page.locator("tr[data-alarm] .alarm-place").all()]
    for one, other in itertools.combinations(pictures, 2):
        assert np.mean(np.abs(one - other) > 48) > 0.03
