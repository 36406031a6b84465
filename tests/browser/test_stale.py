"""A page that is told nothing says so within two seconds, takes no input, and never sends later what was typed."""

import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import live
from tests.browser.situations import NOTE_WHEN_NONE_IS_ENABLED, OF_THE_PLC


def open_loop(page):
    page.locator("[data-open='40-AIC-4212']").click()
    field = page.get_by_label("set-point", exact=True)
    expect(field).to_be_enabled()
    return field


def test_a_stopped_gateway_disables_every_input_within_two_seconds_and_what_was_typed_is_never_executed(page, gateway):
    field = open_loop(page)
    field.fill("8.10")
    page.evaluate(NOTE_WHEN_NONE_IS_ENABLED)
    gateway.stop()
    stopped_s = time.time()
    expect(page.locator("html")).to_have_attribute("data-link", "stale")
    disabled_s = page.evaluate("disabled") / 1e3
    assert 0.0 < disabled_s - stopped_s < 2.0
    expect(page.locator(".messages")).to_contain_text("8.10, typed for 40-AIC-4212.sp, was discarded")
    expect(page.locator(".stale-banner")).to_contain_text("No data from the plant")
    page.keyboard.press("Enter")
    gateway.go_on()
    live(page)
    expect(field).to_be_enabled()
    expect(field).to_have_value("8.00")
    assert gateway.commands() == []


def test_a_question_that_stands_open_is_closed_when_the_page_goes_stale(page, gateway):
    field = open_loop(page)
    field.fill("8.60")
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    gateway.tell("silence", 3.5)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".messages")).to_contain_text("was closed without an answer")
    live(page)
    assert gateway.commands() == []


def test_without_heartbeats_every_number_is_struck_hatched_and_has_its_age(page, gateway):
    gateway.tell("silence", 20)
    expect(page.locator("html")).to_have_attribute("data-link", "stale")
    expect(page.locator("#screen .value.good")).to_have_count(0)
    for value in page.locator("#screen .value").all():
        expect(value.locator(".beside")).to_contain_text("old")
    number = page.locator("#screen .value .number").first
    looks = number.evaluate("n => [getComputedStyle(n).textDecorationLine, getComputedStyle(n).backgroundImage]")
    assert looks[0] == "line-through"
    assert "gradient" in looks[1]
    expect(page.locator(".link")).to_contain_text("NO DATA")


def test_a_stopped_source_is_hatched_with_its_age_while_the_rest_lives(page, gateway):
    gateway.tell("stale", OF_THE_PLC)
    level = page.locator("#screen .value[data-point='40-LI-4211']")
    expect(level).to_contain_text("old")
    expect(page.locator("#screen .value[data-point='40-AI-4212']").first).not_to_contain_text("old")
    expect(page.locator("svg[data-point='40-LI-4211']")).to_have_attribute("aria-label", re.compile("61.* %, old .* s"))
    first = level.locator(".beside").inner_text()
    expect(level.locator(".beside")).not_to_have_text(first)  # the age goes on


def test_a_value_without_a_source_time_is_as_old_as_its_tag_may_be_and_what_passed_since(page, gateway):
    gateway.tell("state", {"wander": False, "source_ns": {}})
    gateway.tell("stale", ["40-LI-4211"])
    level = page.locator("#screen .value[data-point='40-LI-4211'] .beside")
    expect(level).to_have_text(re.compile(r"old (1\.\d|2) s"))


def test_what_was_missed_in_a_short_break_comes_once_and_in_order(page, gateway):
    page.evaluate("globalThis.seen = []; setInterval(() => seen.push(Number(document.documentElement.dataset.seq)), 5)")
    gateway.tell("drop")
    gateway.tell("values", {"40-LI-4211": 55.5})
    expect(page.locator("#screen .value[data-point='40-LI-4211'] .number")).to_have_text("55.5")
    live(page)
    seen = page.evaluate("seen")
    assert seen == sorted(seen)
    expect(page.locator(".messages")).not_to_contain_text("Gap")


def test_a_break_that_is_too_long_is_stated_as_a_gap(page, gateway):
    sequence = gateway.tell("drop")["seq"]
    gateway.tell("state", {"ring": [], "seq": sequence + 400})
    expect(page.locator(".messages")).to_contain_text("were missed: the connection was away too long")
    live(page)


def test_a_hole_that_nobody_stated_is_stated_and_all_values_come_anew(page, gateway):
    gateway.tell("state", {"seq": gateway.tell("look")["seq"] + 40})
    expect(page.locator(".messages")).to_contain_text("were missed: a number was left out")
    gateway.tell("values", {"40-LI-4211": 44.4})
    expect(page.locator("#screen .value[data-point='40-LI-4211'] .number")).to_have_text("44.4")


def test_another_scan_is_stated_and_begins_with_a_whole_picture(page, gateway):
    gateway.tell("state", {"epoch": "00000000000000ff"})
    gateway.tell("values", {"40-LI-4211": 44.4})
    gateway.tell("drop")
    expect(page.locator(".messages")).to_contain_text("controller or gateway were started anew")
    expect(page.locator("#screen .value[data-point='40-LI-4211'] .number")).to_have_text("44.4")


def test_a_command_under_way_when_the_connection_breaks_has_an_unknown_outcome(page, gateway):
    field = open_loop(page)
    gateway.tell("state", {"deaf": True})
    field.fill("8.10")
    field.press("Enter")
    gateway.tell("drop")
    expect(page.locator(".messages")).to_contain_text("outcome unknown")
    live(page)


def test_a_controller_that_stands_still_disables_inputs_though_the_gateway_lives(page, gateway):
    field = open_loop(page)
    gateway.tell("state", {"link": "scan-dead"})
    expect(field).to_be_disabled()
    expect(page.locator(".stale-banner")).to_contain_text("controller has stopped")
