"""`exec` from outside: exit codes, messages with file and line, what it never touches."""

import subprocess
import sys
from pathlib import Path

import pytest

from plantctl.cli.main import main

ROOT = Path(__file__).parents[2]

PLANT = """
plant: {name: bench}
tags:
  AI-1: {range: [0, 100]}
  FC-1: {range: [0, 100], access: write}
calculated:
  AY-1: "2 * {AI-1}"
"""


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with a good plant and input; `exec` on it is given further arguments."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "in.csv").write_text("time_s,tag,value,quality\n0,AI-1,1,good\n")

    def run(*arguments, until="0.2 s", inputs="in.csv"):
        given = ["exec", str(tmp_path / "plant.yaml"), "--inputs", str(tmp_path / inputs), "--until", until]
        try:
            return main([*given, "--out", str(tmp_path / "out.csv"), *arguments])
        except SystemExit as ended:
            return ended.code

    run.folder = tmp_path
    return run


def test_what_ran_is_0_and_only_the_files_asked_for_appear(case):
    assert case() == 0
    assert sorted(p.name for p in case.folder.iterdir()) == ["in.csv", "out.csv", "plant.yaml"]
    assert (case.folder / "out.csv").read_text().splitlines()[0] == "time_s,AI-1,FC-1,AY-1"


def test_a_folder_stands_for_its_plant(case, tmp_path):
    given = ["exec", str(tmp_path), "--inputs", str(tmp_path / "in.csv"), "--until", "100ms"]
    assert main([*given, "--out", str(tmp_path / "out.csv")]) == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_a_plan_with_errors_is_1_and_writes_nothing(case, capsys):
    (case.folder / "plant.yaml").write_text(PLANT.replace('{AI-1}"', '{AI-9}"'))
    assert case() == 1
    said = capsys.readouterr().err
    assert "plant.yaml:7:" in said
    assert "PC302" in said
    assert not (case.folder / "out.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [("--record", "AI-1,AI-9"), ("--record", "AI-9.quality"), ("--nothing",), ("--interpreted", "--compiled")],
)
def test_usage_is_2(case, arguments, capsys):
    assert case(*arguments) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("until", ["60", "-1 s", "soon", ""])
def test_an_until_that_is_no_duration_is_2(case, until, capsys):
    assert case(until=until) == 2
    assert "--until" in capsys.readouterr().err


@pytest.mark.parametrize(("until", "rows"), [("0 s", 1), ("0.1s", 2), ("150 ms", 2), ("1 min", 601)])
def test_durations_are_those_of_the_configuration(case, until, rows):
    assert case(until=until) == 0
    assert len((case.folder / "out.csv").read_text().splitlines()) == 1 + rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_s,tag,value,quality\n0,AI-1,1,good\n0,AI-9,1,good\n", "in.csv:3: `AI-9` is not a tag"),
        ("time_s,tag,value,quality\n0,FC-1,1,good\n", "in.csv:2: `FC-1` is written by the plan"),
        ("time_s,tag,value,quality\n0,AY-1,1,good\n", "in.csv:2: `AY-1` is written by the plan"),
        ("time_s,tag,value,quality\n1,AI-1,1,\n0.5,AI-1,1,\n", "in.csv:3: time runs backwards"),
        ("time_s,tag,value,quality\n-1,AI-1,1,\n", "in.csv:2: `-1` is not a time"),
        ("time_s,tag,value,quality\nnan,AI-1,1,\n", "in.csv:2: `nan` is not a time"),
        ("time_s,tag,value,quality\nsoon,AI-1,1,\n", "in.csv:2: `soon` is not a time"),
        ("time_s,tag,value,quality\n0,AI-1,yes,\n", "in.csv:2: `yes` is not a number"),
        ("time_s,tag,value,quality\n0,AI-1,1_000,\n", "in.csv:2: `1_000` is not a number"),
        ("time_s,tag,value,quality\n0,AI-1,,\n", "in.csv:2: `` is not a number"),
        ("time_s,tag,value,quality\n0,AI-1,1,fine\n", "in.csv:2: `fine` is not a quality"),
        ("time_s,tag,value,quality\n0,AI-1\n", "in.csv:2: 2 columns"),
        ("time_s,tag,value,quality\n0,AI-1,1,good,more\n", "in.csv:2: 5 columns"),
        ("tag,time_s,value\nAI-1,0,1\n", "in.csv:1: the header"),
        ("", "in.csv:1: the header"),
        ('time_s,tag,value,quality\n0,"AI-1,1,good\n', "in.csv"),
        ("time_s,tag,value,quality\n0,AI-1,\x00,good\n", "in.csv"),
    ],
)
def test_an_input_that_cannot_be_taken_is_3_with_file_and_line(case, text, said, capsys):
    (case.folder / "in.csv").write_text(text)
    assert case() == 3
    assert said in capsys.readouterr().err
    assert not (case.folder / "out.csv").exists()


def test_an_input_file_that_is_not_there_or_no_text_is_3(case, capsys):
    assert case(inputs="none.csv") == 3
    assert "none.csv" in capsys.readouterr().err
    (case.folder / "in.csv").write_bytes(b"time_s,tag,value\n0,AI-1,\xff\n")
    assert case() == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,dance,FC-1,1,op,why\n", "cmd.csv:2: `dance` is not a command"),
        ("1,set,FC-1,1,op,why\n0,set,FC-1,1,op,why\n", "cmd.csv:3: time runs backwards"),
        ("0,set\n", "cmd.csv:2: 2 columns"),
    ],
)
def test_commands_that_cannot_be_read_are_3_with_file_and_line(case, text, said, capsys):
    (case.folder / "cmd.csv").write_text("time_s,command,target,value,actor,reason\n" + text)
    assert case("--commands", str(case.folder / "cmd.csv")) == 3
    assert said in capsys.readouterr().err


def test_columns_at_the_right_may_be_missing(case):
    (case.folder / "in.csv").write_text("time_s,tag,value\n0,AI-1,1\n")
    (case.folder / "cmd.csv").write_text("time_s,command,target,value\n0.1,set,FC-1,5\n")
    assert case("--commands", str(case.folder / "cmd.csv")) == 0
    assert (case.folder / "out.csv").read_text().splitlines()[-1] == "0.2,1.0,5.0,2.0"


def test_both_modes_give_the_same_bytes(case):
    texts = []
    for mode in ("--interpreted", "--compiled"):
        assert case(mode, "--quality") == 0
        texts.append((case.folder / "out.csv").read_bytes())
    assert texts[0] == texts[1]


def test_a_run_that_breaks_off_leaves_no_half_file(case):
    assert case("--events", str(case.folder / "no-such-folder" / "ev.csv")) != 0
    assert sorted(p.name for p in case.folder.iterdir()) == ["in.csv", "plant.yaml"]


def test_it_is_a_verb_of_the_command_line(tmp_path):
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "in.csv").write_text("time_s,tag,value\n")
    files = ["--inputs", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "plantctl", "exec", str(tmp_path), "--until", "0 s", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.csv").read_text() == "time_s,AI-1,FC-1,AY-1\n0.0,nan,nan,nan\n"
