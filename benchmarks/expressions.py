"""How long calculated tags and conditions take: the stack machine over 200 and 2,000 expressions, per operation.

`python benchmarks/expressions.py` prints, for each size, the fastest of many runs compiled with and without bounds
checks, and one interpreted. The mix: arithmetic with a minimum, conditions with `and`, `or`, `not`, a product with
divisions, and a clipped choice; quality good, then bad on every fifth input. Figures are good for comparing within
one run only.
"""

import time

import numba
import numpy as np

from plantctl.core.units import parse_unit
from plantctl.plan import load
from plantctl.plan.expression import compile_expression, parse_expression
from plantctl.plan.expression_table import pack
from plantctl.scan import stack_machine

TAGS = 112
MIX = [
    ("({T0} + {T1}) * 2 - {T2} * 3 + min({T5}, {T6})", "number"),
    ("{T0} > 3 [A] and {T1} < 5 [A] or not {T2} > {T3}", "condition"),
    ("0.852 * {T0} * {T4} / ({T1} + 3 * {T2}) + {T5} * {T6} / {T1} * 0.5", "number"),
    ("clip(where({T0} > {T1}, {T2}, {T3}), 0, {T4}) * 2 + {T5} - {T6}", "number"),
]


def arrays(count):
    units = {f"T{i}": parse_unit("A") for i in range(7)}
    programs = [compile_expression(parse_expression(text), units, None, kind) for text, kind in MIX]
    rows = [{f"T{j}": (j + 7 * i) % TAGS for j in range(7)} for i in range(count)]
    table = pack([(programs[i % len(MIX)], rows[i], TAGS + i) for i in range(count)])
    v = np.concatenate([np.random.default_rng(1).random(TAGS) * 10, np.zeros(count)])
    return [table.code, table.constants, table.bounds, table.stack_v, table.stack_q, v, np.zeros(len(v), np.uint16)]


def fastest(machine, given, count, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        machine(*given, 0, count)
        best = min(best, time.perf_counter() - start)
    return best


def main():
    load.register(stack_machine.run)
    machines = {
        f"compiled, bounds checks {'on' if check else 'off'}": numba.njit(error_model="numpy", boundscheck=check)(
            stack_machine.run
        )
        for check in (True, False)
    }
    for count in (200, 2000):
        given = arrays(count)
        operations = len(given[0])
        for quality in ("good", "every fifth bad"):
            given[-1][:] = 0
            given[-1][: TAGS : 5 if quality != "good" else TAGS + 1] = 0x202 if quality != "good" else 0
            for name, machine in machines.items():
                machine(*given, 0, count)
                best = fastest(machine, given, count, 500)
                figures = f"{best * 1e6:8.1f} us {best / operations * 1e9:5.1f} ns an operation"
                print(f"{count:5d} expressions, {quality:15s} {name:27s} {figures}")
        best = fastest(stack_machine.run, [memoryview(a) for a in given], count, 3)
        print(
            f"{count:5d} expressions, interpreted {best * 1e6:8.1f} us {best / operations * 1e9:6.0f} ns an operation"
        )


if __name__ == "__main__":
    main()
