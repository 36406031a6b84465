"""The runner of one half of one kind, as Python text: copy in, call the half, report what changed, copy out.

A runner is twenty lines that a debugger can step through. The same text runs interpreted and compiled. Three rules
live here and not in the blocks: no half ever sees a `dt` of zero, below, or NaN; an output that is not finite is not
written (the point keeps its last value with quality bad, range, and the case is counted); a watched field that changed
is an entry in the ring of events.

    ring[0, 0]   entries so far; an entry is (kind, row, field, old, new) in the rows after the first
    ring[0, 1]   outputs that were not finite
    ring[0, 2]   entries lost because the ring was full (cannot happen inside a scan: the compiler knows the bound)
"""

from collections.abc import Sequence

from plantctl.core.block import OUT_OF_RANGE, Block, Field, fields
from plantctl.core.quality import SEVERITY_MASK

RING_COLUMNS = 5
_ARGUMENTS = "v, q, used, status, rows, ins, outs, ring, kind, first, count, stride, dt"
# An output that is not finite keeps the flags of its quality word (simulated, forced) and loses the rest.
_KEEP = 0xC000


def input_slots(kind: type[Block]) -> tuple[tuple[str, int], ...]:
    """The columns of `ins`: (port, element) in order; element 0 for a single port."""
    return tuple(
        (f.name, element) for f in fields(kind) if f.role in ("in", "cas_in") for element in range(max(1, f.count))
    )


def output_slots(kind: type[Block]) -> tuple[str, ...]:
    """The columns of `outs`: every field that is a point of the image, in order."""
    return tuple(f.name for f in fields(kind) if f.is_point)


def runner_text(kind: type[Block], module: str, half: str) -> str:
    """The text of the interpreted runner of `half` (`step` or `back`) of `kind`, defined in `module`."""
    declared = fields(kind)
    lines = [
        f'"""Generated: {half} of {module}."""',
        "import math",
        f"from {module} import {half} as half",
        "",
        "",
        f"def run({_ARGUMENTS}):",
        "    if not dt > 0.0:",
        "        return 1",
        "    i = first",
        "    for _ in range(count):",
        "        b = rows[i]",
    ]
    body = _copy_in(kind, declared, half)
    watched = [f for f in declared if f.role == "watched"]
    body += [f"was_{f.name} = b.{f.name}" for f in watched]
    body += ["half(b, dt)"]
    for f in watched:
        body += _event(declared.index(f), f.name)
    body += _answers(kind, declared) if half == "back" else _copy_out(kind, declared)
    lines += ["        " + line for line in body]
    lines += ["        i += stride", "    return 1", ""]
    return "\n".join(lines)


def _copy_in(kind: type[Block], declared: tuple[Field, ...], half: str) -> list[str]:
    roles = {f.name: f.role for f in declared}
    counts = {f.name: f.count for f in declared}
    lines = []
    for column, (name, element) in enumerate(input_slots(kind)):
        if counts[name] and element == 0:
            lines.append(f"x = b.{name}")
        target = f"x[{element}]" if counts[name] else f"b.{name}"
        lines += [f"j = ins[i, {column}]", f"{target}.v = v[j]", f"{target}.q = q[j]"]
    if half == "back":
        for column, name in enumerate(output_slots(kind)):
            if roles[name] == "cas_out":
                lines += [f"j = outs[i, {column}]", f"b.{name}.used = used[j]", f"b.{name}.status = status[j]"]
    return lines


def _event(index: int, name: str) -> list[str]:
    return [
        f"if b.{name} != was_{name}:",
        "    e = ring[0, 0] + 1",
        "    if e < len(ring):",
        "        ring[0, 0] = e",
        "        ring[e, 0] = kind",
        "        ring[e, 1] = i",
        f"        ring[e, 2] = {index}",
        f"        ring[e, 3] = was_{name}",
        f"        ring[e, 4] = b.{name}",
        "    else:",
        "        ring[0, 2] += 1",
    ]


def _answers(kind: type[Block], declared: tuple[Field, ...]) -> list[str]:
    roles = {f.name: f.role for f in declared}
    counts = {f.name: f.count for f in declared}
    lines = []
    for column, (name, element) in enumerate(input_slots(kind)):
        if roles[name] == "cas_in":
            if counts[name] and element == 0:
                lines.append(f"x = b.{name}")
            source = f"x[{element}]" if counts[name] else f"b.{name}"
            lines += [f"j = ins[i, {column}]", f"used[j] = {source}.used", f"status[j] = {source}.status"]
    return lines


def _copy_out(kind: type[Block], declared: tuple[Field, ...]) -> list[str]:
    by_name = {f.name: f for f in declared}
    lines = []
    for column, name in enumerate(output_slots(kind)):
        field = by_name[name]
        lines.append(f"j = outs[i, {column}]")
        if field.is_port:
            lines += [
                f"if math.isfinite(b.{name}.v):",
                f"    v[j] = b.{name}.v",
                f"    q[j] = b.{name}.q",
                f"elif (b.{name}.q & {SEVERITY_MASK}) >= 2:",
                # A value that never was: NaN with a bad quality is honest, not a fault of the block.
                f"    q[j] = b.{name}.q",
                "else:",
                f"    q[j] = (q[j] & {_KEEP}) | {OUT_OF_RANGE}",
                "    ring[0, 1] += 1",
            ]
            if field.role == "cas_out":
                # What stands if nobody below answers before the next back: used as asked, no limits.
                lines += ["used[j] = v[j]", "status[j] = 0"]
        elif field.type is float:
            lines += [
                f"if math.isfinite(b.{name}):",
                f"    v[j] = b.{name}",
                "    q[j] = 0",
                "else:",
                f"    q[j] = {OUT_OF_RANGE}",
            ]
        else:
            lines += [f"v[j] = b.{name}", "q[j] = 0"]
    return lines


def compiled_tail(kind: type[Block], module: str) -> str:
    """What the compiled form appends to the runner's text: one C function `half_c(Run*, dt) -> 1`."""
    ins, outs = len(input_slots(kind)), len(output_slots(kind))
    return f"""

from numba import carray, cfunc, float64, int64, njit, types, uint16

from plantctl.plan import load

load.register(half)
half = njit(error_model="numpy", boundscheck=load.BOUNDSCHECK)(half)
_run = njit(error_model="numpy", boundscheck=load.BOUNDSCHECK)(run)
_v, _q, _i = (load.pointer_to(t) for t in (float64, uint16, int64))
_r = load.pointer_to(load.record_type(load.block_class({module!r})))


@cfunc(int64(types.CPointer(load.run_type()), float64), error_model="numpy", cache=True)
def half_c(p, dt):
    r = carray(p, 1)[0]
    return _run(
        carray(_v(r.v), r.points),
        carray(_q(r.q), r.points),
        carray(_v(r.used), r.points),
        carray(_i(r.status), r.points),
        carray(_r(r.rows), r.size),
        carray(_i(r.ins), (r.size, {max(1, ins)})),
        carray(_i(r.outs), (r.size, {max(1, outs)})),
        carray(_i(r.ring), (r.events, {RING_COLUMNS})),
        r.kind,
        r.first,
        r.count,
        r.stride,
        dt,
    )
"""


def routine_text(module: str, function: str, arrays: Sequence[tuple[str, str, int]], numbers: Sequence[str]) -> str:
    """The compiled form of a plain `function` of `module`: one C function `half_c(table*, numbers) -> i8`.

    `arrays` are its array arguments (name, type, columns or 0), which the table holds as address and length each;
    `numbers` name its whole numbers.
    """
    types = sorted({kind for _, kind, _ in arrays})
    lines = [
        f'"""Generated: {function} of {module}."""',
        "",
        f"from numba import {', '.join(sorted({'carray', 'cfunc', 'int64', 'njit', 'types', *types}))}",
        "",
        f"from {module} import {function} as half",
        "from plantctl.plan import load",
        "",
        "load.register(half)",
        'half = njit(error_model="numpy", boundscheck=True)(half)',
        *(f"_{kind} = load.pointer_to({kind})" for kind in types),
        "",
        "",
        f'@cfunc(int64(types.CPointer(int64){", int64" * len(numbers)}), error_model="numpy", cache=True)',
        f"def half_c({', '.join(('table', *numbers))}):",
        f"    t = carray(table, {2 * len(arrays)})",
        "    return half(",
    ]
    for i, (name, kind, columns) in enumerate(arrays):
        shape = f"(t[{2 * i + 1}], {columns})" if columns else f"t[{2 * i + 1}]"
        lines.append(f"        carray(_{kind}(t[{2 * i}]), {shape}),  # {name}")
    lines += [*(f"        {number}," for number in numbers), "    )", ""]
    return "\n".join(lines)


def program_text() -> str:
    """The compiled form of a whole step: one C function `half_c(calls*, count, dt*) -> 1` that calls every run due.

    `calls` is i8 [count, 5]: address of the C function, address of its record, task, and, for a run of expressions,
    first and count; `dt` holds the time step of each task, 0 where it is not due.
    """
    return '''"""Generated: the runs of a plan, one after the other."""

from numba import carray, cfunc, float64, int64, types

from plantctl.plan import load

half = load.call_at(float64)
expressions = load.call_at(int64, int64)


@cfunc(int64(types.CPointer(int64), int64, types.CPointer(float64)), error_model="numpy", cache=True)
def half_c(calls, count, dt):
    c = carray(calls, (count, 5))
    for i in range(count):
        step = dt[c[i, 2]]
        if step > 0.0:
            if c[i, 4] > 0:
                ended = expressions(c[i, 0], c[i, 1], c[i, 3], c[i, 4])
            else:
                ended = half(c[i, 0], c[i, 1], step)
            if ended != 1:
                return 0
    return 1
'''
