"""What an engineer mistypes in an expression, and the caret lines that are shown for it."""

import pytest

from plantctl.plan.expression import parse_expression
from plantctl.plan.expression_tree import Binary, Number, Power, Unary

# the text, then for every fault its caret line; `|` separates the hint
CASES = [
    """
    0.24 m3/h < {A}
         ^^^^ the unit of a number stands in brackets | write `0.24 [m3/h]`
    """,
    """
    FI-4013 > 3 and 40-AIC-4212.mode == 4
    ^^^^^^^ `FI-4013` has no braces | a tag stands in braces: `{FI-4013}`
                    ^^^^^^^^^^^^^^^^ `40-AIC-4212.mode` has no braces | a tag stands in braces: `{40-AIC-4212.mode}`
    """,
    """
    {A} > 3 %
            ^ `%` is not part of an expression | a unit stands in brackets behind its number, as in `5 [%]`
    """,
    """
    {A} [m3/h] > 3
        ^^^^^^ brackets stand only behind a number | a tag has the unit it was declared with
    """,
    """
    {A} > 5 [furlong] or {B} < 2 [degc]
             ^^^^^^^ unknown unit `furlong`
                                  ^^^^ unknown unit `degc` | did you mean `degC`?
    """,
    """
    {A} = 2 && {B} <> 3 || !{C}
        ^ `=` is not part of an expression | write `==` to compare
            ^^ `&&` is not part of an expression | write `and`
                   ^^ `<>` is not part of an expression | write `!=`
                        ^^ `||` is not part of an expression | write `or`
                           ^ `!` is not part of an expression | write `not`, or `!=` for unequal
    """,
    """
    1 < {A} < 3
            ^ two comparisons in a row | write `a < b and b < c`
    """,
    """
    min() + mim(1, 2) + max
    ^^^^^ `min` takes 2 to 16 arguments, here are 0
            ^^^ unknown function `mim` | did you mean `min`?
                        ^^^ `max` needs its arguments in round brackets
    """,
    """
    (1 + where(1, 2
    ^ this bracket is not closed
         ^^^^^^^^^^ `where` takes 3 arguments, here are 2
              ^ this bracket is not closed
    """,
    """
    1 + * 2
        ^ an operand is missing before `*`
    """,
    """
    {A} >
         ^ an operand is missing
    """,
    """
    {A} {B}
        ^^^ an operator is missing before `{B}`
    """,
    """
    {A}) + 1, 2
       ^ no bracket is open here
            ^ a comma stands only between arguments
    """,
    """
    {A b} + {R} + {}
     ^^^ `A b` is not the name of a tag
             ^ `R` is not the name of a tag | it is a reserved word
                  ^^ the braces are empty
    """,
    """
    {A > 1 + 5 [A
    ^^ `{A` is not part of an expression | the closing brace is missing
       ^ an operand is missing before `>`
               ^^ `[A` is not part of an expression | the closing bracket is missing
    """,
    """
    2^0.5 + {A}^{B} + 1^17
      ^^^ an exponent is a whole number from 1 to 16 or its negative | sqrt(x), or exp(y * log(x))
                ^^^ an exponent is a whole number from 1 to 16 or its negative | sqrt(x), or exp(y * log(x))
                        ^^ an exponent is a whole number from 1 to 16 or its negative | sqrt(x), or exp(y * log(x))
    """,
    """
    flow + Pi
    ^^^^ unknown name `flow` | did you mean `floor`?
           ^^ unknown name `Pi` | did you mean `pi`?
    """,
    """
    and {A} not {B}
    ^^^ an operand is missing before `and`
            ^^^ `not` stands before a condition
    """,
    """
    [m3/h] + +3
    ^^^^^^ a unit without a number
             ^ an operand is missing before `+` | leave it away
    """,
]


def carets(text):
    lines = []
    for error in parse_expression(text).errors:
        start, end = error.span
        hint = f" | {error.hint}" if error.hint else ""
        lines.append(" " * start + "^" * max(1, end - start) + f" {error.what}{hint}")
    return lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.split("\n")[1].strip())
def test_a_fault_is_shown_under_the_characters_it_is_about(case):
    text, *wanted = [line[4:] for line in case.split("\n")[1:-1]]
    assert carets(text) == wanted


def test_an_empty_expression_is_a_fault():
    assert carets("") == ["^ the expression is empty"]
    assert carets("   ") == ["^ the expression is empty"]


def test_a_number_of_absurd_length_is_a_fault():
    assert [error.what[-15:] for error in parse_expression("1" * 70 + " + 2").errors] == ["is not a number"]


def test_precedence_is_that_of_the_manual():
    root = parse_expression("not 1 + 2 * -3 ^ 2 > 4 and 5 < 6 or 7 > 8").root
    assert isinstance(root, Binary)
    assert root.operator == "or"
    assert root.left.operator == "and"
    negated = root.left.left
    assert isinstance(negated, Unary)
    assert negated.operator == "not"
    assert negated.operand.operator == ">"
    total = negated.operand.left
    assert (total.operator, total.right.operator) == ("+", "*")
    assert isinstance(total.right.right, Unary)
    assert isinstance(total.right.right.operand, Power)


def test_operators_of_one_rank_are_taken_from_the_left():
    root = parse_expression("8 - 4 - 2 / 2 / 1").root
    assert (root.operator, root.left.operator) == ("-", "-")
    assert (root.right.operator, root.right.left.operator) == ("/", "/")


def test_a_minus_belongs_to_the_number_behind_it():
    root = parse_expression("-5 [degC]").root
    assert isinstance(root, Number)
    assert root.value == -5
    assert root.unit.symbol == "degC"
    assert root.span == (0, 9)


def test_spans_cover_what_was_read():
    text = " {A} * (2 [m] + max({B}, 1)) ^ 2"
    root = parse_expression(text).root
    assert text[slice(*root.span)] == "{A} * (2 [m] + max({B}, 1)) ^ 2"
    assert text[slice(*root.right.base.right.span)] == "max({B}, 1)"
