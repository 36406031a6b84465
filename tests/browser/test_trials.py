"""The six trials of docs/trials: each part of an answer is in the accessibility tree, in words, with its value."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import go, live
from tests.browser.situations import CELL_2_TRIPPED, tab_to

NO_ANSWER = 1 | (1 << 9)


@pytest.fixture
def still(page, gateway):
    """The overview of a plant whose values stay as they are told."""
    gateway.tell("state", {"wander": False})
    return page


def in_tree(page, *parts, within):
    """Each of `parts`, a pattern, is in the tree of `within`; it is read again until they are."""
    for part in parts:
        for _ in range(40):
            tree = " ".join(page.locator(within).first.aria_snapshot().split())
            if re.search(part, tree):
                break
            page.wait_for_timeout(100)
        else:
            raise AssertionError(f"{part} is not in: {tree}")


def test_1_the_cell_that_is_not_like_the_others(still, gateway):
    gateway.tell("values", {"40-FI-4033": 0.35, "40-PDI-4034": 0.28, "40-FI-4033.low": 1})
    go(still, "cells")
    row = "tr[data-row='CELL-03']"
    in_tree(
        still,
        r"row \"CELL-03.*7[78]\.\d [+-]?0\.\d A from the median, limit 2",
        r"0\.350 -0\.2\d\d m³/h from the median, beyond its limit 0\.05",
        r"0\.280 \+0\.\d\d\d bar from the median, beyond its limit 0\.05",
        within=row,
    )
    go(still, "alarms")
    still.locator("tr[data-alarm='40-FI-4033.low']").focus()
    in_tree(
        still,
        "unacknowledged .* 40-FI-4033 catholyte flow low .* 0.350 0.360 m³/h",
        "likely cause - definition: pump, filter or felt",
        "what to do - definition: check pump and felt pressure drop; start standby",
        within="main",
    )


def test_2_the_entry_of_the_total_and_an_output_that_a_loop_asks_for(still, gateway):
    gateway.tell("values", {"40-IC-4200": 340.0})
    still.locator("[data-open='40-II-4200']").click()
    still.locator("#faceplate [data-open='40-IC-4200']").click()
    field = still.get_by_label("value", exact=True)
    field.fill("306")
    field.press("Enter")
    in_tree(still, r"from - definition: 340.0 A - term: to - definition: 306.0 A .* \"-34.0 A\"", within="dialog")
    still.get_by_role("dialog").get_by_role("button", name="Write").click()
    in_tree(still, r"ENTERED 306.0 A", r"status: (accepted|verified)", within="#faceplate")
    still.locator("[data-open='40-FI-4215']").first.click()
    still.locator("#faceplate [data-open='40-FC-4215']").click()
    in_tree(still, r"asked for by - button \"40-AIC-4212\"", within="#faceplate")
    expect(still.locator("#faceplate input")).to_have_count(0)


def test_3_the_alarm_with_what_to_do_and_who_acknowledged_it(still, gateway):
    gateway.tell("values", {"40-AI-4212": 9.4, "40-AI-4212.high": 1})
    go(still, "alarms")
    still.locator("tr[data-alarm='40-AI-4212.high']").focus()
    in_tree(
        still,
        r"priority 2, unacknowledged .* 40-AI-4212 tank pH high .* 9.40 9.00 pH",
        "likely cause - definition: feed pump, stock or a probe - term: consequence - definition: gel, felt clogging",
        "what to do - definition: check feed pump .* time to respond - definition: 10 min",
        within="main",
    )
    still.keyboard.press("a")
    in_tree(still, r"priority 2, acknowledged acknowledged .* 40-AI-4212 tank pH high", within="main")
    in_tree(still, r"status: - paragraph: \"?Acknowledged: 40-AI-4212.high, tank pH high.", within=".messages")
    go(still, "events")
    in_tree(still, r"command 40-AI-4212.high acknowledged ada tank pH high", within="main")
    in_tree(still, r"alarm 40-AI-4212.high unack → acked ada tank pH high", within="main")


def test_3_the_faceplate_of_the_loop_tells_what_to_do_and_acknowledges_by_keyboard(still, gateway):
    keys = still.keyboard
    gateway.tell("values", {"40-AI-4212": 9.4, "40-AI-4212.high": 1})
    still.locator("[data-open='40-AIC-4212']").focus()
    keys.press("f")
    in_tree(
        still,
        r"region \"alarms now\": .* 40-AI-4212 tank pH high .*priority 2, unacknowledged"
        r".* value then - definition: 9.40 pH \(limit 9.00 pH\)"
        r".* likely cause - definition: feed pump, stock or a probe .* consequence - definition: gel, felt clogging"
        r".* what to do - definition: check feed pump .* time to respond - definition: 10 min",
        within="#faceplate",
    )
    tab_to(still, "Acknowledge")
    keys.press("Enter")
    in_tree(still, r"region \"alarms now\": .* priority 2, acknowledged", within="#faceplate")
    expect(still.locator("#faceplate").get_by_role("button", name="Acknowledge")).to_be_hidden()
    expect(still.get_by_role("button", name="In the alarm list")).to_be_focused()
    keys.press("Enter")
    expect(still.locator("tr[data-alarm='40-AI-4212.high']")).to_be_focused()
    assert [(c["command"], c["target"]) for c in gateway.commands()] == [("ack", "40-AI-4212.high")]
    gateway.tell("values", {"40-AI-4212": 8.0, "40-AI-4212.high": 0})
    expect(still.get_by_role("region", name="alarms now")).to_have_count(0)
    expect(still.locator("#faceplate .alarms-of li")).to_have_count(2)


def test_3_alarms_of_the_same_number_stand_on_the_loops_faceplate_and_others_do_not(still, gateway):
    gateway.tell("values", {"40-SI-4216.low": 3, "40-AI-4212.high": 1, "40-CI-4217.low": 1})
    go(still, "alarms")
    still.locator("tr[data-alarm='40-CI-4217.low']").focus()
    still.keyboard.press("/")
    still.keyboard.type("40-FIC-4216")
    still.keyboard.press("Enter")
    names = still.locator("#faceplate [data-alarm-of]")
    expect(names).to_have_count(1)
    in_tree(
        still,
        "40-SI-4216 pump speed low .*returned, unack. .* what to do - definition: look at the drive",
        within="#faceplate",
    )
    tab_to(still, "Acknowledge")
    still.keyboard.press("a")  # of the alarm where the focus is, not of the row that is chosen in the list
    expect(names).to_have_count(0)
    expect(still.locator("#faceplate h2")).to_be_focused()
    assert [(c["command"], c["target"]) for c in gateway.commands()] == [("ack", "40-SI-4216.low")]


def test_3_the_faceplate_of_a_probe_tells_of_its_alarm_and_ends_one_that_latches(still, gateway):
    gateway.tell("values", {"40-LI-4211.high": 5})
    still.locator("[data-open='40-LI-4211']").first.click()
    in_tree(still, "40-LI-4211 tank level high .*returned, waits for reset", within="#faceplate")
    still.locator("#faceplate").get_by_role("button", name="Reset").click()
    still.get_by_role("dialog").get_by_label("reason").fill("level looked at")
    still.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(still.locator("#faceplate [data-alarm-of]")).to_have_count(0)


def test_3_a_page_that_came_later_tells_what_happened_before_it_and_since_when(still, gateway):
    began_ns = time.time_ns() - 3_600_000_000_000
    raised = {"kind": "alarm", "target": "40-AI-4212.high", "old": "normal", "new": "unack", "text": "tank pH high"}
    raised |= {"t": str(began_ns + 60_000_000_000), "actor": "", "reason": ""}
    gateway.tell("state", {"begin": [began_ns, "hours"], "quality_ns": began_ns + 30_000_000_000})
    gateway.tell("before", [raised])
    gateway.tell("values", {"40-AI-4212": 9.4, "40-AI-4212.high": 1})
    still.reload()
    live(still)
    go(still, "events")
    told = datetime.fromtimestamp(began_ns // 10**9, UTC)
    since = rf"1 events since (\S+ )?{told:%H:%M:%S}, of the last 8 hours; earlier ones are in the plant's log"
    since += rf"; changes of quality since (\S+ )?{told + timedelta(seconds=30):%H:%M:%S}"
    in_tree(
        still, since, rf"{told + timedelta(seconds=60):%H:%M:%S}\S* alarm 40-AI-4212.high normal → unack", within="main"
    )
    go(still, "alarms")
    still.locator("tr[data-alarm='40-AI-4212.high']").focus()
    still.keyboard.press("a")
    go(still, "events")
    in_tree(still, r"unack → acked ada .* acknowledged ada .* normal → unack", "3 events since", within="main")
    gateway.tell("drop")
    gateway.tell("state", {"epoch": "00000000000000ff"})
    expect(still.locator(".messages")).to_contain_text("started anew")
    still.wait_for_selector("html[data-link=live]")
    in_tree(still, "4 events since", within="main")  # the gap, and nothing twice


def test_3_events_that_the_log_could_not_tell_are_said_to_be_missing(still, gateway):
    gateway.tell("state", {"begin": [time.time_ns(), "unread"]})
    still.reload()
    live(still)
    go(still, "events")
    in_tree(still, "0 events since .* earlier ones could not be read", "No such event in this time", within="main")


def test_3_without_a_cursor_a_trend_tells_least_and_most_of_all_its_span(still, gateway):
    gateway.tell("values", {"40-AI-4213": 8.02})
    go(still, "trend?pens=40-AI-4213")
    in_tree(still, r"probe B 8\.02 7\.9\d 8\.[1-9]\d pH", within="main tbody")
    gateway.tell("values", {"40-AI-4213": 7.53})
    in_tree(still, r"probe B 7\.53 7\.53 8\.[1-9]\d pH", within="main tbody")


def test_4_what_came_first_why_no_reset_and_what_the_start_waits_for(still, gateway):
    gateway.tell("values", CELL_2_TRIPPED)
    go(still, "interlocks")
    in_tree(
        still,
        r"TRIPPED - button \"Reset…\" \[disabled\]",
        r"why it cannot be reset now.*C15-02 is not clear: .*40-FI-4023 is 0.210, trips < 0.240 m³/h"
        r".*it clears when FI-4023 > 0.30 m³/h for 5 s",
        r"active C15-02 1st out \d\d:\d\d:\d\d\.\d\d\d catholyte flow low with current",
        r"clear C35-02 outlet pH high .* 40-AI-4021 8\.\d\d trips > 10\.50 pH",
        within="[data-group='CELL-02']",
    )
    in_tree(
        still,
        r"not permitted .* MISSING catholyte flow .*FI-4023 > 0.36 m³/h .* fulfilled tank level .*LI-4211 > 20 %",
        within="section[aria-label='40-HS-4020']",
    )
    expect(still.locator("[data-group='CELL-02']").get_by_role("button", name="Reset")).to_have_attribute(
        "title", "conditions are missing; they are listed below"
    )


def test_5_which_value_is_old_since_when_and_what_follows(still, gateway):
    first_out = {"C35-03": 1, "C35-03.first_out": 1, "C35-03.bad_input": 1, "E1-03": 1, "E1-03.active": 1}
    gateway.tell("values", {"40-AI-4031": [8.6, NO_ANSWER], **first_out})
    go(still, "cells")
    in_tree(still, r"8\.60 old \d+(\.\d)? s no deviation known", within="tr[data-row='CELL-03']")
    go(still, "devices")
    in_tree(still, r"GW-4A answers .* 1 of \d+ not good: 40-AI-4031", within="tr[data-row='GW-4A']")
    go(still, "interlocks")
    in_tree(
        still,
        r"C35-03 cannot be known: outlet pH high",
        r"active: bad input C35-03 1st out .* 40-AI-4031 8\.60 old \d+(\.\d)? s trips > 10\.50 pH",
        within="[data-group='CELL-03']",
    )
    go(still, "overview")
    still.keyboard.press("/")
    still.keyboard.type("40-AI-4031")
    still.keyboard.press("Enter")
    in_tree(still, r"quality - definition: old, no answer, age \d+(\.\d)? s", within="#faceplate")
    expect(still.locator("#faceplate svg.indicator")).not_to_have_attribute(
        "aria-label", re.compile("within its alarm")
    )


def test_6_the_mode_as_a_word_and_what_is_not_where_it_should_be(still):
    still.locator("[data-open='40-AIC-4212']").click()
    in_tree(still, r"textbox \"output\" \[disabled\].* can be set in MAN only", within="#faceplate")
    still.get_by_role("button", name="MAN", exact=True).click()
    in_tree(still, r"button \"MAN\" \[pressed\].*MAN: a person sets the output", within="#faceplate")
    in_tree(still, r"list \"what is not normal\".*in MAN 1: 40-AIC-4212", within="header")
    field = still.get_by_label("output", exact=True)
    field.fill("6.3")
    field.press("Enter")
    in_tree(still, r"OP 6.30 L/h", within="#faceplate")
    still.get_by_role("button", name="CAS", exact=True).click()
    in_tree(still, r"CAS refused: 40-AIC-4212 has no loop above it", within="#faceplate")
    still.get_by_role("button", name="AUTO", exact=True).click()
    in_tree(still, r"nothing tripped, forced or in MAN|insecure link 1", within="header")
    expect(still.locator("header")).not_to_contain_text("in MAN 1")
