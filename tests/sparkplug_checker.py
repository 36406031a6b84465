"""A strict listener to one Sparkplug edge node, written from the specification (Eclipse Sparkplug 3.0) alone.

It reads the wire format itself, so that it shares no mistake with the code under test, and judges each message by what
went before it. `faults` is what is wrong, in words; `rows` is what was said. Rules in brackets are the specification's
chapters.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

INT64, DOUBLE, BOOLEAN, STRING, INT32 = 4, 10, 11, 12, 3
# The field of a metric in which a value of the type travels [6.4.16].
FIELDS = {1: 10, 2: 10, 3: 10, 4: 11, 5: 10, 6: 10, 7: 10, 8: 11, 9: 12, 10: 13, 11: 14, 12: 15, 13: 11, 14: 15}
QUALITIES = (0, 192, 500)


class Row(NamedTuple):
    """One value as it was said."""

    name: str
    time_ms: int
    value: object
    quality: int
    historical: bool


@dataclass
class Born:
    name: str
    datatype: int


def fields(data):
    """The fields of a message, (number, value) in order."""
    at = 0

    def variable():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        number, kind = divmod(variable(), 8)
        if kind == 0:
            yield number, variable()
        elif kind == 2:
            size = variable()
            if at + size > len(data):
                raise IndexError
            at += size
            yield number, data[at - size : at]
        else:
            size = {1: 8, 5: 4}[kind]
            at += size
            yield number, data[at - size : at]


class Checker:
    """Listens to the node `node` of `group`. `data_qos` 1 allows what the specification does not."""

    def __init__(self, group, node, *, data_qos=0):
        self.faults: list[str] = []
        self.rows: list[Row] = []
        self.births = self.deaths = self.messages = 0
        self._group, self._node, self._data_qos = group, node, data_qos
        self._alive = False
        self._bd_seq = None
        self._will = None
        self._seq = 0
        self._names: dict[str, int] = {}
        self._aliases: dict[int, Born] = {}
        self._newest: dict[str, int] = {}

    @property
    def alive(self):
        """Whether a host would show the node as online."""
        return self._alive

    def connected(self, topic, payload, qos, retain, clean):
        """The node's CONNECT, where it can be seen [5.4]."""
        before = self._will
        self._require(topic == f"spBv1.0/{self._group}/NDEATH/{self._node}", f"a will to {topic}")
        self._require(qos == 1 and not retain and clean, "a will that is retained or not at QoS 1, or a kept session")
        self._will = self._death(payload)
        self._require(before is None or self._will == (before + 1) % 256, f"bdSeq {self._will} behind {before}")

    def take(self, topic, payload, qos, retain):
        """A message, as it was published."""
        self.messages += 1
        parts = topic.split("/")
        kind = parts[2] if len(parts) == 4 else ""
        if parts[:2] != ["spBv1.0", self._group] or parts[3:] != [self._node]:
            self._fault(f"topic {topic}")
            return
        self._require(not retain, f"{kind} retained")
        try:
            {"NBIRTH": self._take_birth, "NDATA": self._take_data, "NDEATH": self._take_death}[kind](payload, qos)
        except (IndexError, KeyError, ValueError, struct.error) as fault:
            self._fault(f"{topic}: {type(fault).__name__} {fault}")

    # ---- messages

    def _take_birth(self, payload, qos):
        self.births += 1
        self._require(qos == 0, f"NBIRTH at QoS {qos}")
        seq, metrics = self._envelope(payload, "NBIRTH")
        self._require(seq == 0, f"NBIRTH with seq {seq}")
        self._names, self._aliases, self._seq, again = {}, {}, 0, self._alive
        said = {}
        for metric in metrics:
            name, alias = metric.get(1, b"").decode(), metric.get(2)
            self._require(name and name not in self._names, f"NBIRTH with {name!r} without a name of its own")
            self._require(4 in metric, f"{name} without datatype")
            self._names[name] = metric.get(4, 0)
            if alias is not None:
                self._require(alias not in self._aliases, f"alias {alias} twice")
                self._aliases[alias] = Born(name, metric[4])
            said[name] = (self._value(name, metric, metric[4]), metric.get(4), alias)
        self._in_order(metrics)
        bd_seq, kind, _ = said.get("bdSeq", (None, None, None))
        self._require(kind == INT64 and bd_seq in range(256), f"NBIRTH with bdSeq {bd_seq} of type {kind}")
        if self._will is not None:
            self._require(bd_seq == self._will, f"NBIRTH with bdSeq {bd_seq}, the will has {self._will}")
        if self._bd_seq is not None:
            self._require((bd_seq == self._bd_seq) == again, f"bdSeq {bd_seq} behind {self._bd_seq}, alive: {again}")
        self._require(said.get("Node Control/Rebirth") == (False, BOOLEAN, None), "Node Control/Rebirth is wrong")
        self._bd_seq, self._alive = bd_seq, True

    def _take_data(self, payload, qos):
        self._require(qos == self._data_qos, f"NDATA at QoS {qos}")
        self._require(self._alive, "NDATA of a node that is not born")
        seq, metrics = self._envelope(payload, "NDATA")
        self._seq = (self._seq + 1) % 256
        self._require(seq == self._seq, f"seq {seq} where {self._seq} is due")
        self._seq = seq
        for metric in metrics:
            self._data_metric(metric)
        self._in_order(metrics)

    def _data_metric(self, metric):
        if 2 in metric:
            self._require(1 not in metric, "a name beside an alias")
            born = self._aliases.get(metric[2])
            if born is None:
                self._fault(f"alias {metric[2]} was not born")
                return
        else:
            name = metric[1].decode()
            born = Born(name, self._names[name])
        self._require(metric.get(4, born.datatype) == born.datatype, f"{born.name} of another type than born")
        value, historical = self._value(born.name, metric, born.datatype), bool(metric.get(5, 0))
        if not historical:
            newest = self._newest.get(born.name, 0)
            self._require(metric.get(3, 0) >= newest, f"{born.name} goes back in time and is not historical")
            self._newest[born.name] = metric.get(3, 0)
        self.rows.append(Row(born.name, metric.get(3), value, self._quality(metric), historical))

    def _take_death(self, payload, qos):
        self.deaths += 1
        self._require(qos == 1, f"NDEATH at QoS {qos}")
        bd_seq = self._death(payload)
        if bd_seq == self._bd_seq:
            self._alive = False

    # ---- parts

    def _death(self, payload):
        found = list(fields(payload))
        self._require(not any(number == 3 for number, _ in found), "NDEATH with seq")
        metrics = [dict(fields(value)) for number, value in found if number == 2]
        self._require([m.get(1) for m in metrics] == [b"bdSeq"], "NDEATH with something else than bdSeq")
        self._require(metrics[0].get(4) == INT64 and 11 in metrics[0], "bdSeq is no Int64")
        return metrics[0].get(11)

    def _envelope(self, payload, kind):
        found = list(fields(payload))
        numbers = [number for number, _ in found]
        self._require(numbers.count(1) == 1, f"{kind} without timestamp")
        self._require(numbers.count(3) == 1, f"{kind} without seq")
        seq = dict(found).get(3)
        self._require(seq in range(256), f"{kind} with seq {seq}")
        return seq, [dict(fields(value)) for number, value in found if number == 2]

    def _value(self, name, metric, datatype):
        self._require(3 in metric, f"{name} without timestamp")
        self._require(datatype in FIELDS, f"{name} of type {datatype}")
        held = [number for number in metric if 10 <= number <= 19]
        if metric.get(7):
            self._require(not held, f"{name} is null and has a value")
            return None
        self._require(held == [FIELDS.get(datatype)], f"{name} of type {datatype} in {held}")
        value = metric[held[0]]
        if datatype == DOUBLE:
            return struct.unpack("<d", value)[0]
        if datatype == STRING:
            return value.decode()
        if datatype == BOOLEAN:
            return bool(value)
        return value - 2**64 if datatype == INT64 and value >= 2**63 else value

    def _quality(self, metric):
        """The property `Quality`: an Int32, of three values [6.4.14]."""
        found = list(fields(metric.get(9, b"")))
        keys = [value.decode() for number, value in found if number == 1]
        values = [dict(fields(value)) for number, value in found if number == 2]
        self._require(len(keys) == len(values), "properties without names or values")
        properties = dict(zip(keys, values, strict=False))
        if "Quality" not in properties:
            return 192
        quality = properties["Quality"].get(3)
        self._require(properties["Quality"].get(1) == INT32 and quality in QUALITIES, f"Quality {quality}")
        return quality

    def _in_order(self, metrics):
        times = [metric.get(3, 0) for metric in metrics if not metric.get(5)]
        self._require(times == sorted(times), "metrics not in the order of time")

    def _require(self, held, otherwise):
        if not held:
            self._fault(otherwise)

    def _fault(self, what):
        self.faults.append(f"message {self.messages}: {what}")
