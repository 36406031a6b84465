"""Acid loop and anolyte as a boundary: held at their strength by their own controls, with the account of what was made.

Every mole of chloride that crosses the anion membrane is a mole of hydrochloric acid made (the proton comes through
the cation membrane from the anolyte), so the account of chloride here is the acid made.

First step  the account starts at zero.
Bad input   none.
Limits      strength and temperature are given, not balanced.
Source      process design basis 1.2 and 1.9 (2.0 mol/L, 40 degC).
Situation   tests/cases/units/acid_loop/
"""

from simulators.stream import CHLORIDE, COMPONENTS
from simulators.unit import Holdup, Inlet, Out, Param, Unit, field, stream


class AcidLoop(Unit):
    """One row is one acid loop."""

    inlet: Inlet = stream("what crosses the anion membranes")
    contents: Holdup = stream("what has crossed since the start")
    strength_mol_l: Param = field(2.0, "acid strength, mol/L")
    acid_mol_l: Out = field(2.0, "acid strength at the membranes, mol/L")
    made_mol: Out = field(0.0, "acid made since the start, mol")


def release(u: AcidLoop) -> None:
    """The strength that the membranes see."""
    u.acid_mol_l = u.strength_mol_l


def advance(u: AcidLoop, dt: float) -> None:
    """Book what crossed."""
    inlet, held = u.inlet, u.contents
    for k in range(COMPONENTS):
        held[k] += inlet[k] * dt
    u.made_mol = held[CHLORIDE]
