"""Units: what a number in the configuration measures, and by which factor it becomes another unit of the same kind.

A unit is a vector of exponents over the bases of `unit_table`, an exact factor to the coherent unit (`L/h` is
1/3600000 of `m3/s`), and for temperature a mark whether it is a *point* on a scale or an amount. `degC` alone is a
point: points are not added, multiplied or compared with amounts. `K` is an amount: a difference, a dead-band, or the
absolute temperature in a product. Inside a compound (`degC/min`, `L/h/degC`) a degree is always a difference. A device
that reports kelvin as a point has the unit `Kabs`.

Rules of this file: an unknown or ambiguous text is an error with a hint, never a guess. Factors are fractions; a value
is rounded once, when it becomes a float. Nothing here depends on the platform, the clock or another package.

Source of the factors: see `unit_table`.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Final

from .errors import PlantctlError
from .unit_table import (
    BASE_PREFIXES,
    BASES,
    DEFINITIONS,
    HINTS,
    KINDS,
    POINTS,
    PREFIXES,
    QUANTITIES,
    SPELLINGS,
)

Dimension = tuple[int, ...]

NO_DIMENSION: Final[Dimension] = (0,) * len(BASES)
TEXT_MAX: Final = 64  # characters of a unit or a quantity
EXPONENT_MAX: Final = 9
TERMS_MAX: Final = 12
NS_PER_S: Final = 1_000_000_000

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_TERM = re.compile(r"[A-Za-z%]+|1(?![\d.])")
_JOINT = re.compile(r"\s*([*/])\s*|\s+(?=[^\s)])")
_EXPONENT = re.compile(r"\^?(-?\d)(?!\d)")


class UnitError(PlantctlError):
    """A text is not a unit, or two units do not fit. `hint` says what to write instead; it may be empty."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what}; {hint}" if hint else what)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement; two texts of one meaning (`L/min`, `l/min`) are equal.

    A value x in this unit is `x * factor + offset` in coherent units (kg, m, s, A, K, mol and the kinds). `offset` is
    zero except for temperature points.
    """

    symbol: str = field(compare=False)
    dimension: Dimension
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    point: bool = False

    def compatible(self, other: "Unit") -> bool:
        """Whether values of the two may be added, compared and converted into each other."""
        return self.dimension == other.dimension and self.point == other.point

    @property
    def dimensionless(self) -> bool:
        """A plain number: no dimension and no kind. Its factor may differ from 1 (`mV/V`)."""
        return self.dimension == NO_DIMENSION

    @property
    def quantity(self) -> str:
        """What is measured, in words where there are some: `volume flow`, `pH`, else the formula."""
        if self.point:
            return "temperature reading"
        return _quantity_names().get(self.dimension) or formula(self.dimension)

    def difference(self) -> "Unit":
        """The unit of a difference of two such values: `K` for `degC`, the unit itself for all others."""
        return Unit("K" if self.factor == 1 else "", self.dimension, self.factor) if self.point else self

    def __mul__(self, other: "Unit") -> "Unit":
        exponents = tuple(a + b for a, b in zip(self.dimension, other.dimension, strict=True))
        return _derived(exponents, self.factor * other.factor)

    def __truediv__(self, other: "Unit") -> "Unit":
        exponents = tuple(a - b for a, b in zip(self.dimension, other.dimension, strict=True))
        return _derived(exponents, self.factor / other.factor)

    def __pow__(self, exponent: int) -> "Unit":
        return _derived(tuple(a * exponent for a in self.dimension), self.factor**exponent)

    def __str__(self) -> str:
        return self.symbol


def formula(dimension: Dimension) -> str:
    """The coherent unit of a dimension as a text that `parse_unit` reads: `kg/s`, `1/pH`, `m3/s/pH`, `1`."""
    above = [f"{base}{n if n > 1 else ''}" for base, n in _by_base(dimension) if n > 0]
    below = [f"/{base}{-n if n < -1 else ''}" for base, n in _by_base(dimension) if n < 0]
    return ("*".join(above) or "1") + "".join(below)


def _by_base(dimension: Dimension) -> list[tuple[str, int]]:
    # a base whose name ends in a digit takes a caret, so that Nm3 squared is not read as Nm to the 32nd
    return [(b + "^" if b[-1].isdigit() and abs(n) > 1 else b, n) for b, n in zip(BASES, dimension, strict=True)]


def _derived(dimension: Dimension, factor: Fraction) -> Unit:
    symbol = formula(dimension)
    return Unit(symbol if factor == 1 else f"{float(factor):.6g} {symbol}", dimension, factor)


def _base(index: int) -> Dimension:
    return tuple(int(i == index) for i in range(len(BASES)))


def _prefixed(table: dict[str, Unit], unit: Unit, prefixes: str) -> None:
    """Enter a unit and its prefixed forms; the gram's `k` is the base unit itself and not entered twice."""
    for prefix in ("", *prefixes):
        text = prefix + unit.symbol
        if text in table:
            raise AssertionError(f"the unit table gives `{text}` twice")
        table[text] = Unit(text, unit.dimension, unit.factor * Fraction(10) ** PREFIXES.get(prefix, 0))


def _build() -> dict[str, Unit]:
    table = {"1": Unit("1", NO_DIMENSION), "-": Unit("1", NO_DIMENSION)}
    for index, base in enumerate(BASES):
        _prefixed(table, Unit(base, _base(index)), BASE_PREFIXES.get(base, ""))
    for text, factor, of, prefixes in DEFINITIONS:
        meaning = _Reader(of, table).read()
        _prefixed(table, Unit(text, meaning.dimension, meaning.factor * Fraction(factor)), prefixes)
    for text, kelvin, zero in POINTS:
        table[text] = Unit(text, table["K"].dimension, Fraction(kelvin), Fraction(zero), point=True)
    return table


class _Reader:
    """One unit text from left to right: terms joined by `/`, `*` or a space, each with an exponent."""

    def __init__(self, text: str, table: Mapping[str, Unit]) -> None:
        self.text = text
        self.table = table
        self.at = 0
        self.terms = 0

    def read(self) -> Unit:
        if self.text in self.table:  # the only place where a temperature point stays a point
            return self.table[self.text]
        dimension, factor = self._product(depth=0)
        if self.at < len(self.text):
            raise UnitError(f"`{self.text}` is not a unit: cannot read `{self.text[self.at :]}`")
        return Unit(self.text, dimension, factor)

    def _product(self, depth: int) -> tuple[Dimension, Fraction]:
        dimension, factor = self._term(depth)
        divided = False
        while True:
            joint = _JOINT.match(self.text, self.at)
            if joint is None:
                return dimension, factor
            self.at = joint.end()
            divide = joint.group(1) == "/"
            if divided and not divide:
                raise UnitError(
                    f"`{self.text}` can be read in two ways", "divide by each unit, as in L/h/pH, or use brackets"
                )
            divided = divided or divide
            sign = -1 if divide else 1
            exponents, share = self._term(depth)
            dimension = tuple(a + sign * b for a, b in zip(dimension, exponents, strict=True))
            factor = factor / share if divide else factor * share

    def _term(self, depth: int) -> tuple[Dimension, Fraction]:
        self.terms += 1
        if self.terms > TERMS_MAX:
            raise UnitError(f"`{self.text}` has more than {TERMS_MAX} parts")
        if self.text.startswith("(", self.at) and depth < 2:
            self.at += 1
            inner = self._product(depth + 1)
            if not self.text.startswith(")", self.at):
                raise UnitError(f"`{self.text}` lacks a closing bracket")
            self.at += 1
            return inner
        found = _TERM.match(self.text, self.at)
        if found is None:
            rest = self.text[self.at :]
            raise UnitError(
                f"`{self.text}` is not a unit: " + (f"cannot read `{rest}`" if rest else "it ends too early")
            )
        name = found.group()
        # Nm3 is a name that ends in a digit; every other digit behind a name is an exponent
        if self.text.startswith("Nm3", self.at):
            name = "Nm3"
        self.at += len(name)
        unit = self.table.get(name)
        if unit is None:
            raise _unknown(name, self.text, self.table)
        power = _EXPONENT.match(self.text, self.at)
        exponent = 1
        if power is not None:
            self.at = power.end()
            exponent = int(power.group(1))
        if exponent == 0:
            raise UnitError(f"`{self.text}` has an exponent of zero")
        return tuple(exponent * n for n in unit.dimension), unit.factor**exponent


def _unknown(name: str, whole: str, table: Mapping[str, Unit]) -> UnitError:
    what = f"unknown unit `{name}`" + (f" in `{whole}`" if whole != name else "")
    if name in HINTS:
        return UnitError(what, HINTS[name])
    same = [known for known in table if known.lower() == name.lower()]
    near = same or difflib.get_close_matches(name, table, n=3, cutoff=0.6)
    return UnitError(what, "did you mean " + " or ".join(f"`{n}`" for n in near) + "?" if near else "")


_TABLE: Final[Mapping[str, Unit]] = _build()


@lru_cache(maxsize=1)
def _quantity_names() -> dict[Dimension, str]:
    names = {_TABLE[kind].dimension: words for kind, words in KINDS.items()}
    names.update((parse_unit(text).dimension, words) for words, text in QUANTITIES)
    return names


def known_units() -> Mapping[str, Unit]:
    """Every single unit by its text, prefixes included; compounds are made of these."""
    return _TABLE


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """The unit that `text` names: `degC`, `L/h/pH`, `Ohm m2`, `W/(m2 K)`, `mol/L`, `1/s`.

    A digit behind a name is an exponent, `/` divides by the next part only, a space or `*` multiplies. `1` (or `-`, as
    in instrument lists) is a plain number. Raises `UnitError` with a hint for anything unknown or of two meanings.
    """
    clean = text.strip()
    if not clean:
        raise UnitError("a unit is missing", "a plain number has the unit 1")
    if len(clean) > TEXT_MAX:
        raise UnitError(f"a unit has at most {TEXT_MAX} characters")
    for spelling, ours in SPELLINGS:
        clean = clean.replace(spelling, ours)
    return _Reader(clean, _TABLE).read()


DIMENSIONLESS: Final = _TABLE["1"]
SECOND: Final = _TABLE["s"]


def parse_number(text: str) -> Fraction:
    """A decimal number as the exact fraction it names. Raises `UnitError` for anything else, `nan` and `inf` too."""
    clean = text.strip()
    if len(clean) > TEXT_MAX or _NUMBER.fullmatch(clean) is None:
        hint = "decimals stand behind a point" if re.fullmatch(r"[+-]?\d+,\d+", clean) else ""
        raise UnitError(f"`{clean[:TEXT_MAX]}` is not a number", hint)
    return Fraction(clean)


def split_quantity(text: str) -> tuple[Fraction, Unit]:
    """The exact number and the unit of a text such as `10.7 L/h/pH` or `60s`. Without a unit it is a plain number."""
    clean = text.strip()
    found = _NUMBER.match(clean)
    if found is None or len(clean) > TEXT_MAX:
        raise UnitError(f"`{clean[:TEXT_MAX]}` is not a number with a unit", "write it as in `10.7 L/h/pH`")
    rest = clean[found.end() :]
    if re.match(r",\d", rest):
        raise UnitError(f"`{clean}` is not a number with a unit", "decimals stand behind a point")
    if not rest.strip():
        return Fraction(found.group()), DIMENSIONLESS
    if rest[0].isdigit() or (rest[0].isspace() and rest.lstrip()[0].isdigit() and not rest.lstrip().startswith("1/")):
        raise UnitError(f"`{clean}` is not a number with a unit", "write the number without spaces")
    return Fraction(found.group()), parse_unit(rest)


def parse_quantity(text: str) -> tuple[float, Unit]:
    """The number, rounded to a float, and the unit of a text. Raises `UnitError`; see `split_quantity`."""
    value, unit = split_quantity(text)
    return _float(value), unit


def quantity_in(text: str, unit: Unit) -> float:
    """The number of `text` in `unit`, rounded once. A missing unit is an error unless a plain number is wanted.

    Raises `UnitError` where the text is none, or measures something else.
    """
    value, given = split_quantity(text)
    if given is DIMENSIONLESS and unit != DIMENSIONLESS:
        raise UnitError(f"`{text.strip()}` has no unit", f"write it with its unit, as in `{text.strip()} {unit}`")
    return _float(_exact(value, given, unit))


def parse_duration_ns(text: str) -> int:
    """A duration in ns: `1.5 s`, `100 ms`, `15 min`, `60s`.

    Raises `UnitError` where it is not a time, negative, or not a whole number of nanoseconds.
    """
    value, unit = split_quantity(text)
    if unit is DIMENSIONLESS:
        raise UnitError(f"`{text.strip()}` has no unit", f"write `{text.strip()} s`, or ms, min, h, d")
    if str(unit) == "m":  # as people write minutes
        raise UnitError(f"`{text.strip()}` is a length", f"minutes are written `{text.strip()}in`")
    exact = _exact(value, unit, SECOND) * NS_PER_S
    if exact < 0:
        raise UnitError(f"`{text.strip()}` is negative", "a duration is zero or more")
    if exact.denominator != 1:
        raise UnitError(f"`{text.strip()}` is not a whole number of nanoseconds")
    return int(exact)


def parse_duration_s(text: str) -> float:
    """A duration in s, rounded once; the same texts and errors as `parse_duration_ns`."""
    return _float(Fraction(parse_duration_ns(text), NS_PER_S))


def ratio(source: Unit, target: Unit) -> Fraction:
    """The exact factor from `source` to `target`, for amounts and differences. Raises `UnitError` if they differ."""
    _require(source, target)
    return source.factor / target.factor


def convert(value: float, source: Unit, target: Unit) -> float:
    """`value` of `source` in `target`, correctly rounded. NaN and infinities stay what they are.

    Raises `UnitError` where the two measure different things or the result is too large for a float.
    """
    _require(source, target)
    if not math.isfinite(value) or (source.factor == target.factor and source.offset == target.offset):
        return value
    if value == 0.0 and source.offset == target.offset:
        return value  # keeps the sign of zero
    return _float(_exact(Fraction(value), source, target))


def convert_exact(value: Fraction, source: Unit, target: Unit) -> Fraction:
    """`value` of `source` in `target`, without rounding. Raises `UnitError` where they measure different things."""
    return _exact(value, source, target)


def _exact(value: Fraction, source: Unit, target: Unit) -> Fraction:
    _require(source, target)
    return (value * source.factor + source.offset - target.offset) / target.factor


def _require(source: Unit, target: Unit) -> None:
    if source.compatible(target):
        return
    what = f"{source.quantity} ({source}) is not {target.quantity} ({target})"
    hint = ""
    if source.dimension == target.dimension:
        hint = "a difference of temperatures is in K, a reading in degC"
    raise UnitError(what, hint)


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UnitError("the number is too large") from None
