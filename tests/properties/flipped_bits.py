"""Flips one bit in one file of a plant's record and looks at what that costs: for the test and the campaign.

The record holds all kinds: log, sealed files with minutes, quarters of an hour, late values with the laboratory's
book, plan texts, retained state; of sinks position, quarantine, book of calls, number of the connection, and which
recording it is. What every tag had in every scan is known, so that each answer is held against it.
"""

import contextlib
import io
import json
import shutil
from argparse import Namespace
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np

from plantctl.app.feed_ledger import FeedLedger, is_sound
from plantctl.app.feed_log import FeedLog
from plantctl.cli.history_check import check
from plantctl.cli.main import main
from plantctl.core.batch import Batch
from plantctl.core.frame import Kind
from plantctl.core.late import LATE_ROW, LateAct, LateRecord, encode_late, late_row
from plantctl.history.reading.late_log import LateLog
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import History
from plantctl.history.upkeep.quarter_files import Quarters
from plantctl.history.upkeep.seal import sealed_through
from plantctl.log.files import log_names
from plantctl.log.recording import RECORDING, decode_recording, encode_recording
from plantctl.log.retained import Moment, RetainedFile
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from plantctl.scan.retained_state import RetainedPoint, RetainedState
from plantctl.sinks._bd_seq import BD_SEQ as NUMBER
from plantctl.sinks._bd_seq import decode_bd_seq, encode_bd_seq
from plantctl.sinks._callout_book import BOOK as CALLS
from plantctl.sinks._callout_book import Call, CallBook
from plantctl.sinks._kept_file import keep
from plantctl.sinks._position import Hole, Position
from tests.feed_bench import NoWords
from tests.history_bench import INPUTS, NAMES, PLAN, PLAN_TEXT, SCAN_NS, TAGS, UTC_NS, Plant, bits, some_of_everything

POSITION = Position(40, [Hole(11, 20)], 3, 0)
SLOTS = (1_000, 1_001)  # the numbers that the two saves of the retained state hold
FAR_NS = 1 << 62
BOOK = {"TI-1.high": Call((7, 0), "unack", UTC_NS, UTC_NS, told={"shift": ("unack", UTC_NS + 5)})}
BD_SEQ = 41
IDENTITY = "0123456789abcdef"
LAB = 23
# Records by the seeds they are made of: of those that were never sealed a log file is all that tells; the long ones go
# over hours, with quarters and late values.
SEALED, UNSEALED, LONG = (1, 2), (3, 4), (5, 6)
# Of ten thousand: how many flips go into a file of each kind.
SHARES = {
    ".log": 2_400,
    ".seg": 4_000,
    ".q": 500,
    "late-": 600,
    ".txt": 600,
    "retained": 500,
    ".position": 400,
    ".quarantine": 400,
    ".calls": 400,
    ".bdseq": 100,
    RECORDING: 100,
}


class Known(Plant):
    """Remembers what each tag had in each scan."""

    def begin(self):
        self.truth = getattr(self, "truth", {})
        super().begin()
        self.remember()

    def scan(self, count=1, period_ns=SCAN_NS):
        for _ in range(count):
            super().scan(1, period_ns)
            self.remember()

    def bring_late(self, number):
        """A value of the laboratory, signed, and two of a logger; each of some minutes ago."""
        utc_ns = self.utc_ns - 400 * 10**9 + number
        rows = np.array([(number + k, utc_ns + k * 10**9, 11, 0, 0) for k in range(2)], LATE_ROW)
        self.tell(LateAct.IMPORTED, 100 + number, rows)
        for act, quality in ((LateAct.ENTERED, 64), (LateAct.SIGNED, 0)):
            self.tell(act, number, late_row(LAB, utc_ns, float(number), quality))

    def tell(self, act, number, rows):
        record = LateRecord(act, number, rows, "ann", "")
        self.ring.append(Kind.LATE, self.count, self.mono_ns, encode_late(record))
        for value, utc_ns, tag, quality, _ in rows.tolist():
            self.truth[tag, utc_ns] = bits(value), quality, utc_ns

    def remember(self):
        for row, tag in enumerate(TAGS):
            state = (bits(self.value[row]), int(self.quality[row]), int(self.source_ns[row]) if row < INPUTS else 0)
            self.truth[tag, self.utc_ns] = state


def recorded(folder, seed):
    """A record of all kinds of files in `folder`; what was true."""
    draw = Random(seed)
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    span_ns = 1_200 * 10**9 if seed in LONG else 25 * SCAN_NS
    plant = Known(draw, log, sealed, file_bytes=40_000 if seed in LONG else 9_000, span_ns=span_ns)
    for number in range(10):
        if seed in LONG:
            plant.scan(25, 80 * 10**9)
            plant.bring_late(number)
        else:
            some_of_everything(plant, draw, number)
        plant.keep() if seed in UNSEALED else plant.seal()
    plant.scan(12)
    assert plant.recorder.drain(plant.reader, plant.mono_ns, plant.utc_ns)
    assert plant.recorder.close(plant.mono_ns, plant.utc_ns)
    retained = RetainedFile(FolderStorage(folder))
    for number in SLOTS:
        state = RetainedState(PLAN, (), (), (RetainedPoint("A-1", "m3/h", number, 0, 0),))
        assert retained.save(state, Moment(UTC_NS, 0))
    ledger = FeedLedger(FolderStorage(folder / "feeds"), "archive", {})
    assert ledger.position() is None
    ledger.keep(POSITION)
    zero = np.zeros(3, np.int64)
    book = CallBook((), 0, 0, BOOK)
    keep(folder / "feeds" / f"standby{CALLS}", book.encode())
    keep(folder / "feeds" / f"cloud{NUMBER}", encode_bd_seq(BD_SEQ))
    keep(folder / "feeds" / RECORDING, encode_recording(IDENTITY))
    quarters = Quarters(sealed, together=2)
    while seed in LONG and quarters.turn():
        pass
    ledger.set_aside(Batch(1, 1, zero, np.arange(3, dtype=np.uint32), zero + 0.5, zero.astype(np.uint16), zero), "no")
    return plant.truth


@cache
def template(place, seed):
    """A record that is copied for each flip: its folder, the truth, and what it answers while it is sound."""
    folder = Path(place) / f"template-{seed}"
    truth = recorded(folder, seed)
    return folder, truth, answers(folder, TAGS)


def answers(folder, spanned=()):
    """Every point of every tag, what the `spanned` did in wider spans, and the transitions."""
    history = History(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))
    points, spans = {}, {}
    extent = history.extent_ns()
    end_ns = UTC_NS + 4_000 * SCAN_NS if extent is None else max(extent[1], UTC_NS + 4_000 * SCAN_NS)
    for tag, name in NAMES.items():
        try:
            series = history.raw(name, 0, FAR_NS)
        except UnknownTag:
            continue
        columns = (series.utc_ns, series.value.view("i8"), series.quality, series.source_ns)
        points[tag] = list(zip(*(c.tolist() for c in columns), strict=True))
        if tag not in spanned:
            continue
        buckets = history.trend(name, UTC_NS, end_ns, 8).buckets
        columns = (buckets.low, buckets.high, buckets.count)
        spans[tag] = tuple(np.where(np.isnan(column), -1.0, column).tolist() for column in columns)
    return points, spans, [frame for _, frame in history.frames(0, FAR_NS)], history.damaged


def checked(folder, number, *, repair=False):
    """What `plantctl history check` says: the damaged files, and its exit code; now and then by its command line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if number % 10:
            asked = Namespace(tags=["check", str(folder)], log=None, state=None, json=True, repair=repair)
            code = check(asked)
        else:
            code = main(["history", "check", str(folder), "--json", *(["--repair"] if repair else [])])
    return [each["file"] for each in json.loads(out.getvalue())["damages"]], code


def assert_true(found, truth):
    """Nothing is answered that was not so."""
    points, spans, _, _ = found
    for tag, rows in points.items():
        for utc_ns, *state in rows:
            assert truth.get((tag, utc_ns)) == tuple(state), f"tag {tag} at {utc_ns}: {state}"
    values = {-1.0} | {np.int64(state[0]).view(np.float64).item() for state in truth.values()}
    for tag, (low, high, _) in spans.items():
        assert {*low, *high} <= values, f"tag {tag}: a span that never was"


def lost_of(found, right):
    """What is missing in the answers: times by tag, and transitions."""
    rows = {tag: {row[0] for row in right[0][tag]} - {row[0] for row in found[0][tag]} for tag in found[0]}
    return {tag: times for tag, times in rows.items() if times}, len(right[2]) - len(found[2])


def assert_small(lost, kind):
    """A flip costs one frame of a log file, and nothing elsewhere."""
    rows, events = lost
    times = set().union(*rows.values()) if rows else set()
    if kind == ".log":
        assert len(times) + events <= 1, f"more than one frame: {times}, {events} transitions"
    else:
        assert (rows, events) == ({}, 0)


def assert_starts(folder, truth):
    """The plant goes on: it records and seals, the sink is fed, and every new row is there."""
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    last_ns = max(utc_ns for _, utc_ns in truth)
    plant = Known(
        Random(3), log, sealed, file_bytes=9_000, floor=sealed_through(sealed), mono_ns=last_ns - UTC_NS + 10**11
    )
    plant.scan(30)
    plant.event("begun again")
    plant.seal()
    plant.keep()
    found = answers(folder)
    assert_true(found, truth | plant.truth)
    for tag in set(TAGS) - {tag for tag, _ in late_of(folder)}:
        new = [row for row in found[0][tag] if row[0] > last_ns]
        changes = [state for (t, _), state in plant.truth.items() if t == tag]
        count = sum(a != b for a, b in pairwise(changes)) + 1
        assert len(new) == count, f"tag {tag}: {len(new)} of {count} new points"
    retained = RetainedFile(FolderStorage(folder)).load()
    assert retained is not None
    assert retained.state.points[0].value in SLOTS
    assert retained.state.points[0].unit == "m3/h"
    position = FeedLedger(FolderStorage(folder / "feeds"), "archive", {}).position()
    assert position in (None, POSITION)
    assert_feeds(folder, position or Position(), plant, truth | plant.truth)


def assert_feeds(folder, position, plant, truth):
    """A sink is given what is behind its position, and nothing that was not so."""
    newest = plant.recorder.newest()
    log, history = ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history")
    cursor = FeedLog(log, history, NoWords(), lambda: newest).cursor(position.through)
    while (batch := cursor.next(1_000)) is not None:
        columns = (batch.tag, batch.utc_ns, batch.value.view(np.int64), batch.quality, batch.source_ns)
        for tag, utc_ns, *state in zip(*(c.tolist() for c in columns), strict=True):
            assert truth.get((tag, utc_ns)) == tuple(state), f"fed: tag {tag} at {utc_ns}: {state}"
    assert cursor.last_sequence == newest[0]


def files_of(folder, kind):
    def is_one(name):
        if kind == ".q":
            return name.endswith((".q1", ".q2"))
        return name.startswith(kind) or (name.endswith(kind) and not name.startswith("late-"))

    return sorted(p for p in folder.rglob("*") if p.is_file() and is_one(p.name))


def flip(path, draw):
    """One bit, at random; which."""
    data = bytearray(path.read_bytes())
    at = draw.randrange(8 * len(data))
    data[at // 8] ^= 1 << at % 8
    path.write_bytes(data)
    return at


def flipped(place, number, kind):
    """One flip in a file of this kind; what it cost: points lost, transitions lost, whether mended whole."""
    draw = Random(number)
    seeds = {".seg": 3 * SEALED + LONG, ".q": LONG, "late-": LONG}.get(kind, SEALED + UNSEALED)
    seed = draw.choice(seeds)
    sound, truth, right = template(str(place), seed)
    folder = Path(place) / f"flip-{number}"
    shutil.copytree(sound, folder)
    path = draw.choice(files_of(folder, kind))
    bit = flip(path, draw)
    what = f"bit {bit} of {path.relative_to(folder)} (record {seed})"
    try:
        spanned = [TAGS[number % 6], TAGS[number // 6 % 6]]
        found = answers(folder, spanned)
        assert_true(found, truth)
        assert_kept(folder)
        assert kind == ".log" or all(spans == right[1][tag] for tag, spans in found[1].items()), "another answer"
        assert len(NAMES) - len(found[0]) <= (2 if kind == ".txt" else 0), "names are gone"
        lost = lost_of(found, right)
        assert_small(lost, kind)
        files, code = checked(folder, number, repair=bool(number % 2))
        assert files, "it was not found"
        assert set(files) == {path.name}
        mended = False
        if number % 2 == 0:
            assert code == 1
        else:
            again = answers(folder)
            assert_true(again, truth)
            mended = again[0] == right[0] and again[2] == right[2]
            assert mended or kind == ".log", "it is not mended"
            assert mended or again[0] == found[0], "repair made it worse"
            assert_small(lost_of(again, right), kind)
        if number % 3 == 0:
            assert_starts(folder, truth)
        if kind == ".quarantine":
            lines = path.read_bytes().split(b"\n")
            assert sum(not is_sound(line) for line in lines if line) <= 2
    except BaseException as fault:
        fault.add_note(what)
        raise
    finally:
        shutil.rmtree(folder)
    return sum(map(len, lost[0].values())), lost[1], mended


def late_of(folder):
    """The late values in the files of them."""
    storage = ReadOnlyFolder(folder / "history")
    said = LateLog(ReadOnlyFolder(folder / "log"), storage).refresh().said()
    return {(int(row["tag"]), int(row["utc_ns"])) for one in said for row in one.record.rows}


def assert_kept(folder):
    """Nothing that a sink keeps of its own is taken for something else."""
    book = CallBook((), 0, 0)
    book.decode((folder / "feeds" / f"standby{CALLS}").read_bytes())
    assert book.calls == BOOK
    assert decode_recording((folder / "feeds" / RECORDING).read_bytes()) == (IDENTITY,)
    assert decode_bd_seq((folder / "feeds" / f"cloud{NUMBER}").read_bytes()) == BD_SEQ


def kinds(count, draw):
    """The kinds of so many flips, by their shares."""
    whole = sum(SHARES.values())
    return draw.choices(list(SHARES), [share / whole for share in SHARES.values()], k=count)


__all__ = ["FAR_NS", "PLAN_TEXT", "SHARES", "flipped", "kinds", "log_names"]
