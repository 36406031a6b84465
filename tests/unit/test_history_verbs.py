"""`plantctl history` and `plantctl trend` over a record, sealed and not."""

import csv
import hashlib
import io
import json
import sys
from random import Random

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.log.storage import FolderStorage
from tests.history_bench import PLAN, SCAN_NS, Naive, Plant


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A state folder with two minutes of a plant, and the log as it was."""
    folder = tmp_path_factory.mktemp("state") / "bench"
    plant = Plant(Random(1), FolderStorage(folder / "log"), FolderStorage(folder / "history"), span_ns=300 * SCAN_NS)
    for _ in range(12):
        plant.scan(100)
        plant.seal()
    plant.keep()
    assert plant.sealer.status.files == 3
    return folder


def said(capsys, *arguments, code=0):
    assert main([*map(str, arguments)]) == code
    return capsys.readouterr()


def test_points_as_csv(place, capsys):
    out = said(capsys, "history", "A-1", "B-1", "--last", "1h", "--from", place, "--csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    naive = Naive(FolderStorage(place / "log"), 11).points
    assert [float(r["value"]) for r in rows if r["tag"] == "A-1"] == pytest.approx([p[1] for p in naive], nan_ok=True)
    assert {r["source_utc"] for r in rows if r["tag"] == "B-1"} == {""}
    assert rows[0]["utc"].endswith("Z")


def ns(text):
    """What a program reads of a time, 0 of none."""
    return np.datetime64(text.rstrip("Z"), "ns").astype(int) if text else 0


def test_times_in_csv_are_exact_and_are_taken_back(place, capsys):
    out = said(capsys, "history", "A-3", "B-2", "--last", "1h", "--from", place, "--csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    for tag, number in (("A-3", 13), ("B-2", 22)):
        points = [(utc_ns, source_ns) for utc_ns, _, _, source_ns in Naive(FolderStorage(place / "log"), number).points]
        of_tag = [row for row in rows if row["tag"] == tag]
        assert [(ns(row["utc"]), ns(row["source_utc"])) for row in of_tag] == points
    assert any(utc_ns % 1000 for utc_ns, _ in points), "there is something to be exact about"
    at, value = next((row["utc"], row["value"]) for row in rows[7:])
    words = ("history", rows[7]["tag"], "--from", place, "--csv")
    (found,) = csv.DictReader(io.StringIO(said(capsys, *words, "--at", at).out))
    assert (found["utc"], found["value"]) == (at, value)
    found = list(csv.DictReader(io.StringIO(said(capsys, *words, "--since", at, "--limit", "100000").out)))
    assert (found[0]["utc"], found[0]["value"]) == (at, value)
    line = said(capsys, *words[:-1], "--at", at).out
    assert line.split()[0] == at[:23] + "Z"


def test_points_for_a_person(place, capsys):
    lines = said(capsys, "history", "A-1", "--last", "10s", "--limit", "3", "--from", place).out.splitlines()
    assert len(lines) == 3
    assert " m3/h  " in lines[0]
    lines = said(capsys, "history", "A-1", "B-1", "--last", "10s", "--from", place / "log").out.splitlines()
    assert {line.split()[0] for line in lines} == {"A-1", "B-1"}


def test_one_moment(place, capsys):
    point = Naive(FolderStorage(place / "log"), 13).points[40]
    at = said(capsys, "history", "A-3", "--last", "1h", "--from", place, "--csv").out.splitlines()[41].split(",")[1]
    out = said(capsys, "history", "A-3", "--at", at, "--from", place).out
    assert f"{point[1]:.6g}" in out or "nan" in out
    assert len(out.splitlines()) == 1


def test_spans(place, capsys):
    lines = said(capsys, "history", "B-2", "--points", "7", "--from", place).out.splitlines()
    assert len(lines) <= 8
    found = json.loads(said(capsys, "history", "B-2", "--points", "3000", "--json", "--from", place).out)["B-2"]
    assert found["tier"] == "raw"
    assert found["unit"] == "m3/h"
    assert {len(found[k]) for k in ("t", "min", "max", "mean", "first", "last", "count", "quality", "known")} == {
        len(found["t"])
    }
    rows = list(
        csv.DictReader(io.StringIO(said(capsys, "history", "B-2", "--points", "9", "--csv", "--from", place).out))
    )
    assert [*rows[0]] == ["tag", "utc", "min", "max", "mean", "count", "quality", "known"]


def test_into_a_file_with_units(place, capsys, tmp_path):
    out = tmp_path / "found.csv"
    assert str(out) in said(capsys, "history", "A-1", "B-1", "--last", "1h", "--from", place, "--out", out).out
    rows = list(csv.DictReader(io.StringIO(out.read_text(), newline="")))
    naive = Naive(FolderStorage(place / "log"), 11).points
    values = [float(r["value [m3/h]"]) for r in rows if r["tag"] == "A-1"]
    assert values == pytest.approx([p[1] for p in naive], nan_ok=True)
    said(capsys, "history", "A-1", "--points", "5", "--from", place, "--out", tmp_path / "spans.json")
    assert len(json.loads((tmp_path / "spans.json").read_text())["A-1"]["min"]) <= 5
    assert (
        "--out: a file that ends in .csv"
        in said(capsys, "history", "A-1", "--from", place, "--out", tmp_path / "found.xlsx", code=2).err
    )
    monkey = pytest.MonkeyPatch()
    monkey.setitem(sys.modules, "pyarrow", None)
    found = said(capsys, "history", "A-1", "--from", place, "--out", tmp_path / "found.parquet", code=2)
    monkey.undo()
    assert "pip install 'plantctl[arrow]'" in found.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.csv", "spans.json"]


def test_a_manifest_says_what_the_numbers_were(place, capsys, tmp_path):
    out = tmp_path / "found.csv"
    said(capsys, "history", "A-1", "B-1", "--last", "1h", "--from", place, "--out", out, "--manifest")
    told = json.loads((tmp_path / "found.csv.manifest.json").read_text())
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (told["rows"], told["asked"], told["plans"]) == (out.read_text().count("\n") - 1, "raw", [f"{PLAN:016x}"])
    assert told["tags"][0] == {"name": "A-1", "id": 11, "unit": "m3/h", "meaning": "point 11"}
    said(capsys, "history", "A-1", "--total", "--from", place, "--out", tmp_path / "t.json", "--manifest")
    told = json.loads((tmp_path / "t.json.manifest.json").read_text())
    assert (told["asked"], told["rows"]) == ("total", None)
    assert "needs --out" in said(capsys, "history", "A-1", "--manifest", "--from", place, code=2).err


def test_an_average_and_a_total(place, capsys):
    found = json.loads(said(capsys, "history", "B-3", "--last", "1h", "--average", "--json", "--from", place).out)[
        "B-3"
    ]
    assert (found["value"], found["unit"]) == (0.0, "m3/h")
    assert 0 < found["good"] < 0.1
    lines = said(capsys, "history", "A-1", "B-1", "--total", "--unit", "L", "--from", place).out.splitlines()
    assert len(lines) == 2
    assert " L  good " in lines[0]
    assert (
        "m3/h has no total in kg"
        in said(capsys, "history", "A-1", "--total", "--unit", "kg", "--from", place, code=2).err
    )
    csv_rows = said(capsys, "history", "A-1", "--total", "--csv", "--from", place).out.splitlines()
    assert csv_rows[0] == "tag,value,unit,good,count,quality"


def test_a_trend_is_drawn_for_each_tag(place, capsys):
    out = said(capsys, "trend", "A-1", "B-2", "--from", place, "--width", "70", "--height", "10").out
    assert out.count("┤") >= 4
    assert "A-1  " in out
    assert "B-2  " in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    {
        "a tag nearly right": (["history", "a1"], 3, "`a1` is not in the record; did you mean `A-1`?"),
        "a trend of no tag": (["trend", "qqq"], 3, "`qqq` is not in the record"),
        "no zone": (["history", "A-1", "--since", "2026-11-22T13:00:00"], 2, "for UTC write 2026-11-22T13:00:00Z"),
        "no time": (["trend", "A-1", "--until", "noon"], 2, "`noon` is no time; write it as"),
        "backwards": (["history", "A-1", "--since", "2199-01-01T00:00:00Z"], 2, "before it begins"),
        "both": (["history", "A-1", "--since", "2199-01-01T00:00:00Z", "--last", "1s"], 2, "give one of them"),
        "no unit": (["trend", "A-1", "--last", "10q"], 2, "--last: unknown unit `q`"),
        "no points": (["history", "A-1", "--points", "0"], 2, "--points: 1 to"),
    }.values(),
)
def test_what_cannot_be_answered_is_said_with_the_way_out(place, capsys, arguments, code, words):
    assert words in said(capsys, *arguments, "--from", place, code=code).err


def test_a_time_without_a_record(place, capsys):
    found = said(capsys, "history", "A-1", "--at", "1999-01-01T00:00:00Z", "--from", place)
    assert "no value of `A-1` at 1999" in found.err
    empty = said(capsys, "history", "A-1", "--until", "1999-01-01T00:00:00Z", "--from", place)
    assert empty.out == ""
    beyond = json.loads(said(capsys, "history", "A-1", "--at", "2099-01-01T00:00:00Z", "--json", "--from", place).out)
    assert beyond["A-1"]["t"] == [], "the newest value of the record is not in force for ever"


@pytest.mark.parametrize(("bits", "words"), [(1, "cost nothing here"), (3, "of the record were left out")])
def test_a_spoiled_file_is_told(place, capsys, tmp_path, bits, words):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(place, folder)
    sealed = sorted((folder / "history").iterdir())[0]
    data = bytearray(sealed.read_bytes())
    data[70] ^= bits
    sealed.write_bytes(data)
    found = said(capsys, "history", "A-1", "--last", "1h", "--from", folder)
    assert words in found.err
    assert ("left out" in found.err) == (bits == 3)
    assert found.out
