"""A value that a simulator made up says so wherever it comes out; the measured one beside it never does."""

import csv
import io
import json

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.core.field import InputColumns
from plantctl.core.quality import BAD, FORCED, MARKS, SEVERITY_MASK, SIMULATED, UNCERTAIN, Reason, bad_because
from plantctl.drivers._opcua_status import quality_of
from plantctl.history.reading.cursor import SealedCursor
from plantctl.history.reading.query import History
from plantctl.hmi.opcua.values import status_of
from plantctl.log.cursor import LogCursor
from plantctl.log.storage import ReadOnlyFolder
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._sparkplug_node import Node
from plantctl.sinks._sparkplug_payload import decode
from plantctl.sinks.mqtt import Config, Sink
from tests.feed_bench import NoWords
from tests.line_protocol import read_lines
from tests.marked_record import LABELS, LOST, MADE_UP, MEASURED, SECONDS, UTC_NS, Now, S, devices, make_record, ports
from tests.wire.feed_rig import place as standing

MARKED = {MADE_UP: True, MEASURED: False}
SPAN = (UTC_NS, UTC_NS + SECONDS * S)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "bench"
    return folder, make_record(folder)


@pytest.fixture(scope="module")
def history(record):
    return History(ReadOnlyFolder(record[0] / "log"), ReadOnlyFolder(record[0] / "history"))


@pytest.fixture(scope="module")
def batches(record):
    """What sinks get: from the log, and from the history when the log has let go of it."""
    folder, last = record
    cursors = (
        LogCursor(ReadOnlyFolder(folder / "log"), NoWords(), lambda: last),
        SealedCursor(ReadOnlyFolder(folder / "history"), NoWords(), 0, last),
    )
    found = []
    for cursor in cursors:
        batch = cursor.next(100_000)
        assert {LABELS[n].name for n in batch.tag.tolist()} == set(MARKED)
        found.append(batch)
    return found


def marked(words):
    """Whether all say so, or none; what says neither way fails."""
    said = {bool(word & SIMULATED) if isinstance(word, (int, np.integer)) else "simulated" in word for word in words}
    assert len(said) == 1, said
    return said.pop()


def test_a_device_is_simulated_where_its_address_says_so_and_is_reached_without_that_word():
    made_up, measured = devices()
    assert (made_up.connect, made_up.simulated) == ("tcp://127.0.0.1:1", True)
    assert (measured.connect, measured.simulated) == ("tcp://10.0.0.1", False)


def test_every_way_in_which_a_driver_hands_a_value_over_marks_it_and_keeps_its_severity():
    inputs = InputColumns(2)
    one, all_ = np.array([0]), np.array([2.0])
    for hand_over, wanted in (
        (lambda port: port.put(0, 1.0), 0),
        (lambda port: port.put(0, float("inf")), BAD),
        (lambda port: port.put(0, 1.0, UNCERTAIN), UNCERTAIN),
        (lambda port: port.put_many(one, all_), 0),
        (lambda port: port.put_many(one, all_ * np.nan), BAD),
        (lambda port: port.mark(one, bad_because(Reason.CONFIG)), BAD),
        (lambda port: port.all_lost(), BAD),
    ):
        for port in ports(Now(), inputs):
            hand_over(port)
        assert [bool(q & SIMULATED) for q in inputs.quality.tolist()] == [True, False]
        assert (inputs.quality & SEVERITY_MASK).tolist() == [wanted, wanted]


def test_the_sealed_history_says_it_raw_by_minutes_in_a_trend_and_in_figures(history):
    for tag, wanted in MARKED.items():
        series = history.raw(tag, *SPAN)
        assert len(series.utc_ns) == SECONDS - len(LOST) + 1, "the mark alone is no new row"
        assert marked(series.quality.tolist()) is wanted
        for points in (5, 4, 290):
            trend = history.trend(tag, *SPAN, points)
            assert marked(trend.buckets.quality[trend.buckets.told].tolist()) is wanted, (points, trend.tier)
        assert marked([history.last(tag, SPAN[1]).quality]) is wanted
        assert marked([history.at(tag, [UTC_NS + 7 * S])[0].quality]) is wanted


def test_the_verbs_say_it_as_csv_as_json_in_files_and_to_a_person(record, tmp_path, capsys):
    def said(*words):
        assert main(["history", *words, "--from", str(record[0])]) == 0
        return capsys.readouterr().out

    for tag, wanted in MARKED.items():
        rows = list(csv.DictReader(io.StringIO(said(tag, "--last", "1h", "--csv"))))
        assert marked(row["quality"] for row in rows) is wanted
        rows = list(csv.DictReader(io.StringIO(said(tag, "--points", "4", "--csv"))))
        assert marked(row["quality"] for row in rows if int(row["count"])) is wanted
        words = json.loads(said(tag, "--last", "1h", "--json"))[tag]["quality"]
        assert marked(word for word in words if word is not None) is wanted
        assert marked(said(tag, "--last", "30s").splitlines()) is wanted
        said(tag, "--last", "1h", "--out", str(tmp_path / "found.csv"))
        rows = list(csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text())))
        assert marked(row["quality"] for row in rows) is wanted
        assert marked(int(row["quality_word"]) for row in rows) is wanted


def test_an_export_says_it_in_its_rows_and_in_its_manifest(record, tmp_path, capsys):
    out = tmp_path / "lots"
    assert main(["export", str(out), *MARKED, "--from", str(record[0]), "--while", "{R-1} < 2 [m3/h]"]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert any("simulated" in words for words in manifest["qualities"].values())
    for lot in manifest["lots"]:
        rows = list(csv.DictReader(io.StringIO((out / lot["file"]).read_text())))
        for tag, wanted in MARKED.items():
            assert marked(row["quality"] for row in rows if row["tag"] == tag) is wanted
            assert marked([lot["tags"][tag]["worst_quality"]]) is wanted


def test_lines_to_a_database_say_it(batches):
    for batch in batches:
        lines = read_lines(LineEncoder("plant", "bench", LABELS).lines(batch))
        for tag, wanted in MARKED.items():
            mine = [line.fields for line in lines if line.tags["point"] == tag]
            assert {fields.get("simulated", False) for fields in mine} == {wanted}
            assert marked(int(fields["quality"]) for fields in mine) is wanted


def test_messages_of_plain_mqtt_say_it(batches):
    sink = Sink(standing(LABELS), Config(url="mqtt://127.0.0.1:1"))
    for batch in batches:
        told = list(sink._messages(batch, []))
        for tag, wanted in MARKED.items():
            assert marked(json.loads(m.payload)["q"] for m in told if m.topic.endswith(tag)) is wanted


def test_sparkplug_says_it_in_data_and_in_births(batches):
    node = Node(["*"], journal=False, facts={})
    node.birth(LABELS, 0, 0)
    for batch in batches:
        metrics = [m for data in node.data(batch, 0, 500, {}) for m in decode(data, node.types()).metrics]
        node.settle(batch)
        born = {m.name: m for m in decode(node.birth(LABELS, 0, 0), {}).metrics}
        for point, label in LABELS.items():
            mine = [m.properties.get("qualityText", "good") for m in metrics if m.alias == point]
            assert marked(mine) is MARKED[label.name]
            assert marked([born[label.name].properties.get("qualityText", "good")]) is MARKED[label.name]


def test_over_opc_ua_a_simulated_value_is_never_good_and_comes_back_as_simulated():
    for quality in (SIMULATED, SIMULATED | FORCED, SIMULATED | UNCERTAIN):
        back = quality_of(status_of(quality))
        assert back & MARKS == SIMULATED
        assert back & SEVERITY_MASK == UNCERTAIN
    assert status_of(SIMULATED | bad_because(Reason.SENSOR)) == status_of(bad_because(Reason.SENSOR))
    assert not quality_of(status_of(0)) & SIMULATED
