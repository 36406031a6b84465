import numpy as np
import pytest

from plantctl.core.frame import KEY_PERIOD_NS, Kind, RowsFlag, decode_records, decode_rows
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.scan.image_frames import ImageFrames

PLAN = 0x8F12_34AB_77C0_D1E5


UTC_NS = 1_790_000_000_000_000_000


@pytest.fixture(params=[False, True], ids=["interpreted", "compiled"])
def plant_of(request, compile_cache):
    """Makes the bench, over either way of running."""
    return lambda *rows: Plant(*rows, compiled=request.param, cache=compile_cache)


@pytest.fixture
def plant(plant_of):
    return plant_of()


class Plant:
    """Six rows; the recorded inputs are rows 4 and 1, the other recorded rows 0 and 5; two tasks."""

    def __init__(self, inputs=(4, 1), others=(0, 5), **way):
        self.value = np.zeros(6)
        self.quality = np.zeros(6, np.uint16)
        self.receive_ns = np.zeros(6, np.int64)
        self.source_ns = np.zeros(6, np.int64)
        buffer = bytearray(HEAD_BYTES + 65536)
        self.frames = ImageFrames(
            RingWriter(buffer, PLAN),
            self.value,
            self.quality,
            self.receive_ns,
            self.source_ns,
            inputs,
            others,
            [100 + row for row in (*inputs, *others)],
            2,
            **way,
        )
        self.reader = RingReader(buffer)

    def scan(self, number, mono_ns, dt_s=(0.1, 0.0)):
        return self.frames.scan(number, mono_ns, UTC_NS + mono_ns, dt_s)

    def read(self):
        return [(f, decode_rows(f.payload)) for f in self.reader if f.kind in (Kind.KEY, Kind.DELTA)]


def test_a_run_begins_with_all_rows(plant):
    plant.value[:] = range(6)
    plant.frames.start(1, 0, 0)
    ((frame, rows),) = plant.read()
    assert frame.kind == Kind.KEY
    assert rows.flags == RowsFlag.RUN_START
    assert rows.tag.tolist() == [104, 101, 100, 105]
    assert rows.value.tolist() == [4, 1, 0, 5]
    assert rows.inputs == 2


def test_the_time_comes_before_the_first_rows_and_when_asked(plant):
    plant.frames.start(1, 50, 1000)
    plant.frames.time(7, 60, 1010, offset_ns=-3, locked=False)
    first, key, second = plant.reader
    assert [f.kind for f in (first, key, second)] == [Kind.TIME, Kind.KEY, Kind.TIME]
    assert decode_records(Kind.TIME, first.payload).tolist() == [(50, 1000, 0, 1, 0)]
    assert decode_records(Kind.TIME, second.payload).tolist() == [(60, 1010, -3, 0, 0)]


def test_a_quiet_scan_is_a_frame_with_its_time_steps_only(plant):
    plant.frames.start(1, 0, 0)
    assert plant.scan(1, 5, [0.1, 0.5]) == 0
    _, (frame, rows) = plant.read()
    assert (frame.kind, frame.scan, frame.mono_ns) == (Kind.DELTA, 1, 5)
    assert rows.dt_s.tolist() == [0.1, 0.5]
    assert len(rows.tag) == 0


def test_only_rows_that_changed_are_written_inputs_first(plant):
    plant.frames.start(1, 0, 0)
    plant.value[5] = 5.5
    plant.value[1] = 1.5
    plant.receive_ns[1] = 7
    plant.source_ns[1] = 8
    plant.value[2] = 99.0  # not recorded
    assert plant.scan(1, 5) == 2
    rows = plant.read()[-1][1]
    assert rows.tag.tolist() == [101, 105]
    assert rows.value.tolist() == [1.5, 5.5]
    assert (rows.receive_ns.tolist(), rows.source_ns.tolist()) == ([7], [8])
    # What the scan changed has its times in the image; what it did not change has not.
    assert plant.receive_ns.tolist() == [0, 7, 0, 0, 0, 5]
    assert plant.source_ns.tolist() == [0, 8, 0, 0, 0, UTC_NS + 5]
    assert plant.scan(2, 6) == 0


@pytest.mark.parametrize("column", ["value", "quality", "source_ns"])
def test_a_change_of_any_column_of_an_input_counts(plant, column):
    plant.frames.start(1, 0, 0)
    getattr(plant, column)[4] = 3
    assert plant.scan(1, 1) == 1
    assert plant.scan(2, 2) == 0


def test_receive_times_alone_and_source_times_of_computed_rows_do_not_count(plant):
    plant.frames.start(1, 0, 0)
    plant.receive_ns[:] = 3
    plant.source_ns[0] = 3
    assert plant.scan(1, 1) == 0


def test_a_nan_equals_itself_but_not_another_nan_and_minus_zero_is_a_change(plant):
    plant.frames.start(1, 0, 0)
    bits = plant.value.view(np.uint64)
    for number in (0x7FF8_0000_0000_0000, 0x7FF8_0000_0000_0001, 0x8000_0000_0000_0000, 0):
        bits[0] = number
        assert plant.scan(1, 1) == 1
        assert plant.read()[-1][1].value.view(np.uint64).tolist() == [number]
        assert plant.scan(2, 2) == 0


def test_a_key_frame_follows_every_ten_seconds_and_tells_the_state_after_its_scan(plant):
    plant.frames.start(0, 0, 0)
    for scan in range(1, 26):
        plant.value[0] = scan
        plant.scan(scan, scan * KEY_PERIOD_NS // 10)
    keys = [(f.scan, rows) for f, rows in plant.read() if f.kind == Kind.KEY]
    assert [scan for scan, _ in keys] == [0, 10, 20]
    assert keys[1][1].flags == RowsFlag.PERIODIC
    assert keys[1][1].value.tolist() == [0, 0, 10, 0]


@pytest.mark.parametrize(("inputs", "others"), [((), (0, 5)), ((4, 1), ()), ((), ()), ((1, 2), (3, 4, 5))])
def test_plans_without_inputs_or_without_outputs_are_written_too(plant_of, inputs, others):
    plant = plant_of(inputs, others)
    plant.value[:] = 1
    plant.frames.start(1, 0, 0)
    plant.value[:] = 2
    assert plant.scan(1, 1) == len(inputs) + len(others)
    assert [rows.inputs for _, rows in plant.read()] == [len(inputs)] * 2


def test_a_tag_id_for_every_row_is_demanded():
    with pytest.raises(ValueError, match="tag ids"):
        ImageFrames(RingWriter(bytearray(8192), PLAN), *[np.zeros(2)] * 4, [0], [1], [7], 1)
