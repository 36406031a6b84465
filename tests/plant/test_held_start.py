"""The demo circuit beside a field process of its own: started held, released, its field replaced under current. The log
of it gives every value again, the holds and the refusals with it.
"""

import pytest

from plantctl.cli.main import main
from plantctl.core.command import Command
from plantctl.log.storage import FolderStorage
from plantctl.scan.release import FieldState, Release
from tests.plant.circuit_rig import DEMO, demo_plan
from tests.plant.memory_rig import MemoryCircuit

# How far a feed pump's output may be from its read-back at the release: 0.1 % of its span.
BUMP_L_H = 0.01

pytestmark = pytest.mark.usefixtures("signals_stay")


def asked(circuit, verb, target, value=""):
    """Give a command that may be refused; its first result."""
    circuit._given += 1
    number = circuit._given
    circuit._commands.append(Command(verb, target, str(value), "test", "test", "", 0, number))
    circuit.until(lambda: any(r.sequence == number for r in circuit.results), 1.0)
    return next(r for r in circuit.results if r.sequence == number)


def sent_since(circuit, tag, sequence):
    """The value last written to an output that was written after `sequence`; None where it was not."""
    index = circuit._tags.index(tag)
    moved = circuit.outputs.write_sequence[index] > sequence
    return float(circuit.outputs.written_value[index]) if moved else None


def test_a_circuit_is_started_released_and_released_again_after_its_field_was_replaced(tmp_path, capsys):
    log = tmp_path / "log"
    log.mkdir()
    circuit = MemoryCircuit(demo_plan(), FolderStorage(log), release=Release.at_start())
    circuit.field_state = FieldState(1)
    circuit.run(3.0)
    assert not circuit.outputs.write_sequence.any(), "nothing was written"
    assert asked(circuit, "set", "40-SC-4216", 80).code == "not-permitted"
    assert asked(circuit, "release", "plant").code == ""
    circuit.start_up()
    circuit.run(20.0)
    assert circuit.value("40-AIC-4212.mode") == 4.0

    circuit.field_state = FieldState(2)
    circuit.outputs.write_sequence[:] = 0
    circuit.run(0.1)
    assert circuit.value("scan.held") == 1.0
    assert circuit.executive.image.q[circuit.plan.rows["40-FI-4013"]] & 3 == 2
    before = circuit.value("40-FC-4215")
    circuit.run(5.0)
    assert not circuit.outputs.write_sequence.any()
    circuit.until(lambda: asked(circuit, "release", "plant").code == "", 5.0)
    first = sent_since(circuit, "40-FC-4215", 0)
    assert first == circuit.value("40-FY-4215")
    assert abs(first - before) < BUMP_L_H
    circuit.run(10.0)
    circuit.close()

    held = [(e.old, e.new) for e in circuit.events if e.target == "scan.held"]
    assert held == [(0.0, 1.0), (1.0, 0.0)] * 2
    out, events = tmp_path / "out.csv", tmp_path / "ev.csv"
    code = main(["exec", str(DEMO), "--from", str(log), "--out", str(out), "--events", str(events)])
    said = capsys.readouterr().err
    assert (code, said) == (0, f"{circuit.ticks} scans replayed, every recorded value equal bit for bit\n")
    again = [line.split(",", 4)[1:4] for line in events.read_text(encoding="utf-8").splitlines()[1:]]
    assert again == [[str(e.scan), e.kind.word, e.target] for e in circuit.events]
