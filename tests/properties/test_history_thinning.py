"""A thinned tag is never further off than its policy says, at any scan, and nothing that matters is thinned away."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plantctl.core.keeping import Keeping
from plantctl.core.recording import Keep, Recording
from plantctl.history.files.chunk import Points, Scans, decode_chunk, decode_points
from plantctl.history.files.many_columns import cuts_of
from plantctl.history.files.many_points import ManyPoints
from plantctl.history.reading.gathering import State, closing, in_force
from plantctl.history.reading.query import History
from plantctl.history.reading.seams import row_at
from plantctl.history.reading.states import opening_of
from plantctl.history.upkeep.policies import Policies
from plantctl.history.upkeep.seal import Sealer
from plantctl.history.upkeep.thinning import thinned
from plantctl.log.reader import read_frames
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant, bits
from tests.unit.simulated_storage import SimulatedStorage

SECOND = 1_000_000_000
POLICIES = {
    11: Recording(Keep.DEAD_BAND, 0.12),
    12: Recording(Keep.SWINGING_DOOR, 0.12),
    13: Recording(Keep.SWINGING_DOOR, 0.3, 5 * SECOND),
    21: Recording(Keep.DEAD_BAND, 0.3, 5 * SECOND),
    22: Recording(Keep.NONE),
}
THINNED = tuple(tag for tag in POLICIES if tag != 22)


def recorded(draw):
    """A log with odd values, qualities, gaps and stops of the plant."""
    plant = Plant(draw)
    for _ in range(5):
        for _ in range(draw.randint(10, 60)):
            plant.scan(1, draw.choice((1, 1, 1, 3)) * SECOND)
            if draw.random() < 0.3:
                plant.value[:5] += draw.choice((0.0, 0.01, 0.02))
        happening = draw.choice(("nothing", "lose", "stop"))
        if happening == "lose":
            plant.keep()
            plant.lose()
        elif happening == "stop":
            plant.stop(draw.randint(1, 40) * SECOND)
    plant.keep()
    return plant


def sealed(plant, draw, span_s, recording=POLICIES, everything=False):
    """The history of the log, sealed in pieces of some length, by sealers that were killed now and then."""
    folder = SimulatedStorage()
    last = plant.recorder.durable_sequence
    there = [frame.sequence for _, frame in read_frames(plant.log)]
    steps = [*sorted(draw.sample(there, 5)), last]

    def sealer():
        span_ns, keeping = span_s * SECOND, Keeping(recording=recording)
        return Sealer(plant.log, folder, span_ns=span_ns, rows_max=10**9, minutes_from=1, keeping=keeping)

    at_work = sealer()
    for sequence in steps:
        at_work.finish(sequence, 0)
        if draw.random() < 0.5:
            at_work = sealer()
    if everything:
        at_work.finish_early(last, 0)
    assert not at_work.status.errors
    return History(plant.log, folder)


def near(found, scanned, off_by):
    return bits(found) == bits(scanned) or abs(found - scanned) <= off_by


def scan_times(plant):
    times = {utc_ns for tag in NAMES for piece in Naive(plant.log, tag).pieces for utc_ns in piece[:2]}
    return sorted(times)


@pytest.mark.parametrize("seed", range(4))
def test_at_every_scan_it_is_as_near_as_the_policy_says(seed):
    plant = recorded(Random(seed))
    history = sealed(plant, Random(seed), Random(seed).choice((9, 40, 400)), everything=seed % 2 == 0)
    moments = scan_times(plant)
    for tag in THINNED:
        naive, off_by = Naive(plant.log, tag), POLICIES[tag].off_by
        for moment_ns, found in zip(moments, history.at(NAMES[tag], moments), strict=True):
            scanned = naive.at(moment_ns)
            assert (found is None) == (scanned is None), "a gap came or went"
            if found is not None:
                assert found.quality == scanned[2]
                assert near(found.value, scanned[1], off_by)


def joined_as_they_say(series, naive, off_by):
    """Every piece that was scanned is as near as was said; how many points tell of a line to the next."""
    line = np.zeros(len(series.utc_ns), bool) if series.line is None else series.line
    for begin_ns, end_ns, value, quality in naive.pieces:
        for moment_ns in {begin_ns, begin_ns if line.any() else max(begin_ns, end_ns - 1)}:
            row = int(np.searchsorted(series.utc_ns, moment_ns, "right")) - 1
            assert moment_ns <= series.until_ns[row]
            found = float(series.value[row])
            if line[row]:
                share = (moment_ns - series.utc_ns[row]) / (series.utc_ns[row + 1] - series.utc_ns[row])
                found += share * float(series.value[row + 1] - series.value[row])
            if naive.at(moment_ns)[1:3] == (value, quality) or math.isnan(value):
                assert near(found, value, off_by * (1 + 1e-9))
    return int(line.sum())


@pytest.mark.parametrize("seed", range(4))
def test_whoever_joins_the_points_as_they_say_is_as_near(seed):
    """By lines in time from points that tell of one, else held; as a page draws it."""
    plant = recorded(Random(seed))
    history = sealed(plant, Random(seed), 40)
    lines = 0
    for tag in THINNED:
        naive, off_by = Naive(plant.log, tag), POLICIES[tag].off_by
        series = history.raw(NAMES[tag], 0, 1 << 62)
        assert series.off_by == off_by
        lines += joined_as_they_say(series, naive, off_by)
        assert (series.line is not None) == (POLICIES[tag].keep is Keep.SWINGING_DOOR)
        assert len(series.utc_ns) < len(naive.points)
    assert lines > 20


@pytest.mark.parametrize("seed", range(4))
def test_changes_of_quality_and_of_presence_and_what_must_come_at_least_are_kept(seed):
    plant = recorded(Random(seed))
    history = sealed(plant, Random(seed), 40)
    for tag in THINNED:
        naive = Naive(plant.log, tag)
        series = history.raw(NAMES[tag], 0, 1 << 62)
        times = series.utc_ns.tolist()
        kept = dict(zip(times, series.quality.tolist(), strict=True))
        ends = set(series.until_ns.tolist())
        before = None
        for point, piece in zip(naive.points, naive.pieces, strict=True):
            gap = before is not None and before[1] < piece[0]
            if before is None or gap or before[3] != piece[3] or math.isfinite(before[2]) != math.isfinite(piece[2]):
                assert kept.get(point[0]) == piece[3]
            if gap:
                assert before[1] in ends
            before = piece
            if POLICIES[tag].at_least_ns:
                row = int(np.searchsorted(series.utc_ns, point[0], "right")) - 1
                assert point[0] - times[row] < POLICIES[tag].at_least_ns


@pytest.mark.parametrize("seed", range(4))
def test_minutes_are_those_of_all_that_was_scanned_however_it_was_sealed(seed):
    plant = recorded(Random(seed))
    whole = sealed(plant, Random(seed), 40, {}, everything=True)
    first, last = whole.extent_ns()
    minutes = (last - first) // (60 * SECOND)
    same = sealed(plant, Random(seed), 40, everything=True)
    others = [sealed(plant, Random(seed + 50), spans, everything=True) for spans in (9, 400)]
    columns = ("begin_ns", "low", "high", "mean", "first", "last", "known_ns", "count", "quality", "told")
    for tag in THINNED:
        expected = whole.trend(NAMES[tag], first, last + 1, minutes).buckets
        found = same.trend(NAMES[tag], first, last + 1, minutes).buckets
        for name in columns:
            assert np.array_equal(
                getattr(found, name), getattr(expected, name), equal_nan=name not in ("quality", "told")
            )
        for other in others:
            found = other.trend(NAMES[tag], first, last + 1, minutes).buckets
            for name in set(columns) - {"mean"}:
                equal_nan = name not in ("quality", "told")
                assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=equal_nan), name
            usable = np.abs(expected.mean) < 1e6  # a mean of infinities is what it is
            assert np.allclose(found.mean[usable], expected.mean[usable], rtol=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_of_a_tag_that_is_not_recorded_nothing_is_in_force_once_it_is_sealed(seed):
    plant = recorded(Random(seed))
    history = sealed(plant, Random(seed), 40, everything=True)
    assert not len(history.raw(NAMES[22], 0, 1 << 62).utc_ns)
    first, last = history.extent_ns()
    assert not history.trend(NAMES[22], first, last + 1, 100).buckets.told.any()
    assert len(history.raw(NAMES[23], 0, 1 << 62).utc_ns), "its neighbour that rests is there"


def test_a_clock_that_is_set_back_hides_no_point_of_a_line():
    plant = Plant(Random(5))
    for step_ns in (0, -7 * SECOND, 9 * SECOND, -5 * SECOND):  # seconds only: else it moved too seldom to be thinned
        plant.scan(25)
        plant.offset_ns += step_ns
        plant.frames.time(plant.count, plant.mono_ns, plant.utc_ns)
        plant.scan(25)
    plant.keep()
    history = sealed(plant, Random(1), 10**6, everything=True)
    assert history.raw(NAMES[12], 0, 1 << 62).utc_ns.tolist() == [p[0] for p in Naive(plant.log, 12).points]
    assert len(history.raw(NAMES[11], 0, 1 << 62).utc_ns) > 2


@pytest.mark.parametrize(("period_s", "thin"), [(60, False), (2, True)])
def test_a_tag_that_moved_less_than_four_times_a_minute_is_kept_as_scanned(period_s, thin):
    """Its points take less room than the minutes that a thinned tag has."""
    plant = Plant(Random(6))
    for _ in range(60):
        plant.scan(1, period_s * SECOND)
    plant.keep()
    history = sealed(plant, Random(2), 10**6, everything=True)
    for tag in THINNED:
        series, scanned = history.raw(NAMES[tag], 0, 1 << 62), Naive(plant.log, tag).points
        assert (series.off_by == POLICIES[tag].off_by) == thin
        assert thin or series.utc_ns.tolist() == [point[0] for point in scanned]


# ------------------------------------------------------------------------------------------------ a tag of anything

VALUE = st.one_of(
    st.integers(-30, 30).map(lambda n: n / 10),
    st.floats(),
    st.sampled_from((1e15, 1e15 + 0.25, 1e300, -1e300, 5e-324, math.inf, math.nan)),
)
ROWS = st.lists(st.tuples(st.integers(0, 40), VALUE, st.integers(0, 1)), min_size=1, max_size=25)


def in_pieces(points, scans, before, policy, length):
    opening = opening_of({} if before is None else {7: before})
    number = np.array([len(points)])
    column = ManyPoints(np.array([7]), cuts_of(number), points.scan, points.value, points.quality, points.source_ns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plantctl.history.upkeep.policies.SLICE_POINTS", length)
        steps = list(Policies({7: policy}).encoded(column, np.array([0]), scans, opening))
    (chunk,) = [chunk for chunks, _ in steps for chunk in chunks]
    found = decode_points(decode_chunk(chunk), scans.utc_ns)
    assert sum(kept for _, kept in steps) == len(found)
    return found


@given(
    ROWS,
    st.lists(st.integers(0, 3), min_size=41, max_size=41),
    st.sets(st.integers(0, 40), max_size=2),
    st.none() | st.tuples(VALUE, st.integers(0, 1)),
    st.sampled_from((Keep.DEAD_BAND, Keep.SWINGING_DOOR)),
    st.sampled_from((0.0, 0.1, 0.25, 1e299)),
    st.sampled_from((0, 5)),
    st.sampled_from((1, 3, 100)),
)
@example(
    [(0, 0.0, 1), (19, 0.1, 1), (20, 0.0, 1)], [0] * 19 + [1, 0] + [0] * 20, set(), None, Keep.SWINGING_DOOR, 0.0, 0, 3
)
@example(  # a hole between two pieces, and behind it nothing but what was known before it
    [(0, 1.0, 0), (1, 1.1, 0), (2, 1.0, 0), (10, 1.0, 0), (11, 1.1, 0), (12, 1.0, 0)],
    [1] * 41, {5}, None, Keep.DEAD_BAND, 0.25, 0, 3,
)  # fmt: skip
def test_any_column(rows, steps_ns, holes, known, keep, off_by, at_least_ns, length):
    """Scans at one time, holes anywhere, numbers of any size: by the very arithmetic of whoever reads it."""
    told = sorted({scan: (value, quality) for scan, value, quality in rows}.items())
    scan = np.array([s for s, _ in told], np.int64)
    value = np.array([v for _, (v, _) in told])
    quality = np.array([q for _, (_, q) in told], np.uint16)
    utc_ns = 1_790_000_000 * SECOND + np.cumsum(np.array(steps_ns, np.int64))
    scans = Scans(int(utc_ns[0]) - 2, utc_ns, np.array(sorted(holes), np.int64))
    before = None if known is None else State(scans.begin_ns - 1, *known, 0)
    before = None if 0 in holes else before
    points = Points(scan, value, quality, np.zeros(len(scan), np.int64))
    found = in_pieces(points, scans, before, Recording(keep, off_by, at_least_ns), length)
    wanted, force = in_force(points, scans, before), in_force(found, scans, before)
    end, whole_end = closing(found, scans, before), closing(points, scans, before)
    assert (end is None) == (whole_end is None)
    assert end is None or (end.quality, bits(end.value)) == (whole_end.quality, bits(whole_end.value))
    for moment_ns in sorted({*utc_ns.tolist()}):
        row, wanted_row = row_at(force, moment_ns), row_at(wanted, moment_ns)
        assert (row is None) == (wanted_row is None)
        if row is not None:
            assert force.quality[row] == wanted.quality[wanted_row]
            assert near(float(force.value[row]), float(wanted.value[wanted_row]), off_by)


@pytest.mark.parametrize("base", [0.0, 1e3, 1e6])
def test_a_line_is_not_too_far_by_a_last_bit_either(base):
    draw = np.random.default_rng(3)
    for _ in range(60):
        value = base + np.round(draw.integers(-5, 6, 12) * 0.1, 1)
        utc_ns = 1_790_000_000 * SECOND + np.cumsum(draw.integers(1, 4, 12)) * SCAN_NS
        points = Points(np.arange(12), value, np.zeros(12, np.uint16), np.zeros(12, np.int64))
        scans = Scans(int(utc_ns[0]), utc_ns, np.zeros(0, np.int64))
        found = in_force(thinned(points, scans, None, Recording(Keep.SWINGING_DOOR, 0.3)), scans, None)
        assert (np.abs(found.value - value) <= 0.3).all()
