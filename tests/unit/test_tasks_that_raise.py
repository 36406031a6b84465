"""A task of a process dies of a mistake of ours (F28): the process ends with it, and the supervisor starts it again.

A process that went on without one of its tasks would look alive and do half its work. How soon the supervisor has
another one, and what becomes of a plant whose processes die again and again, is in tests/process/test_supervisor.py
and test_supervisor_faults.py; a device's own task in tests/wire/test_device_task_dies.py.
"""

import asyncio

import pytest

from plantctl.app.control_socket import ControlSocket
from plantctl.app.field import Field
from plantctl.app.split import field, gateway
from plantctl.app.split.bridge import Bridge
from plantctl.app.split.gateway import Gateway
from plantctl.app.split.segments import Role
from plantctl.core.clock import RealClock
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan

TURNS = 3
# Restarted within a second is the figure of the whole; the process itself has to notice at once.
WITHIN_S = 1.0


class Mistake(Exception):
    """What nobody has thought of."""


@pytest.fixture
def memory(tmp_path):
    made = Memory(demo_plan(), tmp_path)
    yield made
    made.close()


def breaks(monkeypatch, owner, name):
    """The method `name` raises at its third call, or, where it is one that lasts, at once."""
    real, calls = getattr(owner, name), []

    def turn(*arguments, **named):
        calls.append(1)
        if len(calls) >= TURNS:
            raise Mistake(name)
        return real(*arguments, **named)

    async def lasting(*_):
        raise Mistake(name)

    monkeypatch.setattr(owner, name, lasting if asyncio.iscoroutinefunction(real) else turn)


def ends_with_the_mistake(work):
    async def main():
        async with asyncio.timeout(10.0 * WITHIN_S):
            await work(asyncio.Event())

    # What breaks at every call breaks in the process's last word as well, and then comes out as it is.
    with pytest.raises((Mistake, BaseExceptionGroup)) as ended:
        asyncio.run(main())
    assert isinstance(ended.value, Mistake) or ended.group_contains(Mistake)


@pytest.mark.parametrize(("owner", "name"), [(Gateway, "turn"), (ControlSocket, "serve")])
def test_a_gateway_ends_with_the_first_of_its_tasks(monkeypatch, memory, owner, name):
    breaks(monkeypatch, owner, name)
    ends_with_the_mistake(lambda told: gateway.serve(memory.for_role(Role.GATEWAY), told))


@pytest.mark.parametrize(("owner", "name"), [(Bridge, "look"), (Field, "run")])
def test_a_field_ends_with_the_first_of_its_tasks(monkeypatch, memory, owner, name):
    breaks(monkeypatch, owner, name)
    ends_with_the_mistake(lambda told: field.drive(memory.for_role(Role.FIELD), RealClock(), told))
