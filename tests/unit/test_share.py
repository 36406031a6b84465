"""The equal share: who takes one, its ends, what finds no place."""

import math

import pytest

from plantctl.core.block import HELD
from plantctl.core.quality import BAD, NOT_YET
from tests.row_bench import Bench


def cells(total=340.0, available=(1, 1, 1, 1), **parameters):
    """Four cells that take 20 to 100 A each."""
    bench = Bench("share", n=len(available), low=20.0, high=100.0, **parameters)
    bench["total"] = total
    for k, one in enumerate(available):
        bench["x", k] = one
    bench.scan()
    return bench


@pytest.mark.parametrize(
    ("total", "available", "share", "short"),
    [
        (340.0, (1, 1, 1, 1), 85.0, 0.0),
        (270.0, (1, 0, 1, 1), 90.0, 0.0),
        (340.0, (1, 0, 1, 1), 100.0, 40.0),
        (60.0, (1, 1, 1, 1), 20.0, -20.0),
        (0.0, (1, 1, 1, 1), 0.0, 0.0),
        (-5.0, (1, 1, 1, 1), 0.0, 0.0),
        (340.0, (0, 0, 0, 0), 0.0, 340.0),
        (340.0, (), 0.0, 340.0),
    ],
)
def test_the_total_is_shared_equally_within_the_ends_of_a_share(total, available, share, short):
    bench = cells(total, available)
    assert (bench["y"], bench["short"], bench["available"]) == (share, short, sum(available))
    assert bench.quality("y") == 0


@pytest.mark.parametrize("unknown", [(1.0, BAD), (math.nan, 0)])
def test_who_cannot_be_known_takes_none(unknown):
    bench = cells(270.0)
    bench["x", 1] = unknown
    bench.scan()
    assert (bench["y"], bench["available"]) == (90.0, 3)


def test_a_total_that_cannot_be_known_stays_as_it_was():
    bench = Bench("share", n=1, high=100.0)
    bench["x", 0] = 1.0
    bench.scan()
    assert bench.quality("y") == NOT_YET
    bench["total"] = 50.0
    bench.scan()
    bench.bad("total")
    bench["x", 0] = 1.0
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (50.0, HELD)


def test_a_cell_that_drops_is_an_event():
    bench = cells()
    bench.events()
    bench["x", 2] = 0.0
    bench.scan()
    assert bench.events() == [("available", 4, 3)]
