"""A drive trips, and is given back by nothing but the page: its motor commanded off, its latched fault reset."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import go
from tests.browser.demo_stage import DemoStage, opened

pytestmark = pytest.mark.timeout(400)  # the first start on a machine compiles
SLOW_MS = 60_000
DRIVE, FAULT, COMMAND, RESET = "40-XI-4216", "40-XA-4216", "40-HS-4216", "40-HS-4216R"


@pytest.fixture
def stage(tmp_path):
    made = DemoStage(tmp_path)
    yield made
    made.end()


def shown(page, tag):
    return page.locator(f"#screen .value.good[data-point='{tag}'] .number")


def press(page, tag, word):
    """Give a state of `tag` by its faceplate, and answer the question."""
    page.locator(f"#screen [data-open='{tag}']").click()
    page.locator("#faceplate").get_by_role("button", name=word, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(tag)
    dialog.get_by_role("button", name="Write").click()
    expect(dialog).to_have_count(0)


def test_a_tripped_drive_is_reset_from_the_page_once_its_motor_is_commanded_off(blank, stage):
    page = opened(blank, stage)
    go(page, "overview?display=drives")
    expect(shown(page, DRIVE)).to_have_text("runs", timeout=SLOW_MS)
    page.locator(f"#screen [data-open='{RESET}']").click()
    button = page.locator("#faceplate").get_by_role("button", name="reset", exact=True)
    why = page.locator("#faceplate .modes .why")
    expect(button).to_be_disabled()
    expect(why).to_have_text("not permitted: drive reports a fault, pump commanded off is missing")

    stage.simulate("fault", "pump-trip")
    expect(shown(page, FAULT)).to_have_text("tripped", timeout=SLOW_MS)
    expect(shown(page, DRIVE)).to_have_text("stands")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "not permitted: pump commanded off is missing")
    expect(why).to_have_text("not permitted: pump commanded off is missing")
    stage.simulate("clear", "pump-trip")

    press(page, COMMAND, "stop")
    expect(shown(page, COMMAND)).to_have_text("stop")
    expect(shown(page, FAULT)).to_have_text("tripped")
    press(page, RESET, "reset")
    expect(shown(page, FAULT)).to_have_text("none")
    expect(why).to_have_text(re.compile(r"^verified.*; not permitted: drive reports a fault is missing$"))
    expect(shown(page, RESET)).to_have_text("rest")  # the button springs back
    expect(button).to_be_disabled()
    expect(shown(page, DRIVE)).to_have_text("stands")  # a reset starts nothing
