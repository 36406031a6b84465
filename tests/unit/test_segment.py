"""Segments: what a reader may believe of memory that another process writes, and may die writing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.segment import Column, Layout, ProcessState, SegmentReader, SegmentRefused, SegmentWriter

LAYOUT = Layout(
    "scan",
    (Column("value", np.dtype("f8"), 5), Column("quality", np.dtype("u2"), 5), Column("scan", np.dtype("i8"), 1)),
    (("ring", 5000), ("notes", 10)),
)
PLAN = 0xFEDC_BA98_7654_3210


def memory() -> bytearray:
    return bytearray(LAYOUT.bytes)


def test_a_reader_sees_a_publication_whole_and_nothing_before_it():
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT)
    writer.live["value"][:] = 7.0
    assert not reader.take(), "nothing was published"
    writer.take_over(100)
    writer.live["value"][:] = 8.0
    assert reader.take()
    assert reader.columns["value"].tolist() == [7.0] * 5
    writer.publish()
    assert reader.take()
    assert reader.columns["value"].tolist() == [8.0] * 5


def test_a_publication_that_was_read_is_not_copied_again():
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT)
    writer.take_over(1)
    assert reader.take()
    kept = reader.columns["value"]
    assert reader.take()
    assert reader.columns["value"] is kept


def test_a_writer_killed_while_it_fills_a_slot_spoils_nothing_that_is_read():
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT)
    writer.live["value"][:] = 1.0
    writer.take_over(1)
    # What a dead writer leaves: the older slot marked as being filled, half of it new.
    older = writer._slots[(writer.sequence + 1) & 1]
    older[:8] = 0
    older[64:80] = 0xFF
    assert reader.take()
    assert reader.columns["value"].tolist() == [1.0] * 5
    heir = SegmentWriter(buffer, LAYOUT, PLAN)
    assert heir.last()["value"].tolist() == [1.0] * 5
    heir.live["value"][:] = 2.0
    heir.take_over(2)
    assert reader.take()
    assert reader.columns["value"].tolist() == [2.0] * 5


def test_every_new_writer_raises_the_generation_after_its_first_publication():
    buffer = memory()
    first = SegmentWriter(buffer, LAYOUT, PLAN)
    assert first.generation == 0
    assert first.take_over(10) == 1
    second = SegmentWriter(buffer, LAYOUT, PLAN)
    assert second.generation == 1, "a process that has not spoken yet must not change what readers see"
    assert second.take_over(20) == 2
    assert second.started_ns == 20
    assert second.raise_generation() == 3


def test_a_reader_that_is_overtaken_keeps_what_it_had_and_counts(monkeypatch):
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT)
    writer.live["value"][:] = 1.0
    writer.take_over(1)
    assert reader.take()
    writer.live["value"][:] = 2.0
    writer.publish()
    # The slot stays marked as being filled, as if the writer were always just there.
    writer._numbers[writer.sequence & 1][0] = 0
    assert not reader.take()
    assert reader.torn == 1
    assert reader.columns["value"].tolist() == [1.0] * 5


def test_a_segment_of_another_plan_or_layout_is_refused_by_name():
    buffer = memory()
    reader = SegmentReader(buffer, LAYOUT)
    reader.check(PLAN)  # nobody has written yet
    SegmentWriter(buffer, LAYOUT, PLAN).take_over(1)
    reader.check(PLAN)
    with pytest.raises(SegmentRefused, match="`scan` is of the plan"):
        reader.check(PLAN + 1)
    other = Layout("scan", LAYOUT.columns[:2], LAYOUT.areas)
    with pytest.raises(SegmentRefused, match="another layout"):
        SegmentReader(buffer, other).check(PLAN)
    with pytest.raises(SegmentRefused, match="needs"):
        SegmentReader(bytearray(100), LAYOUT)
    with pytest.raises(SegmentRefused, match="something else"):
        SegmentWriter(bytearray(b"x" * LAYOUT.bytes), LAYOUT, PLAN)


def test_a_state_taken_over_is_that_of_the_same_plan_only():
    buffer = memory()
    SegmentWriter(buffer, LAYOUT, PLAN).take_over(1)
    assert SegmentWriter(buffer, LAYOUT, PLAN).last() is not None
    assert SegmentWriter(buffer, LAYOUT, PLAN + 1).last() is None
    assert SegmentWriter(memory(), LAYOUT, PLAN).last() is None


def test_the_head_tells_heartbeat_and_state_and_survives_nonsense():
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT)
    assert reader.state is ProcessState.ABSENT
    writer.take_over(5)
    assert (reader.state, reader.heartbeat_ns, reader.plan_hash) == (ProcessState.STARTING, 5, PLAN)
    writer.beat(6)
    writer.say(ProcessState.READY)
    assert (reader.state, reader.heartbeat_ns) == (ProcessState.READY, 6)
    writer._head[6] = 77
    assert reader.state is ProcessState.ABSENT


def test_areas_lie_beside_the_slots_and_do_not_meet():
    buffer = memory()
    writer = SegmentWriter(buffer, LAYOUT, PLAN)
    ring, notes = LAYOUT.area_slice("ring"), LAYOUT.area_slice("notes")
    assert ring.stop <= notes.start
    assert notes.stop <= LAYOUT.bytes
    assert ring.start >= 256 + 2 * LAYOUT.slot_bytes
    writer.area("notes")[:] = bytes([9] * 10)
    writer.live["value"][:] = 3.0
    writer.take_over(1)
    writer.publish()
    assert bytes(SegmentReader(buffer, LAYOUT).area("notes")) == bytes([9] * 10)
    with pytest.raises(KeyError):
        LAYOUT.area_slice("nothing")


@given(
    columns=st.lists(st.tuples(st.sampled_from(["f8", "u2", "i8", "u1"]), st.integers(0, 40)), max_size=8),
    areas=st.lists(st.integers(0, 9000), max_size=3),
)
def test_whatever_the_layout_columns_are_apart_and_carry_their_values(columns, areas):
    layout = Layout(
        "any",
        tuple(Column(f"c{i}", np.dtype(t), n) for i, (t, n) in enumerate(columns)),
        tuple((f"a{i}", size) for i, size in enumerate(areas)),
    )
    buffer = bytearray(layout.bytes)
    writer, reader = SegmentWriter(buffer, layout, PLAN), SegmentReader(buffer, layout)
    for i, column in enumerate(writer.live.values()):
        column[:] = i + 1
    writer.take_over(1)
    for i in range(len(areas)):
        writer.area(f"a{i}")[:] = bytes([0xAA] * areas[i])
    assert reader.take()
    for i, column in enumerate(reader.columns.values()):
        assert (column == i + 1).all()


def test_a_reader_of_some_columns_copies_those_alone_and_whole():
    buffer = memory()
    writer, reader = SegmentWriter(buffer, LAYOUT, PLAN), SegmentReader(buffer, LAYOUT, {"value", "scan"})
    writer.live["value"][:], writer.live["quality"][:], writer.live["scan"][:] = 7.0, 3, 9
    writer.take_over(1)
    assert reader.take()
    assert set(reader.columns) == {"value", "scan"}
    assert reader.columns["value"].tolist() == [7.0] * 5
    assert reader.columns["scan"].tolist() == [9]
    (start, end) = LAYOUT.spans({"quality"})[0]
    assert not reader._copy[start:end].any(), "what nobody wants is not copied"


def test_neighbouring_columns_are_copied_in_one_piece():
    assert len(LAYOUT.spans()) == 1
    assert len(LAYOUT.spans({"value", "scan"})) == 2
