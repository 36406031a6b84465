"""Commands and device events on their way from one process to another, and what happens to a damaged one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.command import Command
from plantctl.core.errors import LogDamaged
from plantctl.core.field import FieldEvent, FieldEventKind
from plantctl.core.message import decode_command, decode_field_event, encode_command, encode_field_event

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
NUMBER = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(TEXT, min_size=6, max_size=6), NUMBER, NUMBER)
def test_a_command_arrives_as_it_was_given(texts, expires_ns, sequence):
    command = Command(*texts, expires_ns, sequence)
    assert decode_command(encode_command(command)) == command
    assert decode_command(encode_command(command) + bytes(5)) == command, "a frame pads with zeros"


@given(st.lists(TEXT, min_size=3, max_size=3), NUMBER, NUMBER, st.sampled_from(FieldEventKind))
def test_a_device_event_arrives_as_it_was_told(texts, mono_ns, utc_ns, kind):
    event = FieldEvent(mono_ns, utc_ns, kind, *texts)
    assert decode_field_event(encode_field_event(event)) == event


def test_a_text_beyond_measure_is_cut_between_characters():
    read = decode_command(encode_command(Command("set", "é" * 3000)))
    assert read.target == "é" * 2048


@given(st.binary(max_size=400))
def test_whatever_bytes_come_they_are_read_or_refused(data):
    for decode in (decode_command, decode_field_event):
        try:
            decode(data)
        except LogDamaged:
            continue


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_command_cut_short_is_refused(cut):
    whole = encode_command(Command("set", "40-HS-4010", "1", "mia", "start", "k"))
    with pytest.raises(LogDamaged):
        decode_command(whole[:-cut])
