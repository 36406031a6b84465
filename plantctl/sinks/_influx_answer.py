"""What an InfluxDB, a VictoriaMetrics or something in between means by its answer to a write.

Only 204 says that everything has arrived. Only an answer about the lines themselves is `SinkRejected`; it names
records where the answer does: by the number of a line (InfluxDB 3), by the text of lines that could not be read
(InfluxDB 1), or as so many that are older than the database keeps, which are the oldest of the batch (1 and 2). All
that a person must mend is `SinkNotAdmitted`, and whatever else there is may be over at the next attempt.

Sources: API references of InfluxDB 1.8, 2.7 and 3; influxd 1.6.7 as it answers (tests/interop).
"""

import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import numpy as np

from plantctl.core.batch import Batch
from plantctl.sinks._sink import SinkError, SinkNotAdmitted, SinkRejected, SinkUnreachable

ARRIVED: Final = 204
WORDS_MAX: Final = 300
AFTER_S_MAX: Final = 3_600.0
_PARTIAL: Final = "partial write"
_UNREAD: Final = "unable to parse '"
_TOO_OLD: Final = re.compile(r"points beyond retention policy dropped=([0-9]{1,9})(?![0-9])")
# Said with 400 and 500 of what the request names, not of its lines.
_OF_THE_REQUEST: Final = re.compile(
    r"(retention policy|bucket|database|organi[sz]ation|org)( name)? (is required|not found)|invalid precision", re.I
)


class Answer(NamedTuple):
    """An answer as it came: `body` is its beginning, `whole` tells whether that is all of it."""

    status: int
    body: bytes
    whole: bool = True
    retry_after: str = ""
    location: str = ""


def refusal(answer: Answer, batch: Batch, lines: bytes, utc_ns: int) -> SinkError | None:
    """What is wrong, or None where everything has arrived. `lines` is what was sent of `batch`, `utc_ns` is now."""
    status = answer.status
    if status == ARRIVED:
        return None
    told = _told(answer.body)
    words = _words(told, answer.body)
    said = f"{status}: {words}" if words else str(status)
    if 300 <= status < 400:
        where = answer.location[:WORDS_MAX] if answer.location.isprintable() else ""
        return SinkNotAdmitted(f"{status} sends us on to `{where}`, where nothing is sent: set `url` if that is right")
    if _PARTIAL in words:
        return SinkRejected(said[:WORDS_MAX], _named(told, answer, batch, lines))
    if status in (400, 422, 500) and _OF_THE_REQUEST.search(words):
        return SinkNotAdmitted(said[:WORDS_MAX])
    # Databases speak of lines in JSON. Plain words are of somebody in between: vmauth says 400 to a wrong token.
    if status == 413 or (status in (400, 422) and told):
        return SinkRejected(said[:WORDS_MAX])
    if status in (408, 429) or status >= 500:
        return SinkUnreachable(said[:WORDS_MAX], _after_s(answer.retry_after, utc_ns))
    if status >= 400:
        return SinkNotAdmitted(said[:WORDS_MAX])
    return SinkUnreachable(f"{said[:WORDS_MAX]} is not the answer of a database, which says {ARRIVED}")


def _told(body: bytes) -> dict[str, Any]:
    """The answer's object, empty where it is none."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _words(told: dict[str, Any], body: bytes) -> str:
    """What the answer says, in one line."""
    return " ".join((_said(told) or body.decode("utf-8", "replace")).split())


def _said(told: dict[str, Any]) -> str:
    return " ".join(told[key] for key in ("error", "message") if isinstance(told.get(key), str))


def _after_s(header: str, utc_ns: int) -> float | None:
    """The wait that the header `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3); None for neither."""
    if header.isascii() and header.isdigit():
        seconds = float(header[:9])
    else:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - utc_ns / 1e9
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), AFTER_S_MAX)


# ---- which records


def _named(told: dict[str, Any], answer: Answer, batch: Batch, lines: bytes) -> tuple[int, ...]:
    """The records that did not arrive where all others did; empty where the answer does not say so for sure."""
    if not answer.whole:
        return ()
    if isinstance(told.get("data"), list):
        found = list(_numbered(told["data"], len(batch)))
    else:
        text = _said(told)
        too_old = _TOO_OLD.search(text)
        found = _oldest(batch, int(too_old[1])) if too_old else list(_quoted(text, lines))
    return tuple(sorted({number for number in found if number is not None})) if None not in found else ()


def _numbered(data: list[Any], records: int) -> Iterator[int | None]:
    """InfluxDB 3: a list of lines by their numbers, from 1."""
    for entry in data:
        number = entry.get("line_number") if isinstance(entry, dict) else None
        yield number - 1 if isinstance(number, int) and 1 <= number <= records else None


def _quoted(text: str, lines: bytes) -> Iterator[int | None]:
    """InfluxDB 1: each line that cannot be read, quoted as it was sent."""
    sent = {line.decode(): number for number, line in enumerate(lines.split(b"\n")) if line}
    for quoted in text.split(_UNREAD)[1:]:
        ends = [match.start() for match in re.finditer("': ", quoted)]
        yield next((sent[quoted[:end]] for end in ends if quoted[:end] in sent), None)


def _oldest(batch: Batch, dropped: int) -> list[int | None]:
    """InfluxDB 1 and 2: so many, all older than a limit; unknown where the limit would divide records of one time."""
    told = [event.utc_ns + place for event, place in zip(batch.events, batch.places(), strict=True)]
    times = np.concatenate((np.array(told, np.int64), batch.utc_ns))
    order = np.argsort(times, kind="stable")
    if not 0 < dropped <= len(times) or (dropped < len(times) and times[order[dropped - 1]] == times[order[dropped]]):
        return [None]
    return [int(number) for number in order[:dropped]]
