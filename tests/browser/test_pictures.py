"""The pictures of the README: the plant at work, tripped, and a page that is told nothing.

They are kept in docs/pictures where PLANTCTL_WRITE_PICTURES=1 asks for it, else they are taken and thrown away.
"""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, go
from tests.browser.situations import CELL_2_TRIPPED

FULL_PAGE_BYTES = 50_000


@pytest.fixture
def keep(page):
    def keep(name):
        taken = page.screenshot()
        assert len(taken) > FULL_PAGE_BYTES, "the page is nearly empty"
        if os.environ.get("PLANTCTL_WRITE_PICTURES") == "1":
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{name}.png").write_bytes(taken)

    return keep


def test_the_plant_at_work(page, keep):
    expect(page.locator("#screen .value.good").first).to_be_visible()
    page.locator("[data-open='40-AIC-4212']").click()
    expect(page.locator("#faceplate canvas").first).to_be_visible()
    page.mouse.move(640, 700)
    keep("page-normal")


def test_the_plant_with_a_cell_tripped(page, gateway, keep):
    gateway.tell("values", CELL_2_TRIPPED)
    go(page, "interlocks")
    expect(page.locator("[data-group='CELL-02'] .missing")).to_contain_text("40-FI-4023 is 0.210")
    keep("page-tripped")


def test_a_page_that_is_told_nothing(page, gateway, keep):
    gateway.tell("silence", 60)
    expect(page.locator(".stale-banner")).to_contain_text("No data from the plant")
    expect(page.locator(".stale-banner .age")).to_contain_text("last heard 3 s ago")
    keep("page-stale")


def test_paper_shows_the_screen_and_no_buttons(page):
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".overview")).to_be_visible()
    page.emulate_media(media="screen")
