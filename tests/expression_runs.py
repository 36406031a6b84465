"""Runs one compiled expression over a small image, interpreted and compiled, and demands the same bits of both."""

import struct
from functools import cache

import numba
import numpy as np

from plantctl.core.units import parse_unit
from plantctl.plan import load
from plantctl.plan.expression import compile_expression, parse_expression
from plantctl.plan.expression_table import pack
from plantctl.scan import stack_machine

BEFORE = 12.5  # what the result's row holds before the run
BEFORE_QUALITY = 0x0E02


@cache
def compiled_run():
    load.register(stack_machine.run)
    return numba.njit(error_model="numpy", boundscheck=True)(stack_machine.run)


def compiled(text, units, target=None, kind="number"):
    """The program of `text`; `units` and `target` are texts."""
    known = {name: None if unit is None else parse_unit(unit) for name, unit in units.items()}
    return compile_expression(parse_expression(text), known, None if target is None else parse_unit(target), kind)


def images(program, inputs):
    """The table of one program and the columns of its image; the result stands in the last row."""
    names = list(inputs)
    rows = {name: row for row, name in enumerate(names)}
    table = pack([(program, rows, len(names))])
    v = np.array([inputs[name][0] for name in names] + [BEFORE], dtype=np.float64)
    q = np.array([inputs[name][1] for name in names] + [BEFORE_QUALITY], dtype=np.uint16)
    return table, v, q


def outcome(program, inputs, modes=("interpreted", "compiled")):
    """(value, quality) of the result's row after one run in every mode, which must agree to the bit."""
    results = []
    for mode in modes:
        table, v, q = images(program, inputs)
        arrays = [table.code, table.constants, table.bounds, table.stack_v, table.stack_q, v, q]
        if mode == "compiled":
            assert compiled_run()(*arrays, 0, 1) == 1
        else:
            assert stack_machine.run(*map(memoryview, arrays), 0, 1) == 1
        results.append((struct.pack("<d", v[-1]), int(q[-1])))
    assert len(set(results)) == 1, results
    value, quality = results[0]
    return struct.unpack("<d", value)[0], quality


def evaluate(text, units, values, target=None, kind="number", modes=("interpreted", "compiled")):
    """(value, quality) of an expression; `values` are numbers, or (number, quality) pairs."""
    inputs = {name: given if isinstance(given, tuple) else (given, 0) for name, given in values.items()}
    return outcome(compiled(text, units, target, kind), inputs, modes)
