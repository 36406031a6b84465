"""The rows of many frames, read at once, are those that the frames hold one by one."""

from random import Random

import numpy as np
import pytest

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import HEAD, Kind, Rows, RowsFlag, decode_frame, decode_rows, encode_frame, encode_rows
from plantctl.log.row_columns import MANY_ROWS, has_times, row_columns

FRAMES_OF = {
    "a_few_rows": (0, 1, 5, 2, 0, 7),
    "many_rows": (3 * MANY_ROWS, MANY_ROWS, 0, MANY_ROWS),
    "no_rows": (0, 0),
    "no_frames": (),
}


def payload_of(count, chance, timed):
    inputs = chance.randint(0, count)
    columns = np.random.default_rng(chance.getrandbits(32))
    return encode_rows(
        Rows(
            RowsFlag(chance.randint(0, 2)),
            columns.uniform(size=chance.randint(0, 3)),
            columns.integers(1, 1 << 32, count, np.uint32),
            columns.integers(-(1 << 63), (1 << 63) - 1, count).view(np.float64),
            columns.integers(0, 1 << 16, count, np.uint16),
            columns.integers(-5, 5, inputs) * timed,
            columns.integers(1, 1 << 60, inputs),
        )
    )


def together(payloads):
    frames = [encode_frame(Kind.DELTA, k + 1, k, k, 0xBEEF, payload) for k, payload in enumerate(payloads)]
    length = np.array([len(f) for f in frames], np.int64)
    return b"".join(frames), np.cumsum(length) - length, length


@pytest.mark.parametrize("timed", [True, False], ids=("timed", "without_times"))
@pytest.mark.parametrize("counts", FRAMES_OF.values(), ids=FRAMES_OF)
def test_columns_of(counts, timed):
    chance = Random(1)
    payloads = [payload_of(count, chance, timed) for count in counts]
    if payloads:  # sizes that do not fit: what says so gives no rows
        payloads.insert(1, b"\xff\xff\xff\x7f" + payloads[0][4:])
    data, offset, length = together(payloads)
    found = row_columns(data, offset, length)
    wanted = {"frame": [], "tag": [], "bits": [], "quality": [], "source_ns": []}
    for k, at in enumerate(offset.tolist()):
        try:
            rows = decode_rows(decode_frame(data, at).payload)
        except LogDamaged:
            assert k == 1
            continue
        wanted["frame"] += [k] * len(rows.tag)
        wanted["tag"] += rows.tag.tolist()
        wanted["bits"] += rows.value.view(np.int64).tolist()
        wanted["quality"] += rows.quality.tolist()
        wanted["source_ns"] += [*rows.source_ns.tolist(), *[0] * (len(rows.tag) - rows.inputs)]
    assert found.value.view(np.int64).tolist() == wanted.pop("bits")
    assert {name: getattr(found, name).tolist() for name in wanted} == wanted
    assert found.flags.tolist() == [int.from_bytes(data[at + HEAD.size + 12 :][:4], "little") for at in offset.tolist()]
    assert has_times(found.source_ns) == any(wanted["source_ns"])
