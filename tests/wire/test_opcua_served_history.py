"""What another program asks of the plant's past over OPC UA: spans forwards and backwards, page by page, with gaps."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.uaerrors import UaError

from plantctl.app.plan_text import plan_text
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.hmi.opcua import past
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.gateway_bench import UTC_NS, demo_plan
from tests.opcua_bench import INDEX, served

SECOND_NS = 1_000_000_000
FLOW = "40-FI-4013"
COUNT = 30
GAP_AFTER = 20
NEVER = datetime(1601, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def at(second):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(UTC_NS + second * SECOND_NS) // 1000)


def record(plan, folder, count=COUNT):
    """A log in which the flow is its own second, for 20 s, and after a minute without a scan for 10 more, or longer."""
    log = folder / "log"
    log.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(FolderStorage(log), plan.name, {plan.hash: plan_text(plan)})
    recorder.open(UTC_NS)
    memory = bytearray(HEAD_BYTES + (1 << 18) + 300 * count)
    ring = RingWriter(memory, plan.hash)
    columns = np.zeros(1), np.zeros(1, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64)
    frames = ImageFrames(ring, *columns, [0], [], [plan.points[plan.rows[FLOW]].id], 1)
    columns[3][0] = UTC_NS - 5_000_000
    frames.start(0, 0, UTC_NS)
    for k in range(count):
        second = k if k < GAP_AFTER else k + 60
        now_ns = second * SECOND_NS
        columns[0][0], columns[3][0] = second, UTC_NS + now_ns - 5_000_000
        frames.time(k, now_ns, UTC_NS + now_ns)
        frames.scan(k, now_ns, UTC_NS + now_ns, [1.0])
    recorder.drain(RingReader(memory, 0), 100 * SECOND_NS, UTC_NS + 100 * SECOND_NS)
    recorder.close(100 * SECOND_NS, UTC_NS + 100 * SECOND_NS)


def asked(plan, folder, situation):
    record(plan, folder)
    served(plan, folder, situation)


async def read(client, begin, end, most=0, bounds=False, name=FLOW, point=None, **details):
    """One HistoryRead: its result."""
    wanted = ua.ReadRawModifiedDetails(details.pop("modified", False), begin or NEVER, end or NEVER, most, bounds)
    params = ua.HistoryReadParameters()
    params.HistoryReadDetails = details.pop("details", wanted)
    params.ReleaseContinuationPoints = False
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    params.NodesToRead = [ua.HistoryReadValueId(ua.NodeId(name, INDEX), None, ua.QualifiedName(), point)]
    (result,) = await client.uaclient.history_read(params)
    return result


async def whole(client, *span, **settings):
    """All values of a span, and how many pages they took."""
    result = await read(client, *span, **settings)
    values, pages = list(result.HistoryData.DataValues), 1
    while result.ContinuationPoint:
        result = await read(client, *span, **settings, point=result.ContinuationPoint)
        values += result.HistoryData.DataValues
        pages += 1
    return values, pages


def seconds(values):
    return [v.Value.Value if v.StatusCode.is_good() else v.StatusCode.name for v in values]


def test_a_span_is_read_with_the_devices_times_and_ends_before_its_end(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            values, _ = await whole(client, at(3), at(8))
            assert seconds(values) == [3.0, 4.0, 5.0, 6.0, 7.0]
            assert [v.SourceTimestamp for v in values] == [at(k) - timedelta(milliseconds=5) for k in range(3, 8)]
            assert [v.ServerTimestamp for v in values] == [at(k) for k in range(3, 8)]
            assert await plant.node(client, FLOW).read_raw_history(at(3), at(8), return_bounds=False) == values

    asked(plan, tmp_path, situation)


def test_a_gap_is_told_where_it_begins_and_not_bridged(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            values, _ = await whole(client, at(17), at(83))
            assert seconds(values) == [17.0, 18.0, 19.0, "BadDataLost", 80.0, 81.0, 82.0]
            assert at(19) < values[3].SourceTimestamp < at(80)

    asked(plan, tmp_path, situation)


def test_pages_follow_each_other_without_a_seam(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(past, "PAGE_MAX", 4)

    async def situation(plant):
        async with plant.connected() as client:
            once = [float(k) for k in range(20)] + ["BadDataLost"] + [float(k) for k in range(80, 90)]
            values, pages = await whole(client, at(0), at(90))
            assert (seconds(values), pages > 6) == (once, True)
            values, pages = await whole(client, at(90), at(0))
            assert (seconds(values), pages > 6) == (once[::-1], True)
            values, pages = await whole(client, at(0), at(90), most=6)
            assert (seconds(values), pages) == (once[:6], 2)

    asked(plan, tmp_path, situation)


def test_an_answer_is_no_larger_than_clients_take(plan, tmp_path):
    """5,000 values are more than the largest request that the server takes, by which some clients judge answers."""

    async def situation(plant):
        async with plant.connected() as client:
            values, pages = await whole(client, at(80), at(6100))
            assert (seconds(values), pages) == ([float(k) for k in range(80, 6060)], 3)

    record(plan, tmp_path, 6000)
    served(plan, tmp_path, situation)


def test_the_last_values_are_asked_for_by_their_number(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            values, _ = await whole(client, None, at(85), most=4)
            assert seconds(values) == [85.0, 84.0, 83.0, 82.0]
            values, _ = await whole(client, at(85), None, most=3)
            assert seconds(values) == [85.0, 86.0, 87.0]
            assert (await read(client, None, at(85))).StatusCode.name == "BadInvalidArgument"

    asked(plan, tmp_path, situation)


def test_bounds_are_what_was_in_force_before_and_what_came_after(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            between = at(3) + timedelta(milliseconds=500)
            values, _ = await whole(client, between, at(5) + timedelta(milliseconds=1), bounds=True)
            assert seconds(values) == [3.0, 4.0, 5.0, 6.0]
            values, _ = await whole(client, at(-5), at(2), bounds=True)
            assert seconds(values) == ["BadBoundNotFound", 0.0, 1.0, 2.0]

    asked(plan, tmp_path, situation)


def test_what_is_not_offered_and_what_is_made_up_is_said(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            result = await read(client, at(0), at(9), point=b"made up")
            assert result.StatusCode.name == "BadContinuationPointInvalid"
            # A point is of its node: another's is none.
            first = await read(client, at(0), at(9), most=3)
            assert not first.ContinuationPoint
            assert (await read(client, at(0), at(9), name="40-NO-1")).StatusCode.name == "BadNodeIdUnknown"
            nothing = await read(client, at(1000), at(2000))
            assert (nothing.StatusCode.name, nothing.HistoryData.DataValues) == ("GoodNoData", [])
            for details in (
                ua.ReadProcessedDetails(at(0), at(9), 1000.0, [ua.NodeId(ua.ObjectIds.AggregateFunction_Average)]),
                ua.ReadRawModifiedDetails(True, at(0), at(9), 0, False),
            ):
                with pytest.raises(UaError) as told:
                    await read(client, None, None, details=details)
                assert type(told.value).__name__ == "BadHistoryOperationUnsupported"

    asked(plan, tmp_path, situation)
