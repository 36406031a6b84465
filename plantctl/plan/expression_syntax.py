"""The grammar of expressions: from the text of a calculated tag or a condition to a tree.

    "0.852 * {II-4200} / (F * (3 * {AY-4215} + {AY-4216}))"        "{FI-4013} < 0.24 [m3/h] and not {HS-4018} == 1"

A tag stands in braces and the unit of a number in brackets, since a hyphen is also minus. From loose to tight: `or`;
`and`; `not`; one comparison; `+ -`; `* /`; the sign; `^` or `**` with a whole number. What the parts mean together
(units, conditions) is checked in `expression`.

Rules of this file: it never raises on a text. Every fault becomes an `ExpressionError` with the characters it is about,
a `Broken` node stands in for what could not be read, and reading goes on, so that all faults are seen at once. Text,
depth and number of arguments have limits.
"""

import difflib
import re
from dataclasses import dataclass
from typing import Final

from plantctl.core.units import DIMENSIONLESS, UnitError, parse_number, parse_unit

from .expression_tree import (
    Ast,
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

TEXT_MAX: Final = 2000  # characters of an expression
TOKENS_MAX: Final = 400  # names, numbers and signs of an expression; bounds the depth of the tree
DEPTH_MAX: Final = 40  # brackets and signs inside each other
ARGUMENTS_MAX: Final = 16
EXPONENT_MAX: Final = 16

# name: (least, most arguments)
FUNCTIONS: Final = {
    "where": (3, 3),
    "min": (2, ARGUMENTS_MAX),
    "max": (2, ARGUMENTS_MAX),
    "mean": (2, ARGUMENTS_MAX),
    "clip": (3, 3),
    "abs": (1, 1),
    "sign": (1, 1),
    "sqrt": (1, 1),
    "exp": (1, 1),
    "log": (1, 1),
    "log10": (1, 1),
    "floor": (1, 1),
    "round": (1, 1),
    "kelvin": (1, 1),
    "good": (1, 1),
    "bad": (1, 1),
}
CONSTANTS: Final = ("F", "R", "pi")
WORDS: Final = ("and", "or", "not")
RESERVED: Final = frozenset((*FUNCTIONS, *CONSTANTS, *WORDS))

# how tightly an operator holds what stands left of it
_BINDING: Final = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "^": 8, "**": 8} | dict.fromkeys(
    ("<", "<=", ">", ">=", "==", "!="), 4
)
_NOT_BINDING: Final = 3
_COMPARISON: Final = 4
_SIGN_BINDING: Final = 7

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<loose>(?:\d\d-)?[A-Z]{2,5}-\d{3,5}\w*(?:\.\w+)*)        # a tag whose braces were forgotten
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<tag>\{[^{}]*\}) | (?P<unit>\[[^\[\]]*\])
    | (?P<operator>\*\*|<=|>=|==|!=|<(?!>)|[-+*/^>(),])
    | (?P<other>&&|\|\||<>|[{\[][\w.%/-]*|\S)
    )""",
    re.VERBOSE,
)
# what else people type: advice, and the operator to read on with
_OTHERS: Final = {
    "&&": ("write `and`", "and"),
    "&": ("write `and`", "and"),
    "||": ("write `or`", "or"),
    "|": ("write `or`", "or"),
    "!": ("write `not`, or `!=` for unequal", "not"),
    "<>": ("write `!=`", "!="),
    "=": ("write `==` to compare", "=="),
    "≤": ("write `<=`", "<="),
    "≥": ("write `>=`", ">="),
    "≠": ("write `!=`", "!="),
    "×": ("write `*`", "*"),
    "÷": ("write `/`", "/"),
    "−": ("write the plain minus sign", "-"),
    "%": ("a unit stands in brackets behind its number, as in `5 [%]`", ""),
    "{": ("the closing brace is missing", ""),
    "[": ("the closing bracket is missing", ""),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `kind` is `number`, `name`, `tag`, `unit`, `operator` or `end`."""

    kind: str
    text: str
    span: Span


def parse_expression(text: str) -> Ast:
    """The tree of `text`. Never raises: faults stand in `Ast.errors`, and `compile_expression` reports them."""
    if len(text) > TEXT_MAX:
        span = (TEXT_MAX, len(text))
        return Ast(text, Broken(span), (ExpressionError(span, f"an expression has at most {TEXT_MAX} characters"),))
    reader = _Reader(text)
    if len(reader.tokens) > TOKENS_MAX:
        span = reader.tokens[TOKENS_MAX].span
        return Ast(text, Broken(span), (ExpressionError(span, f"more than {TOKENS_MAX} parts", "split it into tags"),))
    root = reader.whole()
    return Ast(text, root, tuple(sorted(set(reader.errors))))


class _Reader:
    """Pratt's method: an operand, then operators as long as they hold tighter than what asked for the operand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.errors: list[ExpressionError] = []
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0

    def fault(self, span: Span, what: str, hint: str = "") -> None:
        self.errors.append(ExpressionError(span, what, hint))

    def _tokens(self) -> list[Token]:
        tokens: list[Token] = []
        for found in _TOKEN.finditer(self.text):
            kind = str(found.lastgroup)
            piece, span = found.group(kind), found.span(kind)
            if kind == "other":
                advice, meant = _OTHERS.get(piece) or _OTHERS.get(piece[0]) or ("", "")
                self.fault(span, f"`{piece}` is not part of an expression", advice)
                if meant:
                    tokens.append(Token("name" if meant in WORDS else "operator", meant, span))
            elif kind == "loose":
                self.fault(span, f"`{piece}` has no braces", f"a tag stands in braces: `{{{piece}}}`")
                tokens.append(Token("tag", f"{{{piece}}}", span))
            else:
                tokens.append(Token(kind, piece, span))
        end = len(self.text.rstrip())
        tokens.append(Token("end", "", (end, end)))
        return tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        if self.token.kind in ("operator", "name") and self.token.text == text:
            self.take()
            return True
        return False

    def whole(self) -> Node:
        if self.token.kind == "end" and not self.errors:
            self.fault(self.token.span, "the expression is empty")
            return Broken(self.token.span)
        root = self.expression(0)
        while self.token.kind != "end":
            token = self.take()
            if token.text == ")":
                self.fault(token.span, "no bracket is open here")
                root = self.expression(0, root)
            else:
                self.fault(token.span, "a comma stands only between arguments")
                root = Broken((root.span[0], token.span[1]), (root, self.expression(0)))
        return root

    def expression(self, binding: int, started: Node | None = None) -> Node:
        if self.depth >= DEPTH_MAX:
            self.fault(self.token.span, f"more than {DEPTH_MAX} brackets or signs inside each other")
            self.at = len(self.tokens) - 1
            return Broken(self.token.span)
        self.depth += 1
        node = started or self.operand()
        while True:
            token = self.token
            if token.kind == "end" or token.text in (")", ","):
                break
            holds = _BINDING.get(token.text, 0) if token.kind in ("operator", "name") else 0
            if not holds:
                node = self._juxtaposed(node)
            elif holds <= binding:
                break
            else:
                self.take()
                node = self._joined(node, token, holds)
        self.depth -= 1
        return node

    def _joined(self, left: Node, token: Token, holds: int) -> Node:
        if token.text in ("^", "**"):
            return self._power(left)
        right = self.expression(holds)
        span = (left.span[0], max(right.span[1], token.span[1]))
        follows = self.token
        if holds == _COMPARISON and _BINDING.get(follows.text) == _COMPARISON and follows.kind == "operator":
            self.fault(follows.span, "two comparisons in a row", "write `a < b and b < c`")
            self.take()
            return Broken(span, (left, right, self.expression(holds)))
        return Binary(span, token.text, left, right)

    def _power(self, base: Node) -> Node:
        negative = self.accept("-")
        token = self.token
        span = (base.span[0], token.span[1])
        if token.kind != "number" or not token.text.isdigit() or not 1 <= int(token.text) <= EXPONENT_MAX:
            self.fault(
                token.span,
                f"an exponent is a whole number from 1 to {EXPONENT_MAX} or its negative",
                "sqrt(x), or exp(y * log(x))",
            )
            return Broken(span, (base, self.expression(_SIGN_BINDING)))
        self.take()
        return Power(span, base, -int(token.text) if negative else int(token.text))

    def _juxtaposed(self, left: Node) -> Node:
        """Two operands without an operator: note it, read on, and give up the pair."""
        token = self.token
        if isinstance(left, Number) and left.bare and token.kind == "name" and token.text not in WORDS:
            while self.token.kind in ("name", "number") or self.token.text in ("/", "*"):
                self.take()
            span = (token.span[0], self.tokens[self.at - 1].span[1])
            unit = self.text[slice(*span)].rstrip("/* ")
            number = self.text[slice(*left.span)]
            self.fault(span, "the unit of a number stands in brackets", f"write `{number} [{unit}]`")
            return Broken((left.span[0], span[1]))
        if token.kind == "unit":
            self.take()
            self.fault(token.span, "brackets stand only behind a number", "a tag has the unit it was declared with")
            return left
        what = "an operator is missing"
        if token.text == "not":
            what = "`not` stands before a condition"
        self.fault(token.span, f"{what} before `{token.text}`" if token.text != "not" else what)
        right = self.operand()
        return Broken((left.span[0], right.span[1]), (left, right))

    def operand(self) -> Node:
        token = self.token
        if token.kind == "end" or token.text in (")", ","):
            self.fault(token.span, "an operand is missing" + (f" before `{token.text}`" if token.text else ""))
            return Broken(token.span)
        self.take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "tag":
            return self._reference(token)
        if token.kind == "unit":
            self.fault(token.span, "a unit without a number")
            return Broken(token.span)
        if token.kind == "name":
            return self._named(token)
        return self._signed(token)

    def _signed(self, token: Token) -> Node:
        if token.text == "(":
            node = self.expression(0)
            if not self.accept(")"):
                self.fault(token.span, "this bracket is not closed")
            return node
        if token.text == "-":
            operand = self.expression(_SIGN_BINDING)
            span = (token.span[0], operand.span[1])
            if isinstance(operand, Number):
                return Number(span, -operand.value, operand.unit, operand.bare)
            return Unary(span, "-", operand)
        hint = "leave it away" if token.text == "+" else ""
        self.fault(token.span, f"an operand is missing before `{token.text}`", hint)
        return self.expression(_BINDING[token.text])

    def _number(self, token: Token) -> Node:
        try:
            value = parse_number(token.text)
        except UnitError as error:
            self.fault(token.span, error.what, error.hint)
            return Broken(token.span)
        if self.token.kind != "unit":
            return Number(token.span, value, DIMENSIONLESS, bare=True)
        brackets = self.take()
        span = (token.span[0], brackets.span[1])
        try:
            return Number(span, value, parse_unit(brackets.text[1:-1]), bare=False)
        except UnitError as error:
            self.fault((brackets.span[0] + 1, brackets.span[1] - 1), error.what, error.hint)
            return Number(span, value, None, bare=False)

    def _reference(self, token: Token) -> Node:
        name = token.text[1:-1].strip()
        inside = self.text[slice(*token.span)]
        start = token.span[0] + inside.find(name)
        span = (start, start + len(name))
        if not name or name in RESERVED or not re.fullmatch(r"[^\s<>]+", name):
            what = f"`{name}` is not the name of a tag" if name else "the braces are empty"
            self.fault(span if name else token.span, what, "it is a reserved word" if name in RESERVED else "")
            return Broken(token.span)
        return Reference(token.span, name, span)

    def _named(self, token: Token) -> Node:
        if token.text == "not":
            operand = self.expression(_NOT_BINDING)
            return Unary((token.span[0], operand.span[1]), "not", operand)
        called = self.token.kind == "operator" and self.token.text == "("
        if token.text in CONSTANTS and not called:
            return Constant(token.span, token.text)
        if token.text in WORDS:
            self.fault(token.span, f"an operand is missing before `{token.text}`")
            return self.expression(_BINDING[token.text])
        if called:
            return self._call(token)
        if token.text in FUNCTIONS:
            self.fault(token.span, f"`{token.text}` needs its arguments in round brackets")
        else:
            self.fault(token.span, f"unknown name `{token.text}`", _advice(token.text))
        return Broken(token.span)

    def _call(self, token: Token) -> Node:
        bracket = self.take()
        arguments: list[Node] = []
        if not self.accept(")"):
            arguments.append(self.expression(0))
            while self.accept(","):
                arguments.append(self.expression(0))
            if not self.accept(")"):
                self.fault(bracket.span, "this bracket is not closed")
        span = (token.span[0], self.tokens[self.at - 1].span[1])
        if token.text not in FUNCTIONS:
            self.fault(token.span, f"unknown function `{token.text}`", _advice(token.text))
            return Broken(span, tuple(arguments))
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            self.fault(span, f"`{token.text}` takes {wanted} arguments, here are {len(arguments)}")
            return Broken(span, tuple(arguments))
        return Call(span, token.text, tuple(arguments))


def _advice(name: str) -> str:
    # nearer than the general search for names: these are short
    near = difflib.get_close_matches(name.lower(), [*FUNCTIONS, *CONSTANTS, *WORDS], n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else "a tag stands in braces, a unit in brackets behind its number"
