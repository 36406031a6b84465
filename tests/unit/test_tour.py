"""The demo's tour: read whole or refused by line, played in order, and each one that is shipped fits its plant."""

from pathlib import Path

import pytest

from plantctl.cli.demo import OnStage
from plantctl.cli.run_inputs import InputRefused
from plantctl.cli.tour import CLEAR, FAULT, SAY, TRY, Interrupted, play, read_tour
from plantctl.plan.build import build_path
from simulators import fault_board  # noqa: F401  enters the faults of the wire
from simulators.faults import CATALOGUE

CONFIG = Path(__file__).parents[2] / "config"
TOURS = sorted(CONFIG.glob("*/tour.csv"))
HEAD = "time_s,do,what,with,text\n"


def tour(folder, text):
    (folder / "tour.csv").write_text(HEAD + text)
    return read_tour(folder / "tour.csv")


class Stage:
    """Everything that happened, in its order."""

    def __init__(self):
        self.seen = []

    def tell(self, text):
        self.seen.append(f"tell {text}")

    def command(self, verb, target, value, reason, *, once):
        self.seen.append(f"{verb} {target} {value} ({reason}){' once' if once else ''}")

    def fault(self, verb, words):
        self.seen.append(f"{verb} {' '.join(words)}")


def test_steps_are_played_in_their_order_with_their_text_and_their_pauses(tmp_path):
    steps = tour(
        tmp_path,
        "0,say,,,hello\n1.5,set,A-1,42,half of it\n1.5,fault,probe-fouled,probe_a.ph share=0.9,\n"
        "4,try set,A-1,1,too early\n9,clear,all,,mended\n",
    )
    stage, waited = Stage(), []
    play(steps, stage, waited.append)
    assert waited == [0.0, 1.5, 0.0, 2.5, 5.0]
    assert stage.seen == [
        "tell hello",
        "tell half of it",
        "set A-1 42 (half of it)",
        "fault probe-fouled probe_a.ph share=0.9",
        "tell too early",
        "set A-1 1 (too early) once",
        "tell mended",
        "clear all",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0,jump,,,high\n", "tour.csv:2: there is no `jump`"),
        ("0,say,,,\n", "tour.csv:2: nothing is said"),
        ("5,say,,,a\n4,say,,,b\n", "tour.csv:3: `4` is not a time"),
        ("soon,say,,,a\n", "tour.csv:2: `soon` is not a time"),
        ("nan,say,,,a\n", "`nan` is not a time"),
        ("0,say,,\n", "4 columns, 5 expected"),
        ("", "a tour without a step"),
    ],
)
def test_a_tour_that_cannot_be_played_is_refused_before_anything_starts(tmp_path, text, complaint):
    with pytest.raises(InputRefused, match=complaint):
        tour(tmp_path, text)


def test_a_plant_without_a_tour_says_so(tmp_path):
    with pytest.raises(InputRefused, match="no such file"):
        read_tour(tmp_path / "tour.csv")


@pytest.mark.parametrize("path", TOURS, ids=lambda path: path.parent.name)
def test_a_tour_that_is_shipped_fits_its_plant(path):
    plan = build_path(path.parent, {}).plan
    known = {*plan.rows, *(effect.group for effect in plan.effects.values())}
    faults = set()
    for step in read_tour(path):
        if step.do == FAULT:
            assert step.what in CATALOGUE
            faults.add(step.what)
        elif step.do == CLEAR:
            faults.discard(step.what)
        elif step.do != SAY:
            assert step.what in known, step
            assert not step.do.startswith(TRY) or step.text
    assert faults == set(), "the tour leaves the plant ill"


def test_the_demo_has_a_tour():
    assert CONFIG / "demo" / "tour.csv" in TOURS


class Client:
    """A plant that takes every command; its outputs are held or not, or it has no such point."""

    def __init__(self, held):
        self.held = held

    def ask(self, request):
        if "command" in request:
            return {"stages": [{"stage": "accepted", "text": ""}]}
        assert request == {"get": ["scan.held"]}
        return {"error": "no such point"} if self.held is None else {"points": [{"value": self.held}]}


def test_a_tour_ends_where_the_outputs_of_the_plant_are_held(tmp_path):
    steps = tour(tmp_path, "0,set,A-1,42,half of it\n1,set,A-1,43,the rest\n")
    for held in (0.0, None):
        play(steps, OnStage(Client(held), tmp_path), lambda seconds: None)
    with pytest.raises(Interrupted, match="wait for a person"):
        play(steps, OnStage(Client(1.0), tmp_path), lambda seconds: None)
