"""Sparkplug payloads by the numbers of the specification, written out by hand."""

import struct

import pytest

from plantctl.sinks._sparkplug_payload import (
    BYTES_MAX,
    DataType,
    Metric,
    Payload,
    Undecodable,
    bd_seq_metric,
    by_time,
    death,
    decode,
    encode,
    fits,
)


def test_a_birth_is_the_bytes_that_the_specification_says():
    metric = Metric("40-TI-1", 7, 2, DataType.DOUBLE, 1.5, properties={"Quality": 192})
    quality = b"\x0a\x07Quality" + b"\x12\x05" + b"\x08\x03" + b"\x18\xc0\x01"
    inside = b"\x0a\x0740-TI-1" + b"\x10\x07" + b"\x18\x02" + b"\x20\x0a"
    inside += b"\x4a" + bytes([len(quality)]) + quality + b"\x69" + struct.pack("<d", 1.5)
    expected = b"\x08\x01" + b"\x12" + bytes([len(inside)]) + inside + b"\x18\x00"
    assert encode(Payload(1, 0, (metric,))) == expected


def test_data_are_told_by_their_alias_alone():
    metric = Metric("40-TI-1", 7, 2, DataType.DOUBLE, None, historical=True, transient=True)
    inside = b"\x10\x07\x18\x02\x20\x0a\x28\x01\x30\x01\x38\x01"
    assert encode(Payload(1, 255, (metric,)), names=False) == b"\x08\x01\x12\x0c" + inside + b"\x18\xff\x01"


def test_a_metric_without_alias_keeps_its_name_in_data():
    (metric,) = decode(encode(Payload(1, 0, (Metric("Journal", None, 2, DataType.STRING, "x"),)), names=False)).metrics
    assert (metric.name, metric.alias, metric.value) == ("Journal", None, "x")


def test_a_death_has_the_number_of_the_birth_and_none_of_a_sequence():
    payload = decode(death(5, 255))
    assert (payload.time_ms, payload.seq, payload.metrics) == (5, None, (bd_seq_metric(5, 255),))


@pytest.mark.parametrize("wire", [b"\x50\xff\x01", b"\x50\xff\xff\xff\xff\x0f"])
def test_a_short_negative_number_is_read_however_its_sender_filled_the_field(wire):
    inside = b"\x10\x07\x20\x01" + wire
    (metric,) = decode(b"\x12" + bytes([len(inside)]) + inside).metrics
    assert (metric.datatype, metric.value) == (DataType.INT8, -1)


def test_a_type_told_by_the_birth_gives_the_value_its_sign():
    inside = b"\x10\x07" + b"\x58" + b"\xff" * 9 + b"\x01"
    data = b"\x12" + bytes([len(inside)]) + inside
    assert decode(data, {7: DataType.INT64}).metrics[0].value == -1
    assert decode(data).metrics[0].value == 2**64 - 1


def test_properties_keep_their_types_apart():
    properties = {"a": True, "b": 1, "c": 1.0, "d": "1", "e": None}
    first = Metric("x", 1, 1, DataType.BOOLEAN, True, properties={"a": 1, "b": 1, "c": 1, "d": "1", "e": None})
    second = Metric("x", 1, 1, DataType.BOOLEAN, True, properties=properties)
    told = [list(map(type, m.properties.values())) for m in decode(encode(Payload(1, 0, (first, second)))).metrics]
    assert told == [[int, int, int, str, type(None)], [bool, int, float, str, type(None)]]


def test_fields_of_others_are_skipped():
    template = b"\x92\x01\x03\x0a\x01v"
    inside = b"\x0a\x01t\x20\x13" + template
    (metric,) = decode(b"\x12" + bytes([len(inside)]) + inside).metrics
    assert (metric.name, metric.datatype, metric.value) == ("t", None, None)


@pytest.mark.parametrize(
    ("value", "datatype", "held"),
    [
        (2.5, DataType.INT64, False),
        (float("inf"), DataType.INT64, False),
        (float("inf"), DataType.DOUBLE, True),
        (2**63, DataType.INT64, False),
        (-(2**63), DataType.INT64, True),
        (2.0, DataType.BOOLEAN, False),
        (1.0, DataType.BOOLEAN, True),
        ("x", DataType.DOUBLE, False),
        (1.0, DataType.STRING, False),
        (None, DataType.STRING, True),
    ],
)
def test_what_a_type_can_hold(value, datatype, held):
    assert fits(value, datatype) is held
    metric = Metric("x", None, 1, datatype, value)
    if held:
        assert decode(encode(Payload(1, 0, (metric,)))).metrics == (metric,)
    else:
        with pytest.raises((ValueError, TypeError)):
            encode(Payload(1, 0, (metric,)))


@pytest.mark.parametrize(
    "data",
    [
        b"\x12\x05\x0a",
        b"\xff",
        b"\x12\x04\x4a\x02\x0a\x00",
        b"\x12\x03\x0a\x01\xff",
        b"\x12\x03\x7a\x01\xff",
        bytes(BYTES_MAX + 1),
    ],
    ids=["cut", "no field", "a name without its value", "no text", "no text value", "too long"],
)
def test_what_is_no_payload(data):
    with pytest.raises(Undecodable):
        decode(data)


def test_what_has_the_same_time_keeps_its_order():
    metrics = [Metric("b", None, 2), Metric("c", None, 2), Metric("a", None, 1)]
    assert [m.name for m in by_time(metrics)] == ["a", "b", "c"]
