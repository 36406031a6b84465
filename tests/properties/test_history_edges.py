"""Where the record begins, and where a file of it is gone: a value that rests there is told, and nothing else is."""

from random import Random

import numpy as np
import pytest

from plantctl.history.files.sealed import sealed_ranges
from plantctl.history.reading.query import History
from tests.history_bench import NAMES, TAGS, Plant
from tests.unit.simulated_storage import SimulatedStorage

RESTS = 23
PLAN = ".txt"


@pytest.fixture(scope="module", params=range(3))
def story(request):
    """A plant with some sealed files, in which tags change now and then, and one never."""
    plant = Plant(Random(request.param), span_ns=1_000_000_000)
    calm = plant.random.random
    for k in range(6):
        plant.random.random = (lambda: 1.0) if k % 2 else calm  # every second file rests
        plant.scan(30)
        plant.seal()
    plant.keep()
    return plant


def without(plant, *places):
    """The history without some of its sealed files, and of the log what is not sealed; and the places of all files."""
    ranges = sealed_ranges(plant.sealed.names())
    assert len(ranges) >= 5
    gone = {ranges[place].name for place in places}
    names = [name for name in plant.sealed.names() if name.endswith(".seg") and name not in gone]
    files = {name: plant.sealed.files[name] for name in names}
    texts = {name: plant.log.files[name] for name in plant.log.names() if name.endswith(PLAN)}
    return History(SimulatedStorage(texts), SimulatedStorage(files)), ranges


def told_at(series, utc_ns):
    """The value that the points say was in force at a moment; None: they do not say."""
    if not len(series.utc_ns):
        return None
    row = int(np.searchsorted(series.utc_ns, utc_ns, "right")) - 1
    return float(series.value[row]) if row >= 0 and utc_ns <= series.until_ns[row] else None


@pytest.mark.parametrize("removed", [1, 2, 3])
def test_where_the_record_begins_a_resting_value_is_told_with_its_own_time(story, removed):
    history, _ = without(story, *range(removed))
    edge, end = history.extent_ns()
    early = story.history().extent_ns()[0] - 1_000_000_000
    for tag in TAGS:
        (state,) = history.at(NAMES[tag], [edge])
        for series in (history.raw(NAMES[tag], early, end), history.page(NAMES[tag], early, end, 7).series):
            assert state is not None
            assert (series.utc_ns[0], series.quality[0]) == (state.utc_ns, state.quality)
            np.testing.assert_equal(series.value[0], state.value)
            assert series.utc_ns[0] <= edge
            assert series.until_ns[0] > edge or len(series.utc_ns) > 1
        inside = history.raw(NAMES[tag], edge + 1, end)
        np.testing.assert_array_equal(series.utc_ns, inside.utc_ns[: len(series.utc_ns)])
        assert not len(history.raw(NAMES[tag], early, edge).utc_ns), "before the record nothing is told"
    assert len(history.raw(NAMES[RESTS], early, end).utc_ns) == 1


def test_through_a_file_that_is_gone_no_value_is_held_that_was_another_behind_it(story):
    bridged = 0
    for place in range(1, 5):
        history, ranges = without(story, place)
        begin, end = history.extent_ns()
        behind = History(SimulatedStorage({}), story.sealed)._file(ranges[place + 1]).head
        step_ns = (behind.high_ns - behind.low_ns) // 20
        moments = range(behind.low_ns + 1, behind.high_ns, step_ns)
        for tag in TAGS:
            series = history.raw(NAMES[tag], begin, end)
            page = history.page(NAMES[tag], begin, end).series
            np.testing.assert_array_equal(page.until_ns, series.until_ns)
            for moment, state in zip(moments, history.at(NAMES[tag], moments), strict=True):
                found = told_at(series, moment)
                if found is not None:
                    np.testing.assert_equal(found, state.value)
                    bridged += state.utc_ns < behind.low_ns
    assert bridged, "one that rested through it is told"
