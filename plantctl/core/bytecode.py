"""The instruction set of calculated tags and conditions: what the compiler writes and the stack machine runs.

A program is a list of (op, argument) over a stack of numbers, each number with its quality. Conditions are the numbers
1 and 0. The table below is the whole set; the machine is one function over arrays, so an expression can compute and
nothing else: no loops, no memory, no names.

Rules of this file: numbers of operations are contiguous in four groups by what they take from the stack, and the
machine tells the groups apart by their first numbers. Plain integers, since the machine is compiled.
"""

from dataclasses import dataclass
from typing import Final

from .units import Unit

# push one number
CONST: Final = 0
LOAD: Final = 1
IS_GOOD: Final = 2
IS_BAD: Final = 3
# take one number
NEG: Final = 4
POWER: Final = 5
NOT: Final = 6
TRUTH: Final = 7
ABS: Final = 8
SIGN: Final = 9
SQRT: Final = 10
EXP: Final = 11
LOG: Final = 12
LOG10: Final = 13
FLOOR: Final = 14
ROUND: Final = 15
# take two
ADD: Final = 16
SUB: Final = 17
MUL: Final = 18
DIV: Final = 19
LESS: Final = 20
LESS_EQUAL: Final = 21
GREATER: Final = 22
GREATER_EQUAL: Final = 23
EQUAL: Final = 24
NOT_EQUAL: Final = 25
AND: Final = 26
OR: Final = 27
MIN: Final = 28
MAX: Final = 29
# take three
WHERE: Final = 30
CLIP: Final = 31

FIRST_UNARY: Final = NEG
FIRST_BINARY: Final = ADD
FIRST_TERNARY: Final = WHERE

NAMES: Final = (
    *("const", "load", "is good", "is bad", "negate", "power", "not", "truth", "abs", "sign", "sqrt", "exp"),
    *("log", "log10", "floor", "round", "add", "subtract", "multiply", "divide", "less", "less or equal"),
    *("greater", "greater or equal", "equal", "not equal", "and", "or", "min", "max", "where", "clip"),
)


def taken(op: int) -> int:
    """How many numbers an operation takes from the stack, 0 to 3; it leaves one."""
    return (op >= FIRST_UNARY) + (op >= FIRST_BINARY) + (op >= FIRST_TERNARY)


@dataclass(frozen=True, slots=True)
class Program:
    """One compiled expression.

    The argument of `CONST` is an index into `constants`, of `LOAD`, `IS_GOOD` and `IS_BAD` an index into `inputs`, of
    `POWER` the exponent (2 or more); all others have 0. `unit` is what the result is in. `stack_depth` is the most
    numbers that are on the stack at one time, 1 or more.
    """

    text: str
    code: tuple[tuple[int, int], ...]
    constants: tuple[float, ...]
    inputs: tuple[str, ...]
    stack_depth: int
    unit: Unit


def explain(program: Program) -> str:
    """The program as a listing for people: number, a dot for each number that stays below, operation, argument."""
    lines = [f"{program.text}", f"result in {program.unit}, stack of {program.stack_depth}"]
    depth = 0
    for index, (op, argument) in enumerate(program.code):
        shown = ""
        if op == CONST:
            shown = repr(program.constants[argument])
        elif op < FIRST_UNARY:
            shown = "{" + program.inputs[argument] + "}"
        elif op == POWER:
            shown = str(argument)
        depth -= taken(op)
        lines.append(f"{index:4d}  {'. ' * depth}{NAMES[op]} {shown}".rstrip())
        depth += 1
    return "\n".join(lines)
