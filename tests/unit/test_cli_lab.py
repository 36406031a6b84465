"""The laboratory's book at the command line: what is typed, what is shown, and which exit code ends it."""

import asyncio
import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from plantctl.app.lab import answer_lab
from plantctl.cli import lab
from plantctl.cli.exit_code import DONE, REFUSED, USAGE
from plantctl.cli.main import main
from tests.lab_bench import LabPlant

TAKEN = "2026-09-21T13:00:00Z"


@pytest.fixture
def typed(monkeypatch, capsys):
    """What is typed after `plantctl lab`, by whom: exit code, what is printed, what is complained."""
    plant = LabPlant()

    def typed(*words, by="ann (uid 1000)"):
        def ask(request):
            return asyncio.run(answer_lab(lambda: plant.desk, request["lab"], by))

        monkeypatch.setattr(lab, "connect", lambda arguments, wait_s: nullcontext(SimpleNamespace(ask=ask)))
        code = main(["lab", *words])
        printed, complained = capsys.readouterr()
        return code, printed, complained

    return typed


def test_a_sample_from_its_entry_to_its_end(typed):
    code, printed, _ = typed(
        "enter", "AY-1", "750", "--unit", "mmol/L", "--sample-time", TAKEN, "--sample", "S-1", "--comment", "murky"
    )
    assert code == DONE
    head, which, step = printed.splitlines()
    entry = head.split()[0]
    assert head == f"{entry}  AY-1 = 0.75 mol/L, waits for a signature, above specification"
    assert which == f"  sample S-1, taken {TAKEN}"
    assert step == "  entered 2026-09-21T14:13:20Z by ann (uid 1000): 750 mmol/L - murky"
    assert typed("sign", entry)[0] == REFUSED
    assert "another person" in typed("sign", entry)[2]
    assert "AY-1 = 0.75 mol/L, signed" in typed("sign", entry, by="bob (uid 1001)")[1]
    assert typed("list", "--open")[:2] == (DONE, "nothing waits for a signature\n")
    code, printed, _ = typed("correct", entry, "0.65", "--reason", "dilution", by="bob (uid 1001)")
    assert (code, printed.splitlines()[-1].partition(" by ")[2]) == (DONE, "bob (uid 1001): 0.65 mol/L - dilution")
    table = typed("list", "AY-1", "--open")[1].splitlines()
    assert table[0].split() == ["entry", "tag", "sampled", "sample", "value", "state", "by"]
    assert table[1].startswith(f"{entry}  AY-1  {TAKEN}  S-1     0.65 mol/L  waits for a signature")
    assert "AY-1 = -, withdrawn" in typed("withdraw", entry, "--reason", "another tank")[1]
    told = json.loads(typed("list", "--json")[1])
    assert [step["do"] for step in told[0]["steps"]] == ["entered", "signed", "corrected", "withdrawn"]


def test_an_empty_book_and_a_tag_that_is_none(typed):
    assert typed("list")[:2] == (DONE, "no entries\n")
    code, printed, complained = typed("list", "FI-1")
    assert (code, printed) == (REFUSED, "")
    assert "there are: AY-1, AY-2" in complained


@pytest.mark.parametrize(
    "words", [(), ("enter", "AY-1", "much", "--sample-time", TAKEN), ("enter", "AY-1", "1"), ("withdraw", "abcd")]
)
def test_what_is_not_whole_is_not_asked(typed, words):
    with pytest.raises(SystemExit) as error:
        typed(*words)
    assert error.value.code == USAGE
