"""A vessel that only takes: acid product, spent rinse water. It ends the model and keeps the account.

First step  empty, or what the flowsheet gave.
Bad input   none.
Limits      never full.
Source      none needed.
Situation   tests/cases/units/store/
"""

from simulators.stream import CHLORIDE, COMPONENTS, LIQUID, RARE_EARTH, SODIUM, SULFATE
from simulators.unit import Holdup, Inlet, Out, Unit, field, stream


class Store(Unit):
    """One row is one vessel."""

    inlet: Inlet = stream("what comes")
    contents: Holdup = stream("what has come")
    volume_l: Out = field(0.0, "liquor held, L")
    acid_mol: Out = field(0.0, "free acid held, mol")


def advance(u: Store, dt: float) -> None:
    """Keep it."""
    held, inlet = u.contents, u.inlet
    for k in range(COMPONENTS):
        held[k] += inlet[k] * dt
    u.volume_l = held[LIQUID]
    u.acid_mol = held[CHLORIDE] + 2.0 * held[SULFATE] - held[SODIUM] - 3.0 * held[RARE_EARTH]
