"""The log of one process: lines that programs read, a bounded number of files, and a disk that is full."""

import json
import logging
import os
import re
import sys
from pathlib import Path

import pytest

from plantctl.app.split.process_log import FILES_BEFORE, log_path, start_log


@pytest.fixture(autouse=True)
def as_before():
    root, before, hook = logging.getLogger(), list(logging.getLogger().handlers), sys.excepthook
    yield
    sys.excepthook = hook
    for extra in [h for h in root.handlers if h not in before]:
        root.removeHandler(extra)
        extra.close()


def lines(folder, role="scan"):
    return [json.loads(line) for line in log_path(folder, role).read_text().splitlines()]


def test_a_line_says_when_who_and_what(tmp_path):
    start_log(tmp_path / "logs", "scan").warning("late by %d us", 7, extra={"fields": {"late_us": 7}})
    (line,) = lines(tmp_path / "logs")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "WARNING",
        "role": "scan",
        "pid": os.getpid(),
        "message": "late by 7 us",
        "fields": {"late_us": 7},
    }


def test_the_time_is_utc_wherever_the_machine_stands(tmp_path, monkeypatch):
    log = start_log(tmp_path, "scan")
    record = log.makeRecord("plantctl", logging.INFO, "f", 1, "x", (), None)
    record.created = 1_000_000_000.5
    log.handle(record)
    assert lines(tmp_path)[0]["time"] == "2001-09-09T01:46:40.500Z"


def test_a_crash_is_written_down_before_python_prints_it(tmp_path, capsys):
    start_log(tmp_path, "scan")
    try:
        raise ZeroDivisionError("a mistake")
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    (line,) = lines(tmp_path)
    assert line["message"] == "crashed: a mistake"
    assert "ZeroDivisionError: a mistake" in line["traceback"]
    assert "ZeroDivisionError: a mistake" in capsys.readouterr().err


def test_a_library_that_warns_is_in_it_and_its_chatter_is_not(tmp_path):
    start_log(tmp_path, "scan")
    logging.getLogger("some_library").warning("no answer")
    logging.getLogger("some_library").info("sent")
    assert [line["message"] for line in lines(tmp_path)] == ["no answer"]


def test_a_log_that_grows_for_ever_keeps_its_last_files(tmp_path):
    log = start_log(tmp_path, "scan", size=500)
    for number in range(100):
        log.info("event %d", number)
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["scan.jsonl", *(f"scan.jsonl.{n}" for n in range(1, FILES_BEFORE + 1))]
    assert all(p.stat().st_size <= 500 for p in tmp_path.iterdir())
    assert lines(tmp_path)[-1]["message"] == "event 99"


def test_a_value_that_json_does_not_have_is_its_text(tmp_path):
    start_log(tmp_path, "scan").info("x", extra={"fields": {"path": tmp_path}})
    assert lines(tmp_path)[0]["fields"] == {"path": str(tmp_path)}


def test_a_full_disk_costs_one_line_and_one_when_it_heals(tmp_path, capsys):
    log = start_log(tmp_path, "scan")
    (file,) = (
        h for h in logging.getLogger().handlers if getattr(h, "baseFilename", "") == str(log_path(tmp_path, "scan"))
    )
    sound = os.dup(file.stream.fileno())
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file.stream.fileno())
    log.info("one")
    log.info("two")
    os.dup2(sound, file.stream.fileno())
    os.close(sound)
    log.info("three")
    log.info("four")
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2, told
    assert told[0].endswith("cannot be written: [Errno 28] No space left on device")
    assert told[1].endswith("is written again")
    assert [line["message"] for line in lines(tmp_path)] == ["three", "four"]


def test_a_folder_that_cannot_be_made_is_told_and_the_process_lives(tmp_path, capsys):
    (tmp_path / "logs").write_text("")
    start_log(tmp_path / "logs", "scan").info("x")
    assert capsys.readouterr().err.startswith("plantctl: no log of scan: ")
