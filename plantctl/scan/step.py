"""The step: every run of the plan, in its order, over the process image. Pure: the same memory gives the same bits.

A task is due or not; the runs of the due tasks are called in the plan's order, each with its task's `dt`. Nothing here
allocates or grows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from plantctl.plan.bind import BoundRun, Memory, Program, Turn, bind_routine
from plantctl.plan.expression_table import pack
from plantctl.plan.load import load_half
from plantctl.plan.plan import Plan
from plantctl.plan.runner_text import RING_COLUMNS
from plantctl.scan import stack_machine
from plantctl.scan.memory import StateMemory


class Stepper:
    """The plan over its memory: image, records, event ring, and the calls that step them.

    `compiled` chooses the loader's mode; both give the same bits. `memory` is what it works on, by default fresh.
    """

    def __init__(
        self, plan: Plan, *, compiled: bool, cache: Path | None = None, memory: StateMemory | None = None
    ) -> None:
        self.plan = plan
        self.memory = memory or StateMemory(plan)
        self.image = self.memory.image
        events = sum(
            len(k.rows) * len(k.kind.halves) * sum(1 for f in k.kind.fields if f.role == "watched") for k in plan.kinds
        )
        self.ring: npt.NDArray[np.int64] = np.zeros((1 + max(1, events), RING_COLUMNS), np.int64)
        self.memories = tuple(self._memory(i) for i in range(len(plan.kinds)))
        self._turns = self._bind(compiled, cache)
        self._program = Program(self._turns, len(plan.tasks), compiled=compiled, folder=cache)

    def _memory(self, index: int) -> Memory:
        rows, image, records = self.plan.kinds[index], self.image, self.memory.records[index]
        return Memory(image.v, image.q, image.used, image.status, records, rows.ins, rows.outs, self.ring)

    def _bind(self, compiled: bool, cache: Path | None) -> list[Turn]:
        turns: list[Turn] = []
        machine = self._machine(compiled, cache)
        for run in self.plan.runs:
            if run.kind < 0:
                turns.append((run.task, machine, run.first, run.count))
                continue
            half = load_half(self.plan.kinds[run.kind].kind, run.half, compiled=compiled, folder=cache)
            bound = BoundRun(half, self.memories[run.kind], run.kind, run.first, run.count, run.stride)
            turns.append((run.task, bound.call, 0, 0))
        return turns

    def _machine(self, compiled: bool, cache: Path | None) -> Callable[..., int]:
        table = pack(
            [(e.program, dict(zip(e.program.inputs, e.reads, strict=True)), e.row) for e in self.plan.expressions]
        )
        arrays = {name: getattr(table, name) for name in ("code", "constants", "bounds", "stack_v", "stack_q")}
        arrays |= {"v": self.image.v, "q": self.image.q}
        # A plan without expressions has no run of them: nothing to compile then.
        compiled = compiled and bool(self.plan.expressions)
        return bind_routine(stack_machine.run, arrays, compiled=compiled, folder=cache)

    def step(self, dt_s: Sequence[float]) -> None:
        """Step the tasks whose `dt_s` is above 0, in s; a `dt` of 0 says that the task is not due.

        A run that does not return 1 had an exception inside compiled code: the process must not go on with it.
        """
        assert self._program.step(dt_s) == 1, "a run broke off: its block raised inside compiled code"
