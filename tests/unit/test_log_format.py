"""The page, a stranger's reader and the committed sample agree with what is written."""

import re
from pathlib import Path

import numpy as np
import pytest

from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from plantctl.core.frame import RECORDS, Kind, encode_records, encode_states, encode_texts
from plantctl.core.late import LateAct, LateRecord, encode_late, late_row
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.core.text import text_id
from plantctl.log.reader import read_frames
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.log_decoder import crc32c, frames
from tests.unit.log_bench import PLAN, SCAN_NS, UTC_NS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/log-format.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "tests/cases/log/sample"
LOG = SAMPLE / f"{1:020d}-000.log"


def write_sample(folder):
    """Three scans of two inputs and one output, with one frame of every kind; the plan is made up."""
    recorder = Recorder(FolderStorage(folder), "Sample", {PLAN: "points: 7 inlet, 9 outlet, 12 valve\n"})
    buffer = bytearray(HEAD_BYTES + 16384)
    ring = RingWriter(buffer, PLAN, recorder.open(UTC_NS) + 1)
    reader = RingReader(buffer, after=0)
    value, quality = np.array([1.5, np.nan, -0.0]), np.array([0, 2, 0x8000], np.uint16)
    receive_ns, source_ns = np.array([5, 0, 0]), np.array([UTC_NS - 7, 0, 0])
    rows = ImageFrames(ring, value, quality, receive_ns, source_ns, [0, 1], [2], [7, 9, 12], 2)
    rows.start(1, 0, UTC_NS)
    for payload in encode_states(0x1234_5678_9ABC_DEF0, bytes(range(40)), 112):
        ring.append(Kind.STATE, 1, 0, payload)
    words = ["set", "40-HS-4010", "operator", "begin", "1", "flow low", "not-permitted", "127.0.0.1", "no flow yet"]
    ring.append(Kind.TEXT, 1, 0, encode_texts({text_id(word): word for word in words}))
    for scan in (1, 2, 3):
        now_ns = scan * SCAN_NS
        if scan == 2:
            command = {"number": 1, "value": 1.0, "given_ns": now_ns - 5, "expiry_ns": now_ns + 10, "tag": 12}
            for field, word in (("verb", "set"), ("target", "40-HS-4010"), ("actor", "operator"), ("reason", "begin")):
                command[field] = text_id(word)
            command |= {"text": text_id("1"), "key": text_id("once"), "expect": text_id("127.0.0.1")}
            ring.append(Kind.COMMAND, scan, now_ns, encode_records(Kind.COMMAND, [command]))
            value[0], source_ns[0], receive_ns[0] = 2.5, UTC_NS + now_ns - 3, now_ns - 1
            value.view(np.uint64)[1] = 0x7FF8_0000_0000_BEEF
        rows.scan(scan, now_ns, UTC_NS + now_ns, [0.1, 1.0 if scan == 1 else 0.0])
        if scan == 2:
            event = {"old": 0.0, "new": 1.0, "tag": 9, "code": 5, "reason": text_id("flow low"), "source_ns": UTC_NS}
            ring.append(Kind.EVENT, scan, now_ns, encode_records(Kind.EVENT, [event, event | {"code": 6}]))
            result = {"number": 1, "mono_ns": now_ns, "code": text_id("not-permitted"), "stage": int(Stage.REFUSED)}
            result["text"] = text_id("no flow yet")
            ring.append(Kind.RESULT, scan, now_ns, encode_records(Kind.RESULT, [result]))
            done = {"value": 0.5, "sequence": 3, "write_ns": now_ns - 2, "tag": 12, "error": -1}
            ring.append(Kind.WRITE, scan, now_ns, encode_records(Kind.WRITE, [done]))
            late = LateRecord(LateAct.ENTERED, 5, late_row(12, UTC_NS - 9, 0.25, 0x4001), "ann", "lot 3")
            ring.append(Kind.LATE, scan, now_ns, encode_late(late))
            rows.time(scan, now_ns, UTC_NS + now_ns + 1000, offset_ns=-4, locked=False)
        recorder.drain(reader, now_ns, UTC_NS + now_ns)
    recorder.close(now_ns, UTC_NS + now_ns)


def told(data):
    return "".join(f"{frame}\n" for frame in frames(data))


def test_the_sample_is_what_is_written_today(tmp_path):
    """A change of the format is a new format number, and the sample of the old one stays."""
    write_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOG.name, f"plan-{PLAN:016x}.txt"]
    assert (tmp_path / LOG.name).read_bytes() == LOG.read_bytes()


def test_a_stranger_reads_the_sample():
    assert told(LOG.read_bytes()) == (SAMPLE / "expected.txt").read_text(encoding="utf-8")


def test_the_stranger_and_plantctl_find_the_same_frames_at_the_same_times():
    theirs = [(q, s, t) for q, s, t, kind, _ in frames(LOG.read_bytes()) if kind != "commit"]
    assert [(f.sequence, f.scan, utc_ns) for utc_ns, f in read_frames(SAMPLE)] == theirs


def test_the_stranger_loses_one_frame_to_a_flipped_bit():
    data = LOG.read_bytes()
    whole = [(q, s, kind) for q, s, _, kind, _ in frames(data)]
    for at in range(64, len(data), 37):
        bad = bytearray(data)
        bad[at] ^= 16
        found = [(q, s, kind) for q, s, _, kind, _ in frames(bytes(bad))]
        assert len(whole) - 1 == len(found)
        assert set(found) <= set(whole)


def test_the_strangers_sum_is_the_standards():
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("kind", sorted(RECORDS), ids=lambda kind: kind.name.lower())
def test_the_page_lists_the_fields_in_their_order_and_size(kind):
    dtype = RECORDS[kind]
    line = re.search(rf"^\| {kind.name.lower()} \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert int(line[1]) == dtype.itemsize
    listed = re.findall(r"`(\w+)` ([a-z]\d)", line[2])
    assert listed == [(name, dtype[name].str[1:]) for name in dtype.names]


def test_the_page_lists_the_kinds():
    listed = {
        int(n): name for n, name in re.findall(r"^\| (\d+) \| (\w+) \| ", PAGE.split("## Kinds")[1], re.MULTILINE)
    }
    assert listed == {int(kind): kind.name.lower() for kind in Kind if kind is not Kind.PAD}


def test_the_page_lists_the_codes_of_events_and_the_stages_of_commands():
    for words, start in ((EventKind, "- **event**"), (Stage, "- **result**")):
        part = PAGE[PAGE.index(start) :].partition("\n- **")[0].replace("\n ", "")
        for word in words:
            assert re.search(rf"\b{int(word)} {word.word.replace('timed-out', 'timed out')}\b", part), word
