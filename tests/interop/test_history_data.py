"""pyarrow, polars and pandas read what was recorded, to the bit and to the ns."""

import io
from random import Random

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

import plantctl.history
from plantctl.cli.main import main
from plantctl.core.quality import SIMULATED
from plantctl.history.reading.arrow import arrow_bytes, parquet_bytes
from plantctl.history.reading.query import History
from plantctl.history.reading.table import points_table, spans_table
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from tests.history_bench import SCAN_NS, Naive, Plant
from tests.marked_record import MADE_UP, MEASURED, SECONDS, UTC_NS, make_record

TAGS = ["A-1", "B-2"]
COLUMNS = ("tag", "quality", "quality_word")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "bench"
    plant = Plant(Random(1), FolderStorage(folder / "log"), FolderStorage(folder / "history"), span_ns=300 * SCAN_NS)
    for _ in range(6):
        plant.scan(100)
        plant.seal()
    plant.stop(50 * SCAN_NS)
    plant.scan(50)
    plant.keep()
    return folder


@pytest.fixture(scope="module")
def history(place):
    return History(ReadOnlyFolder(place / "log"), ReadOnlyFolder(place / "history"))


def span(history):
    first, last = history.extent_ns()
    return first, last + 1


def test_arrow_and_parquet_hold_the_points_to_the_bit(history):
    table = points_table([(tag, history.raw(tag, *span(history))) for tag in TAGS])
    stream = pa.ipc.open_stream(arrow_bytes(table)).read_all()
    file = pa.parquet.read_table(io.BytesIO(parquet_bytes(table)), use_threads=False)
    naive = [point for tag in (11, 22) for point in Naive(FolderStorage(history._log.folder), tag).points]
    for found in (stream, file):
        assert found.schema.field("value").metadata[b"unit"] == b"m3/h"
        assert str(found.schema.field("utc").type) == "timestamp[ns, tz=UTC]"
        values = found["value"].to_numpy()
        assert np.array_equal(values.view(np.int64), np.array([p[1] for p in naive]).view(np.int64))
        assert found["utc"].cast(pa.int64()).to_pylist() == [p[0] for p in naive]
        assert found["quality_word"].to_pylist() == [p[2] for p in naive]
        assert [s or 0 for s in found["source"].cast(pa.int64()).to_pylist()] == [p[3] for p in naive]
        assert set(found["tag"].to_pylist()) == set(TAGS)


def test_spans_of_which_nothing_is_told_are_null(history):
    first, last = span(history)
    table = spans_table([("A-1", history.trend("A-1", first - 10 * SCAN_NS, last, 100))])
    found = pa.ipc.open_stream(arrow_bytes(table)).read_all()
    assert found["min"][0].as_py() is None
    assert found["min"].null_count < 20


@pytest.mark.parametrize("to", ["polars", "pandas"])
def test_points_as_a_frame(place, history, to):
    frame = plantctl.history.read(place, TAGS, *span(history), to=to)
    naive = [point for tag in (11, 22) for point in Naive(FolderStorage(place / "log"), tag).points]
    values = frame["value [m3/h]"].to_numpy()
    assert np.array_equal(values.view(np.int64), np.array([p[1] for p in naive]).view(np.int64))
    assert list(frame["tag"].unique()) == TAGS
    if to == "polars":
        assert frame.schema["utc"] == pl.Datetime("ns", "UTC")
        assert frame["utc"].cast(pl.Int64).to_list() == [p[0] for p in naive]
        assert frame["source"].null_count() == sum(p[3] == 0 for p in naive)
    else:
        assert str(frame["utc"].dtype) == "datetime64[ns, UTC]"
        assert frame["utc"].astype("int64").tolist() == [p[0] for p in naive]
        assert frame["source"].isna().sum() == sum(p[3] == 0 for p in naive)
        assert frame.attrs["units"] == {"value [m3/h]": "m3/h"}


@pytest.mark.parametrize("to", ["polars", "pandas"])
def test_spans_long_and_wide_are_the_same_numbers(place, history, to):
    first, last = span(history)
    kinds = ["mean", "max", "count"]
    long = plantctl.history.read(place, TAGS, first, last, "1s", kinds, to=to)
    wide = plantctl.history.read(str(place), TAGS, first, last, "1s", kinds, wide=True, to=to)
    begin = np.arange(first, last, 10**9)
    for tag in TAGS:
        found = history.spans(tag, begin, 10**9, good=True)
        nulls = np.isnan(found.high) | ~found.told
        rows = long.filter(pl.col("tag") == tag) if to == "polars" else long[long["tag"] == tag]
        for column in (rows["max [m3/h]"], wide[f"{tag} max [m3/h]"]):
            gone = column.is_null() if to == "polars" else column.isna()
            assert gone.to_numpy().tolist() == nulls.tolist()
            assert np.array_equal(column.to_numpy()[~nulls], found.high[~nulls])
        assert rows["good"].to_numpy().tolist() == pytest.approx((found.known_ns / 1e9).tolist())
        assert wide[f"{tag} count"].to_numpy().tolist() == found.count.tolist()
    assert len(wide) == len(begin)
    assert len(long) == len(TAGS) * len(begin)


def test_the_verb_writes_parquet_that_polars_and_pandas_read(place, tmp_path, capsys):
    path = tmp_path / "found.parquet"
    assert main(["history", "A-1", "--last", "1h", "--from", str(place), "--out", str(path)]) == 0
    rows = len(Naive(FolderStorage(place / "log"), 11).points)
    assert len(pl.read_parquet(path)) == len(pd.read_parquet(path)) == rows
    assert f"{rows} rows" in capsys.readouterr().out


def test_an_export_in_parquet_is_a_table_a_lot_that_polars_reads(place, history, tmp_path, monkeypatch):
    first, last = span(history)
    written = tmp_path / "lots.csv"
    times = [str(np.datetime64(t // 1000, "us")) + "Z" for t in (first, (first + last) // 2, last)]
    written.write_text(f"name,start,end\none,{times[0]},{times[1]}\ntwo,{times[1]},{times[2]}\n")
    monkeypatch.setattr("plantctl.history.export.by_lots.PAGE", 50)  # several row groups, with other words in each
    words = ["export", str(tmp_path / "out"), *TAGS, "--lots", str(written), "--form", "parquet", "--from", str(place)]
    assert main(words) == 0
    found = pl.concat(
        [pl.read_parquet(tmp_path / "out" / f"000{n}-{name}.parquet") for n, name in ((1, "one"), (2, "two"))]
    )
    for tag, number in zip(TAGS, (11, 22), strict=True):
        rows = found.filter(pl.col("tag") == tag).unique("utc", keep="first").sort("utc")
        naive = [p for p in Naive(FolderStorage(place / "log"), number).points if p[0] < last // 1000 * 1000]
        assert np.array_equal(rows["value"].to_numpy().view(np.int64), np.array([p[1] for p in naive]).view(np.int64))
        assert rows["quality_word"].to_list() == [p[2] for p in naive]
        assert set(rows["unit"]) == {"m3/h"}


@pytest.mark.parametrize("to", ["polars", "pandas", "arrow"])
def test_a_frame_says_which_values_are_simulated(tmp_path, to):
    make_record(tmp_path / "bench")
    first, last = UTC_NS, UTC_NS + SECONDS * 1_000_000_000
    for how in ({}, {"every": "1min"}):
        frame = plantctl.history.read(tmp_path / "bench", [MADE_UP, MEASURED], first, last, to=to, **how)
        tags, words, codes = (list(frame[name].to_pylist() if to == "arrow" else frame[name]) for name in COLUMNS)
        for tag, words_say, code in zip(tags, words, codes, strict=True):
            assert ("simulated" in words_say) is (int(code) & SIMULATED != 0) is (tag == MADE_UP)
        assert set(tags) == {MADE_UP, MEASURED}
    wide = plantctl.history.read(tmp_path / "bench", [MADE_UP], first, last, every="1min", wide=True, to=to)
    (name,) = [name for name in (wide.column_names if to == "arrow" else wide.columns) if "quality" in name]
    assert all("simulated" in word for word in (wide[name].to_pylist() if to == "arrow" else wide[name]))


def test_a_parquet_file_says_which_values_are_simulated(tmp_path):
    make_record(tmp_path / "bench")
    out = tmp_path / "found.parquet"
    asked = ["history", MADE_UP, MEASURED, "--last", "1h", "--from", str(tmp_path / "bench"), "--out", str(out)]
    assert main(asked) == 0
    found = pa.parquet.read_table(out, use_threads=False)
    for tag, words, code in zip(*(found[name].to_pylist() for name in COLUMNS), strict=True):
        assert ("simulated" in words) is (code & SIMULATED != 0) is (tag == MADE_UP)
