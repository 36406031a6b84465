"""A file of values that came after their time: taken whole, once, at the time of each; or every wrong line is named."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from plantctl.app.lab import answer_lab
from plantctl.cli import history_import
from plantctl.cli.exit_code import DONE, FINDINGS, REFUSED, USAGE
from plantctl.cli.main import main
from plantctl.core.quality import BAD, UNCERTAIN
from tests.lab_bench import HOUR_NS, UTC_NS, LabPlant

NAME = "logger.csv"


@pytest.fixture
def plant():
    return LabPlant()


@pytest.fixture
def bring(plant, monkeypatch, capsys, tmp_path):
    """What `history import` makes of a file of such lines: exit code, what is printed, what is complained."""

    def bring(*lines, header="time,tag,value,quality"):
        def ask(request):
            return asyncio.run(answer_lab(lambda: plant.desk, request["lab"], "ann (uid 1000)"))

        monkeypatch.setattr(history_import, "connect", lambda arguments, wait_s: nullcontext(SimpleNamespace(ask=ask)))
        path = tmp_path / NAME
        path.write_text("\n".join([header, *lines]) + "\n")
        code = main(["history", "import", str(path)])
        printed, complained = capsys.readouterr()
        return code, printed, complained.replace(f"{tmp_path}/", "")

    return bring


def points(plant, tag="FI-1"):
    """What the record has of a tag before the plant began."""
    found = plant.history().raw(tag, UTC_NS - 10 * HOUR_NS, UTC_NS)
    return list(zip(found.utc_ns.tolist(), found.value.tolist(), found.quality.tolist(), strict=True))


def lines(count, value=0.0):
    return [f"{UTC_NS - HOUR_NS + k},FI-1,{k / 8 + value}," for k in range(count)]


def test_every_value_is_found_at_its_own_time_with_its_quality(plant, bring):
    assert bring("2026-09-21T14:00:00+02:00,FI-1,1.5,good", "2026-09-21T12:30:00Z,FI-1,1.25,uncertain")[0] == DONE
    assert points(plant) == [(1_789_992_000 * 10**9, 1.5, 0), (1_789_993_800 * 10**9, 1.25, UNCERTAIN)]
    assert bring("2026-09-21T12:45:00Z,FI-1,,bad")[0] == DONE
    assert points(plant)[-1][2] == BAD
    assert [e.reason for e in plant.said] == [f"values from {NAME}"] * 2


def test_a_file_of_many_records_is_taken_once_however_often_it_is_given(plant, bring):
    assert bring(*lines(250)) == (DONE, f"{NAME}: 250 values taken, 0 were there already\n", "")
    before = points(plant)
    assert len(before) == 250
    assert len(plant.said) == 1
    assert bring(*lines(250))[1] == f"{NAME}: 0 values taken, 250 were there already\n"
    assert bring(*lines(260))[1] == f"{NAME}: 10 values taken, 250 were there already\n"
    assert points(plant)[:250] == before
    assert bring(*lines(1, 5.0))[1] == f"{NAME}: 1 values taken, 0 were there already\n"
    assert points(plant)[0] == (UTC_NS - HOUR_NS, 5.0, 0)
    assert bring(f"{UTC_NS - HOUR_NS},FI-1,5.0,uncertain")[1] == f"{NAME}: 1 values taken, 0 were there already\n"
    assert points(plant)[0] == (UTC_NS - HOUR_NS, 5.0, UNCERTAIN)


def test_a_file_that_was_cut_off_is_given_again(plant, bring):
    submit, given = plant.submit, []
    plant.submit = lambda command, tell, heard_ns=0: given.append(1) or (len(given) < 3 and submit(command, tell))
    code, _, complained = bring(*lines(250))
    assert (code, "200 values were taken; give the file again" in complained) == (REFUSED, True)
    plant.submit = submit
    assert bring(*lines(250))[1] == f"{NAME}: 50 values taken, 200 were there already\n"
    assert len(points(plant)) == 250


def test_every_wrong_line_is_named_and_nothing_is_taken(plant, bring):
    good = lines(150)
    t = UTC_NS - 2 * HOUR_NS
    wrong = [
        (f"{t},XX-1,1,", "`XX-1` is not in this plant"),
        (f"{t},AY-1,1,", "`AY-1` is a laboratory tag"),
        (f"{UTC_NS + HOUR_NS},FI-1,1,", "the time lies in the future"),
        ("at noon,FI-1,1,", "`at noon` is no time"),
        ("2026-09-21T12:00:00,FI-1,1,", "does not say which zone"),
        ("1900-01-01T00:00:00Z,FI-1,1,", "is before 1970"),
        (f"{t},FI-1,much,", "`much` is no number"),
        (f"{t},FI-1,nan,bad", "`nan` is no number"),
        (f"{t},FI-1,,", "a value that is no number is of quality bad"),
        (f"{t + 1},FI-1,1,fine", "`fine` is no quality"),
        (f"{t},FI-1", "2 columns, 4 expected"),
        (f"{UTC_NS - HOUR_NS},FI-1,7,", "line 2 has a value of `FI-1` at this time"),
    ]
    code, printed, complained = bring(*good, *(line for line, _ in wrong))
    assert (code, printed) == (FINDINGS, "")
    told = complained.splitlines()
    assert len(told) == len(wrong) + 1
    for number, ((_, why), line) in enumerate(zip(wrong, told, strict=False), 152):
        assert f"{NAME}:{number}: " in line
        assert why in line
    assert told[-1] == "nothing was taken"
    assert not plant.said
    plant.give([])
    assert not points(plant)
    assert "the header must be time,tag,value,quality" in bring(header="tag,time,value")[2]


def test_one_file_is_brought_at_a_time(capsys):
    assert main(["history", "import"]) == USAGE
    assert "one file" in capsys.readouterr().err
