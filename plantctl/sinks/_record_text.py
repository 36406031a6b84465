"""Times and transitions as text, the same in every sink that sends JSON."""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from plantctl.core.batch import Batch

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_S: Final = 1_000_000_000


def time_text(utc_ns: int) -> str:
    """UTC ns in the form of RFC 3339, to the nanosecond."""
    return f"{_second_text(utc_ns // _S)}.{utc_ns % _S:09d}Z"


@lru_cache(maxsize=64)
def _second_text(utc_s: int) -> str:
    return f"{_EPOCH + timedelta(seconds=utc_s):%Y-%m-%dT%H:%M:%S}"


def transition_text(batch: Batch, index: int, recording: str = "") -> str:
    """A transition of the batch as a JSON object; what is empty is left out.

    It is itself by `recording`, `frame` and `place`.
    """
    event = batch.events[index]
    told = {
        "t": time_text(event.utc_ns),
        "kind": event.kind.word,
        "target": event.target,
        "old": event.old_text,
        "new": event.new_text,
        "actor": event.actor,
        "reason": event.reason,
        "src": time_text(event.source_ns) if event.source_ns else "",
        "scan": event.scan,
        "recording": recording,
        "frame": batch.event_sequences[index],
        "place": batch.places()[index],
    }
    return json.dumps({key: value for key, value in told.items() if value != ""}, separators=(",", ":"))
