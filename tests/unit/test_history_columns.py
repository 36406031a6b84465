"""The columns that programs get: nothing that JSON cannot hold, and a gap is a row of None."""

import json
from random import Random

import pytest

from plantctl.core.keeping import Keeping
from plantctl.history.reading.columns import Aggregate, columns
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import BUCKETS_MAX, History, NothingAsked
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant


@pytest.fixture(scope="module")
def plant():
    found = Plant(Random(9))
    found.scan(60)
    found.seal()
    found.stop(100 * SCAN_NS)
    found.scan(60)
    found.keep()
    return found


def test_every_answer_is_json_and_its_columns_are_of_one_length(plant):
    history = plant.history()
    first, last = history.extent_ns()
    for aggregate in Aggregate:
        found = json.loads(json.dumps(columns(history, [*NAMES.values()], first, last, 50, aggregate), allow_nan=False))
        assert list(found) == [*NAMES.values()]
        for answer in found.values():
            assert len({len(column) for column in answer.values() if isinstance(column, list)}) == 1
            assert answer["tier"] == "raw"
            assert [str(int(t)) for t in answer["t"]] == answer["t"]


def test_a_stop_of_the_plant_is_a_row_of_none(plant):
    history = plant.history()
    first, last = history.extent_ns()
    found = columns(history, ["A-2"], first, last + 1, 10**6, Aggregate.RAW)["A-2"]
    naive = Naive(plant.log, 12)
    gaps = [k for k, quality in enumerate(found["quality"]) if quality is None]
    assert len(gaps) == 2, "the stop, and the end of the record"
    assert {found[name][k] for k in gaps for name in ("value", "source")} == {None}
    ends = [a[1] for a, b in zip(naive.pieces, naive.pieces[1:], strict=False) if a[1] < b[0]]
    assert [int(found["t"][k]) for k in gaps] == [*ends, last]
    assert len(found["t"]) == len(naive.points) + 2


def test_an_answer_that_was_cut_says_so_and_bridges_nothing(plant):
    history = plant.history()
    first, last = history.extent_ns()
    found = columns(history, ["A-2"], first, last + 1, 7, Aggregate.RAW)["A-2"]
    assert found["truncated"]
    assert len(found["t"]) == 7
    assert None not in found["quality"]


def test_the_latest_value_of_a_plant_that_stands(plant):
    history = plant.history()
    _, last = history.extent_ns()
    found = columns(history, ["B-3"], 0, last + 10**12, aggregate=Aggregate.LATEST)["B-3"]
    assert found["value"][0] == Naive(plant.log, 23).points[-1][1]


def test_questions_without_an_answer_are_refused_in_words(plant):
    history = plant.history()
    with pytest.raises(UnknownTag, match="did you mean `A-2`"):
        columns(history, ["A_2"], 0, 10)
    with pytest.raises(NothingAsked, match="ends before it begins"):
        columns(history, ["A-2"], 10, 10)
    for points in (0, BUCKETS_MAX + 1):
        with pytest.raises(NothingAsked, match=f"not {points}"):
            columns(history, ["A-2"], 0, 10, points)


def test_one_object_follows_a_plant_that_goes_on(plant):
    """What was asked before is seen anew: more of the log, and files that were sealed meanwhile."""
    going = Plant(Random(3))
    history = going.history()
    with pytest.raises(UnknownTag, match="nothing is recorded yet"):
        history.raw("A-1", 0, 1 << 62)
    for _ in range(5):
        going.scan(15)
        going.keep()
        assert history.raw("A-1", 0, 1 << 62).utc_ns.tolist() == [p[0] for p in Naive(going.log, 11).points]
        going.scan(3)
        going.seal()
        assert history.raw("A-1", 0, 1 << 62).utc_ns.tolist() == [p[0] for p in Naive(going.log, 11).points]


def test_more_than_fits_in_memory_is_a_gap_and_never_a_full_memory():
    """Sealing failed for long: the newest part is answered as ever."""
    going = Plant(Random(4), file_bytes=3000)
    for _ in range(2):
        going.scan(60)
        going.seal()
    for _ in range(10):
        going.scan(60)
        going.keep()
    history = History(going.log, going.sealed, tail_rows_max=300)
    for tag, name in NAMES.items():
        naive = Naive(going.log, tag).points
        found = history.raw(name, 0, 1 << 62)
        times = {p[0]: p for p in naive}
        repeated = [t for t in found.utc_ns.tolist() if t not in times]
        assert len(repeated) <= 1, "behind the gap the first row is a point"
        assert naive[-1][0] in found.utc_ns.tolist() or repeated
        assert naive[0][0] in found.utc_ns.tolist()
    assert len(found.utc_ns) < 600
    assert history._tail.gathering.rows < 1000


def test_events_and_their_texts_outlive_the_log(plant):
    going = Plant(Random(3), file_bytes=3000, keeping=Keeping(log_bytes=4000))
    for number in range(6):
        going.scan(40)
        going.event(f"event {number}")
        going.seal()
    assert going.sealer.status.removed_log_files > 3
    texts = going.history().texts(0, 1 << 62)
    assert {f"event {number}" for number in range(6)} <= set(texts.values())


def test_a_clock_that_is_set_back_hides_no_point():
    going = Plant(Random(5))
    for step_ns in (0, -7_000_000_000, 3_600_000_000_000, -3_600_000_000_000):
        going.scan(25)
        going.offset_ns += step_ns
        going.frames.time(going.count, going.mono_ns, going.utc_ns)
        going.scan(25)
        going.seal()
    history = going.history()
    for tag, name in NAMES.items():
        found = history.raw(name, 0, 1 << 62)
        assert found.utc_ns.tolist() == [p[0] for p in Naive(going.log, tag).points]
        trend = history.trend(name, *history.extent_ns(), 200)
        assert int(trend.buckets.count.sum()) >= len(found.utc_ns) - 3
