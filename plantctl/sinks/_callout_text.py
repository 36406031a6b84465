"""What a person is told of alarms: the same words for mail and webhook."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plantctl.core.feed import AlarmLabel
from plantctl.sinks._callout_book import Telling
from plantctl.sinks._record_text import time_text

LISTED_MAX: Final = 50
SAID: Final = {
    "unack": "ALARM",
    "acked": "acknowledged",
    "rtn": "returned, not acknowledged",
    "latched": "returned, not acknowledged, to be reset",
    "normal": "over",
    "latched-acked": "acknowledged, to be reset",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `id` is the same for the same contents, `tellings` is empty in a test."""

    id: str
    plant: str
    person: str
    subject: str
    body: str
    told: Mapping[str, Any]

    def json(self) -> bytes:
        """The message for a webhook."""
        return json.dumps(self.told, ensure_ascii=False, separators=(",", ":")).encode()


def message(
    plant: str,
    person: str,
    tellings: Sequence[Telling],
    labels: Mapping[str, AlarmLabel],
    now_ns: int,
    waiting: int,
) -> Message:
    """What `person` is told now; a test where there is nothing to tell."""
    alarms = [_told(telling, labels.get(telling.target)) for telling in tellings[:LISTED_MAX]]
    more = max(0, len(tellings) - LISTED_MAX)
    contents = json.dumps([person, now_ns if not alarms else 0, [list(t) for t in tellings]])
    number = hashlib.sha256(f"{plant} {contents}".encode()).hexdigest()[:32]
    told = {
        "id": number,
        "plant": plant,
        "to": person,
        "t": time_text(now_ns),
        "test": not alarms,
        "alarms": alarms,
        "more": more,
        "waiting": waiting,
    }
    lines = [_lines(each) for each in alarms] or ["This is a test: whoever reads it would be told of alarms as well.\n"]
    lines += [f"and {more} more\n"] if more else []
    lines += [f"{waiting} alarms of {plant} are not acknowledged now.\n"]
    return Message(number, plant, person, _subject(plant, alarms, len(tellings)), "\n".join(lines), told)


def _told(telling: Telling, label: AlarmLabel | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "alarm": telling.target,
        "state": telling.state,
        "again": telling.again,
        "came": time_text(telling.came_ns),
        "since": time_text(telling.changed_ns),
        "by": telling.actor,
    }
    return told if label is None else told | {k: v for k, v in label._asdict().items() if v not in ("", 0)}


def _subject(plant: str, alarms: Sequence[Mapping[str, Any]], count: int) -> str:
    if not alarms:
        return f"[{plant}] test of the call-out"
    # What asks for somebody goes before what is over.
    first = min(alarms, key=lambda each: (each["state"] != "unack", each.get("priority", 0)))
    more = f" and {count - 1} more" if count > 1 else ""
    text = first.get("text", "")
    what = f"[{plant}] {SAID[first['state']]}: {first['alarm']}{f' {text}' if text else ''}{more}"
    return " ".join("".join(sign if sign.isprintable() else " " for sign in what).split())[:200]


def _lines(told: Mapping[str, Any]) -> str:
    head = f"{SAID[told['state']]}{' (told before)' if told['again'] else ''}: {told['alarm']} {told.get('text', '')}"
    lines = [head.rstrip(), f"  came     {told['came']}"]
    if told["state"] != "unack":
        by = f" by {told['by']}" if told["by"] else ""
        lines.append(f"  since    {told['since']}{by}")
    lines += [
        f"  {key:<8} {told[key]}" for key in ("priority", "limit", "cause", "effect", "response") if told.get(key)
    ]
    return "\n".join(lines) + "\n"
