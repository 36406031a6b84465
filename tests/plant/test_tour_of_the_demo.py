"""The tour of config/demo, every step of it on circuit A in virtual time, ends with the plant back at work."""

import pytest

from plantctl.cli.tour import TOUR, play, read_tour
from simulators import circuit_faults, faults
from tests.plant.whole_circuit import FOLDER

assert circuit_faults.VALVE, "importing it enters its faults"
SHOWN = (*(f"40-AI-{n}" for n in (4212, 4213, 4011, 4021, 4031, 4041)), "40-II-4010", "40-II-4020")


class VirtualStage:
    """Circuit A as a tour is played on it: `told`, and what was tried once with what came of it."""

    def __init__(self, circuit):
        self.circuit = circuit
        self.told, self.tried, self.seen = [], [], {}

    def tell(self, text):
        self.told.append(text)

    def command(self, verb, target, value, reason, *, once):
        if not once:
            self.circuit.give(verb, target, value)
            return
        with pytest.raises(AssertionError, match="REFUSED") as refusal:
            self.circuit.command(verb, target, value)
        self.tried.append((target, str(refusal.value)))

    def fault(self, verb, words):
        name, target, *given = words
        parameters = {key: float(value) for key, _, value in (word.partition("=") for word in given)}
        if verb == "fault":
            faults.inject(self.circuit.plant, name, target, **parameters)
        else:
            self.seen[name] = {tag: self.circuit.value(tag) for tag in SHOWN}
            faults.clear(self.circuit.plant, name, target)


def alarms(circuit):
    """Every alarm, active or waiting for a person."""
    return next(rows.tags for rows in circuit.plan.kinds if rows.kind.name == "limit_alarm")


def test_the_tour_plays_to_its_end_and_leaves_the_plant_at_work(circuit):
    stage = VirtualStage(circuit)
    steps = read_tour(FOLDER / TOUR)
    play(steps, stage, circuit.run)
    assert len(stage.told) == sum(bool(step.text) for step in steps)
    assert [target for target, why in stage.tried if "E1-02" in why] == ["40-HS-4020"]
    lost, fouled, hole = (stage.seen[name] for name in ("cell-flow-lost", "probe-fouled", "anion-pinhole"))
    assert lost["40-II-4020"] == pytest.approx(0.0, abs=1.0)
    assert lost["40-II-4010"] > 95.0, "the others go on"
    assert fouled["40-AI-4212"] - fouled["40-AI-4213"] > 0.02
    assert min(hole[f"40-AI-40{n}1"] for n in (1, 2, 4)) - hole["40-AI-4031"] > 0.35

    circuit.run(60.0)
    assert circuit.tripped() == []
    assert [alarm for alarm in alarms(circuit) if circuit.value(alarm)] == []
    assert circuit.value("40-AIC-4212.mode") == 4
    assert circuit.value("40-II-4200") == pytest.approx(340.0, abs=4.0)
    assert circuit.value("40-AI-4212") == pytest.approx(8.0, abs=0.25)
    assert circuit.plant.faults == {}
