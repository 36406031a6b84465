"""From checked terms to bytecode: arguments first, then the operation, and the factor where a unit changes.

Rules of this file: literals are converted exactly and rounded once. A computed value that has to change its unit is
multiplied by a whole factor, or divided where the factor is one over a whole number, so that powers of ten, minutes
and hours cost one correct rounding; else it is multiplied by the nearest float. Nothing else is folded: the order of
operations is that of the text, so that the same text gives the same bits everywhere.
"""

from fractions import Fraction

from plantctl.core import bytecode as op
from plantctl.core.bytecode import Program, taken
from plantctl.core.units import DIMENSIONLESS, Unit, UnitError, convert_exact

from .expression_tree import ExpressionError, ExpressionRefused
from .expression_types import NOTHING, Term


def emit(text: str, root: Term, unit: Unit) -> Program:
    """The program that leaves `root` in `unit`. Raises `ExpressionRefused` where a number is too large for a float."""
    writer = _Writer(text)
    writer.write(root, unit)
    return Program(
        text, tuple(writer.code), tuple(writer.constants.values()), tuple(writer.inputs), writer.deepest, unit
    )


class _Writer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.code: list[tuple[int, int]] = []
        self.constants: dict[str, float] = {}
        self.inputs: dict[str, int] = {}
        self.depth = 0
        self.deepest = 0

    def write(self, term: Term, unit: Unit | None) -> None:
        """Append the operations that leave `term` in `unit` (None: in its own) on the stack."""
        if term.value is not None:
            self._literal(term, unit)
            return
        if term.op in (op.IS_GOOD, op.IS_BAD):
            self._put(term.op, self._input(term.name))
            return
        if term.name:
            self._put(op.LOAD, self._input(term.name))
        for argument, wanted in zip(term.arguments, term.wants, strict=True):
            self.write(argument, wanted)
        if term.op != NOTHING:
            self._put(term.op, term.argument)
        own = term.unit
        if term.what == "number" and unit is not None and own is not None:
            self._change(own, unit)

    def _literal(self, term: Term, unit: Unit | None) -> None:
        own = term.unit or unit or DIMENSIONLESS
        value = Fraction(0) if term.value is None else term.value
        try:
            self._constant(float(convert_exact(value, own, unit or own)))
        except (OverflowError, UnitError):
            fault = ExpressionError(term.span, "the number is too large", "")
            raise ExpressionRefused(self.text, (fault,)) from None

    def _change(self, own: Unit, unit: Unit) -> None:
        ratio = own.factor / unit.factor
        if ratio.denominator == 1 and ratio != 1:
            self._constant(float(ratio))
            self._put(op.MUL)
        elif ratio.numerator == 1 and ratio != 1:
            self._constant(float(ratio.denominator))
            self._put(op.DIV)
        elif ratio != 1:
            self._constant(float(ratio))
            self._put(op.MUL)
        offset = (own.offset - unit.offset) / unit.factor
        if offset:
            self._constant(float(offset))
            self._put(op.ADD)

    def _constant(self, value: float) -> None:
        # the text tells 0.0 from -0.0, which are equal as numbers
        places = list(self.constants)
        if repr(value) not in self.constants:
            places.append(repr(value))
            self.constants[repr(value)] = value
        self._put(op.CONST, places.index(repr(value)))

    def _input(self, name: str) -> int:
        return self.inputs.setdefault(name, len(self.inputs))

    def _put(self, code: int, argument: int = 0) -> None:
        self.code.append((code, argument))
        self.depth += 1 - taken(code)
        self.deepest = max(self.deepest, self.depth)
