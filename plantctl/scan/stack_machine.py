"""The stack machine: runs the bytecode of calculated tags and conditions over the image, one program after another.

The same text runs interpreted over memoryviews and compiled over arrays, bit for bit equal; the loader compiles it.

Quality. Every number on the stack has a quality word. An operation gives the worse of its operands with its reason and
NE 107 class; of two equally bad ones the first, but plainly good yields to good with a reason or class; simulated and
forced are kept from either; limits and cascade bits do not travel, since a limit of an input is none of the result.
`where` gives the worse of the condition and the branch it chose. `good(x)` and `bad(x)` are themselves always good.
`and` and `or` give the worse of both sides, also where one side alone would decide: a condition that rests on a bad
value is a bad condition.

Bad input. A value that is NaN, infinite or beyond 1e30 is bad, range, whatever its status said. What is not defined
(division by zero, root or logarithm of what has none, overflow) makes a number bad, range, and everything computed
from it. Nothing raises, nothing stops the scan.

Result. A result that is not finite is not written: the row keeps its last value, its quality turns bad.

Rules of this file: arguments are arrays and integers; no allocation; only `math` and constants of core; whatever
Python raises on is guarded, so that both modes take the same way. Operations and their groups: core/bytecode.py.
Reference for the rounding of halves to even: IEC 61131-3:2013 table 22 and IEC 60559.
"""

import math
from collections.abc import MutableSequence
from typing import Any, Final

from plantctl.core.block import HUGE, OUT_OF_RANGE, clip
from plantctl.core.bytecode import (
    ABS,
    ADD,
    AND,
    CONST,
    DIV,
    EQUAL,
    EXP,
    FIRST_BINARY,
    FIRST_TERNARY,
    FIRST_UNARY,
    FLOOR,
    GREATER,
    GREATER_EQUAL,
    IS_GOOD,
    LESS,
    LESS_EQUAL,
    LOAD,
    LOG,
    LOG10,
    MAX,
    MIN,
    MUL,
    NEG,
    NOT,
    NOT_EQUAL,
    OR,
    POWER,
    ROUND,
    SIGN,
    SQRT,
    SUB,
    WHERE,
)
from plantctl.core.quality import BAD, MARKS, NE107_MASK, REASON_MASK, SEVERITY_MASK

TRAVELS: Final = SEVERITY_MASK | NE107_MASK | REASON_MASK
WHOLE: Final = 4503599627370496.0  # 2^52: from here on every float is a whole number
EXP_MAX: Final = 709.0  # exp of more may overflow


def run(
    code: Any,
    constants: Any,
    bounds: Any,
    stack_v: MutableSequence[float],
    stack_q: MutableSequence[int],
    v: Any,
    q: Any,
    first: int,
    count: int,
) -> int:
    """Run `count` programs from number `first`. Returns 1.

    `code` i4 [n, 2] and `constants` f8 hold all programs behind each other; `bounds` i4 [programs, 3] holds first
    operation, end and result row of each. `stack_v` f8 and `stack_q` i8 are scratch, as deep as the deepest program.
    `v` f8 and `q` u2 are the image's columns in declared units. Arguments of the code are rows of `v` and `constants`.
    """
    for p in range(first, first + count):
        # The newest number is (x, quality), what lies below it is on the stack; the first push stores a zero.
        top, x, quality = 0, 0.0, 0
        for k in range(bounds[p, 0], bounds[p, 1]):
            op, argument = code[k, 0], code[k, 1]
            if op < FIRST_UNARY:
                stack_v[top] = x
                stack_q[top] = quality
                top += 1
                if op == CONST:
                    x = float(constants[argument])
                    quality = 0
                else:
                    x = float(v[argument])
                    quality = seen(x, int(q[argument]))
                    if op != LOAD:
                        x = asked(op, quality)
                        quality = 0
            elif op < FIRST_BINARY:
                x = unary(op, argument, x)
            elif op < FIRST_TERNARY:
                top -= 1
                x = binary(op, float(stack_v[top]), x)
                quality = worse(int(stack_q[top]), quality)
            elif op == WHERE:
                top -= 2
                if stack_v[top] != 0.0:
                    x = float(stack_v[top + 1])
                    quality = int(stack_q[top + 1])
                quality = worse(int(stack_q[top]), quality)
            else:
                top -= 2
                x = clip(float(stack_v[top]), float(stack_v[top + 1]), x)
                quality = worse(worse(int(stack_q[top]), int(stack_q[top + 1])), quality)
            if x - x != 0.0 and quality & SEVERITY_MASK < BAD:
                quality = (quality & MARKS) | OUT_OF_RANGE
        row = bounds[p, 2]
        if x - x == 0.0:
            v[row] = x
        q[row] = quality
    return 1


def seen(x: float, quality: int) -> int:
    """The quality of an input as an expression sees it: what travels, and bad, range where the value is none."""
    if quality & SEVERITY_MASK < BAD and not abs(x) < HUGE:
        return (quality & MARKS) | OUT_OF_RANGE
    return quality & (TRAVELS | MARKS)


def asked(op: int, quality: int) -> float:
    """`good(x)` (1 where neither uncertain nor bad) or `bad(x)`."""
    severity = quality & SEVERITY_MASK
    if op == IS_GOOD:
        return 1.0 if severity == 0 else 0.0
    return 1.0 if severity >= BAD else 0.0


def worse(a: int, b: int) -> int:
    """The worse of two qualities that `seen` gave, with simulated and forced of either."""
    if a == b:
        return a
    carried = (a | b) & MARKS
    if b & SEVERITY_MASK > a & SEVERITY_MASK or a & TRAVELS == 0:
        return b | carried
    return a | carried


def unary(op: int, argument: int, x: float) -> float:
    """An operation on one number; NaN where it has no result."""
    if op == NEG:
        return -x
    if op == NOT:
        return 0.0 if x != 0.0 else 1.0
    if op == POWER:
        product = x
        for _ in range(argument - 1):
            product = product * x
        return product
    if op == ABS:
        return abs(x)
    if op == SQRT:
        return math.sqrt(x) if x >= 0.0 else math.nan
    if op == EXP:
        return math.exp(x) if x <= EXP_MAX else math.nan
    if op == LOG:
        return math.log(x) if x > 0.0 else math.nan
    if op == LOG10:
        return math.log10(x) if x > 0.0 else math.nan
    if op == FLOOR:
        return whole_below(x)
    if op == ROUND:
        return nearest_whole(x)
    if op == SIGN:
        return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)
    return 1.0 if x != 0.0 else 0.0  # TRUTH


def binary(op: int, a: float, b: float) -> float:
    """An operation on two numbers; comparisons and `and`, `or` give 1 or 0, and 0 for NaN except in `!=`."""
    if op == ADD:
        return a + b
    if op == SUB:
        return a - b
    if op == MUL:
        return a * b
    if op == DIV:
        return a / b if b != 0.0 else math.nan
    if op == MIN:
        return b if b < a else a
    if op == MAX:
        return b if b > a else a
    if op == LESS:
        true = a < b
    elif op == LESS_EQUAL:
        true = a <= b
    elif op == GREATER:
        true = a > b
    elif op == GREATER_EQUAL:
        true = a >= b
    elif op == EQUAL:
        true = a == b
    elif op == NOT_EQUAL:
        true = a != b
    elif op == AND:
        true = a != 0.0 and b != 0.0
    else:
        true = op == OR and (a != 0.0 or b != 0.0)
    return 1.0 if true else 0.0


def whole_below(x: float) -> float:
    """The largest whole number not above `x`; NaN, infinities and large numbers are themselves."""
    return float(math.floor(x)) if abs(x) < WHOLE else x


def nearest_whole(x: float) -> float:
    """The nearest whole number, a half to the even one."""
    below = whole_below(x)
    part = x - below
    if part > 0.5 or (part == 0.5 and below * 0.5 != whole_below(below * 0.5)):
        return below + 1.0
    return below
