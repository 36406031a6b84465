"""What was recorded, as OPC UA asks for it: every point of a span, forwards or backwards, page by page.

The answer is the historian's, quality and source time included. A gap is told by a value `BadDataLost` where it begins
and never bridged. A continuation point holds all that the next page needs and is proved by a key of this process, so
that the server keeps nothing for a client that does not come back. Aggregates and recorded events are not offered.
Source: OPC 10000-11 (6.4.3, ReadRawModifiedDetails).

Reading blocks, so it is done in a thread of its own, one question at a time.
"""

import asyncio
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from asyncua import ua as typed_ua
from asyncua.common.utils import ServiceError

from plantctl.core.errors import PlantctlError
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import History, Series
from plantctl.hmi.opcua.space import PlantSpace
from plantctl.hmi.opcua.tree import Node, Sort, Tree
from plantctl.hmi.opcua.values import Told, ns_of, told, utc_of

ua: Any = typed_ua

# Values of one answer, of at most 30 bytes each, and as many gaps between them: some clients take no larger answer than
# the largest request that we take (`limits.MESSAGE_BYTES_MAX`).
PAGE_MAX: Final = 2_000
NODES_MAX: Final = 20
WAITING_MAX: Final = 16
FIRST_WINDOW_NS: Final = 60_000_000_000
# A span of points that is read at once, backwards, at most.
WINDOW_MAX_NS: Final = 86_400_000_000_000
_POINT: Final = struct.Struct("<qqIBq")
_TOKEN_MAX: Final = 40
_PROOF: Final = 16
_LOST: Final = ua.StatusCode(ua.StatusCodes.BadDataLost)
_NEVER: Final = datetime(1601, 1, 2)


class Span(NamedTuple):
    """What is asked: from `begin_ns` towards `end_ns`, which lies before it where time runs backwards; `left` values
    more, 0 without a limit; `skip_ns`: points at or beyond it are told already, backwards; `token`: where in the record
    the page before ended, forwards.
    """

    begin_ns: int
    end_ns: int
    left: int
    bounds: bool
    skip_ns: int = 0
    token: str = ""


class Answer(NamedTuple):
    """Values in the order asked, and what is left to be read; None where that is nothing."""

    values: list[Told]
    rest: Span | None


class Past:
    """The past of one plant; `opened` gives its history, and is asked once, when it is first needed."""

    def __init__(self, space: PlantSpace, tree: Tree, opened: Callable[[], History]) -> None:
        self._space = space
        self._tree = tree
        self._opened = opened
        self._history: History | None = None
        self._one = asyncio.Lock()
        self._waiting = 0
        self._newest_ns = 0
        self._key = secrets.token_bytes(32)

    async def read(self, params: Any) -> list[Any]:
        """The answers to a HistoryRead. Raises `ServiceError` for one that is not offered."""
        codes = ua.StatusCodes
        details = params.HistoryReadDetails
        if params.ReleaseContinuationPoints:
            return [ua.HistoryReadResult(StatusCode=ua.StatusCode(codes.Good)) for _ in params.NodesToRead]
        if not isinstance(details, typed_ua.ReadRawModifiedDetails) or details.IsReadModified:
            raise ServiceError(codes.BadHistoryOperationUnsupported)
        if len(params.NodesToRead) > NODES_MAX or self._waiting >= WAITING_MAX:
            raise ServiceError(codes.BadTooManyOperations)
        self._waiting += 1
        try:
            results = []
            for wanted in params.NodesToRead:
                async with self._one:
                    results.append(await asyncio.to_thread(self._read, details, wanted, len(params.NodesToRead)))
            return results
        finally:
            self._waiting -= 1

    def _read(self, details: Any, wanted: Any, nodes: int) -> Any:
        codes, result = ua.StatusCodes, ua.HistoryReadResult()
        node = self._space.plant_node(wanted.NodeId)
        if node is None or node.sort is not Sort.POINT:
            known = wanted.NodeId in self._space
            code = codes.BadHistoryOperationUnsupported if known else codes.BadNodeIdUnknown
            result.StatusCode = ua.StatusCode(code)
            return result
        span = self._span(details) if not wanted.ContinuationPoint else self._resumed(node, wanted.ContinuationPoint)
        if span is None:
            bad = codes.BadContinuationPointInvalid if wanted.ContinuationPoint else codes.BadInvalidArgument
            result.StatusCode = ua.StatusCode(bad)
            return result
        try:
            answer = self._answer(node, span, max(1, PAGE_MAX // nodes))
        except UnknownTag:
            answer = Answer([], None)
        except (PlantctlError, OSError):
            result.StatusCode = ua.StatusCode(codes.BadResourceUnavailable)
            return result
        if answer.rest is not None:
            result.ContinuationPoint = self._point(node, answer.rest)
        result.HistoryData = ua.HistoryData(DataValues=answer.values)
        if not answer.values:
            result.StatusCode = ua.StatusCode(codes.GoodNoData)
        return result

    # -- the question

    @staticmethod
    def _span(details: Any) -> Span | None:
        """The span that is asked for; None where it is none: two of begin, end and a number of values are due."""
        begin, end = _time_ns(details.StartTime), _time_ns(details.EndTime)
        left = int(details.NumValuesPerNode or 0)
        if (begin is None) + (end is None) + (not left) > 1:
            return None
        if begin is None:
            assert end is not None
            return Span(end, 0, left, bool(details.ReturnBounds))
        if end is None:
            end = 2**62
        if begin == end:
            end = begin + 1
        return Span(begin, end, left, bool(details.ReturnBounds))

    def _point(self, node: Node, span: Span) -> bytes:
        data = _POINT.pack(span.begin_ns, span.end_ns, span.left, span.bounds, span.skip_ns) + span.token.encode()
        return data + self._proof(node, data)

    def _resumed(self, node: Node, point: bytes) -> Span | None:
        data, proof = bytes(point)[:-_PROOF], bytes(point)[-_PROOF:]
        known = _POINT.size <= len(data) <= _POINT.size + _TOKEN_MAX
        if not known or not hmac.compare_digest(proof, self._proof(node, data)):
            return None
        begin_ns, end_ns, left, bounds, skip_ns = _POINT.unpack_from(data)
        return Span(begin_ns, end_ns, left, bool(bounds), skip_ns, data[_POINT.size :].decode())

    def _proof(self, node: Node, data: bytes) -> bytes:
        return hmac.digest(self._key, node.id.encode() + b"\0" + data, hashlib.sha256)[:_PROOF]

    # -- the answer

    def _answer(self, node: Node, span: Span, page: int) -> Answer:
        if self._history is None:
            self._history = self._opened()
        history, tag = self._history, self._tree.point(node).name
        self._newest_ns = history.newest_ns() or 0
        most = min(span.left or page, page)
        if span.end_ns >= span.begin_ns:
            return self._forwards(history, node, tag, span, most)
        return self._backwards(history, node, tag, span, most)

    def _forwards(self, history: History, node: Node, tag: str, span: Span, most: int) -> Answer:
        # By places in the record: by times, points would come twice or not at all where UTC was set back.
        found = history.page(tag, span.begin_ns, span.end_ns, most, span.token)
        series = found.series
        rows = self._rows(node, series, span.begin_ns)
        before = bool(len(series.utc_ns)) and int(series.utc_ns[0]) < span.begin_ns
        if before and not span.bounds:
            # What was in force before is no value of the span, but the gap behind it is.
            rows = [row for row in rows if row[0] >= span.begin_ns]
        elif span.bounds and not span.token and not before and (not rows or rows[0][0] > span.begin_ns):
            rows.insert(0, (span.begin_ns, _no_bound(span.begin_ns)))
        if span.left:
            rows = rows[: span.left]
        left = span.left - len(rows) if span.left else 0
        going_on = not span.left or left > 0
        if found.token and going_on:
            return Answer([value for _, value in rows], span._replace(left=left, token=found.token))
        if span.bounds and not found.token and going_on:
            rows.append(self._bound(history, node, tag, span.end_ns))
        return Answer([value for _, value in rows], None)

    def _bound(self, history: History, node: Node, tag: str, at_ns: int) -> tuple[int, Told]:
        """The first value at or behind the end of a span."""
        if self._newest_ns >= at_ns:
            series = history.raw(tag, at_ns, self._newest_ns + 1, 1)
            rows = [row for row in self._rows(node, series, at_ns) if row[0] >= at_ns]
            if rows:
                return rows[0]
        return at_ns, _no_bound(at_ns)

    def _backwards(self, history: History, node: Node, tag: str, span: Span, most: int) -> Answer:
        """The newest first: window by window, each twice as long as the one behind it."""
        extent = history.extent_ns()
        first_ns = max(span.end_ns, extent[0] if extent else span.begin_ns)
        high_ns = min(span.begin_ns + 1, (extent[1] + 1) if extent else span.begin_ns)
        if span.skip_ns:
            high_ns = min(high_ns, span.skip_ns)
        found: list[tuple[int, Told]] = []
        width_ns = FIRST_WINDOW_NS
        while high_ns > first_ns and len(found) <= most:
            low_ns = max(first_ns, high_ns - width_ns)
            rows = self._all(history, node, tag, low_ns, high_ns)
            found += reversed(rows)
            high_ns, width_ns = low_ns, min(4 * width_ns if len(rows) < most else width_ns, WINDOW_MAX_NS)
        page = found[:most]
        left = span.left - len(page) if span.left else 0
        more = len(found) > most and (not span.left or left > 0)
        rest = Span(span.begin_ns, span.end_ns, left, span.bounds, page[-1][0]) if more else None
        if span.bounds and rest is None and (not span.left or left > 0):
            state = history.at(tag, [max(0, span.end_ns)])[0]
            if state is not None and (not page or state.utc_ns < page[-1][0]):
                page.append((state.utc_ns, self._told(node, state.value, state.quality, state.source_ns, state.utc_ns)))
        return Answer([value for _, value in page], rest)

    def _all(self, history: History, node: Node, tag: str, low_ns: int, high_ns: int) -> list[tuple[int, Told]]:
        """Every value of a window."""
        rows: list[tuple[int, Told]] = []
        while low_ns < high_ns:
            series = history.raw(tag, low_ns, high_ns, PAGE_MAX)
            rows += [row for row in self._rows(node, series, low_ns) if row[0] >= low_ns]
            low_ns = series.end_ns if series.truncated else high_ns
        return rows

    def _rows(self, node: Node, series: Series, begin_ns: int) -> list[tuple[int, Told]]:
        """Values with their times; where the record breaks off and goes on later, one that says so."""
        rows: list[tuple[int, Told]] = []
        columns = (series.utc_ns, series.until_ns, series.value, series.quality, series.source_ns)
        told_of = [column.tolist() for column in columns]
        for k, (utc_ns, until_ns, value, quality, source_ns) in enumerate(zip(*told_of, strict=True)):
            rows.append((utc_ns, self._told(node, value, quality, source_ns, utc_ns)))
            next_ns = told_of[0][k + 1] if k + 1 < len(told_of[0]) else series.end_ns
            # Behind the last value that is known, in microseconds as all times are told.
            lost_ns = max(until_ns, utc_ns + 1_000)
            if begin_ns <= lost_ns < min(next_ns, self._newest_ns):
                rows.append((lost_ns, _lost(lost_ns)))
        return rows

    def _told(self, node: Node, value: float, quality: int, source_ns: int, utc_ns: int) -> Told:
        words = len(self._tree.words(node))
        scanned = utc_of(utc_ns)
        return told(value, quality, utc_of(source_ns) if source_ns else scanned, scanned, words=words)


def _time_ns(when: Any) -> int | None:
    """A time that is given; None for one that stands for none."""
    if when is None or when.replace(tzinfo=None) < _NEVER:
        return None
    return max(0, ns_of(when))


def _lost(at_ns: int) -> Told:
    return _marked(at_ns, ua.StatusCodes.BadDataLost)


def _no_bound(at_ns: int) -> Told:
    return _marked(at_ns, ua.StatusCodes.BadBoundNotFound)


def _marked(at_ns: int, code: int) -> Told:
    when: Any = utc_of(at_ns)
    return Told(ua.Variant(None, ua.VariantType.Null), ua.StatusCode(code), when, when)
