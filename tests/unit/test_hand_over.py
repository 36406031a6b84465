"""What a child of the supervisor is given: the same plan, its own segment to write, the others to read."""

import fcntl
import os
from pathlib import Path

import pytest

from plantctl.app.shared_memory import create, map_writable, read_only
from plantctl.app.split.hand_over import Settings, argument, pack, received
from plantctl.app.split.segments import CHILDREN, Role, layout_of
from plantctl.core.errors import PlantctlError
from plantctl.plan.build import build_path

SETTINGS = Settings(Path("/somewhere"), 12345, endpoints={"PLC-4": "opc.tcp://127.0.0.1:1"}, priority=0)


@pytest.fixture(scope="module")
def plan():
    return _demo()


def _demo():
    built = build_path(Path(__file__).parents[2] / "tests/plant/one_cell/plant.yaml", {})
    assert built.plan is not None
    return built.plan


@pytest.fixture
def descriptors(plan):
    opened = []

    def piece(role):
        opened.append(create(role, layout_of(role, plan).bytes))
        return opened[-1]

    def keep(descriptor):
        opened.append(descriptor)
        return descriptor

    yield piece, keep
    for descriptor in opened:
        os.close(descriptor)


def test_a_child_gets_the_same_plan_and_writes_its_own_segment_only(plan, descriptors):
    piece, keep = descriptors
    scan, field = piece(Role.SCAN), piece(Role.FIELD)
    packed = keep(pack(plan, SETTINGS))
    wake = keep(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
    segments = {Role.SCAN: scan, Role.FIELD: keep(read_only(field))}
    given = received(argument(Role.SCAN, 77, packed, segments, {Role.FIELD: wake}))
    assert (given.role, given.parent, given.settings) == (Role.SCAN, 77, SETTINGS)
    assert given.plan.hash == plan.hash
    assert [p.name for p in given.plan.points] == [p.name for p in plan.points]
    writer = given.own()
    writer.live["image.v"][1] = 8.0
    writer.take_over(5)
    reader = given.reader(Role.SCAN)
    reader.check(plan.hash)
    assert reader.take()
    assert reader.columns["image.v"][1] == 8.0
    with pytest.raises(PermissionError):
        map_writable(given.segments[Role.FIELD])
    given.wake(Role.FIELD)
    given.wake(Role.FIELD)
    assert os.eventfd_read(wake) == 2


def test_the_plan_on_its_way_cannot_be_changed_by_anyone(plan):
    packed = pack(plan, SETTINGS)
    try:
        with pytest.raises(PermissionError):
            os.pwrite(packed, b"x", 0)
        assert fcntl.fcntl(packed, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE
    finally:
        os.close(packed)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"role": "cook", "parent": 1, "plan": 99999}', '{"plan": "x"}'])
def test_a_process_started_by_hand_says_how_it_is_started(text):
    with pytest.raises(PlantctlError, match="plantctl run"):
        received(text)


@pytest.mark.parametrize("role", [*CHILDREN, Role.SUPERVISOR])
def test_every_role_has_a_layout_that_two_processes_draw_alike(plan, role):
    assert layout_of(role, plan).digest == layout_of(role, _demo()).digest
    assert layout_of(role, plan).bytes > 0
