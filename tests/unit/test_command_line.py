"""What is typed reaches the verb as it was meant; and what the test run itself says when something fails."""

import types

import pytest

from plantctl.cli.main import main, parser_of
from tests import conftest


@pytest.mark.parametrize("number", ["-1e-3", "-2.5E+4", "-.5e1", "-1", "-0.5"])
@pytest.mark.parametrize("before", [["set", "FC-1"], ["command", "output", "FIC-1"], ["command", "tune", "FIC-1.gain"]])
def test_a_negative_number_is_a_value_and_no_option(before, number):
    found = parser_of(before[:1]).parse_args([*before, number, "--reason", "trial"])
    assert (found.value, found.reason) == (number, "trial")


def test_an_option_that_does_not_exist_is_still_none(capsys):
    with pytest.raises(SystemExit):
        parser_of(["set"]).parse_args(["set", "FC-1", "1", "-x"])
    assert "-x" in capsys.readouterr().err


def test_tags_may_stand_on_both_sides_of_an_option(capsys, tmp_path):
    for words in (
        ["check", "--repair", str(tmp_path / "no")],
        ["A-1", "--json", "B-1"],
        ["--last", "1h", "A-1", "--csv", "B-1"],
    ):
        assert main(["history", *words, "--state", str(tmp_path)]) == 3
        assert "there is no log in" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["history", "A-1", "--json", "B-1", "--nonsense"])
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [({"randomly_seed": 7}, ["this order again: --randomly-seed=7"]), ({}, [])],
    ids=["in-random-order", "with-p-no-randomly"],
)
def test_a_failure_tells_the_seed_of_its_order_where_there_is_one(option, said):
    lines = []
    reporter = types.SimpleNamespace(write_line=lines.append)
    conftest.pytest_terminal_summary(reporter, 1, types.SimpleNamespace(option=types.SimpleNamespace(**option)))
    assert lines == said
    conftest.pytest_terminal_summary(reporter, 0, types.SimpleNamespace(option=types.SimpleNamespace(**option)))
    assert lines == said
