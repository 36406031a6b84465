"""Values of samples on the page: entered, signed by another, corrected, withdrawn, refused in the plant's words."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import go, live
from tests.browser.laboratory import ONE, TWO
from tests.browser.situations import tab_to
from tests.browser.test_keyboard_and_listening import findings
from tests.browser.test_pictures import taken

HERE = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def book(page):
    """The screen of the laboratory; a browser complains of every refusal, which is not the page's fault."""
    go(page, "laboratory")
    expect(page.locator(".summary[role=status]")).to_have_text("nothing waits for a signature")
    yield page
    page.complaints[:] = [each for each in page.complaints if "Failed to load resource" not in each]


def written(hours, zone=HERE):
    return (datetime.now(zone) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def fill(page, value="42", hours=2.0, sample="S-0417", lot="", tag=TWO):
    page.get_by_label("tag", exact=True).select_option(tag)
    page.get_by_label("value", exact=True).fill(value)
    page.get_by_label("sample taken").fill(written(hours))
    page.get_by_label("sample number").fill(sample)
    page.get_by_label("lot", exact=True).fill(lot)


def enter(page, *given, **named):
    fill(page, *given, **named)
    page.get_by_role("button", name="Enter").click()
    expect(page.locator(".done")).to_contain_text("Entered")


def waiting(page):
    return page.get_by_role("table", name="Wait for the second signature").locator("tbody tr")


def of_tag(page, tag):
    return page.locator(f"tbody[data-tag='{tag}'] tr[data-row]")


def answer(page, **fields):
    """Fill in the question that stands open, and agree to it."""
    dialog = page.get_by_role("dialog")
    for label, text in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(text)
    dialog.locator("button.go").click()
    return dialog


def becomes(gateway, page, person):
    """Another person signs in at the same page, which forgets nothing that stands in the book."""
    page.get_by_role("button", name="Sign in as another person").click()
    expect(page.get_by_label("name", exact=True)).to_be_focused()
    gateway.tell("state", {"person": person})
    page.get_by_label("name", exact=True).fill(person)
    page.get_by_label("password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    live(page)


def test_one_person_enters_by_keys_alone_and_another_signs(book, gateway):
    fill(book, value="", lot="L-7")
    book.get_by_label("tag", exact=True).focus()
    tab_to(book, "value")
    book.keyboard.type("0,042")
    book.keyboard.press("Tab")
    book.keyboard.type("g/L")
    book.keyboard.press("Enter")
    expect(book.locator(".done")).to_have_text(
        re.compile(f"Entered: {TWO} 42 mg/L, entry .{{8}}. It waits for the signature of another person.")
    )
    expect(book.get_by_label("value", exact=True)).to_be_focused()
    expect(book.get_by_label("value", exact=True)).to_have_value("")
    expect(book.get_by_label("sample number")).to_have_value("S-0417")  # the other tag may be of the same sample
    row = waiting(book)
    expect(row).to_have_text(
        re.compile(r"40-AY-4218\d{4}-\d\d-\d\d \d\d:\d\d UTC42 mg/L NOT SIGNED YETS-0417lot L-7ada \(you\)")
    )
    expect(book.locator(".who-signs")).to_contain_text("Another person than the one who gave a value signs it")
    expect(row.get_by_role("button", name="Sign")).to_be_disabled()
    expect(row.get_by_role("button", name="Sign")).to_have_attribute("title", "your own value: another person signs it")

    becomes(gateway, book, "bob")
    row.get_by_role("button", name="Sign").click()
    expect(book.get_by_role("dialog")).to_contain_text("42 mg/L (given as 0.042 g/L)")
    expect(book.get_by_role("button", name="Cancel")).to_be_focused()
    assert findings(book) == []
    answer(book, comment="seen")
    expect(row).to_have_count(0)
    expect(of_tag(book, TWO)).to_have_text(re.compile(r"42 mg/L signedS-0417lot L-7adabob"))
    expect(book.locator(f"tbody[data-tag='{TWO}'] .value")).to_have_text("42mg/L")
    expect(of_tag(book, TWO).get_by_role("button", name="Correct")).to_be_focused()
    enter(book, "131", hours=1, sample="S-0418")
    expect(waiting(book).locator(".found")).to_have_text("131 mg/L above specification")
    taken(book, "page-laboratory")


REFUSED = {
    "value": ({"value": "6000"}, "value", "6000 is outside what is plausible, 0 to 5000 mg/L"),
    "no number": ({"value": "4 2"}, "value", "not a number"),
    "future": ({"hours": -3.0}, "sample taken", "the sample's time lies in the future"),
    "old": ({"hours": 24.0 * 9}, "sample taken", "samples of `40-AY-4218` are entered within 72 h"),
    "which": ({"sample": " "}, "sample number", "which sample is it? give its number or its lot"),
}


def test_what_is_refused_is_told_beside_its_field_and_nothing_typed_is_lost(book):
    for given, label, said in REFUSED.values():
        fill(book, **given)
        book.get_by_role("button", name="Enter").click()
        field = book.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(said)))
        expect(book.get_by_label("lot", exact=True)).to_have_value(given.get("lot", ""))
        expect(book.locator("input[aria-invalid]")).to_have_count(1)
    assert findings(book) == []
    fill(book)
    book.get_by_label("unit").fill("kg")
    book.get_by_role("button", name="Enter").click()
    expect(book.get_by_label("unit")).to_have_accessible_description(re.compile("kg"))
    expect(book.locator("tr.unsigned")).to_have_count(0)


def test_the_time_of_the_place_and_utc_are_not_mistaken_for_each_other(book):
    fill(book, hours=2)
    taken = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%d %H:%M")
    hint = book.locator(".lab-field", has=book.get_by_label("sample taken")).locator(".hint")
    expect(hint).to_have_text(re.compile(rf"is {taken} UTC, (2 h 00|1 h 59|120) min ago"))
    book.get_by_role("button", name="Enter").click()
    expect(waiting(book).locator(".time")).to_have_text(f"{taken} UTC")
    fill(book, "43", hours=20, sample="S-2")
    book.get_by_label("in the time of").select_option("UTC")
    expect(hint).to_have_text(re.compile(r"UTC\+09:00, 11 h 0"))  # Tokyo's clock is nine hours ahead
    expect(book.get_by_label("in the time of").locator("option").first).to_have_text("this place, Asia/Tokyo")


def test_an_hour_that_the_clocks_skip_or_show_twice_is_asked_for_in_utc(browser, gateway):
    context = browser.new_context(timezone_id="Europe/Oslo")
    page = context.new_page()
    page.goto(gateway.address)
    said = page.evaluate(
        """async () => {
          const { sampleTime } = await import("/static/script/lab_time.js");
          const written = ["2026-03-29T02:30", "2026-10-25T02:30", "2026-10-25T01:30", ""];
          return written.map((text) => sampleTime(text, "here"));
        }"""
    )
    context.close()
    assert ["skipped" in said[0]["wrong"], "twice" in said[1]["wrong"], "date" in said[3]["wrong"]] == [True] * 3
    assert said[2] == {"utc_ms": datetime(2026, 10, 24, 23, 30, tzinfo=UTC).timestamp() * 1e3}


def test_a_correction_and_a_withdrawal_have_a_reason_and_the_focus_stays(book):
    enter(book, "0.61", tag=ONE)
    row = of_tag(book, ONE)
    row.get_by_role("button", name="Correct").click()
    dialog = answer(book, right_value="2.1", reason="dilution")
    expect(dialog.get_by_label("right value")).to_have_accessible_description(re.compile("outside what is plausible"))
    answer(book, right_value="0.75", reason=" ")
    expect(dialog.get_by_label("reason")).to_have_accessible_description(re.compile("none was given"))
    answer(book, reason="dilution forgotten")
    expect(row).to_have_text(
        re.compile(r"0\.75 mol/L above specificationsigned, correctedwas 0\.61 mol/L: dilution forgotten")
    )
    expect(row.get_by_role("button", name="Correct")).to_be_focused()
    row.get_by_role("button", name="Withdraw").click()
    expect(dialog.get_by_label("reason")).to_be_focused()
    answer(book, reason="another tank")
    expect(row).to_contain_text("withdrawnwas 0.75 mol/L: another tank")
    expect(row.get_by_role("button")).to_have_count(0)
    expect(book.get_by_role("heading", name="Laboratory")).to_be_focused()


def test_an_entry_without_an_answer_is_given_again_and_made_once(book):
    def lose_the_answer(route):
        route.fetch()
        route.abort()

    fill(book)
    book.route("**/api/v1/lab", lose_the_answer)
    book.get_by_role("button", name="Enter").click()
    expect(book.locator(".lab-form [role=alert]")).to_contain_text("no answer: look at the book before you try again")
    book.unroute("**/api/v1/lab")
    book.get_by_role("button", name="Enter").click()
    expect(book.locator(".done")).to_contain_text("Entered")
    expect(waiting(book)).to_have_count(1)


def test_without_data_what_was_typed_waits_and_who_may_only_look_is_told_why_nothing_can_be_done(book, gateway):
    fill(book)
    book.get_by_label("comment").focus()
    gateway.tell("silence", 2.5)
    expect(book.locator(".barred")).to_have_text("Read only: not possible without data from the plant.")
    expect(book.get_by_label("value", exact=True)).to_be_disabled()
    live(book)
    expect(book.get_by_label("value", exact=True)).to_have_value("42")
    expect(book.get_by_label("comment")).to_be_focused()

    book.get_by_role("button", name="Enter").click()
    expect(waiting(book)).to_have_count(1)
    gateway.tell("state", {"role": "viewer", "person": "eve"})
    book.reload()
    live(book)
    expect(book.locator(".barred")).to_have_text("Read only: a viewer may look only.")
    for button in (book.get_by_role("button", name="Enter"), *waiting(book).get_by_role("button").all()):
        expect(button).to_be_disabled()
    expect(book.get_by_label("value", exact=True)).to_be_disabled()


def left_and_back(page, query=""):
    """Look at the trend, and come back."""
    go(page, "trend")
    go(page, f"laboratory{query}")


def test_a_form_that_is_left_half_filled_is_found_again_until_it_is_entered_or_cleared(book):
    kept = book.locator(".kept")
    expect(book.get_by_role("button", name="Clear")).to_be_hidden()
    fill(book, lot="L-7")
    typed = book.get_by_label("sample taken").input_value()
    left_and_back(book)
    expect(kept).to_have_text(re.compile(r"Not entered yet: kept as you left it [\d.]+ s ago\."))
    for label, text in (("value", "42"), ("sample taken", typed), ("sample number", "S-0417"), ("lot", "L-7")):
        expect(book.get_by_label(label, exact=True)).to_have_value(text)
    left_and_back(book, f"?tag={ONE}")
    expect(book.get_by_label("tag", exact=True)).to_have_value(TWO)  # its value is not taken for the other tag's
    expect(kept).to_contain_text(f"what you began for {TWO}")
    expect(kept).to_contain_text(f"Enter or clear it before {ONE}.")
    assert findings(book) == []
    book.get_by_role("button", name="Clear").click()
    expect(book.get_by_label("value", exact=True)).to_be_focused()
    expect(book.get_by_label("tag", exact=True)).to_have_value(ONE)
    expect(book.get_by_label("unit")).to_have_value("mol/L")
    expect(kept).to_be_hidden()

    fill(book)
    book.get_by_role("button", name="Enter").click()
    expect(waiting(book)).to_have_count(1)
    left_and_back(book)
    for label in ("value", "sample taken", "sample number", "lot"):
        expect(book.get_by_label(label, exact=True)).to_have_value("")
    expect(kept).to_be_hidden()


def test_an_entry_whose_answer_comes_while_another_screen_is_looked_at_is_made_once_and_told_there(book, gateway):
    held = []

    def hold(route):
        held.append(route)

    fill(book)
    book.route("**/api/v1/lab", hold)
    with book.expect_request("**/api/v1/lab"):
        book.get_by_role("button", name="Enter").click()
    go(book, "trend")
    held.pop().abort()
    expect(book.locator(".message.failure")).to_contain_text(f"Not entered, value of {TWO}: no answer")
    book.unroute("**/api/v1/lab")
    go(book, "laboratory")
    expect(book.locator(".lab-form [role=alert]")).to_contain_text("no answer: look at the book")
    book.get_by_role("button", name="Enter").click()
    expect(waiting(book)).to_have_count(1)
    expect(book.get_by_label("value", exact=True)).to_have_value("")


def test_what_one_person_began_is_not_found_by_the_next(book, gateway):
    fill(book)
    becomes(gateway, book, "bob")
    expect(book.get_by_label("value", exact=True)).to_have_value("")
    fill(book, "43")
    gateway.tell("state", {"person": "ada"})  # who signed in from another window
    gateway.tell("drop")
    expect(book.locator(".user")).to_contain_text("ada")
    expect(book.get_by_label("value", exact=True)).to_have_value("")
