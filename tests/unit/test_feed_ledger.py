"""What is kept of a sink on a disk that fails: every operation in turn, and what was cut short before."""

import json

import numpy as np
import pytest

from plantctl.app.feed_ledger import FeedLedger, is_sound
from plantctl.core.batch import Batch, PointLabel
from plantctl.sinks._position import Position
from tests.unit.simulated_storage import BROKEN, FULL, TOO_MANY, SimFile, SimulatedStorage

LABELS = {0: PointLabel("A-1", "pH"), 1: PointLabel("A-2"), 2: PointLabel("A-3")}


def refused(first=0, rows=2):
    zero = np.zeros(rows, np.int64)
    tags = (np.arange(rows) + first).astype(np.uint32)
    return Batch(1, 1, zero + first, tags, zero + 0.5, zero.astype(np.uint16), zero)


def lines_of(storage, name="archive.quarantine"):
    return [line for line in bytes(storage.files[name].seen).split(b"\n") if line]


def test_each_line_has_its_sum_and_any_flipped_bit_shows():
    storage = SimulatedStorage()
    FeedLedger(storage, "archive", LABELS).set_aside(refused(), 'why: "not" {}')
    first, second = lines_of(storage)
    assert json.loads(first)["tag"] == "A-1"
    assert list(json.loads(second))[-2:] == ["why", "crc32c"]
    assert is_sound(first)
    assert is_sound(second)
    for bit in range(8 * len(first)):
        spoiled = bytearray(first)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert not all(is_sound(line) for line in bytes(spoiled).split(b"\n")), f"bit {bit}"


def test_a_line_of_an_older_version_is_taken_as_it_is():
    assert is_sound(b'{"utc_ns": 1, "why": "no"}')
    assert not is_sound(b'{"utc_ns": 1, "why": "no')
    assert not is_sound(b"[]")


def until_done(act, *arguments):
    """As the runner does; the errors on the way."""
    seen = []
    while len(seen) < 3:
        try:
            act(*arguments)
            return seen
        except OSError as fault:
            seen.append(fault.errno)
    raise AssertionError("it does not go on")


@pytest.mark.parametrize("code", [FULL, BROKEN, TOO_MANY])
def test_every_operation_fails_once_and_nothing_kept_before_is_lost(code):
    for number in range(60):
        storage = SimulatedStorage(faults={number: code}, seed=number)
        ledger = FeedLedger(storage, "archive", LABELS, quarantine_bytes=700)
        seen = []
        for turn in range(4):
            before = len(seen)
            seen += until_done(ledger.keep, Position(turn + 1))
            assert len(seen) == before or FeedLedger(storage, "archive", LABELS).position() == Position(turn + 1)
            seen += until_done(ledger.set_aside, refused(turn), "no")
        assert seen in ([], [code])
        done, storage.faults = len(storage.operations), {}
        names = [name for name in storage.names() if name.startswith("archive.quarantine")]
        lines = [line for name in names for line in lines_of(storage, name)]
        assert {json.loads(line)["utc_ns"] for line in lines if is_sound(line)} >= {2, 3}, "the newest are there"
        assert sum(not is_sound(line) for line in lines) <= 1, "what was cut short spoils no other"
        assert not storage.open_files or storage.operations[number] == "close"
    assert done < 60, "each operation had its turn"


def test_behind_a_line_that_was_cut_short_the_next_is_whole():
    storage = SimulatedStorage({"archive.quarantine": SimFile(b'{"utc_ns": 1, "wh')})
    FeedLedger(storage, "archive", LABELS).set_aside(refused(), "no")
    assert [is_sound(line) for line in lines_of(storage)] == [False, True, True]
