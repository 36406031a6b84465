"""Sealed files of every format there was are stored here, and read as they were when they were written.

`PLANTCTL_UPDATE_CASES=1` writes what is expected anew, of files that stay as they are. A format that changes gets a
folder of its own, made by the code before the change.
"""

import json
import os
from pathlib import Path

import pytest

from plantctl.history.files.sealed import FORMAT
from plantctl.history.reading.query import History
from plantctl.log.storage import ReadOnlyFolder
from tests.history_bench import NAMES, bits

STORED = Path(__file__).parents[1] / "cases" / "history"
FORMATS = sorted(STORED.glob("format-*"))
MINUTE_NS = 60_000_000_000


def answers(folder):
    """Everything that a history tells of its tags, bit by bit."""
    history = History(ReadOnlyFolder(folder), ReadOnlyFolder(folder))
    first, last = history.extent_ns()
    found = {}
    for name in NAMES.values():
        series = history.raw(name, 0, 1 << 62)
        minutes = history.trend(name, first, last + 1, (last - first) // MINUTE_NS)
        assert minutes.tier.value == "1min"
        columns = ("low", "high", "mean", "first", "last")
        found[name] = {
            "utc_ns": series.utc_ns.tolist(),
            "until_ns": series.until_ns.tolist(),
            "bits": series.value.view("i8").tolist(),
            "quality": series.quality.tolist(),
            "source_ns": series.source_ns.tolist(),
            "off_by": series.off_by,
            "line": None if series.line is None else series.line.tolist(),
            "minutes": {c: [bits(v) for v in getattr(minutes.buckets, c).tolist()] for c in columns}
            | {c: getattr(minutes.buckets, c).tolist() for c in ("begin_ns", "known_ns", "count", "quality")},
        }
    assert history.damaged == 0
    return found


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_stored_files_are_read_as_they_were_written(folder):
    expected = folder / "expected.json"
    found = answers(folder)
    if os.environ.get("PLANTCTL_UPDATE_CASES"):
        expected.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))
    assert sum(len(tag["utc_ns"]) for tag in found.values()) > 100


def test_every_format_up_to_this_one_is_stored():
    assert [folder.name for folder in FORMATS] == [f"format-{n}" for n in range(1, FORMAT + 1)]
