"""Sums over the units of a circuit, for tests and displays: nothing in the plant depends on them.

First step  sums appear with the first step.
Bad input   none.
Limits      none.
Source      none needed.
Situation   tests/cases/units/account/
"""

from simulators.unit import In, Out, Unit, field


class Account(Unit):
    """One row is one circuit."""

    charge: In = field(0.0, "charge of each cell, C")
    precipitated: In = field(0.0, "rare earth precipitated in each vessel, mol")
    acid: In = field(0.0, "acid made in each cell, mol")
    hydrogen: In = field(0.0, "hydrogen made in each cell, mol")
    charge_ah: Out = field(0.0, "charge passed, Ah")
    precipitated_mol: Out = field(0.0, "rare earth precipitated, mol")
    acid_mol: Out = field(0.0, "acid made, mol")
    hydrogen_mol: Out = field(0.0, "hydrogen made, mol")


def advance(u: Account, dt: float) -> None:
    """Pass the sums on; `dt` plays no part."""
    u.charge_ah = u.charge / 3600.0
    u.precipitated_mol = u.precipitated
    u.acid_mol = u.acid
    u.hydrogen_mol = u.hydrogen
