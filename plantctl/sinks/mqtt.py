"""Sends rows and transitions to a broker as JSON, one topic a point, for whoever reads plain MQTT.

    plant/demo/40-TI-4216   {"t":"2026-11-23T06:00:00.200000000Z","v":80.1,"q":"good","unit":"degC"}
    plant/demo/events       {"t":"...","kind":"alarm","target":"40-TI-4216.high","old":"0","new":"1",...}
    plant/demo/status       {"online":true}

Each row is a message of its own at QoS 1, in the order of the log; a batch has arrived when the broker has
acknowledged all of its messages. The last value of a point is retained, so that whoever subscribes sees it at once;
what is historical never is. A row is itself by its topic and its `t`: it may come twice, and is then the same. After a
lost connection the last seconds before it come again (`settle`), since the broker may have forgotten them.
"""

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.quality import describe
from plantctl.sinks._mqtt_link import Link
from plantctl.sinks._mqtt_settings import MqttSettings, Sent
from plantctl.sinks._record_text import time_text, transition_text
from plantctl.sinks._sink import SinkPlace, SinkRejected, SinkUnreachable

EVENTS: Final = "events"
STATUS: Final = "status"
ONLINE: Final = b'{"online":true}'
OFFLINE: Final = b'{"online":false}'
# What would be levels or wildcards of a topic, and the sign that stands before their codes.
_IN_LEVEL: Final = {ord(sign): f"%{ord(sign):02X}" for sign in "%/+#"} | {code: f"%{code:02X}" for code in range(0x20)}


def _prefix(text: str) -> str:
    """The first levels of a topic; raises ValueError."""
    levels = text.split("/")
    if not text.isprintable() or set(text) & set("+#") or text.startswith("$") or not all(levels) or len(text) > 1_000:
        raise ValueError(f"`{text}` cannot stand before a topic; write it as `works/north`")
    return text


class Config(MqttSettings):
    """The broker, and `prefix`, which stands before the plant's name in every topic."""

    prefix: Annotated[str, AfterValidator(_prefix)] = "plant"
    batch: Annotated[int, Field(ge=1, le=100_000)] = 1_000


class Sink:
    """Plain JSON to the broker of `config`."""

    settings: Config

    def __init__(self, place: SinkPlace, config: Config) -> None:
        self.settings = config
        self._place = place
        self._root = f"{config.prefix}/{level(place.plant)}"
        self.link = 0  # a connection that is lost is an error at the next write
        self._link: Link | None = None
        # What a point's messages begin with, as long as its label is the same.
        self._heads: dict[int, tuple[PointLabel, str, str]] = {}

    async def open(self) -> None:
        """Connect and say so; raises as `Link.open`."""
        status = f"{self._root}/{STATUS}"
        self._link = Link(self._place, self.settings, Sent(status, OFFLINE, True))
        await self._link.open()
        await self._link.publish([Sent(status, ONLINE, True)], 1)

    async def write(self, batch: Batch) -> None:
        """Send the batch; returns when the broker has acknowledged all of it.

        A row of a point without a name is left out and named in a SinkRejected when the rest has arrived.
        """
        if self._link is None:
            raise SinkUnreachable("not connected")
        nameless: list[int] = []
        await self._link.publish(self._messages(batch, nameless), 1)
        if nameless:
            raise SinkRejected("a point without a name", nameless)

    async def close(self) -> None:
        """Say that we are gone, and go."""
        link, self._link = self._link, None
        if link is not None:
            await link.close(Sent(f"{self._root}/{STATUS}", OFFLINE, True))

    def _messages(self, batch: Batch, nameless: list[int]) -> Iterator[Sent]:
        """The messages of a batch, oldest first, transitions before the rows of the same time.

        The positions of rows that have no name are added to `nameless`.
        """
        columns = (batch.utc_ns, batch.tag, batch.value, batch.quality, batch.source_ns)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        newest = {} if batch.historical else {point: row for row, point in enumerate(batch.tag.tolist())}
        end = ',"historical":true}' if batch.historical else "}"
        told = 0
        for row, (utc_ns, point, value, quality, source_ns) in enumerate(rows):
            while told < len(batch.events) and batch.events[told].utc_ns <= utc_ns:
                yield self._transition(batch, told, end)
                told += 1
            head = self._head(batch, point)
            if head is None:
                nameless.append(len(batch.events) + row)
                continue
            label, topic, unit = head
            source = f',"src":"{time_text(source_ns)}"' if source_ns else ""
            if batch.samples:
                of = batch.samples[row]._asdict().items()
                source += "".join(f',"{name}":{json.dumps(text)}' for name, text in of if text)
            text = f'{{"t":"{time_text(utc_ns)}",{_value(label, value)},"q":"{_words(quality)}"{unit}{source}{end}'
            yield Sent(topic, text.encode(), newest.get(point) == row)
        for place in range(told, len(batch.events)):
            yield self._transition(batch, place, end)

    def _head(self, batch: Batch, point: int) -> tuple[PointLabel, str, str] | None:
        """Label, topic and unit of a point of the batch; None for one without a name."""
        label = batch.label(point, self._place.labels)
        if label is None:
            return None
        head = self._heads.get(point)
        if head is None or head[0] is not label:
            unit = f',"unit":{json.dumps(label.unit)}' if label.unit else ""
            head = self._heads[point] = (label, f"{self._root}/{level(label.name)}", unit)
        return head

    def _transition(self, batch: Batch, place: int, end: str) -> Sent:
        return Sent(
            f"{self._root}/{EVENTS}", f"{transition_text(batch, place, self._place.recording)[:-1]}{end}".encode()
        )


def level(name: str) -> str:
    """A name as one level of a topic: slashes, wildcards and control characters by their code, as `%2F`."""
    text = name.translate(_IN_LEVEL)
    return f"%{ord(text[0]):02X}{text[1:]}" if text in (EVENTS, STATUS) or text[:1] == "$" else text


@lru_cache(maxsize=1024)
def _words(quality: int) -> str:
    return describe(quality)


def _value(label: PointLabel, value: float) -> str:
    """`"v"` and, where the value has a word, `"word"`: a number that is none is null, infinity by its word alone."""
    if not math.isfinite(value):
        return '"v":null' if math.isnan(value) else f'"v":null,"word":"{value}"'
    number = int(value) if label.whole and value == int(value) else value
    if label.words and number == int(number) and 0 <= number < len(label.words):
        return f'"v":{number!r},"word":{json.dumps(label.words[int(number)])}'
    return f'"v":{number!r}'
