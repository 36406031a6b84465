"""A bench for any block kind: rows of it over an image of their own, interpreted or compiled.

The points of row i are its inputs in the order of the declaration, then its outputs. A test sets the inputs by name,
steps, and reads points and fields by name; `q` 0 is good.
"""

import ctypes

import numpy as np

from plantctl.core.quality import NOT_YET
from plantctl.plan import bind, load
from plantctl.plan.kind import find_kind
from plantctl.plan.record import fresh_rows
from plantctl.plan.runner_text import RING_COLUMNS, input_slots, output_slots

COLUMNS = ("v", "q", "used", "status", "rows", "ring")


class BlockBench:
    """`rows` rows of the kind `name`; both halves are loaded where the kind has both, and run in their order."""

    def __init__(self, name, rows=1, compiled=False, cache=None):
        self.kind = find_kind(name)
        self.fields = {field.name: field for field in self.kind.fields}
        self.inputs, self.outputs = input_slots(self.kind.block), output_slots(self.kind.block)
        width = len(self.inputs) + len(self.outputs)
        grid = np.arange(rows * width, dtype=np.int64).reshape(rows, width)
        # A kind without inputs or outputs still has a table, of one column that nobody reads.
        ins, outs = grid[:, : len(self.inputs)], grid[:, len(self.inputs) :]
        watched = sum(field.role == "watched" for field in self.kind.fields)
        self.memory = bind.Memory(
            v=np.full(rows * width, np.nan),
            q=np.full(rows * width, NOT_YET, np.uint16),
            used=np.full(rows * width, np.nan),
            status=np.zeros(rows * width, np.int64),
            rows=fresh_rows(self.kind.block, rows),
            ins=np.ascontiguousarray(ins if ins.shape[1] else np.zeros((rows, 1), np.int64)),
            outs=np.ascontiguousarray(outs if outs.shape[1] else np.zeros((rows, 1), np.int64)),
            ring=np.zeros((1 + rows * watched * 2, RING_COLUMNS), np.int64),
        )
        self.calls = [
            bind.BoundRun(load.load_half(self.kind, half, compiled=compiled, folder=cache), self.memory, 0, 0, rows, 1)
            for half in self.kind.halves
        ]

    def step(self, dt=0.1):
        """One scan: `back`, where there is one, then `step`; the ring of events begins anew."""
        self.memory.ring[0] = 0
        for run in self.calls:
            assert run.call(ctypes.c_double(dt)) == 1

    def column(self, port, element=0):
        """The points of `port`, one a row."""
        if port in self.outputs:
            return self.memory.outs[:, self.outputs.index(port)]
        return self.memory.ins[:, self.inputs.index((port, element))]

    def events(self):
        """The changes of watched fields in the last scan: (row, field, old, new)."""
        names = list(self.fields)
        entries = self.memory.ring[1 : 1 + self.memory.ring[0, 0]].tolist()
        return [(row, names[field], old, new) for _, row, field, old, new in entries]
