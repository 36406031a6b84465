"""What holds until it is changed is drawn as steps at the moment of the change; what is measured stays a line."""

import pytest

from tests.browser import circuit
from tests.browser.conftest import go
from tests.browser.laboratory import ONE

PUMP, PROBE, SET_POINT, BY_HAND = "40-HS-4216", "40-AI-4212", "40-AIC-4212.sp", "40-IC-4200"
# How many columns of pixels the first pen crosses between its lowest and its highest place.
BETWEEN = """() => {
  const canvas = document.querySelector(".chart canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const places = [];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] < 60 && data[at + 1] < 110 && data[at + 2] > 125) places.push([(at / 4) % width, at / 4 / width]);
  }
  const rows = places.map(([, y]) => y);
  const [top, bottom] = [Math.min(...rows) + 9, Math.max(...rows) - 9];
  return new Set(places.filter(([, y]) => y > top && y < bottom).map(([x]) => x)).size;
}"""


def trend(page, gateway, tag, values):
    """A trend by the minute of a tag that had each of the values for some minutes, and has the last one now."""
    gateway.tell("state", {"wander": False})
    gateway.tell("values", {tag: values[-1]})
    ages_s = [5_000, 1_010, 380]
    gateway.tell("recorded", {tag: list(zip(ages_s, values, strict=True))})
    go(page, f"trend?pens={tag}")
    page.wait_for_selector(f".chart[aria-label*='{tag}'] canvas")
    return page.evaluate(BETWEEN)


@pytest.mark.parametrize(
    ("tag", "values"),
    [(PUMP, [1, 0, 1]), (SET_POINT, [8.0, 8.4, 8.0]), (BY_HAND, [300, 320, 300]), (ONE, [0.5, 0.7, 0.5])],
)
def test_what_holds_until_it_is_changed_jumps(page, gateway, tag, values):
    assert 2 <= trend(page, gateway, tag, values) <= 8


def test_what_is_measured_goes_from_one_minute_to_the_next(page, gateway):
    assert trend(page, gateway, PROBE, [8.0, 8.4, 8.0]) > 40


def test_a_change_stands_where_it_was_and_what_is_not_known_is_not_made_up(page):
    told = {
        "t_ms": [0, 60_000, 120_000, 180_000, 240_000, 300_000],
        "first": [0, 0, 1, 1, 1, None],
        "last": [0, 1, 1, 0, 0, None],
        "mean": [0, 0.25, 0.9, 0.5, 0.5, None],
        "min": [0, 0, 0, 0, 0, None],
        "max": [0, 1, 1, 1, 1, None],
        "count": [0, 1, 2, 3, 1, 0],
        "known": [1, 1, 1, 1, 0.5, 0],
        "quality": [0, 0, 0, 0, 0, 2],
        "width_ms": 60_000,
    }
    found = page.evaluate(
        "async (told) => (await import('/static/script/held.js')).steps(told)",
        told | {key: [float("nan") if v is None else v for v in told[key]] for key in ("first", "last", "mean")},
    )
    rows = list(zip(found["t_ms"], found["mean"], found["min"], found["max"], found["quality"], strict=True))
    assert rows[:-1] == [
        (0, 0, 0, 0, 0),
        (60_000, 0, 0, 0, 0),
        (105_000, 1, 1, 1, 0),  # of 60 s a quarter was 1, and nothing else happened
        (120_000, 1, 0, 1, 0),  # a pulse: that it was is in the band, not when
        (180_000, 1, 0, 1, 0),  # three changes, of which the band tells
        (210_000, 0, 0, 1, 0),
        (240_000, 0, 0, 1, 0),  # a gap in it: nothing says where the change was
    ]
    assert rows[-1][0] == 300_000
    assert rows[-1][1] != rows[-1][1]


def test_the_description_says_which_values_hold(page):
    said = circuit.description()
    for tag in said["tags"]:
        if tag["kind"] == "output":
            tag["asked_by"] = None if tag["tag"] == "40-FV-4276" else "40-AIC-4212"
    held = page.evaluate(
        """async (said) => {
          const { Plant } = await import("/static/script/plant.js");
          const plant = new Plant(said);
          return said.tags.map(({ tag }) => tag).filter((tag) => plant.isHeld(tag));
        }""",
        said,
    )
    assert {PUMP, SET_POINT, BY_HAND, ONE, "40-FV-4276"} <= set(held)
    assert not {PROBE, "40-AIC-4212", "40-FC-4215", "40-CY-4272", "40-II-4200"} & set(held)
