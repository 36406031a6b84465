import pytest

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import Kind, frame_bytes, rows_bytes
from plantctl.core.ring import HEAD_BYTES, RING_BYTES_MIN, RingReader, RingWriter, ring_bytes

PLAN = 0x8F12_34AB_77C0_D1E5


def ring(size=8192, first_sequence=1):
    buffer = bytearray(HEAD_BYTES + size)
    return buffer, RingWriter(buffer, PLAN, first_sequence)


def fill(writer, count, size=100):
    for _ in range(count):
        writer.append(Kind.TEXT, writer.next_sequence, 0, bytes([writer.next_sequence % 251]) * size)


def test_frames_come_out_in_order_and_once():
    buffer, writer = ring()
    reader = RingReader(buffer)
    assert reader.read() is None
    fill(writer, 5)
    assert [f.sequence for f in reader] == [1, 2, 3, 4, 5]
    assert reader.read() is None
    fill(writer, 1)
    assert [f.scan for f in reader] == [6]
    assert reader.lost == 0


def test_two_readers_do_not_disturb_each_other():
    buffer, writer = ring()
    slow, fast = RingReader(buffer), RingReader(buffer)
    seen = []
    for _ in range(30):
        fill(writer, 1)
        seen += [f.sequence for f in fast]
    assert seen == list(range(1, 31))
    assert [f.sequence for f in slow] == seen


def test_many_rounds_of_odd_sizes_lose_nothing_that_is_read_in_time():
    buffer, writer = ring(4096)
    reader = RingReader(buffer)
    for i in range(3000):
        writer.append(Kind.TEXT, i, i, bytes([i % 256]) * (i * 37 % 1900))
        frame = reader.read()
        assert frame.sequence == i + 1
        assert set(frame.payload[: i * 37 % 1900]) <= {i % 256}
    assert reader.lost == 0


def test_a_reader_that_was_overrun_is_told_and_goes_on_at_the_oldest_frame():
    buffer, writer = ring(4096)
    reader = RingReader(buffer)
    fill(writer, 1000)
    got = [f.sequence for f in reader]
    assert got == list(range(got[0], 1001))
    assert reader.lost == 0  # it had not begun: nothing is expected of a new reader
    fill(writer, 1000)
    got = [f.sequence for f in reader]
    assert got == list(range(got[0], 2001))
    assert reader.lost == got[0] - 1001 > 900
    assert len(got) >= 4096 // frame_bytes(100) - 1


def test_a_frame_overrun_while_it_is_looked_at_is_thrown_away():
    buffer, writer = ring(4096)
    fill(writer, 3)
    reader = RingReader(buffer)
    assert reader.view() is not None
    fill(writer, 100)
    assert not reader.take()
    first = reader.read().sequence
    assert first > 3
    assert reader.lost == first - 1


def test_a_writer_that_overruns_between_two_looks_is_noticed():
    """Another process writes while this one is between reading where the oldest frame is and reading its head."""
    buffer, writer = ring(4096)
    fill(writer, 3)
    reader = RingReader(buffer, after=0)
    assert reader.read().sequence == 1

    class Fields:
        def __init__(self, fields):
            self.fields, self.looks = fields, 0

        def __getitem__(self, i):
            number = self.fields[i]
            if i == 3:
                self.looks += 1
                if self.looks == 1:
                    for size in range(60):  # other sizes, so that no old place is the beginning of a frame
                        writer.append(Kind.TEXT, 0, 0, b"\x77" * size)
            return number

    reader._fields = Fields(reader._fields)
    got = [frame.sequence for frame in reader]
    assert got == list(range(got[0], 64))
    assert reader.lost == got[0] - 2


def test_nothing_is_read_while_a_large_frame_spoils_all_there_was():
    """The writer has moved `oldest` up to the head and is writing: what lies at the head is rubbish."""
    buffer, writer = ring(4096)
    reader = RingReader(buffer)
    fill(writer, 2, 1990)
    writer._make_room(4096)
    assert reader._fields[3] == reader._fields[2] > 0
    assert reader.view() is None


def test_a_frame_not_overrun_is_read_without_a_copy():
    buffer, writer = ring()
    writer.append(Kind.TEXT, 0, 0, b"abcd")
    reader = RingReader(buffer)
    view = reader.view()
    assert view.readonly
    assert view.obj is buffer or bytes(view.obj) == bytes(buffer)
    assert reader.view()[:8] == view[:8]  # looking does not consume
    assert reader.take()
    assert not reader.take()
    assert reader.view() is None


def test_a_reader_resumes_behind_the_frame_it_read_last():
    buffer, writer = ring()
    fill(writer, 10)
    assert [f.sequence for f in RingReader(buffer, after=7)] == [8, 9, 10]
    assert RingReader(buffer, after=10).read() is None
    late = RingReader(buffer, after=4)
    fill(writer, 1000)
    first = next(iter(late)).sequence
    assert late.lost == first - 5


def test_a_reader_of_what_is_new_sees_nothing_old():
    buffer, writer = ring()
    fill(writer, 10)
    reader = RingReader(buffer)
    reader.skip_all()
    assert reader.read() is None
    fill(writer, 2)
    assert [f.sequence for f in reader] == [11, 12]


def test_a_reader_of_a_new_log_expects_the_first_frame_ever_written():
    buffer, writer = ring(4096, first_sequence=1001)
    reader = RingReader(buffer, after=0)
    fill(writer, 1000)
    first = reader.read().sequence
    assert reader.lost == first - 1001 > 900


def test_a_ring_behind_the_log_is_refused():
    buffer, writer = ring(first_sequence=5)
    fill(writer, 1)
    with pytest.raises(ValueError, match="not above 9"):
        RingReader(buffer, after=9)


def test_the_count_continues_where_the_log_stopped():
    buffer, writer = ring(first_sequence=1001)
    fill(writer, 1)
    reader = RingReader(buffer, after=1000)
    assert reader.read().sequence == 1001
    assert reader.lost == 0


def test_a_reader_can_go_back_while_the_ring_still_holds_it():
    buffer, writer = ring(4096)
    fill(writer, 5)
    reader = RingReader(buffer)
    place = reader.place
    assert len(list(reader)) == 5
    reader.go_back(place)
    assert [f.sequence for f in reader] == [1, 2, 3, 4, 5]
    place = reader.place
    fill(writer, 100)
    reader.go_back(place)
    first = reader.read().sequence
    assert reader.lost == first - 6


def test_a_frame_above_half_the_ring_is_refused_and_the_ring_stays_whole():
    buffer, writer = ring(4096)
    fill(writer, 2)
    with pytest.raises(ValueError, match="above half"):
        writer.append(Kind.TEXT, 0, 0, bytes(2100))
    fill(writer, 1)
    assert [f.sequence for f in RingReader(buffer)] == [1, 2, 3]


def test_memory_that_is_no_ring_or_too_small_is_refused():
    with pytest.raises(ValueError, match="not a frame ring"):
        RingReader(bytes(8192))
    with pytest.raises(ValueError, match="at least"):
        RingWriter(bytearray(1000), PLAN)


def test_a_flipped_bit_in_the_ring_costs_one_frame():
    buffer, writer = ring()
    fill(writer, 3)
    buffer[HEAD_BYTES + frame_bytes(100) + 60] ^= 4
    reader = RingReader(buffer)
    assert reader.read().sequence == 1
    with pytest.raises(LogDamaged):
        reader.read()
    assert reader.read().sequence == 3


def test_another_plan_marks_its_frames():
    buffer, writer = ring()
    fill(writer, 1)
    writer.plan_hash = 77
    fill(writer, 1)
    assert [f.plan_hash for f in RingReader(buffer)] == [PLAN, 77]


def test_the_memory_never_grows_and_lies_in_what_the_caller_gave():
    memory = memoryview(bytearray(HEAD_BYTES + 4096))
    writer = RingWriter(memory, PLAN)
    fill(writer, 500)
    assert [f.sequence for f in RingReader(memory)][-1] == 500


@pytest.mark.parametrize(("rows", "rate_hz"), [(40, 10.0), (600, 10.0), (50_000, 10.0)])
def test_a_ring_of_the_plans_size_holds_a_minute(rows, rate_hz):
    size = ring_bytes(rows, rate_hz, inputs=rows // 2)
    minute = 60 * rate_hz * frame_bytes(rows_bytes(rows, rows // 2, 2)) + 7 * frame_bytes(
        rows_bytes(rows, rows // 2, 0)
    )
    assert size >= HEAD_BYTES + RING_BYTES_MIN
    assert size >= minute
    assert ring_bytes(rows, rate_hz, inputs=rows) >= size


@pytest.mark.parametrize("length", [0, 8193, 2**32 - 1])
def test_behind_a_length_that_no_frame_has_the_rest_is_lost_and_reading_goes_on(length):
    buffer, writer = ring()
    reader = RingReader(buffer)
    fill(writer, 3)
    assert reader.read().sequence == 1
    fill(writer, 1)
    second = HEAD_BYTES + len(bytes(RingReader(buffer).view()))
    buffer[second : second + 4] = length.to_bytes(4, "little")
    assert reader.read() is None
    fill(writer, 2)
    assert [f.sequence for f in reader] == [5, 6]
    assert reader.lost == 3
