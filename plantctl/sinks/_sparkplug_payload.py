"""What a Sparkplug B message holds, to bytes and back.

A payload is a list of metrics with a time and a number in the sequence; a metric has a name, an alias (the number that
stands for the name once a birth has told both), a time, a type and a value, or the word that there is none. On the wire
it is a Protocol Buffers message whose fields are fixed by the specification (Eclipse Sparkplug 3.0, chapter 6), and the
form is built here from those numbers. Fields that a plant never sends (data sets, templates, files) are not in it: they
are skipped in what others send.

Rules of the file: bytes from outside are hostile; whatever is wrong with them is `Undecodable`, and nothing else.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from plantctl.core.errors import PlantctlError

Value = float | int | bool | str | None
BYTES_MAX: Final = 1 << 20
METRICS_MAX: Final = 100_000


class Undecodable(PlantctlError):
    """Bytes that are not a payload."""


class DataType(IntEnum):
    """The types of the specification that have one plain value."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


# Which field holds a value of the type; a field carries no sign, so the signed types say their width.
_FIELD: Final = {
    DataType.INT8: "int_value",
    DataType.INT16: "int_value",
    DataType.INT32: "int_value",
    DataType.INT64: "long_value",
    DataType.UINT8: "int_value",
    DataType.UINT16: "int_value",
    DataType.UINT32: "int_value",
    DataType.UINT64: "long_value",
    DataType.FLOAT: "float_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
    DataType.DATE_TIME: "long_value",
    DataType.TEXT: "string_value",
    DataType.UUID: "string_value",
}
# The bits of each signed type.
_SIGNED: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a payload. `time_ms` is UTC; `value` None is sent as null; `properties` say more of it.

    `properties` hold text, booleans, floats and whole numbers (32 bits, signed).
    """

    name: str = ""
    alias: int | None = None
    time_ms: int | None = None
    datatype: DataType | None = None
    value: Value = None
    historical: bool = False
    transient: bool = False
    properties: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Payload:
    """A message: when it was sent (ms, UTC), its number in the sequence (None in a death), what it says."""

    time_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...] = ()


# ---- the form

_F: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "string": _F.TYPE_STRING,
    "uint32": _F.TYPE_UINT32,
    "uint64": _F.TYPE_UINT64,
    "float": _F.TYPE_FLOAT,
    "double": _F.TYPE_DOUBLE,
    "bool": _F.TYPE_BOOL,
    "bytes": _F.TYPE_BYTES,
}
_PLAIN: Final = "int:uint32 long:uint64 float:float double:double boolean:bool string:string"


def _values(first: int) -> str:
    """The alternatives of a value: one plain field for each kind, numbered from `first`."""
    plain = (word.split(":") for word in _PLAIN.split())
    return " ".join(f"{name}_value:{kind}:{first + i}:one" for i, (name, kind) in enumerate(plain))


# Each word is field:type:number; `many` and `one` (of several) behind it say how often.
_FORM: Final = {
    "Payload": "timestamp:uint64:1 metrics:Metric:2:many seq:uint64:3 uuid:string:4 body:bytes:5",
    "Metric": "name:string:1 alias:uint64:2 timestamp:uint64:3 datatype:uint32:4 is_historical:bool:5 "
    "is_transient:bool:6 is_null:bool:7 properties:PropertySet:9 " + _values(10) + " bytes_value:bytes:16:one",
    "PropertySet": "keys:string:1:many values:PropertyValue:2:many",
    "PropertyValue": "type:uint32:1 is_null:bool:2 " + _values(3),
}


def _form() -> type[Any]:
    """The class of payloads, built from `_FORM`."""
    package = "plantctl.sparkplug"
    file = descriptor_pb2.FileDescriptorProto(name="plantctl/sparkplug", package=package, syntax="proto2")
    for message, fields in _FORM.items():
        shape = file.message_type.add(name=message)
        for word in fields.split():
            name, kind, number, *often = word.split(":")
            entry = shape.field.add(name=name, number=int(number))
            entry.label = _F.LABEL_REPEATED if "many" in often else _F.LABEL_OPTIONAL
            if kind in _SCALARS:
                entry.type = _SCALARS[kind]
            else:
                entry.type, entry.type_name = _F.TYPE_MESSAGE, f".{package}.{kind}"
            if "one" in often:
                if not shape.oneof_decl:
                    shape.oneof_decl.add(name="value")
                entry.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made: type[Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.Payload"))
    return made


_Wire: Final = _form()
_PropertySet: Final = message_factory.GetMessageClass(
    _Wire.DESCRIPTOR.fields_by_name["metrics"].message_type.fields_by_name["properties"].message_type
)


# ---- to bytes


def fits(value: Value, datatype: DataType) -> bool:
    """Whether the type can hold the value exactly; None always fits, a float is told to any number of digits."""
    if value is None:
        return True
    if isinstance(value, str):
        return _FIELD[datatype] == "string_value"
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        return True
    if _FIELD[datatype] == "string_value" or not math.isfinite(value) or value != int(value):
        return False
    low, high = _range(datatype)
    return low <= value <= high


def encode(payload: Payload, *, names: bool = True) -> bytes:
    """The payload as it is sent. Without `names` a metric that has an alias is told by it alone, as data are.

    Raises ValueError for a value that its type cannot hold and for a metric with a value and without a type.
    """
    wire = _Wire()
    if payload.time_ms is not None:
        wire.timestamp = payload.time_ms
    if payload.seq is not None:
        wire.seq = payload.seq
    add = wire.metrics.add
    for metric in payload.metrics:
        _put(add(), metric, names)
    return bytes(wire.SerializeToString())


def _put(wire: Any, metric: Metric, names: bool) -> None:
    if metric.alias is None or names:
        wire.name = metric.name
    if metric.alias is not None:
        wire.alias = metric.alias
    if metric.time_ms is not None:
        wire.timestamp = metric.time_ms
    if metric.datatype is not None:
        wire.datatype = int(metric.datatype)
    if metric.historical:
        wire.is_historical = True
    if metric.transient:
        wire.is_transient = True
    if metric.properties:
        values = tuple(metric.properties.values())
        wire.properties.CopyFrom(_property_set(tuple(metric.properties), values, tuple(map(type, values))))
    if metric.value is None:
        wire.is_null = True
    elif metric.datatype is DataType.DOUBLE:
        wire.double_value = metric.value
    else:
        _put_value(wire, metric)


def _put_value(wire: Any, metric: Metric) -> None:
    datatype, value = metric.datatype, metric.value
    if datatype is None or value is None or not fits(value, datatype):
        raise ValueError(
            f"{metric.name or metric.alias}: {value!r} is no {datatype.name if datatype else 'known type'}"
        )
    name = _FIELD[datatype]
    if isinstance(value, str):
        wire.string_value = value
    elif name == "float_value":
        wire.float_value = value
    elif name == "boolean_value":
        wire.boolean_value = bool(value)
    else:
        setattr(wire, name, int(value) & (2 ** (64 if name == "long_value" else 32) - 1))


@lru_cache(maxsize=1024)
def _property_set(keys: tuple[str, ...], values: tuple[Value, ...], _: tuple[type, ...]) -> Any:
    """Properties as they are sent: few sets are, over and over. The types tell 1 from true where they are kept."""
    wire = _PropertySet()
    for key, value in zip(keys, values, strict=True):
        wire.keys.append(key)
        entry = wire.values.add()
        if isinstance(value, bool):
            entry.type, entry.boolean_value = int(DataType.BOOLEAN), value
        elif isinstance(value, int):
            entry.type, entry.int_value = int(DataType.INT32), value & 0xFFFF_FFFF
        elif isinstance(value, float):
            entry.type, entry.double_value = int(DataType.DOUBLE), value
        else:
            entry.type = int(DataType.STRING)
            if value is None:
                entry.is_null = True
            else:
                entry.string_value = value
    return wire


def _range(datatype: DataType) -> tuple[int, int]:
    """The least and the greatest whole number of a type."""
    if datatype is DataType.BOOLEAN:
        return 0, 1
    if datatype in _SIGNED:
        bits = _SIGNED[datatype]
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    bits = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32}.get(datatype, 64)
    return 0, 2**bits - 1


# ---- and back


def decode(data: bytes, types: Mapping[int | str, DataType] | None = None) -> Payload:
    """The payload in `data`. `types` are those that a birth told, by alias or name, for data that do not repeat them.

    A value of a type that is not known stays without a sign; one of a kind that is not in `DataType` is None. Raises
    Undecodable.
    """
    if len(data) > BYTES_MAX:
        raise Undecodable(f"{len(data)} bytes are more than a payload may have")
    wire = _Wire()
    try:
        wire.ParseFromString(data)
    except DecodeError as fault:
        raise Undecodable(f"no payload: {fault}") from None
    if len(wire.metrics) > METRICS_MAX:
        raise Undecodable(f"{len(wire.metrics)} metrics are more than a payload may have")
    return Payload(
        wire.timestamp if wire.HasField("timestamp") else None,
        wire.seq if wire.HasField("seq") else None,
        tuple(_get(metric, types or {}) for metric in wire.metrics),
    )


def _get(wire: Any, types: Mapping[int | str, DataType]) -> Metric:
    alias = wire.alias if wire.HasField("alias") else None
    if wire.HasField("datatype"):
        known = wire.datatype in DataType._value2member_map_
        datatype = DataType(wire.datatype) if known else None
    else:
        datatype = types.get(wire.name) if wire.name else types.get(-1 if alias is None else alias)
    held = wire.WhichOneof("value")
    value = None if wire.is_null or held in (None, "bytes_value") else _text(getattr(wire, held))
    if datatype in _SIGNED and isinstance(value, int):
        value = _with_sign(value, _SIGNED[datatype])
    if len(wire.properties.keys) != len(wire.properties.values):
        raise Undecodable("properties without names or values")
    properties = dict(zip(map(_text, wire.properties.keys), map(_property, wire.properties.values), strict=True))
    return Metric(
        _text(wire.name),
        alias,
        wire.timestamp if wire.HasField("timestamp") else None,
        datatype,
        value,
        wire.is_historical,
        wire.is_transient,
        properties,
    )


def _property(wire: Any) -> Value:
    held = wire.WhichOneof("value")
    if wire.is_null or held is None:
        return None
    value: Value = _text(getattr(wire, held))
    known = wire.type in DataType._value2member_map_
    if known and DataType(wire.type) in _SIGNED and isinstance(value, int):
        return _with_sign(value, _SIGNED[DataType(wire.type)])
    return value


def _text(value: Any) -> Any:
    """The value; the library gives text that is not UTF-8 as bytes."""
    if isinstance(value, bytes):
        raise Undecodable("text that is not UTF-8")
    return value


def _with_sign(value: int, bits: int) -> int:
    """A whole number as its type means it: some senders fill the field with the sign, some the type alone."""
    value &= 2**bits - 1
    return value - 2**bits if value >> (bits - 1) else value


def death(time_ms: int, bd_seq: int) -> bytes:
    """What the broker says for us when we are gone: the number of the birth that ends."""
    return encode(Payload(time_ms, None, (bd_seq_metric(time_ms, bd_seq),)))


def bd_seq_metric(time_ms: int, bd_seq: int) -> Metric:
    """The metric that ties a birth to its death."""
    return Metric("bdSeq", None, time_ms, DataType.INT64, bd_seq)


def by_time(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """In the order of their times, as births and data must be; what has the same time keeps its order."""
    return tuple(sorted(metrics, key=lambda metric: metric.time_ms or 0))
