"""Values that came after their time give the answers that they would have given had they come in time."""

import errno
from bisect import bisect_right
from random import Random

import numpy as np
import pytest

from plantctl.core.frame import Kind, encode_frame
from plantctl.core.late import LATE_ROW, LateAct, LateRecord, encode_late, late_row
from plantctl.core.quality import BAD
from plantctl.history.files.minutes import MINUTE_NS, QUARTER_NS
from plantctl.history.files.sealed import Range
from plantctl.history.reading.late import late_files, late_to_write, read_late
from plantctl.history.reading.late_index import LateOf
from plantctl.history.reading.query import Tier
from plantctl.history.upkeep.quarter_files import Quarters
from tests.history_bench import NAMES, PLAN, SCAN_NS, Naive, Plant, hours_of_slow_scans
from tests.unit.simulated_storage import PowerCut, SimFile, SimulatedStorage

SCANNED, LAB = 11, 23  # 23 never moves: its scans say nothing but that it is there


def tell(plant, act, rows, number=7):
    plant.ring.append(Kind.LATE, plant.count, plant.mono_ns, encode_late(LateRecord(act, number, rows, "ann", "")))


def drawn(draw, plant, count):
    """Late rows of distinct times, some at the very time of a scan."""
    naive = Naive(plant.log, SCANNED)
    first, last = naive.points[0][0], naive.points[-1][0]
    times = {draw.randint(first - SCAN_NS, last) for _ in range(count)} | {draw.choice(naive.points)[0]}
    return [(utc_ns, round(draw.uniform(0, 9), 3), draw.choice((0, 0, 1, BAD))) for utc_ns in sorted(times)]


def lived(draw):
    """A plant with stops, seals and holes in its record."""
    plant = Plant(draw, span_ns=12 * SCAN_NS)
    for _ in range(draw.randint(3, 7)):
        plant.scan(draw.randint(3, 20))
        happening = draw.choice(("lose", "stop", "seal", "seal"))
        if happening == "lose":
            plant.keep()
            plant.lose()
        elif happening == "stop":
            plant.stop(draw.randint(1, 40) * 1_000_000_000)
        else:
            plant.seal()
    plant.scan(3)
    plant.keep()
    return plant


def told_in_some_order(draw, plant, act, tag, rows):
    """Each row in a record of its own or with others, at some later time, sealed or not."""
    rows = draw.sample(rows, len(rows))
    while rows:
        count = draw.randint(1, len(rows))
        part, rows = rows[:count], rows[count:]
        if act is not LateAct.IMPORTED:
            for utc_ns, value, quality in part:
                tell(plant, act, late_row(tag, utc_ns, value, quality))
        else:
            tell(plant, act, np.array([(v, t, tag, q, 0) for t, v, q in part], LATE_ROW))
        plant.scan(draw.randint(1, 14))
        draw.choice((plant.keep, plant.seal))()


def expected_points(naive, rows, end_ns):
    late = {utc_ns for utc_ns, _, _ in rows}
    scanned = [(t, v, q) for t, v, q, _ in naive.points if t not in late and t < end_ns]
    return sorted([*scanned, *(row for row in rows if row[0] < end_ns)], key=lambda p: p[0])


def expected_at(naive, rows, utc_ns):
    """What is in force: the newer of what the scans say, unless they know nothing, and of the last late value."""
    row = bisect_right(rows, utc_ns, key=lambda r: r[0]) - 1
    points = [p for p in naive.points if p[0] <= utc_ns]
    if row >= 0 and (not points or rows[row][0] >= points[-1][0]):
        return rows[row]
    found = naive.at(utc_ns)
    return None if found is None else found[:3]


def same(found, expected):
    return len(found) == len(expected) and all(
        a[0] == b[0] and np.array(a[1]).tobytes() == np.array(b[1]).tobytes() and a[2] == b[2]
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("seed", range(12))
def test_late_values_of_a_scanned_tag_stand_among_its_points_whenever_they_came(seed):
    draw = Random(seed)
    plant = lived(draw)
    rows = drawn(draw, plant, draw.randint(1, 25))
    told_in_some_order(draw, plant, LateAct.IMPORTED, SCANNED, rows)
    naive, history = Naive(plant.log, SCANNED), plant.history()
    first, last = min(rows[0][0], naive.points[0][0]) - 1, naive.points[-1][0] + 1
    series = history.raw(NAMES[SCANNED], first, last)
    found = list(zip(series.utc_ns.tolist(), series.value.tolist(), series.quality.tolist(), strict=True))
    assert same(found, expected_points(naive, rows, last))
    for _ in range(40):
        moment = draw.choice((draw.randint(first, last - 1), draw.choice(rows)[0], draw.choice(naive.points)[0]))
        state = history.at(NAMES[SCANNED], [moment])[0]
        expected = expected_at(naive, rows, moment)
        assert same([] if state is None else [state[:3]], [] if expected is None else [expected]), moment
    begin = draw.randint(first, last - 2)
    end = draw.randint(begin + 1, last)
    part = history.raw(NAMES[SCANNED], begin, end)
    inside = [f for f in found if begin <= f[0] < end]
    given = list(zip(part.utc_ns.tolist(), part.value.tolist(), part.quality.tolist(), strict=True))
    assert same([g for g in given if g[0] >= begin], inside)
    held, expected = [g for g in given if g[0] < begin], expected_at(naive, rows, begin)
    assert same(held, [] if expected is None or expected[0] == begin else [expected]), "what was in force at the start"
    newest = history.last(NAMES[SCANNED], end)
    before = [f for f in found if f[0] < end]
    assert same([] if newest is None else [newest[:3]], before[-1:])


@pytest.mark.parametrize("seed", range(6))
def test_the_order_in_which_they_came_changes_no_answer(seed):
    answers = []
    for order in range(2):
        draw = Random(seed)
        plant = lived(draw)
        rows = drawn(draw, plant, 12)
        edges = Naive(plant.log, SCANNED).points
        told_in_some_order(Random(f"{seed} {order}"), plant, LateAct.IMPORTED, SCANNED, rows)
        told_in_some_order(Random(f"{seed} {order}"), plant, LateAct.ENTERED, LAB, rows)
        history = plant.history()
        for tag in (SCANNED, LAB):
            name, begin, end = NAMES[tag], edges[0][0], edges[-1][0]
            raw, trend = history.raw(name, begin, end), history.trend(name, begin, end, 17)
            spans = history.spans(name, np.array([begin], np.int64), end - begin)
            page = history.page(name, begin, end, 5)
            answers.append(
                [raw.utc_ns.tolist(), raw.value.tobytes(), raw.until_ns.tolist(), page.series.value.tobytes()]
                + [getattr(trend.buckets, k).tobytes() for k in ("low", "high", "mean", "known_ns", "quality", "count")]
                + [spans.mean.tobytes(), history.average(name, begin, end).value]
            )
    assert repr(answers[:2]) == repr(answers[2:])


def test_a_late_value_shows_in_spans_that_are_drawn_from_minutes():
    plant = Plant(Random(8), span_ns=600_000_000_000)
    for _ in range(3):
        plant.scan(300, 2_000_000_000)
        plant.seal()
    first, last = plant.history().extent_ns()
    before = plant.history().trend("A-1", first, last, 10)
    assert before.width_ns > 120_000_000_000
    tell(plant, LateAct.IMPORTED, late_row(SCANNED, first + before.width_ns // 2 + 7, 5000.0, 0))
    plant.scan(1)
    plant.seal()
    after = plant.history().trend("A-1", first, last, 10)
    assert np.flatnonzero(after.buckets.high == 5000.0).tolist() == [0]
    assert after.buckets.count[0] == before.buckets.count[0] + 1


def test_pages_of_a_tag_with_late_values_hold_each_point_once():
    draw = Random(4)
    plant = lived(draw)
    rows = drawn(draw, plant, 30)
    told_in_some_order(draw, plant, LateAct.IMPORTED, SCANNED, rows)
    history, token, found = plant.history(), "", []
    first, last = rows[0][0] - 1, rows[-1][0] + SCAN_NS
    while True:
        page = history.page(NAMES[SCANNED], first, last, 7, token)
        found += page.series.utc_ns.tolist()
        token = page.token
        if not token:
            break
    assert found == history.raw(NAMES[SCANNED], first, last).utc_ns.tolist()


def test_of_one_sample_the_newest_word_counts_and_a_withdrawn_one_is_not_there():
    plant = Plant(Random(1))
    plant.scan(30)
    plant.seal()
    first, second = plant.utc_ns - 20 * SCAN_NS, plant.utc_ns - 10 * SCAN_NS
    tell(plant, LateAct.ENTERED, late_row(LAB, first, 1.0, 1))
    tell(plant, LateAct.ENTERED, late_row(LAB, second, 2.0, 1), 8)
    tell(plant, LateAct.CORRECTED, late_row(LAB, first, 1.5, 1))
    plant.scan(1)
    plant.seal()
    tell(plant, LateAct.SIGNED, late_row(LAB, first, 1.5, 0))
    tell(plant, LateAct.WITHDRAWN, late_row(LAB, second, float("nan"), BAD), 8)
    plant.scan(1)
    plant.keep()
    history = plant.history()
    series = history.raw("B-3", first - 1, plant.utc_ns)
    assert (series.utc_ns.tolist(), series.value.tolist(), series.quality.tolist()) == ([first], [1.5], [0])
    said = [(one.record.act.word, float(one.record.rows["value"][0])) for one in history.late.said()][:3]
    assert said == [("entered", 1.0), ("entered", 2.0), ("corrected", 1.5)], "what was said before stays"


def test_whoever_keeps_the_record_open_sees_each_late_value_once_it_is_on_disk():
    plant = Plant(Random(5))
    plant.scan(12)
    plant.keep()
    history, told = plant.history(), []
    for k in range(6):
        told.append((plant.utc_ns - (9 - k) * SCAN_NS, float(k)))
        tell(plant, LateAct.ENTERED, late_row(LAB, told[-1][0], float(k), 0), k)
        plant.scan(3)
        plant.keep()
        series = history.raw("B-3", 0, 1 << 62)
        assert sorted(told) == list(zip(series.utc_ns.tolist(), series.value.tolist(), strict=True)), k
        assert [one.record.number for one in history.late.said()] == list(range(k + 1))
        if k in (1, 2, 4):
            plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)


def test_a_large_file_of_late_values_is_left_alone_and_a_frame_that_two_hold_is_written_once():
    def frame(k):
        note = Random(k).randbytes(200).hex()  # no two alike, so that a file is as large as what it holds
        payload = encode_late(LateRecord(LateAct.ENTERED, k, late_row(LAB, k, 1.0, 0), "ann", note))
        return k, encode_frame(Kind.LATE, k, 1, k, PLAN, payload)

    def written(to_write):
        storage.files[to_write.name] = SimFile(to_write.data, to_write.data)
        return to_write

    storage, frames = SimulatedStorage(), [frame(k) for k in range(1, 61)]
    written(late_to_write(storage, frames[:50], Range(1, 100)))
    small = written(late_to_write(storage, frames[50:52], Range(101, 110)))
    assert small.absorbed == ()
    again = written(late_to_write(storage, frames[51:53], Range(105, 120)))
    assert again.absorbed == (small.name,)
    assert read_late(storage, late_files([again.name])[0]) == frames[50:53]


def small(plant):
    """A record of three files and a tail, with late values in each; the rows that must come back."""
    rows = []
    for k in range(4):
        plant.scan(15)
        utc_ns = plant.utc_ns - (5 - k) * SCAN_NS
        rows.append((utc_ns, float(k)))
        tell(plant, LateAct.ENTERED, late_row(LAB, utc_ns, float(k), 0), k)
        yield rows
        plant.keep()
        if k < 3:
            plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)


def found_in(plant):
    plant.scan(1)
    plant.keep()
    series = plant.history().raw("B-3", plant.utc_ns - 10_000 * SCAN_NS, plant.utc_ns)
    return list(zip(series.utc_ns.tolist(), series.value.tolist(), strict=True))


def test_small_files_of_late_values_are_put_together_and_a_power_cut_at_any_write_costs_none():
    plant = Plant(Random(2))
    for rows in small(plant):  # noqa: B007 - the last one counts
        pass
    assert found_in(plant) == sorted(rows)
    assert len(late_files(plant.sealed.names())) == 1
    for cut in range(1, 400):
        log, sealed = SimulatedStorage(), SimulatedStorage()
        sealed.cut_at = cut
        plant = Plant(Random(2), log, sealed)
        try:
            for rows in small(plant):  # noqa: B007
                pass
            break
        except PowerCut:
            pass
        mono_ns, floor = plant.mono_ns + SCAN_NS, plant.recorder.durable_sequence
        again = Plant(Random(3), log, sealed.after_power_cut(cut), floor=floor, mono_ns=mono_ns)
        assert found_in(again)[: len(rows)] == sorted(rows), cut
    else:
        pytest.fail("the story did not end")
    assert cut > 20


def test_a_disk_that_refuses_the_file_of_late_values_is_tried_again():
    plant = Plant(Random(2))
    plant.scan(15)
    tell(plant, LateAct.ENTERED, late_row(LAB, plant.utc_ns, 1.0, 0))
    plant.keep()
    plant.sealed.faults = {"rename": errno.ENOSPC}
    plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    assert plant.sealer.status.failing
    assert not late_files(plant.sealed.names())
    plant.sealed.faults = {}
    plant.mono_ns += 60_000_000_000
    plant.begin()
    plant.scan(1)
    plant.keep()
    plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    assert len(late_files(plant.sealed.names())) == 1


@pytest.fixture(scope="module")
def hours():
    """A plant with files of quarters, whose tags rest for its last hours, and moments at which it was stopped."""
    plant = hours_of_slow_scans(Random(3))
    for k in range(10):
        if k == 5:
            plant.random.random = lambda: 1.0
        plant.scan(450, 3_000_000_000)
        if k in (2, 7):
            plant.stop(2_000_000_000_000)
        plant.seal()
    made = Quarters(plant.sealed, together=2)
    while made.turn():
        pass
    return plant


@pytest.mark.parametrize("seed", range(4))
def test_long_trends_of_a_tag_with_late_values_are_those_of_its_points(hours, seed):
    draw = Random(seed)
    begin, end = hours.history().extent_ns()
    span = end - begin
    early = [begin - draw.randrange(span) for _ in range(seed % 2)]
    times = {draw.randrange(begin, end + 1) for _ in range(draw.choice((1, 4, 30)))} | {*early, end - draw.randrange(9)}
    rows = [(draw.choice((7.5, 1e9, float("nan"))), t, SCANNED, draw.choice((0, BAD)), 0) for t in sorted(times)]
    history = hours.history()
    history.extent_ns()  # it looks at the record, in which there are none
    late = LateOf(
        *(np.array([row[k] for row in rows], kind) for k, kind in ((1, "i8"), (0, "f8"), (3, "u2"))), lab=False
    )
    history.late.of = {SCANNED: late}.get
    tiers = set()
    for points in (9, span // QUARTER_NS + 2, 200, span // MINUTE_NS):
        for first, last in ((begin, end + 1), (begin + span // 3, end - span // 5), (begin - span, end + span // 2)):
            trend = history.trend(NAMES[SCANNED], first, last, points)
            wanted = history.spans(NAMES[SCANNED], trend.buckets.begin_ns, trend.width_ns)
            tiers.add(trend.tier)
            for name in ("told", "low", "high", "first", "last", "known_ns", "count", "quality"):
                np.testing.assert_array_equal(getattr(trend.buckets, name), getattr(wanted, name), f"{name} {points}")
            np.testing.assert_allclose(trend.buckets.mean, wanted.mean, rtol=1e-6)
    assert tiers >= {Tier.MINUTES, Tier.QUARTERS}
    assert len(history.late.of(SCANNED).utc_ns) == len(rows)
