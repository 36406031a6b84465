"""Registers to numbers and back, in every order, and what stands beside a value says about it."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.quality import BAD, GOOD, SEVERITY_MASK, SIMULATED, Reason, reason_of
from plantctl.drivers._codec import Decoder, NotRepresentable, decode, encode, text
from plantctl.drivers._modbus_item import Identity, Item, Reading
from plantctl.drivers._pack import pack

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
PI = 3.14159274101257324  # as a single


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", [0x4049, 0x0FDB]),
        ("CDAB", [0x0FDB, 0x4049]),
        ("BADC", [0x4940, 0xDB0F]),
        ("DCBA", [0xDB0F, 0x4940]),
    ],
)
def test_pi_in_the_four_orders_of_the_manuals(order, words):
    assert decode("f32", order, words) == pytest.approx(PI, abs=0)
    assert encode("f32", order, PI) == words
    assert Decoder("f32", order, [1])(np.array([7, *words], dtype=np.uint16))[0] == decode("f32", order, words)


@given(st.sampled_from(ORDERS), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_comes_back_bit_for_bit(order, number):
    words = encode("f32", order, number)
    assert struct.pack("d", decode("f32", order, words)) == struct.pack("d", number)


@given(
    st.sampled_from(["u16", "i16", "u32", "i32", "f32", "f64"]),
    st.sampled_from(ORDERS),
    st.lists(st.integers(0, 0xFFFF), min_size=12, max_size=12),
)
def test_many_at_once_are_decoded_as_one_by_one(kind, order, words):
    width = {"u16": 1, "i16": 1, "f64": 4}.get(kind, 2)
    starts = list(range(12 - width + 1))
    many = Decoder(kind, order, starts)(np.array(words, dtype=np.uint16))
    one = [decode(kind, order, words[s : s + width]) for s in starts]
    assert np.array_equal(many, np.array(one), equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("u16", 65536), ("u16", -1), ("i16", 40000), ("u32", 2**32), ("f32", 1e39), ("u16", math.nan), ("f32", math.inf)],
)
def test_what_a_register_cannot_hold_is_refused_and_not_cut(kind, number):
    with pytest.raises(NotRepresentable):
        encode(kind, "ABCD", number)


def test_text_stops_at_its_padding():
    assert text([0x5250, 0x4354, 0x2000, 0x0000]) == "RPCT"


def item(**settings):
    return Item.model_validate(settings)


def read(it, words, first=0, now_ns=0):
    layout = pack(it.spans(), gap=125)
    registers = np.zeros(layout.registers, dtype=np.uint16)
    for block, start in zip(layout.blocks, layout.starts, strict=True):
        for n in range(block.count):
            registers[start + n] = words[block.first + n - first]
    reading = Reading(it, layout)
    return reading(registers, now_ns)


ARC = {
    "address": 2092,
    "type": "f32",
    "order": "detect",
    "block": [2090, 10],
    "check": {"address": 2090, "type": "u32", "equals": 0x1000},
    "proof": {"address": 2098, "between": [12, 16]},
    "status": {"address": 2094, "type": "u32", "means": {0: "good"}},
}


def arc(value=8.25, *, unit=0x1000, status=0, aside="CDAB", order="CDAB", top=14.0):
    words = encode("u32", aside, unit) + encode("f32", order, value) + encode("u32", aside, status)
    return words + encode("f32", order, 0.0) + encode("f32", order, top)


@pytest.mark.parametrize("order", ["ABCD", "CDAB"])
def test_the_probe_is_understood_whichever_word_comes_first(order):
    value, quality, complaint = read(item(**ARC), arc(aside=order, order=order), 2090)
    assert (value, quality, complaint) == (8.25, GOOD, "")


def test_a_probe_that_swaps_only_its_floats_is_understood():
    assert read(item(**ARC), arc(aside="CDAB", order="ABCD"), 2090)[0] == 8.25


def test_a_fixed_order_with_a_proof_finds_the_swapped_float():
    value, quality, complaint = read(item(**{**ARC, "order": "CDAB"}), arc(order="ABCD"), 2090)
    assert math.isnan(value)
    assert reason_of(quality) is Reason.CONFIG
    assert "2098" in complaint


def test_a_probe_switched_to_millivolts_is_not_ph():
    value, quality, complaint = read(item(**ARC), arc(unit=0x200000), 2090)
    assert math.isnan(value)
    assert (quality & SEVERITY_MASK, reason_of(quality)) == (BAD, Reason.CONFIG)
    assert "0x200000" in complaint


def test_a_status_other_than_good_is_the_devices_word():
    value, quality, _ = read(item(**ARC), arc(status=16), 2090)
    assert value == 8.25
    assert reason_of(quality) is Reason.DEVICE


def test_nan_of_the_device_is_bad_whatever_its_status_says():
    assert read(item(**ARC), _with_nan(), 2090)[1] & SEVERITY_MASK == BAD


def _with_nan():
    words = arc()
    words[2:4] = [0, 0x7FC0]
    return words


@pytest.mark.parametrize(("said", "severity"), [(0, 0), (1, 1), (2, 2), (3, 2), (77, 2)])
def test_a_transmitter_says_good_uncertain_bad_or_not_assigned(said, severity):
    channel = item(
        address=0,
        type="f32",
        table="input",
        status={"address": 2, "means": {0: "good", 1: "uncertain", 2: "bad", 3: "config"}},
    )
    _, quality, _ = read(channel, [*encode("f32", "ABCD", 1.5), said])
    assert quality & SEVERITY_MASK == severity


def test_quality_bits_inside_a_word():
    meter = item(
        address=0,
        status={"address": 1, "mask": 0xC0, "shift": 6, "means": {3: "good", 1: "uncertain", 2: "simulated"}},
    )
    assert read(meter, [5, 0b11 << 6])[1] == GOOD
    assert read(meter, [5, 0b10 << 6])[1] == GOOD | SIMULATED
    assert read(meter, [5, 0])[1] & SEVERITY_MASK == BAD


@pytest.mark.parametrize(("status", "current"), [(0, 150.0), (1 << 11, -150.0), (1 << 12, 150.0)])
def test_the_sign_stands_in_another_register(status, current):
    monitor = item(address=111, scale={"counts": 53620, "value": 150}, sign={"address": 112, "bit": 11})
    assert read(monitor, [53620, status], 111)[0] == pytest.approx(current)


def test_a_bit_field_of_a_word():
    assert read(item(address=0, bits=[6, 7]), [0b1011_0000])[0] == 0b10
    assert read(item(address=0, bits=[4, 4]), [0b1011_0000])[0] == 1


def test_counts_that_mean_no_value():
    value, quality, _ = read(item(address=0, none=[0x8000]), [0x8000])
    assert math.isnan(value)
    assert reason_of(quality) is Reason.SENSOR


def test_outside_the_valid_range_the_value_stays_and_is_bad():
    value, quality, _ = read(item(address=0, valid=[0, 10]), [11])
    assert (value, reason_of(quality)) == (11.0, Reason.RANGE)


def test_a_heartbeat_that_stops_makes_a_good_value_bad():
    gas = item(address=2, life={"address": 0, "mask": 1 << 11, "within": "5 s"})
    layout = pack(gas.spans())
    reading = Reading(gas, layout)

    def at(seconds, toggled):
        return reading(np.array([toggled << 11, 0, 3], dtype=np.uint16), round(seconds * 1e9))[1]

    assert at(0, 0) == GOOD
    assert at(2, 1) == GOOD
    assert at(6.9, 1) == GOOD
    assert reason_of(at(7.1, 1)) is Reason.STALE
    assert at(8, 0) == GOOD


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"address": 1, "order": "detect"}, "needs a `check`"),
        ({"address": 1, "bits": [3, 16]}, "first and last bit"),
        ({"address": 1, "type": "f32", "bits": [0, 1]}, "u16 or u32"),
        ({"address": 1, "table": "input", "access": "rw"}, "can be written"),
        ({"address": 1, "bits": [3, 3], "type": "u32", "access": "rw"}, "one register"),
        ({"address": 1, "always": 4, "access": "rw"}, "goes with `bits`"),
        ({"address": 1, "bits": [3, 3], "always": 4}, "goes with `bits`"),
        ({"address": 1, "scale": 0}, "must not be 0"),
        ({"address": 1, "table": "coil", "type": "f32"}, "single bit"),
        ({"address": 1, "unknown": 1}, "unknown"),
        ({"address": 1, "poll": "1 sec"}, "not a duration"),
    ],
)
def test_an_item_that_contradicts_itself_is_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        item(**settings)


def test_identity_is_a_fact_about_registers():
    model = Identity.model_validate({"address": 900, "type": "ascii", "count": 2, "equals": "RECT"})
    assert model.complaint([0x5245, 0x4354]) == ""
    assert "`PUMP`" in model.complaint([0x5055, 0x4D50])
    assert Identity.model_validate({"address": 1, "between": [1, 3600]}).complaint([0])
    with pytest.raises(ValueError, match="exactly one"):
        Identity.model_validate({"address": 1})
