"""Expressions as an engineer writes them: what they compute, in which unit, and what is refused."""

import pytest

from plantctl.core.units import parse_unit
from plantctl.plan.expression import (
    ExpressionRefused,
    compile_expression,
    explain,
    parse_expression,
    references,
    split_duration,
)
from tests.expression_runs import compiled, evaluate

UNITS = {
    "II-4200": "A",
    "AY-4215": "mol/L",
    "AY-4216": "mol/L",
    "FI-4013": "m3/h",
    "FC-4215": "L/h",
    "TI-1": "degC",
    "TI-2": "degC",
    "DT": "K",
    "AI-1": "pH",
    "EI-1": "V",
    "EI-2": "mV",
    "LI-1": "%",
    "HS-1": "1",
    "HS-2": "1",
    "PDI-1": "bar",
    "AIC-4212.mode": "1",
}
FEEDFORWARD = "0.852 * {II-4200} / (F * (3 * {AY-4215} + {AY-4216}))"


def value(text, target=None, kind="number", **values):
    return evaluate(text, UNITS, {name.replace("_", "-"): x for name, x in values.items()}, target, kind)[0]


def test_the_feedforward_of_a_cell_gives_the_flow_worked_out_by_hand():
    # 85 A: 85 / 96485.33212 = 8.809629e-4 mol/s; times 0.852 = 7.505804e-4; feed takes 3 x 1.0 + 0.3 = 3.3 mol/L:
    # 2.274486e-4 L/s = 0.8188150 L/h
    flow = value(FEEDFORWARD, "L/h", II_4200=85.0, AY_4215=1.0, AY_4216=0.3)
    assert flow == pytest.approx(0.8188150, rel=1e-7)
    assert value(FEEDFORWARD, "L/min", II_4200=85.0, AY_4215=1.0, AY_4216=0.3) == pytest.approx(flow / 60, rel=1e-15)
    assert value(FEEDFORWARD, "m3/h", II_4200=85.0, AY_4215=1.0, AY_4216=0.3) == pytest.approx(flow / 1000, rel=1e-15)


def test_the_feedforward_costs_one_factor_for_its_units():
    listing = explain(compiled(FEEDFORWARD, UNITS, "L/h"))
    assert listing.splitlines()[-3:] == ["  10  divide", "  11  . const 3600.0", "  12  multiply"]
    assert "result in L/h, stack of 4" in listing


def test_a_limit_is_compared_as_it_was_written():
    assert value("{FI-4013} < 0.24 [m3/h]", kind="condition", FI_4013=0.24) == 0.0
    assert value("{FI-4013} < 240 [L/h]", kind="condition", FI_4013=0.24) == 0.0
    assert value("{FI-4013} < 0.24 [m3/h]", kind="condition", FI_4013=0.23999999999999996) == 1.0
    assert value("{FC-4215} <= 0.24 [m3/h]", kind="condition", FC_4215=240.0) == 1.0
    assert value("0.24 [m3/h] >= {FC-4215}", kind="condition", FC_4215=240.0) == 1.0


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("{EI-1} + {EI-2}", "V", 2.5),
        ("{EI-2} + {EI-1}", "mV", 2500.0),
        ("{EI-1} * {II-4200}", "kW", 0.17),
        ("{EI-1} / {II-4200}", "mOhm", 2.0 / 85 * 1000),
        ("min({EI-1}, {EI-2})", "V", 0.5),
        ("max({EI-1}, {EI-2}, 2500 [mV])", "V", 2.5),
        ("mean({EI-1}, {EI-2})", "V", 1.25),
        ("clip({EI-1}, 0, 1500 [mV])", "V", 1.5),
        ("abs(-{EI-1})", "V", 2.0),
        ("{EI-1} ^ 2 / {II-4200}^2", "Ohm2", 4.0 / 7225),
        ("{EI-1} ** -2", "1/V2", 0.25),
        ("{EI-1} ^ 1", "V", 2.0),
        ("sqrt({EI-2} * {EI-2})", "V", 0.5),
        ("sqrt({EI-1} / 0.5 [V])", "1", 2.0),
        ("log10({EI-2} / 5 [mV])", "1", 2.0),
        ("exp(0 * {EI-1} / 1 [V])", "1", 1.0),
        ("log({EI-2} / {EI-1} * 4)", "1", 0.0),
        ("floor({EI-2} / 200 [mV])", "1", 2.0),
        ("round({EI-2} / 200 [mV])", "1", 2.0),
        ("round(3.5) + round(-2.5) + floor(-0.5)", "1", 1.0),
        ("sign(-{EI-2})", "1", -1.0),
        ("2 ^ 3 - 3 ^ 2 * -1", "1", 17.0),
        ("-2 ^ 2", "1", -4.0),
        ("10 - 4 - 3", "1", 3.0),
        ("64 / 4 / 2", "1", 8.0),
        ("where({EI-1} > {EI-2}, {EI-1}, {EI-2})", "V", 2.0),
        ("where({EI-1} < {EI-2}, {EI-1}, {EI-2})", "V", 0.5),
        ("where({EI-1} == 2 [V] and {EI-2} != 0.5 [V] or not {HS-1}, 1, 2)", "1", 2.0),
        ("{LI-1} / 100 [%]", "1", 0.4),
        ("pi", "1", 3.141592653589793),
        ("{EI-1} > {EI-2}", "1", 1.0),
    ],
)
def test_an_expression_computes_in_its_units(text, target, expected):
    got = value(text, target, EI_1=2.0, EI_2=500.0, II_4200=85.0, HS_1=1.0, LI_1=40.0)
    assert got == pytest.approx(expected, rel=1e-15)


def test_a_choice_between_conditions_is_a_condition():
    text = "where({HS-1}, {EI-1} > 1 [V], {EI-1} < 1 [V])"
    assert value(text, kind="condition", HS_1=1.0, EI_1=2.0) == 1.0
    assert value(text, kind="condition", HS_1=0.0, EI_1=2.0) == 0.0


def test_a_condition_takes_a_switch_as_it_is():
    for on, expected in [(0.0, 0.0), (1.0, 1.0), (3.0, 1.0), (-1.0, 1.0)]:
        assert value("{HS-1} and not {HS-2}", kind="condition", HS_1=on, HS_2=0.0) == expected
    assert value("{HS-1}", kind="condition", HS_1=7.0) == 1.0
    assert value("{HS-1} or {HS-2}", kind="condition", HS_1=0.0, HS_2=1.0) == 1.0


def test_temperature_readings_and_differences_are_told_apart():
    at = {"TI_1": 25.0, "TI_2": 20.0, "DT": 2.0}
    assert value("{TI-1} - {TI-2}", "K", **at) == 5.0
    assert value("{TI-1} + {DT}", "degC", **at) == 27.0
    assert value("{DT} + {TI-1}", "degC", **at) == 27.0
    assert value("{TI-1} - 3 [K]", "degC", **at) == 22.0
    assert value("mean({TI-1}, {TI-2})", "degC", **at) == 22.5
    assert value("max({TI-1}, 30 [degC])", "degC", **at) == 30.0
    assert value("kelvin({TI-1})", "K", **at) == 298.15
    assert value("kelvin({TI-1})", "mK", **at) == 298150.0
    assert value("{TI-1}", "Kabs", **at) == 298.15
    assert value("{TI-1} > -5 [degC]", kind="condition", **at) == 1.0
    assert value("{TI-1} - {TI-2} >= 5 [K]", kind="condition", **at) == 1.0


def test_nernst_from_the_constants():
    # R T / F ln(10) at 25 degC is 59.159 mV
    assert value("R * kelvin({TI-1}) / F * log(10)", "mV", TI_1=25.0) == pytest.approx(59.1593, rel=1e-5)


def test_a_listing_shows_constants_tags_and_exponents():
    assert explain(compiled("good({EI-1}) and 2 < {HS-1} ^ 3", UNITS)).splitlines()[2:] == [
        "   0  is good {EI-1}",
        "   1  . const 2.0",
        "   2  . . load {HS-1}",
        "   3  . . power 3",
        "   4  . less",
        "   5  and",
    ]


def test_without_a_target_the_result_has_the_unit_it_gets():
    assert compiled("{II-4200} * {EI-1}", UNITS).unit == parse_unit("W")
    assert compiled("{TI-1} - {TI-2}", UNITS).unit == parse_unit("K")
    assert compiled("{EI-2} + {EI-1}", UNITS).unit == parse_unit("mV")
    assert compiled("0", UNITS).unit == parse_unit("1")


def test_zero_needs_no_unit_where_zero_is_zero():
    assert value("{FI-4013} > 0", kind="condition", FI_4013=0.1) == 1.0
    assert value("max(0, {EI-2})", "V", EI_2=-5.0) == 0.0
    assert value("0", "L/h") == 0.0


@pytest.mark.parametrize(
    ("text", "target", "spans"),
    [
        ("{AI-1} + {EI-1}", None, ["{AI-1} + {EI-1}: cannot add voltage (V) and pH"]),
        ("{FI-4013} + 5", None, ["5: cannot add a number without a unit and volume flow (m3/h)"]),
        ("{LI-1} + {HS-1}", None, ["{LI-1} + {HS-1}: cannot add plain number and per cent (%)"]),
        ("{FI-4013} == {II-4200}", None, ["{FI-4013} == {II-4200}: cannot compare current (A) and volume flow (m3/h)"]),
        ("{TI-1} + {TI-2}", None, ["{TI-1} + {TI-2}: two temperature readings cannot be added"]),
        ("{TI-1} + 5", None, ["5: cannot add a number without a unit to a temperature reading (degC)"]),
        ("5 [K] - {TI-1}", None, ["5 [K] - {TI-1}: cannot subtract a temperature reading from"]),
        ("{TI-1} > 0", None, ["0: cannot compare a number without a unit and temperature reading (degC)"]),
        ("{TI-1} > 300 [K]", None, ["{TI-1} > 300 [K]: cannot compare temperature difference (K) and temperature"]),
        ("2 * {TI-1}", None, ["{TI-1}: cannot multiply a temperature reading"]),
        ("-{TI-1}", None, ["{TI-1}: cannot take the negative of a temperature reading"]),
        ("abs({TI-1})", None, ["{TI-1}: cannot take abs of a temperature reading"]),
        ("{TI-1} ^ 2", None, ["{TI-1}: cannot take a power of a temperature reading"]),
        ("kelvin({DT})", None, ["{DT}: `kelvin` takes a temperature reading"]),
        ("sqrt({PDI-1})", None, ["{PDI-1}: the root of pressure (bar) has no unit"]),
        ("log({EI-1})", None, ["{EI-1}: `log` takes a plain number, this is voltage (V)"]),
        ("round({EI-1})", None, ["{EI-1}: `round` takes a plain number, this is voltage (V)"]),
        ("where({EI-1}, 1, 2)", None, ["{EI-1}: a condition is wanted in the first place of `where`"]),
        (
            "where({HS-1}, {EI-1}, {AI-1})",
            None,
            ["where({HS-1}, {EI-1}, {AI-1}): cannot choose between pH and voltage"],
        ),
        ("({EI-1} > 0) + 1", None, ["{EI-1} > 0: cannot add a condition"]),
        ("-({EI-1} > 0)", None, ["{EI-1} > 0: cannot take the negative of a condition"]),
        ("not {EI-1}", None, ["{EI-1}: a condition is wanted behind `not`, this is voltage (V)"]),
        ("{EI-1} / 0", None, ["0: division by zero"]),
        ("clip({EI-1}, 5 [V], 3000 [mV])", None, ["5 [V], 3000 [mV]: the low limit of `clip` lies above"]),
        ("good({EI-1} + {EI-2})", None, ["{EI-1} + {EI-2}: `good` asks for the quality of one tag"]),
        ("{NO-1} + {EI-1}", None, ["NO-1: unknown tag `NO-1`"]),
        ("{EI-1}", "A", ["{EI-1}: the result is voltage (V), wanted is current (A)"]),
        ("{LI-1} / 2", "1", ["{LI-1} / 2: the result is per cent (%), wanted is plain number (1)"]),
        ("5", "A", ["5: the result is a number without a unit, wanted is current (A)"]),
        ("{DT}", "degC", ["{DT}: the result is temperature difference (K), wanted is temperature reading (degC)"]),
        ("{EI-1} > 0", "V", ["{EI-1} > 0: this is a condition, not voltage (V)"]),
        ("1e400", None, ["1e400: the number is too large"]),
        ("1e308 [V]", "mV", ["1e308 [V]: the number is too large"]),
        (
            "{AI-1} * 2 + {EI-1} > 3 and {FI-4013} > 1",
            None,
            [
                "{AI-1} * 2 + {EI-1}: cannot add voltage (V) and pH",
                "3: cannot compare a number without a unit and pH",
                "1: cannot compare a number without a unit and volume flow (m3/h)",
            ],
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(text, target, spans):
    with pytest.raises(ExpressionRefused) as caught:
        compiled(text, UNITS, target)
    found = [f"{text[slice(*error.span)]}: {error.what}" for error in caught.value.errors]
    assert len(found) == len(spans), found
    for got, wanted in zip(found, spans, strict=True):
        assert got.startswith(wanted), got


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{FI-4013} > 5", "write the unit of the number in brackets, as in `5 [m3/h]`"),
        ("{TI-1} + 5", "write the unit of the number in brackets, as in `5 [K]`"),
        ("{TI-1} + {TI-2}", "mean(a, b) gives their average"),
        ("{IX-4200} > 5 [A]", "did you mean `II-4200`?"),
        ("{LI-1} + {HS-1}", "a plain number is a per cent divided by `100 [%]`"),
        ("log({EI-1})", "divide it by `1 [V]` first"),
    ],
)
def test_a_refusal_says_what_to_write_instead(text, hint):
    with pytest.raises(ExpressionRefused) as caught:
        compiled(text, UNITS)
    assert [error.hint for error in caught.value.errors] == [hint]


def test_faults_of_the_text_and_of_the_units_come_together():
    with pytest.raises(ExpressionRefused) as caught:
        compiled("min({EI-1}, {AI-1}) > FI-4013 and 5 [furlong] > )", UNITS)
    assert [error.what.split(":")[0][:24] for error in caught.value.errors] == [
        "cannot take min of pH an",
        "cannot compare volume fl",
        "`FI-4013` has no braces",
        "unknown unit `furlong`",
        "an operand is missing be",
        "no bracket is open here",
    ]


def test_a_name_that_is_already_reported_is_not_reported_again():
    with pytest.raises(ExpressionRefused) as caught:
        compiled("{LOST} + {EI-1} > {AI-1}", {"LOST": None, "EI-1": "V", "AI-1": "pH"})
    assert caught.value.errors == ()


def test_a_number_is_no_condition():
    with pytest.raises(ExpressionRefused, match="a condition is wanted here, this is voltage"):
        compiled("{EI-1} * 2", UNITS, kind="condition")
    with pytest.raises(ExpressionRefused, match="a condition is wanted here, this is plain number"):
        compiled("1", UNITS, kind="condition")


def test_references_come_in_the_order_of_the_text_with_their_places():
    text = "where(good({A-1}), max({ B-2 }, {A-1}), -{C.mode} ^ 2) + not {D} ) {E}"
    found = references(parse_expression(text))
    assert [name for name, _ in found] == ["A-1", "B-2", "A-1", "C.mode", "D", "E"]
    assert all(text[slice(*span)] == name for name, span in found)


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("{FI-4013} > 0.30 [m3/h] for 5 s", "for", ("{FI-4013} > 0.30 [m3/h]", 5.0)),
        ("{FI-4013} > 0.30 [m3/h] for 1.5min ", "for", ("{FI-4013} > 0.30 [m3/h]", 90.0)),
        ("{FI-4013} > 0.30 [m3/h]", "for", ("{FI-4013} > 0.30 [m3/h]", None)),
        ("{II-4010} < 1 [A] or 0.5 s", "or", ("{II-4010} < 1 [A]", 0.5)),
        ("{HS-1} or {HS-2}", "or", ("{HS-1} or {HS-2}", None)),
    ],
)
def test_a_duration_behind_a_condition_is_split_off(text, word, expected):
    assert split_duration(text, word) == expected


@pytest.mark.parametrize(("text", "at"), [("{A} for 5", "5"), ("{A} for 5 m", "5 m"), ("{A} for -1 s", "-1 s")])
def test_what_is_no_duration_is_refused_at_its_place(text, at):
    with pytest.raises(ExpressionRefused) as caught:
        split_duration(text)
    assert [text[slice(*error.span)] for error in caught.value.errors] == [at]


def test_a_long_sum_compiles_and_a_too_long_one_is_refused():
    assert compiled(" + ".join(["{EI-1}"] * 150), UNITS).stack_depth == 2
    with pytest.raises(ExpressionRefused, match="more than 400 parts"):
        compiled(" + ".join(["1"] * 300), UNITS)
    with pytest.raises(ExpressionRefused, match="at most 2000 characters"):
        compiled("1" * 3000, UNITS)
    with pytest.raises(ExpressionRefused, match="brackets or signs inside each other"):
        compiled("(" * 100 + "1" + ")" * 100, UNITS)


def test_a_tag_may_not_have_a_reserved_name():
    with pytest.raises(ExpressionRefused, match="`F` is not the name of a tag"):
        compile_expression(parse_expression("{F} * 2"), {"F": parse_unit("1")}, None, "number")
