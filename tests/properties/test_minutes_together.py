"""The minutes of many files read at once are those of each file, bit for bit; damage is never taken for numbers."""

from dataclasses import fields
from random import Random

import numpy as np
import pytest

from plantctl.core.errors import LogDamaged
from plantctl.history.files.buckets import Buckets, joined
from plantctl.history.files.chunk import decode_chunk
from plantctl.history.files.minutes import MINUTE_NS, decode_minutes, encode_minutes
from plantctl.history.files.minutes_together import decode_minutes_together
from tests.history_bench import ODD


def some_minutes(draw, chance):
    """Minutes of decimals, of whole numbers or of any bits; now and then something odd, a gap, one row alone."""
    rows = draw.choice((1, 2, 9, 60, 61))
    kind = draw.randrange(4)

    def values():
        column = 50 + chance.normal(size=rows)
        column = (np.round(column, 2), np.rint(column), column, np.full(rows, draw.choice((0.0, 7.5, np.nan))))[kind]
        for _ in range(draw.choice((0, 0, 1, 3))):
            column[draw.randrange(rows)] = draw.choice(ODD)
        return column

    begin_ns = (draw.randrange(1 << 25) + np.sort(chance.integers(0, 100, rows))) * MINUTE_NS
    known_ns, count = chance.integers(0, MINUTE_NS, rows), chance.integers(0, 600, rows)
    quality = chance.integers(0, 1 << 16, rows).astype(np.uint16)
    return Buckets(begin_ns, *(values() for _ in range(5)), known_ns, count, quality, np.ones(rows, np.bool_))


@pytest.mark.parametrize("seed", range(40))
def test_as_one_by_one(seed):
    draw, chance = Random(seed), np.random.default_rng(seed)
    each = [some_minutes(draw, chance) for _ in range(draw.randint(1, 8))]
    chunks = [decode_chunk(encode_minutes(7, minutes)) for minutes in each]
    found, wanted = decode_minutes_together(chunks), joined([decode_minutes(chunk) for chunk in chunks])
    for field in fields(Buckets):
        assert getattr(found, field.name).dtype == getattr(wanted, field.name).dtype
        assert getattr(found, field.name).tobytes() == getattr(wanted, field.name).tobytes(), field.name


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_are_no_minutes_are_damage(seed):
    draw, chance = Random(seed), np.random.default_rng(seed)
    sound = decode_chunk(encode_minutes(7, some_minutes(draw, chance)))
    for _ in range(50):
        data = bytearray(sound.data[: draw.randint(0, len(sound.data))])
        for _ in range(draw.randint(0, 3) if data else 0):
            data[draw.randrange(len(data))] = draw.randrange(256)
        damaged = sound._replace(data=bytes(data))
        try:
            wanted = decode_minutes(damaged)
        except LogDamaged:
            with pytest.raises(LogDamaged):
                decode_minutes_together([sound, damaged])
        else:
            found = decode_minutes_together([damaged])
            assert found.mean.tobytes() == wanted.mean.tobytes()
