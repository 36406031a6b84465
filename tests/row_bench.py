"""A bench for one row of a block kind, spoken to as a person would: inputs by name, commands, answers from below."""

import ctypes
import math

from plantctl.core.quality import NOT_YET
from tests.block_bench import BlockBench


class Bench(BlockBench):
    """Rows of one kind: row i reads and writes points of its own. Parameters by name go to every row.

    `bench["pv"] = 3.0` gives an input a good value in every row, `bench["pv"] = (3.0, BAD)` one with a quality word,
    `bench["x", 2] = 1.0` the third of several equal ports; `bench["y"]` reads an output of the first row.
    """

    def __init__(self, kind_name, rows=1, compiled=False, cache=None, **parameters):
        super().__init__(kind_name, rows, compiled, cache)
        for name, value in parameters.items():
            self.memory.rows[name] = value
        self.halves = dict(zip(self.kind.halves, self.calls, strict=True))

    def __setitem__(self, port, value):
        points = self.column(*port) if isinstance(port, tuple) else self.column(port)
        v, q = value if isinstance(value, tuple) else (value, 0)
        self.memory.v[points], self.memory.q[points] = v, q

    def __getitem__(self, point):
        return float(self.memory.v[self.column(point)[0]])

    def quality(self, point):
        return int(self.memory.q[self.column(point)[0]])

    def bad(self, *ports):
        for port in ports:
            self[port] = (math.nan, NOT_YET)

    def field(self, name):
        return self.memory.rows[name][0]

    def write(self, name, value):
        """As a command does: a tuning parameter asks for `rebalance`."""
        self.memory.rows[name] = value
        if self.kind.field(name).declared.tuning:
            self.memory.rows["rebalance"] = 1

    def answer(self, port):
        """What `back` told the block above: (used, status)."""
        point = self.column(port)[0]
        return float(self.memory.used[point]), int(self.memory.status[point])

    def hear(self, port, used, status=0):
        """What the block below tells before the next `back`."""
        point = self.column(port)[0]
        self.memory.used[point], self.memory.status[point] = used, status

    def step(self, dt=0.1):
        assert self.halves["step"].call(ctypes.c_double(dt)) == 1

    def back(self, dt=0.1):
        assert self.halves["back"].call(ctypes.c_double(dt)) == 1

    def scan(self, dt=0.1):
        """Both halves, as a scan of a plan without anything else calls them."""
        if "back" in self.halves:
            self.back(dt)
        self.step(dt)

    def events(self):
        """(field, old, new) of every transition since the last call."""
        ring = self.memory.ring
        found = [(self.kind.fields[int(e[2])].name, int(e[3]), int(e[4])) for e in ring[1 : 1 + int(ring[0, 0])]]
        ring[0] = 0
        return found
