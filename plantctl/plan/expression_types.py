"""What an expression means: which unit every term has, what may be done with it, and where it does not fit.

The checker turns the tree into terms. A term is a number with a unit, a condition, or unknown (its fault is noted, and
nothing built on it is complained about again). A term says in which unit each of its arguments is wanted, and the
emitter inserts the factors.

Temperature readings (`degC`) are points on a scale: reading - reading is a difference in K, reading +- K is a reading,
readings are compared, averaged and chosen among themselves, and nothing else; `kelvin(x)` makes the absolute
temperature, an amount, of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from plantctl.core import bytecode as op
from plantctl.core.units import DIMENSIONLESS, Unit, parse_unit

from .did_you_mean import meant
from .expression_tree import (
    Binary,
    Broken,
    Call,
    Constant,
    ExpressionError,
    Node,
    Number,
    Power,
    Reference,
    Span,
    Unary,
)

# SI 2019, exact: F is the elementary charge, R the Boltzmann constant, each times the Avogadro constant
CONSTANTS: Final = {
    "F": (Fraction("1.602176634e-19") * Fraction("6.02214076e23"), parse_unit("C/mol")),
    "R": (Fraction("1.380649e-23") * Fraction("6.02214076e23"), parse_unit("J/mol/K")),
    "pi": (Fraction(math.pi), DIMENSIONLESS),
}
KELVIN: Final = parse_unit("K")
KELVIN_POINT: Final = parse_unit("Kabs")
PER_CENT: Final = parse_unit("%")

NOTHING: Final = -1  # a term that only passes its argument on, in another unit

_COMPARISONS: Final = {
    "<": op.LESS,
    "<=": op.LESS_EQUAL,
    ">": op.GREATER,
    ">=": op.GREATER_EQUAL,
    "==": op.EQUAL,
    "!=": op.NOT_EQUAL,
}
_PLAIN_FUNCTIONS: Final = {
    "exp": op.EXP,
    "log": op.LOG,
    "log10": op.LOG10,
    "floor": op.FLOOR,
    "round": op.ROUND,
}
_BRACKETS: Final = "write the unit of the number in brackets, as in `{} [{}]`"


@dataclass(frozen=True, slots=True)
class Term:
    """A checked part of an expression.

    `what` is `number`, `condition` or `unknown`. A number has a `unit`, except for the literal 0, which takes any.
    `wants` holds, for each of `arguments`, the unit that the operation needs it in (None: as it is). A literal has its
    exact `value` in `unit`; a tag has its `name`.
    """

    span: Span
    what: str
    unit: Unit | None = None
    op: int = NOTHING
    argument: int = 0
    arguments: tuple["Term", ...] = ()
    wants: tuple[Unit | None, ...] = ()
    value: Fraction | None = None
    name: str = ""
    bare: bool = False

    @property
    def known(self) -> bool:
        """Whether it could be checked."""
        return self.what != "unknown"

    @property
    def shown(self) -> str:
        """What a number is, for a message."""
        return _words(self.unit or DIMENSIONLESS)


class Checker:
    """Checks one tree; the faults collect in `errors`."""

    def __init__(self, text: str, units: Mapping[str, Unit | None]) -> None:
        self.text = text
        self.units = units
        self.errors: list[ExpressionError] = []

    def fault(self, span: Span, what: str, hint: str = "") -> None:
        self.errors.append(ExpressionError(span, what, hint))

    def check(self, node: Node) -> Term:
        """The term of a node."""
        match node:
            case Number():
                return self._number(node)
            case Constant():
                value, unit = CONSTANTS[node.name]
                return Term(node.span, "number", unit, value=value)
            case Reference():
                return self._reference(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Power():
                return self._power(node)
            case Call():
                return self._call(node)
            case Broken(parts=parts):
                for part in parts:
                    self.check(part)
                return Term(node.span, "unknown")

    def _number(self, node: Number) -> Term:
        if node.unit is None:
            return Term(node.span, "unknown")
        unit = None if node.bare and node.value == 0 else node.unit
        return Term(node.span, "number", unit, value=node.value, bare=node.bare)

    def _reference(self, node: Reference) -> Term:
        if node.name not in self.units:
            self.fault(node.name_span, f"unknown tag `{node.name}`", meant(node.name, self.units))
            return Term(node.span, "unknown")
        unit = self.units[node.name]
        return Term(node.span, "unknown" if unit is None else "number", unit, name=node.name)

    def _unary(self, node: Unary) -> Term:
        operand = self.check(node.operand)
        if node.operator == "not":
            operand = self.condition(operand, "behind `not`")
            return self._term(node.span, op.NOT, operand, what="condition")
        if not self.amount(operand, "take the negative of"):
            return Term(node.span, "unknown")
        return self._term(node.span, op.NEG, operand, unit=operand.unit or DIMENSIONLESS)

    def _binary(self, node: Binary) -> Term:
        left, right = self.check(node.left), self.check(node.right)
        span = node.span
        if node.operator in ("and", "or"):
            where = f"beside `{node.operator}`"
            pair = (self.condition(left, where), self.condition(right, where))
            return self._term(span, op.AND if node.operator == "and" else op.OR, *pair, what="condition")
        if node.operator in _COMPARISONS:
            common = self.common(span, (left, right), "compare")
            return self._term(span, _COMPARISONS[node.operator], left, right, what="condition", wants=common)
        if node.operator in ("*", "/"):
            return self._product(node, left, right)
        return self._sum(node, left, right)

    def _product(self, node: Binary, left: Term, right: Term) -> Term:
        verb = "multiply" if node.operator == "*" else "divide"
        fine = [self.amount(term, verb) for term in (left, right)]
        if not all(fine):
            return Term(node.span, "unknown")
        a, b = left.unit or DIMENSIONLESS, right.unit or DIMENSIONLESS
        if node.operator == "*":
            return self._term(node.span, op.MUL, left, right, unit=a * b)
        if right.value == 0:
            self.fault(right.span, "division by zero")
        return self._term(node.span, op.DIV, left, right, unit=a / b)

    def _sum(self, node: Binary, left: Term, right: Term) -> Term:
        verb, code = ("add", op.ADD) if node.operator == "+" else ("subtract", op.SUB)
        if not (self.number(left, verb) and self.number(right, verb)):
            return Term(node.span, "unknown")
        if any(term.unit is not None and term.unit.point for term in (left, right)):
            return self._reading(node, code, left, right)
        common = self.common(node.span, (left, right), verb)
        return self._term(node.span, code, left, right, unit=common[0], wants=common)

    def _reading(self, node: Binary, code: int, left: Term, right: Term) -> Term:
        """A sum or difference in which a temperature reading takes part."""
        a, b = left.unit or DIMENSIONLESS, right.unit or DIMENSIONLESS
        if a.point and b.point:
            if code == op.ADD:
                self.fault(node.span, "two temperature readings cannot be added", "mean(a, b) gives their average")
                return Term(node.span, "unknown")
            return self._term(node.span, code, left, right, unit=a.difference(), wants=(a, a))
        reading, other = (left, right) if a.point else (right, left)
        if code == op.SUB and reading is right:
            self.fault(node.span, f"cannot subtract a temperature reading from {left.shown}")
            return Term(node.span, "unknown")
        unit = a if a.point else b
        step = unit.difference()
        self.fit(other, step, f"cannot add {{}} to a temperature reading ({unit})", node.span)
        wants = (unit, step) if reading is left else (step, unit)
        return self._term(node.span, code, left, right, unit=unit, wants=wants)

    def _power(self, node: Power) -> Term:
        base = self.check(node.base)
        if not self.amount(base, "take a power of"):
            return Term(node.span, "unknown")
        unit = (base.unit or DIMENSIONLESS) ** abs(node.exponent)
        raised = base
        if abs(node.exponent) > 1:
            raised = replace(self._term(node.span, op.POWER, base, unit=unit), argument=abs(node.exponent))
        if node.exponent > 0:
            return raised
        one = Term(node.span, "number", DIMENSIONLESS, value=Fraction(1))
        return self._term(node.span, op.DIV, one, raised, unit=DIMENSIONLESS / unit)

    def _call(self, node: Call) -> Term:
        if node.name in ("good", "bad"):
            return self._quality(node)
        terms = [self.check(argument) for argument in node.arguments]
        match node.name:
            case "where":
                return self._where(node, terms)
            case "min" | "max":
                return self._chain(node, terms, op.MIN if node.name == "min" else op.MAX)
            case "mean":
                total = self._chain(node, terms, op.ADD)
                count = Term(node.span, "number", DIMENSIONLESS, value=Fraction(len(terms)))
                return self._term(node.span, op.DIV, total, count, unit=total.unit)
            case "clip":
                common = self.common(node.span, terms, "clip")
                self._limits(terms)
                return self._term(node.span, op.CLIP, *terms, unit=common[0], wants=common)
            case "kelvin":
                return self._kelvin(node, terms[0])
        if not self.amount(terms[0], f"take {node.name} of"):
            return Term(node.span, "unknown")
        unit = terms[0].unit or DIMENSIONLESS
        if node.name == "abs":
            return self._term(node.span, op.ABS, terms[0], unit=unit)
        if node.name == "sign":
            return self._term(node.span, op.SIGN, terms[0], unit=DIMENSIONLESS)
        if node.name == "sqrt":
            return self._root(node, terms[0], unit)
        if not unit.dimensionless:
            self.fault(
                terms[0].span,
                f"`{node.name}` takes a plain number, this is {terms[0].shown}",
                f"divide it by `1 [{unit}]` first" if " " not in str(unit) else "divide it by its unit first",
            )
            return Term(node.span, "unknown")
        wants = (DIMENSIONLESS,)
        return self._term(node.span, _PLAIN_FUNCTIONS[node.name], terms[0], unit=DIMENSIONLESS, wants=wants)

    def _quality(self, node: Call) -> Term:
        tag = node.arguments[0]
        if not isinstance(tag, Reference):
            self.check(tag)
            self.fault(tag.span, f"`{node.name}` asks for the quality of one tag", f"`{node.name}({{TAG}})`")
            return Term(node.span, "unknown")
        known = self._reference(tag).known
        code = op.IS_GOOD if node.name == "good" else op.IS_BAD
        return Term(node.span, "condition" if known else "unknown", DIMENSIONLESS, op=code, name=tag.name)

    def _where(self, node: Call, terms: list[Term]) -> Term:
        choice = self.condition(terms[0], "in the first place of `where`")
        branches = terms[1:]
        if all(term.what == "condition" for term in branches):
            return self._term(node.span, op.WHERE, choice, *branches, what="condition")
        common = self.common(node.span, branches, "choose between")
        return self._term(node.span, op.WHERE, choice, *branches, unit=common[0], wants=(None, *common))

    def _chain(self, node: Call, terms: list[Term], code: int) -> Term:
        common = self.common(node.span, terms, f"take {node.name} of")
        term = terms[0]
        for index, following in enumerate(terms[1:]):
            first = common[0] if index == 0 else None
            term = self._term(node.span, code, term, following, unit=common[0], wants=(first, common[index + 1]))
        return term

    def _limits(self, terms: list[Term]) -> None:
        low, high = terms[1], terms[2]
        if low.value is None or high.value is None or not (low.known and high.known):
            return
        a, b = low.unit or high.unit or DIMENSIONLESS, high.unit or low.unit or DIMENSIONLESS
        if a.compatible(b) and low.value * a.factor + a.offset > high.value * b.factor + b.offset:
            self.fault((low.span[0], high.span[1]), "the low limit of `clip` lies above the high one")

    def _kelvin(self, node: Call, term: Term) -> Term:
        if not self.number(term, "make an absolute temperature of"):
            return Term(node.span, "unknown")
        if term.unit is None or not term.unit.point:
            self.fault(term.span, f"`kelvin` takes a temperature reading, this is {term.shown}")
            return Term(node.span, "unknown")
        return self._term(node.span, NOTHING, term, unit=KELVIN, wants=(KELVIN_POINT,))

    def _root(self, node: Call, term: Term, unit: Unit) -> Term:
        if any(exponent % 2 for exponent in unit.dimension):
            self.fault(
                term.span,
                f"the root of {term.shown} has no unit",
                "divide it by a reference of the same unit first, as in sqrt({PDI-1} / 1 [bar])",
            )
            return Term(node.span, "unknown")
        half = tuple(exponent // 2 for exponent in unit.dimension)
        whole = Unit("", unit.dimension)  # the coherent unit, whose root is coherent too
        return self._term(node.span, op.SQRT, term, unit=DIMENSIONLESS * Unit("", half), wants=(whole,))

    def _term(
        self,
        span: Span,
        code: int,
        *arguments: Term,
        what: str = "number",
        unit: Unit | None = None,
        wants: Sequence[Unit | None] = (),
    ) -> Term:
        if not all(argument.known for argument in arguments):
            what = "unknown"
        return Term(span, what, unit, code, 0, arguments, tuple(wants) or (None,) * len(arguments))

    def condition(self, term: Term, where: str) -> Term:
        """The term as a condition; a tag with the unit 1 is true where it is not 0."""
        if term.what != "number":
            return term
        if term.name and term.unit == DIMENSIONLESS:
            return self._term(term.span, op.TRUTH, term, what="condition")
        unit = term.unit or DIMENSIONLESS
        hint = "compare it with a number" + ("" if unit == DIMENSIONLESS else f" in [{unit}]")
        self.fault(term.span, f"a condition is wanted {where}, this is {term.shown}", hint)
        return Term(term.span, "unknown")

    def number(self, term: Term, verb: str) -> bool:
        """Whether the term is a number; notes the fault where it is a condition."""
        if term.what == "condition":
            self.fault(term.span, f"cannot {verb} a condition", "make a number of it with where(c, 1, 0)")
        return term.what == "number"

    def amount(self, term: Term, verb: str) -> bool:
        """Whether the term is a number and not a point on a temperature scale; notes the fault."""
        if not self.number(term, verb):
            return False
        if term.unit is not None and term.unit.point:
            hint = "kelvin(x) is the absolute temperature, a - b a difference"
            self.fault(term.span, f"cannot {verb} a temperature reading", hint)
            return False
        return True

    def common(self, span: Span, terms: Sequence[Term], verb: str) -> tuple[Unit, ...]:
        """The unit in which all the terms are wanted, once for each: that of the first tag or formula, else number.

        Notes a fault for every term that does not fit.
        """
        numbers = [term for term in terms if self.number(term, verb)]
        having = [term for term in numbers if term.unit is not None]
        lead = next((t for t in having if t.value is None), next((t for t in having if not t.bare), None))
        lead = lead or (having[0] if having else None)
        unit = lead.unit if lead is not None and lead.unit is not None else DIMENSIONLESS
        for term in numbers:
            if term is not lead:
                self.fit(term, unit, f"cannot {verb} {{}} and {_words(unit)}", span)
        return (unit,) * len(terms)

    def fit(self, term: Term, unit: Unit, what: str, span: Span | None = None) -> None:
        """Note a fault where the term cannot be brought into `unit`. `what` has a place for what the term is."""
        mine = term.unit
        if (not unit.point) if mine is None else mine.compatible(unit):
            return
        number = self.text[slice(*term.span)]
        if mine is None or term.bare:
            shown = what.format("a number without a unit")
            self.fault(term.span, shown, _BRACKETS.format(number, unit) if " " not in unit.symbol else "")
            return
        hint = ""
        if mine.dimension == unit.dimension:
            hint = "a difference of temperatures is in K, a reading in degC"
        elif {mine.dimension, unit.dimension} == {PER_CENT.dimension, DIMENSIONLESS.dimension}:
            hint = "a plain number is a per cent divided by `100 [%]`"
        self.fault(span or term.span, what.format(term.shown), hint)


def _words(unit: Unit) -> str:
    same = unit == DIMENSIONLESS or unit.quantity == unit.symbol
    return unit.quantity if same else f"{unit.quantity} ({unit})"
