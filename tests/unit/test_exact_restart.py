"""A scan process that dies and is followed by another one: the memory of what it published last is gone on from,
exactly; and the log of such a run gives its values again.
"""

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.core.frame import Kind, decode_records, decode_state, decode_texts, frame_bytes
from plantctl.log.reader import read_frames, runs, texts
from plantctl.log.replay import replay
from plantctl.log.storage import FolderStorage
from plantctl.scan.executive import Executive
from plantctl.scan.memory import StateMemory, StateRefused
from plantctl.scan.release import Release
from tests.plan_bench import PlanBench
from tests.restart_bench import CASCADE, Logged, other_schedule

IN_SERVICE = {"LI-1": 55.0, "FI-1": 30.0, "QI-1": 7.25}


def published(plant):
    """What the scan's segment would hold: copies of memory and outputs by name."""
    columns = {name: column.copy() for name, column in plant.executive.stepper.memory.columns.items()}
    return columns | {f"outputs.{n}": getattr(plant.outputs, n).copy() for n in ("value", "quality", "sequence")}


def in_service(plant):
    plant.begin()
    plant.scan(("reset", "E1"), **IN_SERVICE)
    plant.live(40, ("reset", "E1"), ("tune", "FIC-1.gain", 0.7))
    return plant


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
def test_whoever_goes_on_from_the_memory_gives_the_same_bits(tmp_path, compiled):
    first = in_service(Logged(CASCADE, tmp_path / "log", compiled=compiled))
    columns = published(first)
    inputs = first.inputs.value.copy()
    went_on = first.live(30, ("mode", "LIC-1", "man"))
    second = Logged(CASCADE, tmp_path / "other", compiled=compiled)
    second.number = first.number - 30
    second.schedule, second.commands = first.schedule, 3
    second.executive.load(columns, second.outputs)
    second.inputs.value[:], second.inputs.quality[:] = inputs, 0
    second.schedule = other_schedule(second)
    second.begin()
    assert second.live(30, ("mode", "LIC-1", "man")) == went_on
    assert second["FIC-1.gain"] == 0.7
    assert second["E1.tripped"] == 0.0
    assert second.outputs.sequence.tolist() == first.outputs.sequence.tolist()
    assert [e for e in second.events if e.kind.word == "quality"] == []


def replayed(tmp_path, folder, text, capsys):
    (tmp_path / "plant.yaml").write_text(text)
    given = ["exec", str(tmp_path / "plant.yaml"), "--from", str(folder), "--out", str(tmp_path / "out.csv")]
    code = main(given)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("release", [None, Release.at_start()], ids=["one process", "held"])
def test_the_log_of_a_run_that_went_on_gives_its_values_again(tmp_path, capsys, release):
    folder = tmp_path / "log"
    first = in_service(Logged(CASCADE, folder))
    first.end()
    second = Logged(CASCADE, folder, after=first, release=release)
    second.executive.load(published(first), second.outputs)
    second.begin()
    assert second["scan.held"] == (release is not None), "what the dead scan was granted is void"
    second.live(60, ("mode", "LIC-1", "man"), **IN_SERVICE)
    second.end()
    assert len(runs(folder)) == 2
    assert replay(folder).state is not None
    assert replay(folder, runs(folder)[0]).state is None
    code, said = replayed(tmp_path, folder, CASCADE, capsys)
    assert (code, said) == (0, "60 scans replayed, every recorded value equal bit for bit\n")


def test_a_what_if_of_such_a_run_says_that_it_begins_from_nothing(tmp_path, capsys):
    folder = tmp_path / "log"
    first = in_service(Logged(CASCADE, folder))
    second = Logged(CASCADE, folder, after=first)
    second.executive.load(published(first), second.outputs)
    second.begin()
    second.live(5, **IN_SERVICE)
    second.end()
    code, said = replayed(tmp_path, folder, CASCADE.replace("integral: 20 s", "integral: 30 s"), capsys)
    assert code == 0
    assert "this plan began from nothing" in said


def test_a_state_with_a_part_missing_is_not_replayed(tmp_path, capsys):
    """Flip one byte in the last part of the state: its frame no longer counts."""
    folder = tmp_path / "log"
    first = in_service(Logged(CASCADE, folder))
    second = Logged(CASCADE, folder, after=first)
    second.executive.load(published(first), second.outputs)
    second.begin()
    second.live(5, **IN_SERVICE)
    second.end()
    states = [f for _, f in read_frames(folder) if f.kind == Kind.STATE]
    assert states
    (file,) = folder.glob("*.log")
    data = bytearray(file.read_bytes())
    data[data.index(states[-1].payload) + 50] ^= 1
    file.write_bytes(data)
    code, said = replayed(tmp_path, folder, CASCADE, capsys)
    assert code == 3
    assert "not in the log" in said or "not whole" in said


class SmallRing:
    """Takes frames of at most half of its 4,096 bytes."""

    capacity = 4096

    def __init__(self):
        self.parts = []

    def append(self, kind, scan, mono_ns, payload):
        assert frame_bytes(len(payload)) <= self.capacity // 2
        self.parts.append(decode_state(payload))


def test_a_state_larger_than_half_the_ring_comes_in_parts(tmp_path):
    plant = in_service(Logged(CASCADE, tmp_path / "log"))
    memory, ring = plant.executive.stepper.memory, SmallRing()
    plant.executive.journal._ring = ring
    plant.executive.journal.state(plant.number, 0, memory)
    saved = bytearray(memory.state_bytes)
    memory.snapshot_into(saved)
    assert len(ring.parts) > 2
    assert b"".join(part.data for part in ring.parts) == saved
    assert [part.offset for part in ring.parts] == [len(ring.parts[0].data) * k for k in range(len(ring.parts))]
    assert {(part.layout, part.size) for part in ring.parts} == {(memory.layout, len(saved))}


def test_bits_of_nan_survive_a_snapshot():
    plant = PlanBench(CASCADE)
    memory = plant.executive.stepper.memory
    memory.image.v.view("u8")[3] = 0x7FF8_0000_0000_BEEF
    saved = bytearray(memory.state_bytes)
    memory.snapshot_into(saved)
    other = StateMemory(plant.plan)
    assert other.is_fresh()
    other.load_from(saved, memory.layout)
    again = bytearray(memory.state_bytes)
    other.snapshot_into(again)
    assert again == saved
    assert other.image.v.view("u8")[3] == 0x7FF8_0000_0000_BEEF


@pytest.mark.parametrize(
    ("old", "new"),
    [("integral: 20 s", "integral: 21 s"), ("QI-1", "QI-2"), ("  PV-1: {unit", "  PV-0: {unit: '%'}\n  PV-1: {unit")],
    ids=["a parameter", "a name", "a row more"],
)
def test_the_memory_of_another_plan_is_refused(old, new):
    one, other = PlanBench(CASCADE), PlanBench(CASCADE.replace(old, new))
    memory = one.executive.stepper.memory
    saved = bytearray(memory.state_bytes)
    memory.snapshot_into(saved)
    with pytest.raises(StateRefused):
        other.executive.stepper.memory.load_from(saved, memory.layout)
    assert other.executive.stepper.memory.is_fresh()


def test_columns_that_do_not_fit_change_nothing():
    plant = PlanBench(CASCADE)
    columns = published(plant)
    plant.scan()
    before = bytearray(plant.executive.stepper.memory.state_bytes)
    plant.executive.stepper.memory.snapshot_into(before)
    for name in columns:
        short = columns | {name: columns[name][:-1]}
        with pytest.raises(StateRefused, match=name):
            plant.executive.load(short, plant.outputs)
        with pytest.raises(StateRefused, match=name):
            plant.executive.load({k: c for k, c in columns.items() if k != name}, plant.outputs)
    after = bytearray(len(before))
    plant.executive.stepper.memory.snapshot_into(after)
    assert after == before


def test_a_plan_runs_in_memory_that_was_given(tmp_path):
    own = PlanBench(CASCADE)
    given = {name: np.full_like(c, 1) for name, c in own.executive.stepper.memory.columns.items()}
    memory = StateMemory(own.plan, given)
    assert memory.is_fresh()
    executive = Executive(own.plan, compiled=False, memory=memory, ages=False)
    own.scan(**IN_SERVICE)
    executive.scan(0, 0, 0, [0.1, 0.5], own.inputs, own.outputs)
    assert given["image.v"][own.plan.rows["LI-1"]] == 55.0
    seen = StateMemory(own.plan, given, keep=True)
    assert seen.records[0].tobytes() == memory.records[0].tobytes()
    assert not seen.is_fresh()
    given["records.pid"] = given["records.pid"][:-8]
    with pytest.raises(ValueError, match=r"records\.pid"):
        StateMemory(own.plan, given)
    given["image.q"] = given["image.v"]
    with pytest.raises(ValueError, match="`q`"):
        StateMemory(own.plan, given)


def test_who_begins_to_read_at_the_last_key_frame_finds_every_text(tmp_path):
    plant = Logged(CASCADE, tmp_path / "log")
    plant.begin()
    known, missing, told = {}, [], []
    for _ in range(25):
        plant.scan(("set", "XI-1", 0), **IN_SERVICE)
        plant.scan(("tune", "FIC-1.gain", 0.5), ("mode", "LIC-1", "sideways"))
        plant.scans(8)
        told += read_new(plant, known, missing)
    assert missing == []
    words = [text for texts in told for text in texts.values()]
    assert words.count("FIC-1.gain") == 3, "once in each period of a key frame"


def read_new(plant, known, missing):
    """Read as one who forgets everything at a key frame; the text frames."""
    told = []
    for frame in plant.reader:
        if frame.kind == Kind.KEY:
            known.clear()
        elif frame.kind == Kind.TEXT:
            told.append(decode_texts(frame.payload))
            known.update(told[-1])
        elif frame.kind in (Kind.EVENT, Kind.COMMAND, Kind.RESULT):
            for record in decode_records(frame.kind, frame.payload):
                for name in ("verb", "target", "actor", "reason", "text", "code", "field"):
                    is_text = name in record.dtype.names and record.dtype[name] == np.uint64
                    if is_text and record[name] and int(record[name]) not in known:
                        missing.append((frame.scan, name))
    return told


def test_a_refusal_is_in_the_log_in_words(tmp_path):
    plant = Logged(CASCADE, tmp_path / "log")
    plant.begin()
    done = plant.scan(("mode", "LIC-1", "sideways"), ("mode", "L" * 2000, "man"))
    plant.end()
    found = texts(FolderStorage(tmp_path / "log"))
    (records,) = [decode_records(f.kind, f.payload) for _, f in read_frames(tmp_path / "log") if f.kind == Kind.RESULT]
    said = [found[int(record["text"])] for record in records]
    assert said[0] == done.results[0].text
    assert said[1].endswith(" ...")
    assert done.results[1].text.startswith(said[1][:-4])
