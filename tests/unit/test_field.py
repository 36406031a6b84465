"""The table between field and scan: what is on it before anything happened, and that it cannot grow."""

import numpy as np
import pytest

from plantctl.core.field import (
    FieldEvent,
    FieldEventKind,
    FieldEvents,
    InputColumns,
    OutputColumns,
    may_write,
)
from plantctl.core.quality import BAD, GOOD, NOT_YET, UNCERTAIN, Reason, bad_because


def test_inputs_are_bad_and_not_yet_before_anything_arrived():
    inputs = InputColumns(3)
    assert np.isnan(inputs.value).all()
    assert (inputs.quality == NOT_YET).all()
    assert (inputs.receive_ns == 0).all()
    assert (inputs.source_ns == 0).all()
    assert [c.dtype.str for c in (inputs.value, inputs.quality, inputs.receive_ns, inputs.source_ns)] == [
        "<f8", "<u2", "<i8", "<i8"
    ]  # fmt: skip


def test_columns_laid_over_other_memory_fill_it_and_begin_empty():
    value, quality = np.full(3, 5.0), np.full(3, 9, np.uint16)
    inputs = InputColumns(3, {"value": value, "quality": quality})
    assert np.isnan(value).all()
    assert (quality == NOT_YET).all()
    inputs.value[1] = 8.0
    assert value[1] == 8.0
    error = np.full(2, 4, np.int32)
    outputs = OutputColumns(2, {"error": error})
    outputs.error[0] = 1
    assert error.tolist() == [1, 0]


def test_memory_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="`value` needs 3 of float64"):
        InputColumns(3, {"value": np.zeros(2)})
    with pytest.raises(ValueError, match="`error` needs 2 of int32"):
        OutputColumns(2, {"error": np.zeros(2)})


def test_outputs_ask_for_nothing_before_the_first_scan():
    outputs = OutputColumns(2)
    assert not any(may_write(int(q)) for q in outputs.quality)
    assert (outputs.sequence == outputs.write_sequence).all()
    assert outputs.scan_heartbeat_ns == 0
    outputs.scan_heartbeat_ns = 5
    assert outputs.heartbeat[0] == 5


@pytest.mark.parametrize(
    ("quality", "expected"),
    [(GOOD, True), (UNCERTAIN, True), (BAD, False), (3, False), (bad_because(Reason.STALE), False)],
)
def test_only_a_bad_value_is_not_written(quality, expected):
    assert may_write(quality) is expected


def test_a_flapping_device_cannot_fill_memory():
    events = FieldEvents(limit=2)
    for n in range(5):
        events.append(FieldEvent(n, n, FieldEventKind.LINK_DOWN, "R", f"{n}"))
    assert events.dropped == 3
    assert [e.text for e in events.drain()] == ["3", "4"]
    assert events.drain() == []
