"""One turned bit is found by its check sum, wherever it is; more than one is not taken for one."""

from random import Random

import pytest

from plantctl.core import one_bit
from plantctl.core.frame import crc32c
from plantctl.core.one_bit import BYTES_MAX, line_of, mended, with_sum


@pytest.mark.parametrize("size", [1, 9, 700])
def test_the_bit_is_turned_back_and_two_are_not_guessed_at(size):
    draw = Random(size)
    data = draw.randbytes(size)
    for place in draw.sample(range(8 * size), min(8 * size, 40)):
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        assert mended(bytes(turned), crc32c(data)) == data
        other = (place + draw.randrange(1, 8 * size)) % (8 * size)
        turned[other // 8] ^= 1 << other % 8
        assert mended(bytes(turned), crc32c(data)) is None
    assert mended(data, crc32c(data) ^ 1 << draw.randrange(32)) == data, "a bit of the sum"


def test_of_long_data_no_place_is_passed_over_and_few_are_looked_at(monkeypatch):
    data, steps = bytes(BYTES_MAX), []
    monkeypatch.setattr(one_bit, "_step", lambda state, step=one_bit._step: steps.append(state) or step(state))
    for behind in (0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 8 * BYTES_MAX - 1025, 8 * BYTES_MAX - 1):
        place = 8 * BYTES_MAX - 1 - behind
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        assert mended(bytes(turned), crc32c(data)) == data, behind
    assert mended(b"rubbish" + data[7:], crc32c(data)) is None
    assert len(steps) < 8 * BYTES_MAX // 10, "who reads a damaged record waits for it each time"


def test_what_is_too_long_to_look_at_stays_damaged():
    data = bytes(BYTES_MAX + 1)
    assert mended(b"\1" + data[1:], crc32c(data)) is None


def test_a_small_file_bears_any_turned_bit_and_nothing_that_was_cut():
    whole = with_sum(b'{"number": 17}')
    assert line_of(whole) == (b'{"number": 17}', True)
    for place in range(8 * len(whole)):
        turned = bytearray(whole)
        turned[place // 8] ^= 1 << place % 8
        assert line_of(bytes(turned)) == (b'{"number": 17}', False), place
    for size in range(len(whole)):
        assert line_of(whole[:size]) is None, size
    assert line_of(whole + b"\n") is None
