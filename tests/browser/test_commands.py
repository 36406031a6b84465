"""How a person changes something: Enter writes, blur never, what was seen is sent along, every stage is shown."""

from playwright.sync_api import expect

from tests.browser.conftest import go
from tests.browser.situations import CELL_2_TRIPPED


def open_faceplate(page, name):
    page.locator(f"[data-open='{name}']").first.click()
    expect(page.locator("#faceplate h2")).to_have_text(name)


def test_a_small_step_of_a_set_point_is_written_by_enter_and_shown_pending_until_it_is_verified(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("set-point", exact=True)
    gateway.tell("state", {"slow_device": True})
    field.fill("8.10")
    field.press("Enter")
    entry = page.locator(".entry", has=field)
    expect(entry).to_have_class("entry pending")
    expect(entry.locator(".stage")).to_have_text("sent")
    assert field.evaluate("f => [getComputedStyle(f).fontStyle, getComputedStyle(f).borderStyle]") == [
        "italic",
        "dashed",
    ]
    gateway.tell("state", {"slow_device": False})
    expect(entry.locator(".stage")).to_have_text("verified")
    expect(entry).to_have_class("entry")
    [command] = gateway.commands()
    assert (command["command"], command["target"], command["value"]) == ("set", "40-AIC-4212.sp", 8.1)
    assert command["expect"] == {"value": 8.0}
    assert command["valid_ms"] == 3000
    assert len(command["idem"]) == 32


def test_leaving_a_field_never_writes_and_escape_takes_back(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("set-point", exact=True)
    field.fill("8.10")
    page.get_by_role("heading", name="state").click()
    expect(field).to_have_value("8.00")
    field.fill("8.20")
    field.press("Escape")
    expect(field).to_have_value("8.00")
    expect(page.locator("#faceplate")).to_be_visible()
    field.fill("9.9")
    field.press("Enter")
    expect(page.locator(".entry .stage").first).to_contain_text("outside 6.5 … 9: not written")
    assert gateway.commands() == []


def test_a_large_step_is_asked_back_with_the_focus_on_cancel(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("set-point", exact=True)
    field.fill("8.60")
    field.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    for text in ("8.00 pH", "8.60 pH", "+0.60 pH"):
        expect(dialog).to_contain_text(text)
    page.keyboard.press("Enter")  # on Cancel
    expect(dialog).to_have_count(0)
    expect(field).to_have_value("8.00")
    assert gateway.commands() == []


def test_a_switch_of_class_confirm_reason_is_not_written_without_a_reason(page, gateway):
    open_faceplate(page, "40-II-4010")
    page.locator("#faceplate [data-open='40-HS-4010']").click()
    page.locator("#faceplate").get_by_role("button", name="OFF", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Write")).to_be_disabled()
    dialog.get_by_label("reason").fill("felt is changed")
    dialog.get_by_role("button", name="Write").click()
    expect(page.locator("#faceplate .big-row .number").first).to_have_text("OFF")
    [command] = gateway.commands()
    assert (command["target"], command["value"], command["reason"]) == ("40-HS-4010", 0, "felt is changed")


def test_a_mode_that_is_refused_says_why_and_the_message_stays(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    page.get_by_role("button", name="CAS", exact=True).click()
    expect(page.locator(".modes .why")).to_contain_text("CAS refused: 40-AIC-4212 has no loop above it")
    expect(page.locator(".messages")).to_contain_text("refused. wrong-mode")
    page.get_by_role("button", name="dismiss").click()
    expect(page.locator(".messages")).not_to_contain_text("refused")


def test_somebody_else_was_faster_and_the_plant_refuses_what_was_not_seen(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("set-point", exact=True)
    gateway.tell("unsaid", {"40-AIC-4212.sp": 7.0})  # the page still shows 8.00
    field.fill("8.10")
    field.press("Enter")
    expect(page.locator(".messages")).to_contain_text("expect-mismatch: 40-AIC-4212.sp is 7.0 now")


def test_a_value_entered_by_hand_is_taken_while_outputs_are_held_and_an_output_is_not(page, gateway):
    gateway.tell("state", {"link": "held", "wander": False})
    gateway.tell("values", {"40-IC-4200": 340.0})
    expect(page.get_by_role("button", name="OUTPUTS HELD")).to_be_visible()
    open_faceplate(page, "40-HS-4216")
    expect(page.locator("#faceplate").get_by_role("button", name="STOPPED", exact=True)).to_be_disabled()
    expect(page.locator("#faceplate .modes .why")).to_have_text("outputs are held until a person releases them")
    open_faceplate(page, "40-II-4200")
    page.locator("#faceplate [data-open='40-IC-4200']").click()
    expect(page.locator("#faceplate")).to_contain_text("ENTERED")
    field = page.get_by_label("value", exact=True)
    field.fill("306")
    field.press("Enter")
    dialog = page.get_by_role("dialog")
    for text in ("340.0 A", "306.0 A", "-34.0 A"):
        expect(dialog).to_contain_text(text)
    dialog.get_by_role("button", name="Write").click()
    expect(page.locator("#faceplate .big-row .number").first).to_have_text("306.0")
    assert [(c["target"], c["value"], c["expect"]) for c in gateway.commands()] == [
        ("40-IC-4200", 306, {"value": 340.0})
    ]


def test_an_output_can_be_set_in_man_only(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("output", exact=True)
    expect(field).to_be_disabled()
    expect(page.locator(".entry", has=field)).to_contain_text("can be set in MAN only")
    page.get_by_role("button", name="MAN", exact=True).click()
    expect(field).to_be_enabled()
    field.fill("6.5")
    field.press("Enter")
    expect(page.locator(".entry", has=field).locator(".stage")).to_have_text("verified")
    assert [(c["command"], c["target"], c["value"]) for c in gateway.commands()] == [
        ("mode", "40-AIC-4212", "man"),
        ("output", "40-AIC-4212", 6.5),
    ]


def test_a_viewer_looks_and_touches_nothing(page, gateway):
    gateway.tell("state", {"role": "viewer"})
    gateway.tell("values", {"40-EI-4030.high": 1})
    page.reload()
    page.wait_for_selector("html[data-ready]")
    open_faceplate(page, "40-AIC-4212")
    expect(page.get_by_label("set-point", exact=True)).to_be_disabled()
    expect(page.locator("#faceplate")).to_contain_text("a viewer may look only")
    go(page, "alarms")
    expect(page.get_by_role("button", name="Acknowledge", exact=True)).to_be_disabled()


def test_a_trip_tells_what_came_first_and_why_it_cannot_be_reset(page, gateway):
    gateway.tell("values", CELL_2_TRIPPED)
    go(page, "interlocks")
    card = page.locator("[data-group='CELL-02']")
    expect(page.locator(".groups > section").first).to_have_attribute("data-group", "CELL-02")
    expect(card.locator(".group-state")).to_have_text("TRIPPED")
    expect(card.locator("[data-row='C15-02'] .order")).to_contain_text("1st out")
    expect(card.locator(".missing")).to_contain_text("40-FI-4023 is 0.210, trips < 0.240 m³/h")
    expect(card.get_by_role("button", name="Reset")).to_be_disabled()
    gateway.tell("values", {"40-FI-4023": 0.6, "C15-02": 0})
    expect(card.locator(".missing")).to_be_hidden()
    card.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_label("reason").fill("pump repaired")
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(card.locator(".group-state")).to_have_text("ready")
    assert [(c["command"], c["target"]) for c in gateway.commands()] == [("reset", "CELL-02")]


def test_the_stages_of_a_command_stand_in_its_log(page, gateway):
    open_faceplate(page, "40-AIC-4212")
    field = page.get_by_label("set-point", exact=True)
    field.fill("8.10")
    field.press("Enter")
    go(page, "events")
    item = page.locator(".command-log li").first
    expect(item).to_contain_text("verified")
    assert [step.inner_text().split()[0] for step in item.locator(".step").all()] == [
        "queued",
        "accepted",
        "sent",
        "verified",
    ]
    expect(page.locator("tr.kind-command")).to_contain_text("ada")
