"""What an expression has to come out as, worked out a second time for the random tests.

From the drawn tree alone, in plain Python floats and fractions, with bookkeeping of dimensions and quality of its own.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

# name: (unit, dimension, factor)
TAGS = {
    "II-1": ("A", "A", Fraction(1)),
    "II-2": ("mA", "A", Fraction(1, 1000)),
    "FI-1": ("m3/h", "V", Fraction(1, 3600)),
    "FI-2": ("L/min", "V", Fraction(1, 60000)),
    "XI-1": ("1", "", Fraction(1)),
    "XI-2": ("1", "", Fraction(1)),
}
UNIT_OF = {
    "A": [("A", Fraction(1)), ("kA", Fraction(1000))],
    "V": [("L/h", Fraction(1, 3_600_000))],
    "": [("1", Fraction(1))],
}
TARGETS = {
    "A": ("mA", Fraction(1, 1000)),
    "V": ("L/h", Fraction(1, 3_600_000)),
    "": ("1", Fraction(1)),
    "condition": (None, None),
}
DIMENSIONS = {"A": (1, 0), "V": (0, 1), "": (0, 0)}


class Mismatch(Exception):
    pass


@dataclass
class Value:
    value: float
    dimension: tuple
    factor: Fraction
    quality: tuple  # severity, reason and class bits, carried bits
    literal: Fraction | None = None
    free: bool = False  # the literal 0

    def in_factor(self, factor):
        if self.free:
            return 0.0
        if self.literal is not None:
            return float(self.literal * self.factor / factor)
        ratio = self.factor / factor
        if ratio == 1:
            return self.value
        if ratio.denominator == 1:
            return self.value * float(ratio.numerator)
        if ratio.numerator == 1:
            return self.value / float(ratio.denominator)
        return self.value * float(ratio)


GOOD = (0, 0, 0)


def known(word, value):
    carried = word & 0xC000
    severity = word & 3
    if severity < 2 and not abs(value) < 1e30:
        return (2, 5 << 9, carried)
    return (severity, word & 0x3FC0, carried)


def worst(*qualities):
    leader = qualities[0]
    carried = 0
    for quality in qualities:
        carried |= quality[2]
        if quality[0] > leader[0] or leader[:2] == (0, 0):
            leader = quality
    return (*leader[:2], carried)


def settled(value, quality):
    """An undefined number is bad, range, unless it is bad already."""
    if not math.isfinite(value) and quality[0] < 2:
        return (2, 5 << 9, quality[2])
    return quality


class Opinion:
    def __init__(self, inputs):
        self.inputs = inputs

    def of(self, node):
        """A Value, or (truth, quality) for a condition."""
        return getattr(self, "_" + node[0])(*node[1:])

    def _tag(self, name):
        value, word = self.inputs[name]
        _, dimension, factor = TAGS[name]
        return Value(value, DIMENSIONS[dimension], factor, known(word, value))

    def _literal(self, text, unit):
        if unit is None:
            exact = Fraction(text)
            return Value(float(exact), (0, 0), Fraction(1), GOOD, exact, free=exact == 0)
        _, dimension, factor = unit
        return Value(float(Fraction(text)), DIMENSIONS[dimension], factor, GOOD, Fraction(text))

    def _result(self, value, dimension, factor, quality):
        return Value(value, dimension, factor, settled(value, quality))

    def common(self, *values):
        fixed = [v for v in values if not v.free]
        leader = next((v for v in fixed if v.literal is None), next((v for v in fixed if v.dimension != (0, 0)), None))
        leader = leader or (fixed[0] if fixed else None)
        dimension, factor = (leader.dimension, leader.factor) if leader else ((0, 0), Fraction(1))
        if any(v.dimension != dimension for v in fixed):
            raise Mismatch
        # a number on its way into another unit may overflow, which is undefined
        numbers = [v.in_factor(factor) for v in values]
        return numbers, [settled(x, v.quality) for x, v in zip(numbers, values, strict=True)], dimension, factor

    def _sum(self, operator, left, right):
        (a, b), qualities, dimension, factor = self.common(self.of(left), self.of(right))
        return self._result(a + b if operator == "+" else a - b, dimension, factor, worst(*qualities))

    def _product(self, operator, left, right):
        a, b = self.of(left), self.of(right)
        sign = 1 if operator == "*" else -1
        dimension = tuple(m + sign * n for m, n in zip(a.dimension, b.dimension, strict=True))
        if operator == "*":
            return self._result(a.value * b.value, dimension, a.factor * b.factor, worst(a.quality, b.quality))
        if b.literal == 0:
            raise Mismatch
        value = a.value / b.value if b.value else math.nan
        return self._result(value, dimension, a.factor / b.factor, worst(a.quality, b.quality))

    def _power(self, base, exponent):
        a = self.of(base)
        value = a.value
        for _ in range(abs(exponent) - 1):
            value *= a.value
        quality = settled(value, a.quality)
        dimension = tuple(exponent * n for n in a.dimension)
        if exponent > 0:
            return Value(value, dimension, a.factor**exponent, quality)
        return self._result(1.0 / value if value else math.nan, dimension, a.factor**exponent, quality)

    def _extreme(self, name, *nodes):
        numbers, qualities, dimension, factor = self.common(*map(self.of, nodes))
        value, quality = numbers[0], qualities[0]
        for x, q in zip(numbers[1:], qualities[1:], strict=True):
            if name == "mean":
                value += x
            elif (x < value) if name == "min" else (x > value):
                value = x
            quality = settled(value, worst(quality, q))
        if name == "mean":
            value /= len(nodes)
        return self._result(value, dimension, factor, quality)

    def _clip(self, *nodes):
        values = [self.of(node) for node in nodes]
        low, high = values[1:]
        numbers, qualities, dimension, factor = self.common(*values)
        if (
            low.literal is not None
            and high.literal is not None
            and low.literal * low.factor > high.literal * high.factor
        ):
            raise Mismatch
        x, least, most = numbers
        x = most if x > most else x
        x = least if x < least else x
        return self._result(x, dimension, factor, worst(*qualities))

    def _where(self, choice, left, right):
        truth, quality = self.of(choice)
        (a, b), qualities, dimension, factor = self.common(self.of(left), self.of(right))
        return self._result(a if truth else b, dimension, factor, worst(quality, qualities[0 if truth else 1]))

    def _one(self, name, node):
        a = self.of(node)
        if name == "-" and a.literal is not None:
            return Value(float(-a.literal), a.dimension, a.factor, GOOD, -a.literal, a.free)
        if name in ("abs", "-"):
            return self._result(abs(a.value) if name == "abs" else -a.value, a.dimension, a.factor, a.quality)
        if name == "sign":
            sign = a.value if not a.value or math.isnan(a.value) else math.copysign(1.0, a.value)
            return self._result(sign, (0, 0), Fraction(1), a.quality)
        if a.dimension != (0, 0) and (name != "sqrt" or any(n % 2 for n in a.dimension)):
            raise Mismatch
        x = a.in_factor(Fraction(1))
        quality = settled(x, a.quality)
        try:
            value = self._function(name, x)
        except (ValueError, OverflowError):
            value = x if name in ("floor", "round") else math.nan
        return self._result(value, tuple(n // 2 for n in a.dimension), Fraction(1), quality)

    @staticmethod
    def _function(name, x):
        if name == "floor":
            return float(math.floor(x)) if abs(x) < 2**52 else x
        if name == "round":
            return round(x) + 0.0 if abs(x) < 2**52 else x
        if name == "exp" and x > 709.0:
            return math.nan
        return getattr(math, name)(x)

    def _compare(self, operator, left, right):
        (a, b), qualities, _, _ = self.common(self.of(left), self.of(right))
        truth = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[operator]
        return truth, worst(*qualities)

    def _both(self, operator, left, right):
        (a, one), (b, two) = self.of(left), self.of(right)
        return (a and b) if operator == "and" else (a or b), worst(one, two)

    def _not(self, node):
        truth, quality = self.of(node)
        return not truth, quality

    def _asked(self, name, tag):
        value, word = self.inputs[tag]
        severity = known(word, value)[0]
        return (severity == 0 if name == "good" else severity >= 2), GOOD

    def _switch(self, name):
        value, word = self.inputs[name]
        return value != 0.0, known(word, value)
