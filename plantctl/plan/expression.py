"""Expressions: calculated tags and conditions, checked as units and compiled to bytecode.

A tag's value arrives in the unit it was declared with. The compiler works in declared units as far as it can: a product
carries the exact factor of its parts along and converts once at the end; a sum or comparison converts what is in
another unit than its first tag; a number is converted on paper, before the first scan. So `{FI-4013} < 0.24 [m3/h]`
compares with 0.24 itself, and with 240 where the tag is in L/h.

Rules of this file: what does not fit is refused, nothing is guessed. A number without a unit is a plain number; only
the literal 0 fits everywhere but for temperature readings. Conditions and numbers do not mix, except that a tag with
the unit 1 may stand as a condition (true where it is not 0) and a condition may be the whole of a plain number (1, 0).
A term reports its own fault once: what is built on it stays silent.

The grammar is in `expression_syntax`, the machine in `scan/stack_machine.py`, the manual in docs/reference.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from plantctl.core.bytecode import Program, explain
from plantctl.core.units import DIMENSIONLESS, Unit, UnitError, parse_duration_s

from .expression_emit import emit
from .expression_syntax import RESERVED, parse_expression
from .expression_tree import Ast, ExpressionError, ExpressionRefused, references
from .expression_types import Checker, Term

__all__ = [
    "RESERVED",
    "Ast",
    "ExpressionError",
    "ExpressionRefused",
    "Program",
    "compile_expression",
    "explain",
    "parse_expression",
    "references",
    "split_duration",
]

_DURATION: Final = r"\s{}\s+([-+\d.][^\s{{}}\[\]()]*(?:\s+[A-Za-z%][^\s{{}}\[\]()]*)?)\s*$"


def compile_expression(
    ast: Ast, units: Mapping[str, Unit | None], target: Unit | None, kind: Literal["number", "condition"]
) -> Program:
    """The program of an expression whose result is in `target`, or, where that is None, in the unit that it has.

    `units` gives the declared unit of each name as it stands in the braces; None says that the name is faulty and
    already reported. For `condition` the target is not used: the result is 1 or 0. Raises `ExpressionRefused` with
    every fault of the text and of its units, in the order of the text; with none where only faulty names stand in it.
    """
    checker = Checker(ast.text, units)
    root = checker.check(ast.root)
    if kind == "condition":
        root = checker.condition(root, "here")
    else:
        root = _result(checker, root, target)
    errors = [*ast.errors, *checker.errors]
    if errors or not root.known:
        raise ExpressionRefused(ast.text, tuple(sorted(set(errors))))
    unit = DIMENSIONLESS if root.what == "condition" else target or root.unit or DIMENSIONLESS
    return emit(ast.text, root, unit)


def _result(checker: Checker, root: Term, target: Unit | None) -> Term:
    if root.what == "condition":
        if target is not None and target != DIMENSIONLESS:
            checker.fault(
                root.span, f"this is a condition, not {target.quantity} ({target})", "choose with where(c, a, b)"
            )
        return root
    if target is not None and root.known:
        checker.fit(root, target, f"the result is {{}}, wanted is {target.quantity} ({target})")
    return root


def split_duration(text: str, word: str = "for") -> tuple[str, float | None]:
    """A condition and the time in s that it has to hold: `"{A} > 5 [A] for 5 s"` gives `("{A} > 5 [A]", 5.0)`.

    None where no duration follows. `word` is what stands before it. Raises `ExpressionRefused` where what follows the
    word is a number but no duration.
    """
    found = re.search(_DURATION.format(re.escape(word)), text)
    if found is None:
        return text, None
    try:
        return text[: found.start()], parse_duration_s(found.group(1))
    except UnitError as error:
        raise _refused(text, found.span(1), error.what, error.hint) from None


def _refused(text: str, span: tuple[int, int], what: str, hint: str) -> ExpressionRefused:
    return ExpressionRefused(text, (ExpressionError(span, what, hint),))
