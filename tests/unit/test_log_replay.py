import numpy as np
import pytest

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import Kind, RowsFlag, encode_states
from plantctl.log.files import load_file, log_names
from plantctl.log.reader import runs
from plantctl.log.replay import replay
from tests.unit.log_bench import SCAN_NS, Scan
from tests.unit.simulated_storage import SimulatedStorage


def image_of(rows, image):
    """Lays rows into a dictionary of tag -> (bits, quality)."""
    image |= {
        tag: (bits, quality)
        for tag, bits, quality in zip(
            rows.tag.tolist(), rows.value.view(np.uint64).tolist(), rows.quality.tolist(), strict=True
        )
    }
    return image


def test_a_replay_gives_the_image_of_every_scan_bit_for_bit():
    chance = np.random.default_rng(4)
    storage = SimulatedStorage()
    plant = Scan(storage, inputs=10, ring_size=1 << 18, file_bytes=20_000)
    images, steps = [], []
    for _ in range(300):
        plant.mono_ns += SCAN_NS
        plant.count += 1
        moved = chance.random(20) < 0.2
        plant.value.view(np.uint64)[moved] = chance.integers(0, 1 << 63, moved.sum())
        plant.quality[chance.random(20) < 0.05] = chance.integers(0, 1 << 16)
        dt_s = [float(chance.choice([0.1, 0.2])), float(chance.choice([0.0, 1.0]))]
        plant.frames.scan(plant.count, plant.mono_ns, plant.utc_ns, dt_s)
        images.append(dict(enumerate(zip(plant.value.view(np.uint64).tolist(), plant.quality.tolist(), strict=True))))
        steps.append(dt_s)
        plant.drain()
    plant.close()
    recorded = replay(storage)
    assert recorded.start.flags == RowsFlag.RUN_START
    image = image_of(recorded.start, {})
    for scan, expected, dt_s in zip(recorded.scans, images, steps, strict=True):
        assert image_of(scan.rows, image) == expected
        assert scan.rows.dt_s.tolist() == dt_s
        assert set(scan.inputs.tag.tolist()) <= set(range(10))
        assert set(scan.outputs.tag.tolist()) <= set(range(10, 20))
        assert scan.inputs.inputs == len(scan.inputs.tag) == len(scan.inputs.source_ns)
        assert scan.outputs.inputs == 0


def test_commands_come_with_the_scan_that_took_them_in_order():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan()
    plant.command(1, scan=2)
    plant.command(2, scan=2)
    plant.event()
    plant.scan(2)
    plant.command(3, scan=4)
    plant.scan()
    plant.close()
    scans = list(replay(storage).scans)
    assert [scan.commands["number"].tolist() for scan in scans] == [[], [1, 2], [], [3]]
    assert scans[1].commands["value"].tolist() == [0.5, 1.0]


def test_commands_of_a_scan_that_never_ended_are_no_scan():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan()
    plant.command(1, scan=2)
    plant.close()
    assert [scan.scan for scan in replay(storage).scans] == [1]


def test_the_newest_run_is_replayed_unless_another_is_asked_for():
    storage = SimulatedStorage()
    for run in (1, 2):
        plant = Scan(storage, run=run)
        plant.scan(3)
        plant.close()
    old, new = runs(storage)
    assert [int(scan.rows.value[0] // 1e6) for scan in replay(storage).scans] == [2, 2, 2]
    assert [int(scan.rows.value[0] // 1e6) for scan in replay(storage, old).scans] == [1, 1, 1]
    assert replay(storage).run == new


def test_a_hole_ends_the_replay_and_is_said():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(5)
    plant.close()
    (name,) = log_names(storage.files)
    index = load_file(storage, name).index
    third = int(index.offset[np.flatnonzero((index.kind == Kind.DELTA) & (index.scan == 3))[0]])
    storage.files[name].seen[third + 60] ^= 1
    scans = replay(storage).scans
    assert [next(scans).scan, next(scans).scan] == [1, 2]
    with pytest.raises(LogDamaged, match="frames 5 to 5 of the run"):
        next(scans)


def test_a_log_without_a_run_or_without_its_beginning_is_refused():
    with pytest.raises(LogDamaged, match="no run"):
        replay(SimulatedStorage())
    storage = SimulatedStorage()
    plant = Scan(storage, file_bytes=3000)
    plant.scan(250)
    plant.drain()
    plant.close()
    del storage.files[log_names(storage.files)[0]]
    with pytest.raises(LogDamaged, match="beginning"):
        replay(storage)


def log_with_state(parts):
    """A log whose run begins with these payloads of state frames."""
    storage = SimulatedStorage()
    plant = Scan(storage)
    for payload in parts:
        plant.ring.append(Kind.STATE, 0, plant.mono_ns, payload)
    plant.scan(3)
    plant.close()
    return storage


STATE = bytes(range(256)) * 3


def test_a_state_in_parts_is_put_together():
    parts = encode_states(77, STATE, 300)
    assert len(parts) > 2
    recorded = replay(log_with_state(parts))
    assert (recorded.state.layout, recorded.state.data) == (77, STATE)
    assert [scan.scan for scan in recorded.scans] == [1, 2, 3]


@pytest.mark.parametrize("which", [slice(0, -1), slice(1, None), slice(None, None, 2), slice(None, None, -1)])
def test_a_state_that_is_not_whole_is_refused(which):
    with pytest.raises(LogDamaged, match="state"):
        replay(log_with_state(encode_states(77, STATE, 300)[which]))


def test_parts_of_two_states_are_none():
    mixed = encode_states(77, STATE, 300)[:2] + encode_states(78, STATE, 300)[2:]
    with pytest.raises(LogDamaged, match="state"):
        replay(log_with_state(mixed))
