"""The tree of an expression, and the faults that a person is shown about it.

Every node knows which characters of the text it was read from, so that a fault found later (a unit that does not fit)
points at them. The grammar is in `expression_syntax`, the meaning in `expression`.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from plantctl.core.errors import PlantctlError
from plantctl.core.units import Unit

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class ExpressionError:
    """One fault: the characters `span[0]` up to but not `span[1]` of the text, what is wrong, how to mend it.

    The span is empty where something is missing at the end. `hint` may be empty.
    """

    span: Span
    what: str
    hint: str = ""


class ExpressionRefused(PlantctlError):
    """An expression cannot be used; `errors` holds every fault found, in the order of the text."""

    def __init__(self, text: str, errors: tuple[ExpressionError, ...]) -> None:
        self.text = text
        self.errors = errors
        super().__init__("; ".join(f"{e.what} at `{text[slice(*e.span)]}`" for e in errors))


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its unit. `unit` is None where the brackets hold no unit (the fault is noted)."""

    span: Span
    value: Fraction
    unit: Unit | None
    bare: bool  # written without a unit


@dataclass(frozen=True, slots=True)
class Constant:
    """`F`, `R` or `pi`."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A tag or point in braces; `name_span` is without them."""

    span: Span
    name: str
    name_span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`-` or `not` and its operand."""

    span: Span
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two operands."""

    span: Span
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Power:
    """An operand to a whole power, -16 to 16 and not 0."""

    span: Span
    base: "Node"
    exponent: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with as many arguments as it takes."""

    span: Span
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """What could not be read; `parts` are the readable nodes inside."""

    span: Span
    parts: tuple["Node", ...] = ()


Node = Number | Constant | Reference | Unary | Binary | Power | Call | Broken


@dataclass(frozen=True, slots=True)
class Ast:
    """The tree of one expression with the faults of its text; compiling it refuses while there are any."""

    text: str
    root: Node
    errors: tuple[ExpressionError, ...] = field(default=())


def references(ast: Ast) -> list[tuple[str, Span]]:
    """Every tag or point named in the tree with the span of its name, in the order of the text, repeats included."""
    found: list[tuple[str, Span]] = []
    waiting: list[Node] = [ast.root]
    while waiting:
        node = waiting.pop()
        match node:
            case Reference():
                found.append((node.name, node.name_span))
            case Unary():
                waiting.append(node.operand)
            case Binary():
                waiting += [node.left, node.right]
            case Power():
                waiting.append(node.base)
            case Call():
                waiting += node.arguments
            case Broken():
                waiting += node.parts
            case _:
                pass
    return sorted(found, key=lambda entry: entry[1])
