"""Units as plant engineers write them, and the texts that are refused instead of guessed."""

from fractions import Fraction

import pytest

from plantctl.core import unit_table
from plantctl.core.units import (
    UnitError,
    convert,
    formula,
    known_units,
    parse_duration_ns,
    parse_duration_s,
    parse_number,
    parse_quantity,
    parse_unit,
    quantity_in,
    ratio,
)


def u(text):
    return parse_unit(text)


@pytest.mark.parametrize(
    ("text", "factor", "quantity"),
    [
        ("L/h/pH", "1/3600000", "m3/s/pH"),
        ("m3/h", "1/3600", "volume flow"),
        ("A/m2", "1", "current density"),
        ("mol/L", "1000", "concentration"),
        ("C/mol", "1", "charge per mole"),
        ("mS/cm", "1/10", "conductivity"),
        ("uS/cm", "1/10000", "conductivity"),
        ("kg/m3", "1", "density"),
        ("g/L", "1", "density"),
        ("mg/L", "1/1000", "density"),
        ("bar", "100000", "pressure"),
        ("mbar", "100", "pressure"),
        ("kPa", "1000", "pressure"),
        ("mV", "1/1000", "voltage"),
        ("mOhm", "1/1000", "resistance"),
        ("Ohm m2", "1", "area resistance"),
        ("L/h/s", "1/3600000", "m3/s2"),
        ("kWh/kg", "3600000", "energy per mass"),
        ("kW", "1000", "power"),
        ("Ah", "3600", "charge"),
        ("Nm3/h", "1/3600", "normal gas flow"),
        ("NL/min", "1/60000", "normal gas flow"),
        ("1/s", "1", "frequency"),
        ("rpm", "1/60", "frequency"),
        ("cps", "1", "frequency"),
        ("degC/min", "1/60", "rate of temperature"),
        ("uSv/h", "1/3600000000", "Sv/s"),
        ("W/(m2 K)", "1", "kg/s3/K"),
        ("t/d", "5/432", "mass flow"),
        ("ppb", "1/1000", "parts per million"),
        ("1", "1", "plain number"),
        ("-", "1", "plain number"),
        ("mV/V", "1/1000", "plain number"),
    ],
)
def test_a_unit_has_its_exact_factor_and_says_what_it_measures(text, factor, quantity):
    unit = u(text)
    assert unit.factor == Fraction(factor)
    assert unit.quantity == quantity


@pytest.mark.parametrize(
    "text", sorted({"m3/h", "L/h/pH", "Ohm m2", "W/(m2 K)", "Nm3^2", "1/Nm3", "mS/cm", "%", "1/s"})
)
def test_the_formula_of_a_dimension_reads_back_as_that_dimension(text):
    assert u(formula(u(text).dimension)).dimension == u(text).dimension


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("°C", "degC"),
        ("µS/cm", "uS/cm"),
        ("m³/h", "m3/h"),
        ("m^3/h", "m3/h"),
        ("Ω", "Ohm"),
        ("l/min", "L/min"),
        ("s-1", "1/s"),
        ("N·m", "J"),
        ("A*h", "Ah"),
        ("L / h", "L/h"),
        ("W/(m2*K)", "W/m2/K"),
        (" bar ", "bar"),
    ],
)
def test_two_spellings_of_one_unit_are_equal(one, other):
    assert u(one) == u(other)


@pytest.mark.parametrize("kind", ["pH", "%", "%LEL", "%RH", "vol%", "wt%", "ppm", "1", "V", "K"])
def test_a_kind_is_compatible_with_itself_only(kind):
    others = {"pH", "%", "%LEL", "%RH", "vol%", "wt%", "ppm", "1", "V", "K", "degC"} - {kind}
    assert u(kind).compatible(u(kind))
    assert not any(u(kind).compatible(u(other)) for other in others)


def test_normal_cubic_metres_are_not_cubic_metres():
    with pytest.raises(UnitError, match="normal gas flow"):
        convert(1.0, u("Nm3/h"), u("m3/h"))


def test_a_temperature_reading_is_a_point_and_a_kelvin_is_a_difference():
    assert u("degC").point
    assert not u("K").point
    assert u("degC").difference() == u("K")
    assert u("L/h").difference() is u("L/h")
    with pytest.raises(UnitError, match="a difference of temperatures is in K"):
        convert(2.0, u("K"), u("degC"))


def test_a_degree_inside_a_compound_is_a_difference():
    assert u("degC/min") == u("K/min")
    assert u("%/degC") == u("%/K")
    assert u("%") / u("degC") == u("%/K")
    assert not u("degC/min").point


def test_a_device_that_reports_absolute_kelvin_is_converted_as_a_point():
    assert quantity_in("298.15 Kabs", u("degC")) == 25.0
    assert convert(25.0, u("degC"), u("Kabs")) == 298.15


def test_units_multiply_divide_and_take_powers():
    assert u("A") / (u("C/mol") * u("mol/L")) == u("L/s")
    assert u("V") * u("A") == u("W")
    assert u("m") ** 3 == u("m3")
    assert u("L/h") / u("pH") == u("L/h/pH")
    assert (u("m3/h") / u("m3/h")).dimensionless


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (0.24, "m3/h", "L/h", 240.0),
        (240.0, "L/h", "m3/h", 0.24),
        (1.0, "L/s", "L/h", 3600.0),
        (0.1, "mol/L", "mmol/L", 100.0),
        (1.5, "bar", "mbar", 1500.0),
        (0.35, "bar", "kPa", 35.0),
        (62.0, "mS/cm", "S/m", 6.2),
        (1500.0, "rpm", "Hz", 25.0),
        (-0.0, "m", "km", -0.0),
        (float("inf"), "m", "km", float("inf")),
    ],
)
def test_a_conversion_is_the_nearest_float(value, source, target, expected):
    got = convert(value, u(source), u(target))
    assert got == expected
    assert str(got) == str(expected)


def test_nan_stays_nan():
    assert convert(float("nan"), u("m"), u("km")) != convert(float("nan"), u("m"), u("km"))


def test_a_conversion_beyond_the_largest_float_is_an_error():
    with pytest.raises(UnitError, match="too large"):
        convert(1e308, u("km"), u("mm"))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10.7 L/h/pH", 10.7, "L/h/pH"),
        ("8.0 pH", 8.0, "pH"),
        ("80 %", 80.0, "%"),
        ("60s", 60.0, "s"),
        ("-3 degC", -3.0, "degC"),
        ("1e-3mol/L", 1e-3, "mol/L"),
        ("5 1/s", 5.0, "1/s"),
        (".5 m", 0.5, "m"),
        ("42", 42.0, "1"),
    ],
)
def test_a_quantity_is_a_number_and_a_unit(text, value, unit):
    assert parse_quantity(text) == (value, u(unit))


def test_a_quantity_is_converted_from_its_text_with_one_rounding():
    assert quantity_in("10.7 L/h/pH", u("L/min/pH")) == float(Fraction("10.7") / 60)
    assert quantity_in("0.24 m3/h", u("L/h")) == 240.0
    assert quantity_in("0.5", u("1")) == 0.5


@pytest.mark.parametrize("unit", ["L/h", "mV/V", "%", "degC"])
def test_a_number_without_a_unit_is_refused_where_a_unit_is_wanted(unit):
    with pytest.raises(UnitError, match="has no unit") as caught:
        quantity_in("5", u(unit))
    assert f"`5 {unit}`" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1.5 s", 1_500_000_000),
        ("100 ms", 100_000_000),
        ("15 min", 900_000_000_000),
        ("60s", 60_000_000_000),
        ("0 s", 0),
        ("1 ns", 1),
        ("2 h", 7_200_000_000_000),
        ("0.1 s", 100_000_000),
        ("1 d", 86_400_000_000_000),
    ],
)
def test_a_duration_is_exact(text, ns):
    assert parse_duration_ns(text) == ns
    assert parse_duration_s(text) == ns / 1e9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5", "has no unit"),
        ("-1 s", "negative"),
        ("0.1 ns", "whole number"),
        ("5 m", "minutes are written `5 min`"),
        ("5 km", "length"),
        ("5 sec", "write s"),
    ],
)
def test_what_is_not_a_duration_is_refused(text, says):
    with pytest.raises(UnitError, match=says):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("W/m2 K", "can be read in two ways", "divide by each unit"),
        ("MV", "unknown unit `MV`", "did you mean `mV`?"),
        ("degc", "unknown unit `degc`", "did you mean `degC`?"),
        ("l/hr", "unknown unit `hr` in `l/hr`", "write h"),
        ("M", "unknown unit `M`", "mega or molar"),
        ("Nm", "unknown unit `Nm`", "N m for a torque"),
        ("furlong", "unknown unit `furlong`", ""),
        ("", "a unit is missing", "plain number"),
        ("m/", "ends too early", ""),
        ("/s", "cannot read", ""),
        ("2 m", "cannot read `2 m`", ""),
        ("m0", "exponent of zero", ""),
        ("m33", "cannot read `33`", ""),
        ("(m", "closing bracket", ""),
        ("m)", "cannot read `)`", ""),
        ("m x" * 30, "at most", ""),
        ("m m m m m m m m m m m m m", "more than 12 parts", ""),
    ],
)
def test_an_unknown_or_ambiguous_unit_is_an_error_with_a_hint(text, what, hint):
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert what in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text", ["1,5 s", "1 000 m", "nan s", "inf", "1e400 m", "1e9999 m", "", "s", "1.5.2 s", "9" * 70]
)
def test_what_is_not_a_quantity_is_refused(text):
    with pytest.raises(UnitError):
        parse_quantity(text)


def test_a_number_alone_is_exact_and_anything_else_is_refused():
    assert parse_number(" 0.1 ") == Fraction(1, 10)
    with pytest.raises(UnitError, match="decimals stand behind a point"):
        parse_number("0,1")
    with pytest.raises(UnitError, match="`1 m` is not a number"):
        parse_number("1 m")


def test_every_hint_is_for_a_text_that_is_not_a_unit():
    assert not set(unit_table.HINTS) & set(known_units())


def test_every_unit_of_the_table_reads_back_as_itself():
    for text, unit in known_units().items():
        assert parse_unit(text) == unit


def test_a_ratio_is_exact():
    assert ratio(u("L/h"), u("m3/s")) == Fraction(1, 3_600_000)
