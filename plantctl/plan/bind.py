"""Binding: what the loader loaded, tied to the memory it works on, so that the scan only calls.

A half is called as `call(dt)` with `dt` a prebuilt `ctypes.c_double`, a routine as `call(*numbers)`. Compiled or
interpreted, both work on the same memory, which the call keeps alive; nothing here allocates once it is bound.
"""

import ctypes
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from plantctl.plan import record
from plantctl.plan.load import RUN, Half, load_program, load_routine

Array = Any  # of any type and one or two dimensions
Call = Callable[[ctypes.c_double], int]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run works on. `v, q, used, status` are the image's columns; `ins`, `outs` are i8 [rows, slots]."""

    v: np.ndarray[Any, np.dtype[np.float64]]
    q: np.ndarray[Any, np.dtype[np.uint16]]
    used: np.ndarray[Any, np.dtype[np.float64]]
    status: np.ndarray[Any, np.dtype[np.int64]]
    rows: np.ndarray[Any, np.dtype[np.void]]
    ins: np.ndarray[Any, np.dtype[np.int64]]
    outs: np.ndarray[Any, np.dtype[np.int64]]
    ring: np.ndarray[Any, np.dtype[np.int64]]


class BoundRun:
    """A half bound to its memory: `call(dt)` steps `count` rows from `first` in steps of `stride` and returns 1."""

    __slots__ = ("call",)

    def __init__(self, half: Half, memory: Memory, kind: int, first: int, count: int, stride: int) -> None:
        self.call: Call
        if half.compiled:
            run = np.zeros(1, RUN)
            for name in ("v", "q", "used", "status", "rows", "ins", "outs", "ring"):
                run[name] = getattr(memory, name).ctypes.data
            run["points"], run["size"], run["events"] = len(memory.v), len(memory.rows), len(memory.ring)
            run["kind"], run["first"], run["count"], run["stride"] = kind, first, count, stride
            self.call = _kept(half.function, run, memory)
        else:
            rows = record.structures_over(half.kind.block, memory.rows)
            views = [memoryview(getattr(memory, n)) for n in ("v", "q", "used", "status")]
            tables = [memoryview(getattr(memory, n)) for n in ("ins", "outs", "ring")]
            run_text = half.function
            self.call = lambda dt: run_text(*views, rows, *tables, kind, first, count, stride, dt.value)


def bind_routine(
    function: Callable[..., int], arrays: Mapping[str, Array], *, compiled: bool, folder: Path | None = None
) -> Callable[..., int]:
    """The call of a plain function over `arrays`: `call(*numbers)`, 0 only where it broke off.

    `arrays` are its first arguments by name and in order: without gaps, of one or two dimensions, of f8, i8, i4, u4, u2
    or u1; they are worked on where they lie. What follows are whole numbers. Raises `TypeError` where the names differ,
    `ValueError` where an array has gaps.
    """
    arguments = list(inspect.signature(function).parameters)
    if arguments[: len(arrays)] != list(arrays):
        raise TypeError(f"the routine takes {', '.join(arguments)}, not {', '.join(arrays)}")
    if not all(array.flags.c_contiguous for array in arrays.values()):
        raise ValueError("a routine works on arrays without gaps")
    if not compiled:
        return partial(function, *(memoryview(array) for array in arrays.values()))
    shapes = [(name, array.dtype.name, array.shape[1] if array.ndim > 1 else 0) for name, array in arrays.items()]
    called, _ = load_routine(function, shapes, arguments[len(arrays) :], folder)
    table = np.array([number for array in arrays.values() for number in (array.ctypes.data, len(array))], np.int64)
    return _kept(called, table, tuple(arrays.values()))


# A run in its turn: task, call, and first and count of a run of expressions (0 and 0 for that of a half).
Turn = tuple[int, Callable[..., int], int, int]


class Program:
    """All runs of a plan in their order, `tasks` being how many time steps a scan has. Compiled, it is one call."""

    __slots__ = ("_call", "_dt_s", "_turns")

    def __init__(self, turns: Sequence[Turn], tasks: int, *, compiled: bool, folder: Path | None = None) -> None:
        self._turns = turns
        self._call: Callable[[], int] | None = None
        if compiled:
            places = [(*_addresses(call), task, first, count) for task, call, first, count in turns]
            table: Array = np.array(places, np.int64)
            dt_s: Array = np.zeros(tasks)
            self._dt_s: Any = memoryview(dt_s)
            self._call = partial(_kept(load_program(folder), table, None), len(places), dt_s.ctypes.data)

    def step(self, dt_s: Sequence[float]) -> int:
        """Call the runs of every task whose time step in s is above 0. Returns 1, or 0 as soon as a run broke off."""
        if self._call is not None:
            for task, dt in enumerate(dt_s):
                self._dt_s[task] = dt
            return self._call()
        for task, call, first, count in self._turns:
            dt = dt_s[task]
            if dt > 0.0 and (call(first, count) if count else call(ctypes.c_double(dt))) != 1:
                return 0
        return 1


def _addresses(call: Any) -> tuple[int, int]:
    """Where the C function of a bound call is, and its record."""
    return ctypes.cast(call.func, ctypes.c_void_p).value or 0, call.args[0].value


def _kept(function: Any, record: Array, memory: object) -> Callable[..., int]:
    """The call of a C function on `record`, which also keeps alive the `memory` that the record points at."""
    call = partial(function, ctypes.c_void_p(record.ctypes.data))
    call.memory = (record, memory)  # type: ignore[attr-defined]
    return call
