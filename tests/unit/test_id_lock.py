"""The stable ids of a plant: kept for good, never given twice, and a damaged lock is named by file and line."""

import pytest

from plantctl.app.id_lock import LockDamaged, lock_path, read_ids, write_ids
from plantctl.plan.build import build_path
from tests.arch.tidy import ROOT

PLANT = """\
plant: {name: P}
tasks: {fast: 100 ms}
area: 10
calculated:
  A: {expression: "1", unit: "1"}
"""


def built(folder, text=PLANT):
    (folder / "plant.yaml").write_text(text)
    known = read_ids(lock_path(folder))
    plan = build_path(folder, known).plan
    assert plan is not None
    return plan, known


def test_a_plant_without_a_lock_gets_one_and_the_second_time_nothing_is_written(tmp_path):
    plan, known = built(tmp_path)
    assert known == {}
    assert write_ids(lock_path(tmp_path), plan, known)
    again, known = built(tmp_path)
    assert {p.name: p.id for p in again.points if p.name} == known
    assert not write_ids(lock_path(tmp_path), again, known)


def test_an_id_outlives_its_point_and_is_not_given_again(tmp_path):
    plan, known = built(tmp_path)
    write_ids(lock_path(tmp_path), plan, known)
    first = read_ids(lock_path(tmp_path))
    plan, known = built(tmp_path, PLANT.replace("  A:", "  B:"))
    write_ids(lock_path(tmp_path), plan, known)
    second = read_ids(lock_path(tmp_path))
    assert second["10-A"] == first["10-A"]
    assert second["10-B"] > max(first.values())
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 A\nx B\n", ":2: `x B` is not `id name`"),
        ("0 A\n", ":1: `0 A` is not"),
        ("4294967295 A\n", ":1: "),
        ("1 A\n2 A\n", ":2: `2 A` is not `id name`, or the name stands twice"),
        ("1\n", ":1: `1` is not"),
        ("1 A\n1 B\n", ": an id stands twice"),
    ],
)
def test_a_damaged_lock_is_named_with_its_line(tmp_path, text, said):
    path = tmp_path / "plantctl.lock"
    path.write_text(text)
    with pytest.raises(LockDamaged) as raised:
        read_ids(path)
    assert str(raised.value).startswith(f"{path}{said}")


def test_a_lock_that_is_no_text_or_no_file_is_named(tmp_path):
    path = tmp_path / "plantctl.lock"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LockDamaged, match="cannot be read"):
        read_ids(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(LockDamaged, match="cannot be read: Is a directory"):
        read_ids(path)


def test_the_demos_lock_holds_every_point_of_the_demo():
    demo = ROOT / "config" / "demo"
    known = read_ids(lock_path(demo))
    plan = build_path(demo, known).plan
    assert [p.name for p in plan.points if p.name and known.get(p.name) != p.id] == [], "run plantctl run config/demo"
