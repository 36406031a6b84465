"""`plantctl export`: lots by a condition, around events, from a file; aligned, with a manifest, whole or not at all."""

import csv
import hashlib
import io
import json
import shutil
import zipfile

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.core.event import EventKind
from plantctl.core.frame import NO_TAG, Kind, encode_records
from plantctl.core.quality import Reason, bad_because
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.history.export import by_lots as subject
from plantctl.history.upkeep.seal import Sealer
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.failing_disk import CODES, FailingDisk

S = 1_000_000_000
UTC_NS = 1_790_000_000 * S
PLANS = (0x11, 0x22)
PUMP, FLOW = 1, 2
# what the pump was from which second on; from 70 on for 12 s nothing is recorded, from 100 on another plan
PUMP_WAS = ((0, 0.0), (10, 1.0), (40, 0.0), (50, 1.0), (53, 0.0), (60, 1.0), (110, 0.0))
GAP, CHANGED, END, SPOILED = (70, 82), 100, 130, range(20, 24)


def text(plan):
    return f"plant bench\nhash {plan:016x}\n\npoints: id, name, unit, meaning\n1\tP-1\t1\tpump\n2\tF-1\tL/h\tflow\n"


def at(second):
    return f"2026-09-21T14:{13 + (20 + second) // 60:02d}:{(20 + second) % 60:02d}Z"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two minutes at 1 Hz: a pump that goes on and off, a flow of 100 L/h while it runs, a trip at 53 s."""
    folder = tmp_path_factory.mktemp("state") / "bench"
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    recorder = Recorder(log, "bench", {plan: text(plan) for plan in PLANS})
    memory = bytearray(HEAD_BYTES + (1 << 18))
    ring = RingWriter(memory, PLANS[0], recorder.open(UTC_NS) + 1)
    reader = RingReader(memory)
    value, quality, times = np.zeros(2), np.zeros(2, np.uint16), np.zeros((2, 2), np.int64)
    frames = ImageFrames(ring, value, quality, *times, [], [0, 1], [PUMP, FLOW], 1)
    frames.start(0, 0, UTC_NS)
    sealer = Sealer(log, sealed, span_ns=40 * S)
    for k in range(END):
        if GAP[0] < k < GAP[1]:
            continue
        if k == CHANGED - 1:
            ring.append(Kind.EVENT, k, k * S, encode_records(Kind.EVENT, []))
        if k == CHANGED:
            ring.plan_hash = PLANS[1]
            frames.start(k, k * S, UTC_NS + k * S)
        now_ns = k * S
        value[0] = next(v for second, v in reversed(PUMP_WAS) if second <= k)
        value[1] = value[0] * 100.0 + k % 3
        quality[0] = bad_because(Reason.COMM) if k in SPOILED else 0
        frames.time(k, now_ns, UTC_NS + now_ns)
        frames.scan(k, now_ns, UTC_NS + now_ns, [1.0])
        if k in (53, 54, CHANGED):
            kind = EventKind.MODE if k == CHANGED else EventKind.TRIP
            event = {"old": float(k - 53), "new": float(54 - k), "tag": PUMP, "code": int(kind), "field": NO_TAG}
            ring.append(Kind.EVENT, k, now_ns, encode_records(Kind.EVENT, [event]))
        recorder.drain(reader, now_ns, UTC_NS + now_ns)
        recorder.commit(now_ns, UTC_NS + now_ns)
        sealer.finish(recorder.durable_sequence, now_ns)
    recorder.close(END * S, UTC_NS + END * S)
    assert sealer.status.files >= 2
    return folder


def said(capsys, *words, code=0):
    assert main(["export", *map(str, words)]) == code
    return capsys.readouterr()


def lots(place, capsys, *words):
    """From which second to which each lot goes, and what ended it."""
    out = said(capsys, "-", "F-1", "--from", place, *words).out
    found = []
    for line in out.splitlines():
        cells = line.split()
        start, end = (np.datetime64(cells[k].rstrip("Z"), "ns").astype(int) - UTC_NS for k in (1, 3))
        found.append((start / S, end / S, line.partition("ended: ")[2]))
    return found


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_lots_are_the_stretches_in_which_a_condition_is_true(place, capsys):
    no, unknown = "not true any more", "not known any more"
    assert lots(place, capsys, "--while", "{P-1} == 1") == [
        (10, 20, unknown),  # bad quality is not true
        (24, 40, no),
        (50, 53, no),
        (60, 70, unknown),
        (82, 99, unknown),  # another run begins
        (100, 110, no),
    ]
    assert [lot[:2] for lot in lots(place, capsys, "--while", "{P-1} == 1 for 12 s")] == [(24, 40), (82, 99)]
    assert lots(place, capsys, "--while", "{P-1} == 1 for 5 s", "--through", "12s") == [(10, 40, no), (60, 110, no)]
    assert lots(
        place, capsys, "--while", "{F-1} > 0.05 [m3/h] and {P-1} == 1", "--since", at(55), "--until", at(65)
    ) == [(60, 65, "the end of what was asked for")]


def test_a_long_span_is_looked_at_in_pieces_without_a_seam(place, capsys, monkeypatch):
    whole = lots(place, capsys, "--while", "{P-1} == 1")
    monkeypatch.setattr("plantctl.history.export.lots.PIECE_NS", 7 * S + 1)
    monkeypatch.setattr("plantctl.history.export.lots._COPIES", 3)
    assert lots(place, capsys, "--while", "{P-1} == 1") == whole


def test_windows_around_events_and_around_a_condition_that_becomes_true(place, capsys):
    around = ("--before", "10s", "--after", "2s")
    assert [lot[:2] for lot in lots(place, capsys, "--around", "trip P-1 1", *around)] == [(43, 55)]
    assert [lot[:2] for lot in lots(place, capsys, "--around", "trip P-*", *around)] == [(43, 55), (44, 56)]
    assert [lot[:2] for lot in lots(place, capsys, "--around", "{P-1} == 0 for 4 s", *around)][1:] == [
        (30, 42),
        (43, 55),
        (100, 112),
    ]
    assert "is no kind of event" in said(capsys, "-", "F-1", "--from", place, "--around", "tripp", *around, code=2).err


def test_an_export_is_aligned_and_says_what_it_is(place, capsys, tmp_path):
    out = tmp_path / "runs"
    words = ("F-1", "P-1", "--from", place, "--while", "{P-1} == 1", "--through", "2s")
    words += ("--before", "2s", "--after", "3s")
    assert "5 lots, 1 with a change of the plan in it" in said(capsys, out, *words).out
    told = json.loads((out / "manifest.json").read_text())
    assert [p.name for p in sorted(out.iterdir())] == [
        *(lot["file"] for lot in told["lots"]),
        "lots.csv",
        "manifest.json",
    ]
    assert (told["plant"], told["form"], told["damaged_pieces_left_out"]) == ("bench", "csv", 0)
    assert told["tags"] == [
        {"name": "F-1", "id": 2, "unit": "L/h", "meaning": "flow"},
        {"name": "P-1", "id": 1, "unit": "", "meaning": "pump"},
    ]
    assert told["plans"] == ["0000000000000011", "0000000000000022"]
    assert told["qualities"] == {"0": "good", str(bad_because(Reason.COMM)): "bad, comm"}
    assert told["made_by"].startswith("plantctl ")
    lot = told["lots"][1]
    assert (lot["start"], lot["zero"], lot["end"]) == tuple(at(s).replace("Z", ".000000000Z") for s in (22, 24, 43))
    assert lot["plans"] == [{"hash": "0000000000000011", "from": at(22).replace("Z", ".000000000Z")}]
    for each in told["lots"]:
        assert hashlib.sha256((out / each["file"]).read_bytes()).hexdigest() == each["sha256"]
    assert hashlib.sha256((out / "lots.csv").read_bytes()).hexdigest() == told["lots_csv_sha256"]
    rows = [row for row in table(out / lot["file"]) if row["tag"] == "F-1"]
    assert [float(row["since_zero [s]"]) for row in rows] == [float(k) for k in range(-2, 19)]
    assert [float(row["value"]) for row in rows][:4] == [101.0, 102.0, 100.0, 101.0]
    assert {row["unit"] for row in rows} == {"L/h"}
    assert {row["interpolation"] for row in rows} == {"step"}, (
        "how they are joined is said also where nothing is thinned"
    )
    assert (lot["tags"]["F-1"]["rows"], lot["tags"]["F-1"]["points"]) == (21, 21)
    assert (lot["tags"]["P-1"]["rows"], lot["tags"]["P-1"]["points"]) == (3, 2), "the first came before the lot"
    lots_told = table(out / "lots.csv")
    assert [row["changed"] for row in lots_told] == ["false"] * 4 + ["true"]
    last = told["lots"][-1]
    assert last["plans"][1]["from"] == at(CHANGED).replace("Z", ".000000000Z")
    gap = told["lots"][3]
    assert gap["tags"]["F-1"]["known"] == pytest.approx(12 / 15)


@pytest.mark.parametrize(("bits", "left_out"), [(4, 0), (6, 1)])
def test_what_could_not_be_read_is_counted_in_the_manifest(place, capsys, tmp_path, bits, left_out):
    hurt = shutil.copytree(place, tmp_path / "hurt")
    file = sorted((hurt / "history").glob("*.seg"))[1]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= bits
    file.write_bytes(data)
    said(capsys, tmp_path / "runs", "F-1", "P-1", "--from", hurt, "--while", "{P-1} == 1")
    assert json.loads((tmp_path / "runs" / "manifest.json").read_text())["damaged_pieces_left_out"] == left_out


def test_lots_from_a_file_in_spans_of_good_values(place, capsys, tmp_path):
    written = tmp_path / "lots.csv"
    written.write_text(
        f"\ufeffname,start,end,remark\nbatch/7 ä,{at(8)},{at(28)},x\nlater,{at(500)},{at(520)},\n", "utf-8"
    )
    out = tmp_path / "lots.zip"
    said(capsys, out, "P-1", "--from", place, "--lots", written, "--every", "4s")
    with zipfile.ZipFile(out) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["0001-batch_7.csv", "0002-later.csv", "lots.csv", "manifest.json"]
        told = json.loads(packed.read("manifest.json"))
        rows = list(csv.DictReader(io.StringIO(packed.read("0001-batch_7.csv").decode(), newline="")))
    assert [(row["mean"], row["good"], row["quality"]) for row in rows] == [
        ("0.5", "1.0", "good"),
        ("1.0", "1.0", "good"),
        ("1.0", "1.0", "good"),
        ("", "0.0", "bad, comm"),
        ("1.0", "1.0", "good"),
    ]
    assert told["lots"][1]["tags"] == {
        "P-1": {"rows": 5, "points": 0, "known": 0.0, "good": 0.0, "worst_quality": None}
    }
    assert told["lots"][1]["plans"] == []


@pytest.mark.parametrize("form", ["folder", "x.zip"])
def test_an_export_that_fails_leaves_nothing_and_one_that_is_there_stays(place, capsys, tmp_path, monkeypatch, form):
    out = tmp_path / form
    words = (out, "F-1", "--from", place, "--while", "{P-1} == 1")
    real, calls = subject._write_tag, []

    def fails(*given):
        calls.append(1)
        if len(calls) > 2:
            raise OSError(28, "no space left")
        return real(*given)

    monkeypatch.setattr(subject, "_write_tag", fails)
    told = said(capsys, *words, code=2).err
    assert "no space left" in told
    assert str(out) in told, "which disk is full"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    said(capsys, *words)
    before = sorted(tmp_path.iterdir())
    assert "is there already" in said(capsys, *words, code=2).err
    assert sorted(tmp_path.iterdir()) == before == [out]


@pytest.mark.parametrize("form", ["folder", "x.zip"])
def test_a_disk_that_fails_at_any_operation_costs_the_export_nothing_else(place, capsys, tmp_path, form):
    at, failed, there = 0, True, 0
    while failed:
        at += 1
        out = tmp_path / form
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, tmp_path, at, CODES[at % 3])
            code = main(["export", str(out), "F-1", "--from", str(place), "--while", "{P-1} == 1"])
        failed = disk.failed
        err = capsys.readouterr().err
        assert (code == 2) == bool(err) == failed, f"operation {at}: {err}"
        there += failed and out.exists()
        assert [path for path in tmp_path.iterdir() if path != out] == []
        shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    assert at > 15
    assert there <= 2, "all of it, but for its name on disk"


def test_long_lots_go_page_by_page(place, capsys, tmp_path, monkeypatch):
    words = ("F-1", "P-1", "--from", place, "--while", "{P-1} == 1")
    said(capsys, tmp_path / "whole", *words)
    monkeypatch.setattr(subject, "PAGE", 3)
    said(capsys, tmp_path / "paged", *words)
    for path in (tmp_path / "whole").glob("0*.csv"):
        assert (tmp_path / "paged" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("F-2", "--while", "{P-1} == 1"), "`F-2` is not in the record"),
        (("F-1", "--while", "{P-2} == 1"), "`P-2` is not in the record"),
        (("F-1", "--while", "{F-1} > 1 [bar]"), "bar"),
        (("F-1", "--while", "{P-1} == 7"), "there is no such lot in this span"),
        (("F-1", "--around", "trip"), "name the time --before or --after"),
        (("F-1", "--while", "{P-1} == 1", "--every", "soon"), "--every: "),
    ],
)
def test_what_cannot_be_exported_is_said(place, capsys, tmp_path, words, told):
    assert main(["export", str(tmp_path / "x"), *words, "--from", str(place)]) in (2, 3)
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("lot,start,end\n", "begins with a line `name,start,end`"),
        (f"name,start,end\na,{at(1)}\n", "lots.csv:2: a lot has a name"),
        (f"name,start,end\na,{at(1)},12:00\n", "lots.csv:2: `12:00`"),
        (f"name,start,end\na,{at(2)},{at(1)}\n", "ends before it begins"),
        (f"name,start,end\na,{at(1)},{at(2)}\na,{at(3)},{at(4)}\n", "lots.csv:3: a is there twice"),
    ],
)
def test_a_file_of_lots_that_cannot_be_read_is_told_with_its_line(place, capsys, tmp_path, lines, told):
    path = tmp_path / "lots.csv"
    path.write_text(lines)
    assert told in said(capsys, tmp_path / "x", "F-1", "--from", place, "--lots", path, code=2).err
    path.write_bytes(b"\xff\xfe" + lines.encode("utf-16-le"))  # as a spreadsheet may save it
    assert (
        "lots.csv is no text in UTF-8"
        in said(capsys, tmp_path / "x", "F-1", "--from", place, "--lots", path, code=2).err
    )
