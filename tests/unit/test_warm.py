"""What the set-up compiles ahead is what a plant asks for, so that no start waits for the compiler."""

import ctypes

from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.ring import RingWriter
from plantctl.plan import bind
from plantctl.scan.executive import Executive
from plantctl.scan.warm import warm
from tests.plant.circuit_rig import demo_plan

NOTHING = ctypes.CFUNCTYPE(ctypes.c_int64)(lambda: 1)


def test_every_routine_of_the_demo_is_compiled_by_the_set_up(monkeypatch, compile_cache):
    asked = []

    def note(function, arrays, numbers, folder=None):
        asked.append((function, tuple(arrays), tuple(numbers)))
        return NOTHING, False

    monkeypatch.setattr(bind, "load_routine", note)
    monkeypatch.setattr(bind, "load_program", lambda folder: note("the program", (), ())[0])
    warm(compile_cache)
    ahead, asked[:] = set(asked), []
    plan = demo_plan()
    executive = Executive(plan, compiled=True, ring=RingWriter(bytearray(1 << 20), plan.hash), cache=compile_cache)
    executive.bind(InputColumns(len(plan.inputs)), OutputColumns(len(plan.outputs)))
    assert len(asked) == 5
    assert set(asked) <= ahead
