"""The latch: what the field knows becomes the image's inputs, and grows old."""

import math

import numpy as np
import pytest

from plantctl.core.field import InputColumns
from plantctl.core.image import Image
from plantctl.core.quality import BAD, GOOD, SIMULATED, UNCERTAIN, Reason, bad_because, reason_of
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.latch import Latch

S = 1_000_000_000
PLANT = """
plant: {name: latch}
devices: {D: {kind: modbus, connect: "tcp://h:1", poll: 1 s}}
tags:
  A-1: {device: D, item: "1", stale_after: 2 s}
  A-2: {device: D, item: "2"}
  A-3: {device: D, item: "3", stale_after: 100 s, flat_line_after: 5 s}
  A-4: {device: D, item: "4", stale_after: 100 s, expect_change_within: 3 s}
  A-5: {unit: pH}
  A-6: {device: D, item: "6", unit: m3/h, stale_after: 100 s, flat_line_after: 5 s, flat_line_above: 5 L/h}
blocks:
  A-7: {kind: lag, in: {tag: A-5, delay: 1 scan}, unit: pH, tau: 2 s}
"""
FIRST, SECOND, FLAT, CHANGING, BY_HAND, FLOW = range(6)


@pytest.fixture(params=[False, True], ids=["interpreted", "compiled"])
def bench_of(request, compile_cache):
    """Makes the bench, over either way of running."""
    return lambda **options: Bench(compiled=request.param, cache=compile_cache, **options)


@pytest.fixture
def bench(bench_of):
    return bench_of()


class Bench:
    def __init__(self, **options):
        built = build("plant.yaml", from_texts({"plant.yaml": PLANT}))
        assert built.plan is not None, built.findings
        self.plan = built.plan
        self.image = Image(len(built.plan.points))
        self.latch = Latch(built.plan, self.image, **options)
        self.columns = InputColumns(len(built.plan.inputs))

    def arrive(self, index, value, now_s, quality=GOOD, source_s=None):
        self.columns.value[index], self.columns.quality[index] = value, quality
        self.columns.receive_ns[index] = round(now_s * S)
        self.columns.source_ns[index] = round((now_s if source_s is None else source_s) * S)

    def take(self, now_s, field_lost=False):
        self.latch.take(self.columns, round(now_s * S), field_lost=field_lost)
        return self.image.q[1:7]

    def quality(self, index, now_s):
        return int(self.take(now_s)[index])


@pytest.mark.parametrize(
    ("index", "age_s", "severity"),
    [
        (FIRST, 1.9, GOOD),
        (FIRST, 2.0, UNCERTAIN),
        (FIRST, 3.9, UNCERTAIN),
        (FIRST, 4.0, BAD),
        (SECOND, 2.9, GOOD),
        (SECOND, 3.0, UNCERTAIN),
        (SECOND, 6.0, BAD),
        (BY_HAND, 1e6, GOOD),
    ],
)
def test_good_grows_uncertain_and_then_bad_without_a_sign_of_life(bench, index, age_s, severity):
    bench.arrive(index, 1.0, 10.0)
    quality = bench.quality(index, 10.0 + age_s)
    assert quality & 3 == severity
    assert severity == GOOD or reason_of(quality) is Reason.STALE


def test_a_sign_of_life_makes_it_good_again_at_once(bench):
    bench.arrive(FIRST, 1.0, 10.0)
    assert bench.quality(FIRST, 20.0) & 3 == BAD
    bench.columns.receive_ns[FIRST] = 20 * S
    assert bench.quality(FIRST, 20.1) == GOOD


def test_what_the_device_says_is_not_made_better_by_being_old(bench):
    bench.arrive(FIRST, 1.0, 10.0, quality=bad_because(Reason.SENSOR))
    assert reason_of(bench.quality(FIRST, 30.0)) is Reason.SENSOR


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_bad_although_its_status_is_good(bench, value):
    bench.arrive(FIRST, value, 10.0)
    quality = bench.quality(FIRST, 10.0)
    assert (quality & 3, reason_of(quality)) == (BAD, Reason.RANGE)


def test_a_value_that_stands_is_bad_after_its_window_although_its_source_time_moves(bench):
    for now_s in np.arange(10.0, 14.9, 0.5):
        bench.arrive(FLAT, 3.0, now_s)
        assert bench.quality(FLAT, now_s) == GOOD
    bench.arrive(FLAT, 3.0, 15.0)
    quality = bench.quality(FLAT, 15.0)
    assert (quality & 3, reason_of(quality)) == (BAD, Reason.FLAT)
    bench.arrive(FLAT, 3.001, 15.5)
    assert bench.quality(FLAT, 15.5) == GOOD


@pytest.mark.parametrize("shown", [0.0, 0.005, -0.001])
def test_a_meter_below_its_cut_off_may_stand_and_its_window_starts_where_it_leaves_it(shown, bench):
    for now_s in np.arange(10.0, 30.1, 0.5):
        bench.arrive(FLOW, shown, now_s)
        assert bench.quality(FLOW, now_s) == GOOD
    for now_s in np.arange(30.5, 35.4, 0.5):
        bench.arrive(FLOW, 0.006, now_s)
        assert bench.quality(FLOW, now_s) == GOOD
    bench.arrive(FLOW, 0.006, 35.5)
    assert reason_of(bench.quality(FLOW, 35.5)) is Reason.FLAT
    bench.arrive(FLOW, math.nan, 36.0)
    assert reason_of(bench.quality(FLOW, 36.0)) is Reason.RANGE


def test_a_source_time_that_stands_counts_only_where_the_tag_says_so(bench):
    for index in (CHANGING, FLAT):
        bench.arrive(index, 1.0, 10.0)
    bench.take(10.0)
    for index in (CHANGING, FLAT):
        bench.arrive(index, 2.0, 13.0, source_s=10.0)
    taken = bench.take(13.0)
    assert (int(taken[CHANGING]) & 3, int(taken[FLAT])) == (UNCERTAIN, GOOD)
    bench.arrive(CHANGING, 3.0, 16.0, source_s=10.0)
    assert bench.quality(CHANGING, 16.0) & 3 == BAD


def test_without_ages_a_held_value_stays_as_good_as_it_came(bench_of):
    bench = bench_of(ages=False)
    for index in range(6):
        bench.arrive(index, 1.0, 0.0)
    assert bench.take(1e6).tolist() == [GOOD] * 6


def test_before_anything_arrived_an_input_is_bad_not_yet(bench):
    quality = bench.quality(FIRST, 100.0)
    assert (quality & 3, reason_of(quality)) == (BAD, Reason.NOT_YET)


def test_recorded_columns_are_taken_as_they_are(bench):
    bench.arrive(FIRST, math.nan, 10.0)
    bench.latch.take(bench.columns, 1000 * S, aged=True)
    assert bench.image.q[1] == GOOD


def test_a_nan_keeps_its_payload(bench):
    bench.columns.value.view(np.uint64)[FIRST] = 0x7FF8_0000_0000_BEEF
    bench.take(1.0)
    assert bench.image.v.view(np.uint64)[1] == 0x7FF8_0000_0000_BEEF


def test_the_latch_knows_which_inputs_changed_between_good_and_bad(bench):
    bench.arrive(FIRST, 1.0, 10.0)
    bench.take(10.0)
    assert bench.latch.changed[: bench.latch.changes].tolist() == [[FIRST, BAD]]
    bench.take(11.0)
    assert bench.latch.changes == 0
    bench.arrive(SECOND, 1.0, 12.0)
    bench.take(12.0)
    assert bench.latch.changed[: bench.latch.changes].tolist() == [[FIRST, GOOD], [SECOND, BAD]]


def test_other_columns_are_taken_by_the_same_latch(bench):
    bench.arrive(FIRST, 1.0, 10.0)
    bench.take(10.0)
    bench.columns = InputColumns(5)
    bench.arrive(FIRST, 2.0, 10.5)
    bench.take(10.5)
    assert bench.image.v[1] == 2.0


def test_a_point_that_is_read_one_scan_late_is_kept_before_the_inputs_move(bench):
    ((late, row),) = bench.plan.delays
    assert row == 1 + BY_HAND
    bench.arrive(BY_HAND, 7.0, 10.0)
    bench.take(10.0)
    bench.arrive(BY_HAND, 8.0, 11.0)
    bench.take(11.0)
    image = bench.image
    assert (image.v[late], image.q[late], image.receive_ns[late]) == (7.0, GOOD, 10 * S)
    assert image.v[row] == 8.0


DEVICES = (FIRST, SECOND, FLAT, CHANGING)


def fresh(bench, now_s, indices=range(5)):
    for index in indices:
        bench.arrive(index, now_s, now_s)


def test_the_inputs_of_a_lost_field_are_bad_at_once_and_those_by_hand_stay(bench):
    fresh(bench, 10.0)
    quality = bench.take(10.1, field_lost=True)
    assert [reason_of(int(q)) for q in quality[:5]] == [Reason.COMM] * 4 + [Reason.NONE]
    assert all(int(q) & 3 == BAD for q in quality[:4])


def test_while_the_field_is_lost_nothing_that_it_still_shows_counts(bench):
    for now_s in (10.0, 10.1, 10.2):
        fresh(bench, now_s)
        assert all(int(bench.take(now_s, field_lost=True)[i]) & 3 == BAD for i in DEVICES)


def test_after_a_loss_each_input_is_bad_until_it_is_received_anew(bench):
    fresh(bench, 10.0)
    bench.take(10.0, field_lost=True)
    assert [int(q) & 3 for q in bench.take(10.1)[:5]] == [BAD] * 4 + [GOOD]
    fresh(bench, 10.15, [SECOND])
    assert [int(q) & 3 for q in bench.take(10.2)[:5]] == [BAD, GOOD, BAD, BAD, GOOD]
    fresh(bench, 10.25, [FIRST, FLAT, CHANGING])
    assert [int(q) & 3 for q in bench.take(10.3)[:5]] == [GOOD] * 5
    assert [int(q) & 3 for q in bench.take(10.4)[:5]] == [GOOD] * 5


def test_a_second_loss_counts_from_its_own_time(bench):
    fresh(bench, 10.0)
    bench.take(10.0, field_lost=True)
    fresh(bench, 10.1)
    assert bench.quality(FIRST, 10.1) == GOOD
    bench.take(10.2, field_lost=True)
    assert bench.quality(FIRST, 10.3) & 3 == BAD
    fresh(bench, 10.3)
    assert bench.quality(FIRST, 10.4) == GOOD


def test_a_flow_of_zero_found_by_a_new_scan_has_stood_for_no_time_yet(bench):
    """The field lives on while the scan is replaced: values are there at the first scan, zeros too."""
    bench.arrive(FLAT, 0.0, 999.0)
    bench.arrive(CHANGING, 3.0, 999.0, source_s=0.0)
    bench.latch.begin(1000 * S)
    quality = bench.take(1000.1)
    assert (quality[FLAT], quality[CHANGING]) == (GOOD, GOOD)
    bench.columns.receive_ns[:] = 1004 * S
    quality = bench.take(1004.9)
    assert (quality[FLAT], quality[CHANGING] & 3) == (GOOD, UNCERTAIN)
    assert reason_of(bench.quality(FLAT, 1005.0)) is Reason.FLAT


def test_a_simulated_value_stays_one_however_it_grows_old(bench):
    bench.arrive(FIRST, 1.0, 10.0, quality=SIMULATED)
    bench.arrive(SECOND, 1.0, 10.0)
    seen = []
    for now_s in (10.0, 12.5, 20.0):
        assert bench.quality(FIRST, now_s) & SIMULATED
        assert not bench.quality(SECOND, now_s) & SIMULATED
        seen.append(bench.quality(FIRST, now_s) & 3)
    assert seen == [GOOD, UNCERTAIN, BAD]
