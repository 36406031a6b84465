"""Programs side by side in arrays, as the stack machine runs them: names become rows of the image.

The order of the programs is the order they run in; the compiler gives them in the plan's order, so that a run of
neighbours is one call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plantctl.core.bytecode import CONST, FIRST_UNARY, Program


@dataclass(frozen=True, slots=True)
class ProgramTable:
    """All programs of a plan.

    `code` i4 [n, 2]; `constants` f8; `bounds` i4 [programs, 3]: first operation, end, result row. `stack_v` f8 and
    `stack_q` i8 are the machine's scratch.
    """

    code: np.ndarray[Any, np.dtype[np.int32]]
    constants: np.ndarray[Any, np.dtype[np.float64]]
    bounds: np.ndarray[Any, np.dtype[np.int32]]
    stack_v: np.ndarray[Any, np.dtype[np.float64]]
    stack_q: np.ndarray[Any, np.dtype[np.int64]]


def pack(programs: Sequence[tuple[Program, Mapping[str, int], int]]) -> ProgramTable:
    """The table of `programs`, each with the rows of its inputs by name and the row of its result.

    Raises `KeyError` for a name without a row. Two programs share equal constants.
    """
    code: list[tuple[int, int]] = []
    constants: dict[bytes, int] = {}
    bounds: list[tuple[int, int, int]] = []
    depth = 1
    for program, rows, row in programs:
        start = len(code)
        for op, argument in program.code:
            placed = argument
            if op == CONST:
                placed = constants.setdefault(np.float64(program.constants[argument]).tobytes(), len(constants))
            elif op < FIRST_UNARY:
                placed = rows[program.inputs[argument]]
            code.append((op, placed))
        bounds.append((start, len(code), row))
        depth = max(depth, program.stack_depth)
    return ProgramTable(
        np.array(code, dtype=np.int32).reshape(-1, 2),
        np.frombuffer(b"".join(constants), dtype=np.float64).copy(),
        np.array(bounds, dtype=np.int32).reshape(-1, 3),
        np.zeros(depth, dtype=np.float64),
        np.zeros(depth, dtype=np.int64),
    )
