"""Rows and transitions as lines of InfluxDB's line protocol: columns of numbers in, bytes out.

A row becomes one line of the measurement, and so does a transition, of a measurement of its own:

    plant,plant=demo,point=40-AIC-4212,unit=pH quality=0i,value=7.01,source=1763880000120000000i 1763880000200000000
    plant_event,kind=alarm,plant=demo,target=40-AIC-4212.high sequence=812i,place=0i,scan=4711i,old=0.0,new=1.0 1763...

Rules of the file. One record is one line, in the order of the batch, transitions first: the number of a line is the
record. A row is itself by its point, its unit and the time of its scan, so that writing it twice leaves it once. A
transition has its place among those of its frame added to its time, in nanoseconds: two of one scan are two. A value
that is not a finite number is no field; its quality is. Values are always floats and qualities always integers, since
a database refuses a field that changes its type. Line breaks and backslashes, which the protocol cannot carry in a
name (servers differ on a backslash, VictoriaMetrics breaks a line inside quotes), become the pictures of themselves.

Source: line protocol reference of InfluxDB 2.7; models/points.go of InfluxDB 1.8 and lib/protoparser/influx of
VictoriaMetrics 1.79 for what the servers make of it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.batch import Batch, PointLabel, PointLabels, SampleLabel
from plantctl.core.event import Event, spoken
from plantctl.core.quality import FORCED, SIMULATED

HEADS_MAX: Final = 200_000
_PICTURES: Final[dict[int, str]] = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_IN_MEASUREMENT: Final = _PICTURES | {ord("\\"): "⧵", ord(","): "\\,", ord(" "): "\\ "}
_IN_NAME: Final = _IN_MEASUREMENT | {ord("="): "\\="}
_IN_STRING: Final = _PICTURES | {ord("\\"): "\\\\", ord('"'): '\\"'}

# The key of a head: the point, whether its value is a finite number, its quality.
_TAG_SHIFT: Final = 17
_NO_VALUE: Final = 1 << 16
_QUALITY: Final = 0xFFFF


def measurement_text(name: str) -> str:
    """A measurement's name in a line. Raises ValueError where there is none, or a `#`, which makes a line a remark."""
    if not name or name.startswith("#"):
        raise ValueError(f"`{name}` is no name for a measurement")
    return _utf8(name).translate(_IN_MEASUREMENT)


def name_text(name: str) -> str:
    """The key or the value of a tag, or the key of a field, in a line; empty stays empty, and must be left out."""
    return _utf8(name).translate(_IN_NAME)


def string_text(text: str) -> str:
    """A string field in a line, with its quotes."""
    return f'"{_utf8(text).translate(_IN_STRING)}"'


def _utf8(text: str) -> str:
    """`text` with `?` for what UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(slots=True)
class _Heads:
    """The beginnings of lines, by point and quality; `otherwise` is how some points are called in them."""

    otherwise: PointLabels
    texts: dict[int, bytes] = field(default_factory=dict)
    in_words: dict[int, tuple[str, ...]] = field(default_factory=dict)
    word_tags: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))


class LineEncoder:
    """The lines of batches of one plant. `labels` may grow and change; what a batch calls otherwise is called so.

    `measurement` is the name of rows, `measurement`_event that of transitions. With `text`, what has words is sent in
    words as well (the field `word` of enumerations; sample and lot of a laboratory's value; words, actor and reason of
    transitions, and which `recording` it is whose frames they count).
    """

    def __init__(
        self, measurement: str, plant: str, labels: PointLabels, *, text: bool = True, recording: str = ""
    ) -> None:
        import msgspec

        self._number_texts: Callable[[Any], bytes] = msgspec.json.Encoder().encode
        self._rows_of = measurement_text(measurement) + _tags(plant=plant)
        self._events_of = measurement_text(f"{measurement}_event")
        self._plant = plant
        self._labels = labels
        self._seen: list[PointLabel] = []
        self._text = text
        self._recording = recording
        self._known: dict[int, _Heads] = {}  # by plan, for batches that call points otherwise; 0 for all others
        self._now = _Heads({})

    def lines(self, batch: Batch) -> bytes:
        """The batch, one line a record, each with its end. Raises KeyError for a point without a label."""
        # Here and not behind the points, so that a database that takes lines one by one has the transition first.
        events = [
            self._event_line(event, sequence, place)
            for event, sequence, place in zip(batch.events, batch.event_sequences, batch.places(), strict=True)
        ]
        return b"".join([*events, self._row_lines(batch)]) if events else self._row_lines(batch)

    # ---- rows

    def _row_lines(self, batch: Batch) -> bytes:
        count = batch.rows
        if not count:
            return b""
        self._turn_to(batch)
        # Pieces of lines, one kind after the other, each for all rows at once: the loops are those of the interpreter.
        without = ~np.isfinite(batch.value)
        pieces: list[bytes] = [b""] * (4 * count)
        pieces[0::4] = self._row_heads(batch, without)
        pieces[1::4] = self._values(batch.value, without)
        pieces[2::4] = self._sources(batch.source_ns)
        if batch.samples and self._text:
            pieces[2::4] = [piece + _sample_fields(of) for piece, of in zip(pieces[2::4], batch.samples, strict=True)]
        pieces[3::4] = _ends(batch.utc_ns)
        return b"".join(pieces)

    def _row_heads(self, batch: Batch, without: npt.NDArray[np.bool_]) -> list[bytes]:
        """Everything up to the value's number: names, quality, what is to be said of it."""
        keys = (batch.tag.astype(np.int64) << _TAG_SHIFT) | np.where(without, _NO_VALUE, 0) | batch.quality
        keys_of = keys.tolist()
        heads = self._now.texts
        try:
            found = [heads[key] for key in keys_of]
        except KeyError:
            for key in dict.fromkeys(keys_of):
                if key not in heads:
                    heads[key] = self._head(key)
            self._now.word_tags = np.fromiter(self._now.in_words, np.uint32, len(self._now.in_words))
            found = [heads[key] for key in keys_of]
        if len(self._now.word_tags):
            for row in np.flatnonzero(np.isin(batch.tag, self._now.word_tags) & ~without).tolist():
                found[row] = self._worded(keys_of[row], float(batch.value[row]))
        return found

    def _head(self, key: int, word: str = "") -> bytes:
        tag, quality = key >> _TAG_SHIFT, key & _QUALITY
        label: PointLabel = self._now.otherwise.get(tag) or self._labels[tag]
        if label.words and self._text:
            self._now.in_words[tag] = label.words
        fields = f"quality={quality}i"
        if quality & SIMULATED:
            fields += ",simulated=true"
        if quality & FORCED:
            fields += ",forced=true"
        if word:
            fields += f",word={string_text(word)}"
        if not key & _NO_VALUE:
            fields += ",value="
        return f"{self._rows_of}{_tags(point=label.name, unit=label.unit)} {fields}".encode()

    def _worded(self, key: int, value: float) -> bytes:
        """The head of a row of an enumeration, with its word; as it is where the value is none of them."""
        words = self._now.in_words[key >> _TAG_SHIFT]
        number = int(value) if value == int(value) else -1
        if not 0 <= number < len(words):
            return self._now.texts[key]
        # Below the keys of plain heads, which are not negative.
        own = -1 - ((key << 16) | number)
        head = self._now.texts.get(own)
        if head is None:
            head = self._now.texts[own] = self._head(key, words[number])
        return head

    def _values(self, values: npt.NDArray[np.float64], without: npt.NDArray[np.bool_]) -> list[bytes]:
        """The shortest text of each number that reads back as the same number; nothing where there is none."""
        texts = self._number_texts(values.tolist())[1:-1].split(b",")
        for row in np.flatnonzero(without).tolist():
            texts[row] = b""
        return texts

    def _sources(self, source_ns: npt.NDArray[np.int64]) -> list[bytes]:
        """The field of the device's own time, where it gave one."""
        given = np.flatnonzero(source_ns)
        if not len(given):
            return [b""] * len(source_ns)
        numbers = self._number_texts(source_ns[given].tolist())[1:-1]
        texts = (b",source=" + numbers.replace(b",", b"i\n,source=") + b"i").split(b"\n")
        if len(given) == len(source_ns):
            return texts
        fields = [b""] * len(source_ns)
        for row, text in zip(given.tolist(), texts, strict=True):
            fields[row] = text
        return fields

    def _turn_to(self, batch: Batch) -> None:
        """Take the heads that fit the batch, after forgetting all of them where any label is another one."""
        seen = list(self._labels.values())  # compared by identity, some ns a label; no two points have the same
        if seen != self._seen or sum(len(heads.texts) for heads in self._known.values()) > HEADS_MAX:
            self._seen = seen
            self._known.clear()
        plan = batch.plan_hash if batch.otherwise else 0
        known = self._known.get(plan)
        if known is None or (known.otherwise is not batch.otherwise and known.otherwise != batch.otherwise):
            known = self._known[plan] = _Heads(batch.otherwise)
        self._now = known

    # ---- transitions

    def _event_line(self, event: Event, sequence: int, place: int) -> bytes:
        fields = [f"sequence={sequence}i", f"place={place}i", f"scan={event.scan}i"]
        numbers = {name: value for name, value in _numbers(event) if math.isfinite(value)}
        fields += [f"{name}={value!r}" for name, value in numbers.items()]
        if event.source_ns:
            fields.append(f"source={event.source_ns}i")
        if self._text:
            texts = {"actor": event.actor, "reason": event.reason, "recording": self._recording}
            if event.words:
                texts |= {f"{name}_word": spoken(value, event.words) for name, value in numbers.items()}
            fields += [f"{name}={string_text(text)}" for name, text in texts.items() if text]
        tags = _tags(kind=event.kind.word, plant=self._plant, target=event.target)
        return f"{self._events_of}{tags} {','.join(fields)} {event.utc_ns + place}\n".encode()


def _tags(**values: str) -> str:
    """Tags, in the order of their keys, as servers like them; one without a value is none."""
    return "".join(f",{key}={name_text(value)}" for key, value in values.items() if value)


def _sample_fields(of: SampleLabel) -> bytes:
    """The fields that say which sample a value was found in. As tags each sample would be a series of its own."""
    told = of._asdict().items()
    return "".join(f",{name}={string_text(text)}" for name, text in told if text).encode()


def _numbers(event: Event) -> tuple[tuple[str, float], ...]:
    return ("old", float(event.old)), ("new", float(event.new))


def _ends(utc_ns: npt.NDArray[np.int64]) -> list[bytes]:
    """The time and the end of each line: rows of one scan, which stand together, have the same."""
    begins = np.concatenate(([0], np.flatnonzero(utc_ns[1:] != utc_ns[:-1]) + 1))
    counts = np.diff(begins, append=len(utc_ns)).tolist()
    ends: list[bytes] = []
    for time_ns, rows in zip(utc_ns[begins].tolist(), counts, strict=True):
        ends += [b" %d\n" % time_ns] * rows
    return ends
