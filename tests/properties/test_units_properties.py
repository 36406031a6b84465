"""Conversions: there and back is the same number, powers of ten are exact, dimensions form a group."""

from fractions import Fraction

from hypothesis import assume, event, given
from hypothesis import strategies as st

from plantctl.core.units import UnitError, convert, formula, known_units, parse_unit

UNITS = sorted(known_units())
numbers = st.floats(min_value=-1e15, max_value=1e15, allow_subnormal=False)
singles = st.sampled_from(UNITS)


@st.composite
def compounds(draw):
    parts = draw(st.lists(st.tuples(singles.filter(lambda t: t != "-"), st.integers(1, 3)), min_size=1, max_size=4))
    text = "/".join(f"{name}{f'^{exponent}' if exponent > 1 else ''}" for name, exponent in parts)
    assume(len(text) <= 64)
    return text


@st.composite
def siblings(draw):
    one = parse_unit(draw(singles))
    return one, draw(st.sampled_from([u for u in known_units().values() if u.compatible(one)]))


@given(siblings(), numbers)
def test_there_and_back_is_the_same_number(pair, value):
    assume(abs(value) > 1e-200 or value == 0)
    source, target = pair
    back = convert(convert(value, source, target), target, source)
    scale = max(abs(value), float(abs(source.offset) + abs(target.offset)) if source.point else 0.0)
    assert abs(back - value) <= 1e-15 * scale


@given(siblings(), numbers)
def test_a_conversion_is_the_float_nearest_to_the_exact_value(pair, value):
    source, target = pair
    exact = (Fraction(value) * source.factor + source.offset - target.offset) / target.factor
    assert convert(value, source, target) == float(exact)


@given(
    st.integers(-(10**6), 10**6), st.sampled_from([("m3/h", "L/h"), ("bar", "mbar"), ("mol/L", "mmol/L"), ("V", "mV")])
)
def test_whole_numbers_through_powers_of_ten_are_exact(value, pair):
    large, small = (parse_unit(text) for text in pair)
    assert convert(float(value), large, small) == value * 1000.0
    assert convert(value * 1000.0, small, large) == float(value)


@given(compounds(), compounds())
def test_division_undoes_multiplication(one, other):
    a, b = parse_unit(one), parse_unit(other)
    assert (a * b) / b == a.difference()
    assert a * b == b * a


@given(compounds())
def test_a_formula_reads_back(text):
    unit = parse_unit(text)
    assume(max(abs(n) for n in unit.dimension) <= 9)
    shown = formula(unit.dimension)
    assume(len(shown) <= 64)
    assert parse_unit(shown).dimension == unit.dimension


@given(st.text(max_size=30))
def test_any_text_is_a_unit_or_a_refusal(text):
    try:
        assert parse_unit(text).factor > 0
    except UnitError:
        event("refused")
