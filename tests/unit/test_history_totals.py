"""What a rate adds up to."""

import pytest

from plantctl.history.reading.totals import NotARate, summed_unit, totalled


@pytest.mark.parametrize(
    ("rate", "unit", "an_hour_of_one"),
    [
        ("L/h", "L", 1.0),
        ("m3/h", "m3", 1.0),
        ("L/min", "L", 60.0),
        ("kg/d", "kg", 1 / 24),
        ("NL/min", "NL", 60.0),
        ("A", "Ah", 1.0),
        ("kA", "kAh", 1.0),
        ("kW", "kWh", 1.0),
        ("1/s", "1", 3600.0),
        ("rpm", "1", 60.0),
    ],
)
def test_an_hour_of_one_comes_to(rate, unit, an_hour_of_one):
    _, text, factor = summed_unit(rate)
    assert text == unit
    assert totalled(1.0, 3_600_000_000_000, factor) == pytest.approx(an_hour_of_one, rel=1e-12)


def test_a_total_in_another_unit_of_its_kind():
    _, text, factor = summed_unit("L/h", "m3")
    assert text == "m3"
    assert totalled(500.0, 7_200_000_000_000, factor) == pytest.approx(1.0)
    assert summed_unit("pH", "pH h")[2] == pytest.approx(1 / 3600), "the area below a curve, where it is asked for"


@pytest.mark.parametrize(
    ("rate", "wanted", "words"),
    [
        ("pH", "", "`pH` is no rate"),
        ("", "", "without a unit"),
        ("degC", "", "a temperature"),
        ("L/h", "kg", "L/h has no total in kg"),
        ("L/h", "litres", "litres"),
        ("mol/L", "", "is no rate"),
    ],
)
def test_what_is_no_rate_has_no_total(rate, wanted, words):
    with pytest.raises(NotARate, match=words):
        summed_unit(rate, wanted)


def test_of_nothing_good_the_total_is_nothing():
    assert totalled(float("nan"), 0, 1.0) == 0.0
