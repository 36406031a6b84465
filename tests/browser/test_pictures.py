"""The pictures of the README: the plant at work, tripped, and a page that is told nothing.

Where PLANTCTL_WRITE_PICTURES=1 asks for it they are taken from the demo, at its full current, and kept in
docs/pictures; that takes ten minutes. Else the same way is gone with the scripted circuit, and nothing is kept.
"""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, go
from tests.browser.demo_stage import DemoStage, ScriptedStage, opened

FULL_PAGE_BYTES = 50_000
KEPT = os.environ.get("PLANTCTL_WRITE_PICTURES") == "1"


@pytest.fixture
def stage(request, tmp_path):
    made = DemoStage(tmp_path) if KEPT else ScriptedStage(request.getfixturevalue("gateway"))
    yield made
    made.end()


def taken(page, name):
    page.mouse.move(640, 790)
    picture = page.screenshot()
    assert len(picture) > FULL_PAGE_BYTES, "the page is nearly empty"
    if KEPT:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(picture)


@pytest.mark.timeout(1500 if KEPT else 120)
def test_the_plant_at_work_then_a_cell_tripped_then_a_page_that_is_told_nothing(blank, stage):
    page = opened(blank, stage)
    stage.at_work(page)
    page.locator("[data-open='40-AIC-4212']").click()
    expect(page.locator("#faceplate canvas").first).to_be_visible()
    taken(page, "page-normal")
    page.keyboard.press("Escape")

    stage.trip_cell_2()
    go(page, "interlocks")
    card = page.locator("[data-group='CELL-02']")
    expect(card.locator(".group-state")).to_have_text("TRIPPED", timeout=60_000)
    expect(card.locator("[data-row='C15-02'] .order")).to_contain_text("1st out")
    expect(card.locator(".missing")).to_contain_text("40-FI-4023 is 0.")
    taken(page, "page-tripped")

    go(page, "overview")
    page.locator("[data-open='40-AIC-4212']").click()
    stage.fall_silent()
    expect(page.locator(".stale-banner")).to_contain_text("No data from the plant")
    expect(page.locator(".stale-banner .age")).to_have_text(re.compile(r"last heard [3-9] s ago"))
    taken(page, "page-stale")


def test_paper_shows_the_screen_and_no_buttons(page):
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".overview")).to_be_visible()
    page.emulate_media(media="screen")
