"""The effect: latch, release, staging, verification."""

import pytest

from plantctl.core.quality import BAD
from tests.row_bench import Bench


def effect(latched=(1.0,), **parameters):
    """An effect with one cell for each entry of `latched`, no demand standing, not tripped."""
    bench = Bench("effect", n=len(latched), start_tripped=False, **parameters)
    for k, mark in enumerate(latched):
        bench.memory.rows["latched"][:, k] = mark
        bench["x", k] = 0.0
    bench["verify"], bench["after"] = 0.0, 0.0
    bench.step()
    return bench


def steps(bench, count=1, **inputs):
    for name, value in inputs.items():
        bench[("x", int(name[1:])) if name[0] == "x" else name] = value
    for _ in range(count):
        bench.step(0.1)
    return bench


def reset(bench):
    bench.write("reset", 1)
    bench.step(0.1)
    assert bench["reset"] == 0, "a request is consumed, whatever came of it"


def test_after_power_up_it_is_tripped_until_a_person_releases_it():
    bench = Bench("effect", n=1)
    bench["x", 0] = 0.0
    steps(bench, 5)
    assert (bench["tripped"], bench["active"], bench["first"]) == (1, 1, 0)
    reset(bench)
    assert (bench["tripped"], bench["active"]) == (0, 0)


def test_a_latched_cell_keeps_the_trip_until_it_is_reset():
    bench = steps(effect(), 1, x0=1.0)
    steps(bench, 5, x0=0.0)
    assert bench["tripped"] == 1
    reset(bench)
    assert bench["tripped"] == 0


def test_an_auto_cell_releases_by_itself():
    bench = steps(effect((0.0,)), 1, x0=1.0)
    assert bench["tripped"] == 1
    assert steps(bench, 1, x0=0.0)["tripped"] == 0


@pytest.mark.parametrize("latched_first", [True, False])
def test_an_auto_cell_does_not_release_what_a_latched_one_took_part_in(latched_first):
    bench = effect((0.0, 1.0))
    steps(bench, 1, **({"x1": 1.0} if latched_first else {"x0": 1.0}))
    steps(bench, 1, x0=1.0, x1=1.0)
    steps(bench, 1, x1=0.0)
    assert steps(bench, 1, x0=0.0)["tripped"] == 1
    reset(bench)
    assert bench["tripped"] == 0


def test_a_demand_dominates_the_reset():
    bench = steps(effect(), 1, x0=1.0)
    reset(bench)
    assert bench["tripped"] == 1
    steps(bench, 1, x0=0.0)
    assert bench["tripped"] == 1, "a reset of before must not act later"


@pytest.mark.parametrize("demand", [(0.0, BAD), (float("nan"), 0), (0.5, 0)])
def test_a_demand_that_cannot_be_known_is_a_demand(demand):
    assert steps(effect(), 1, x0=demand)["tripped"] == 1


def test_the_first_demand_is_told_until_the_release():
    bench = effect((1.0, 1.0, 1.0))
    steps(bench, 1, x1=1.0, x2=1.0)
    assert bench["first"] == 2
    steps(bench, 1, x0=1.0)
    assert bench["first"] == 2
    steps(bench, 1, x0=0.0, x1=0.0, x2=0.0)
    reset(bench)
    assert steps(bench, 1, x2=1.0)["first"] == 3


def test_a_staged_effect_waits_for_its_condition():
    bench = steps(effect(has_after=True), 20, x0=1.0)
    assert (bench["tripped"], bench["active"]) == (1, 0)
    assert steps(bench, 1, after=(1.0, BAD))["active"] == 0
    assert steps(bench, 1, after=1.0)["active"] == 1
    assert steps(bench, 5, after=0.0)["active"] == 1, "what acts goes on acting until its release"


@pytest.mark.parametrize("after", [0.0, (0.0, BAD)])
def test_a_staged_effect_waits_no_longer_than_its_limit(after):
    bench = steps(effect(has_after=True, after_limit=0.5), 5, x0=1.0, after=after)
    assert bench["active"] == 0
    assert steps(bench)["active"] == 1


def test_the_wait_begins_anew_with_every_trip():
    bench = steps(effect((0.0,), has_after=True, after_limit=0.5), 3, x0=1.0)
    steps(bench, 1, x0=0.0)
    assert steps(bench, 5, x0=1.0)["active"] == 0
    assert steps(bench)["active"] == 1


@pytest.mark.parametrize(("within", "at"), [(0.0, 1), (0.1, 1), (1.0, 10)])
@pytest.mark.parametrize("verify", [0.0, (1.0, BAD)])
def test_what_is_not_seen_in_time_has_failed(within, at, verify):
    bench = steps(effect(has_verify=True, within=within), at, x0=1.0, verify=verify)
    assert bench["failed"] == 0
    assert steps(bench)["failed"] == 1
    assert steps(bench, 1, verify=1.0)["failed"] == 0, "seen at last"


def test_what_is_seen_in_time_has_not_failed_and_is_watched_on():
    bench = steps(effect(has_verify=True, within=0.5), 4, x0=1.0)
    steps(bench, 50, verify=1.0)
    assert bench["failed"] == 0
    steps(bench, 5, verify=0.0)
    assert bench["failed"] == 0
    assert steps(bench)["failed"] == 1


def test_verification_begins_when_a_staged_effect_acts():
    bench = steps(effect(has_verify=True, within=0.5, has_after=True), 20, x0=1.0)
    assert bench["failed"] == 0
    steps(bench, 5, after=1.0)
    assert bench["failed"] == 0
    assert steps(bench)["failed"] == 1


def test_a_release_ends_everything():
    bench = steps(effect(has_verify=True, within=0.0), 3, x0=1.0)
    assert bench["failed"] == 1
    steps(bench, 1, x0=0.0)
    reset(bench)
    assert (bench["tripped"], bench["active"], bench["failed"]) == (0, 0, 0)


def test_an_effect_without_verification_never_fails():
    assert steps(effect(), 50, x0=1.0)["failed"] == 0
