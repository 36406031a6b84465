"""A pipe full of liquid: what enters leaves later, smeared a little.

Four equal mixed segments in series, the tanks-in-series form of a plug with dispersion: dead time about V/Q, 4 to 8 s
in the recirculation loop. No reaction is counted in a pipe.

First step  the segments hold what the flowsheet gave them.
Bad input   no flow: nothing moves.
Limits      explicit step: V/4 must be more than the flow of one step, else the flow of that step is cut.
Source      process design basis 2.4 (loop plug delay); Levenspiel, Chemical Reaction Engineering, 3rd ed., ch. 14.
Situation   tests/cases/units/pipe/
"""

from simulators.stream import COMPONENTS, LIQUID
from simulators.unit import Holdup, Inlet, Outlet, Param, Unit, field, stream

SEGMENTS = 4


class Pipe(Unit):
    """One row is one pipe."""

    inlet: Inlet = stream("what enters")
    outlet: Outlet = stream("what leaves, at the inlet's flow")
    contents: Holdup = stream("what the segments hold", copies=SEGMENTS)
    volume_l: Param = field(0.5, "volume of the pipe, L")


def release(u: Pipe) -> None:
    """The last segment leaves at the flow that enters."""
    held, outlet = u.contents, u.outlet
    last = (SEGMENTS - 1) * COMPONENTS
    share = u.inlet[LIQUID] * SEGMENTS / u.volume_l
    for k in range(COMPONENTS):
        outlet[k] = held[last + k] * share


def advance(u: Pipe, dt: float) -> None:
    """Each segment takes from the one before, the first from the inlet."""
    held, inlet, outlet = u.contents, u.inlet, u.outlet
    share = min(inlet[LIQUID] * SEGMENTS / u.volume_l * dt, 1.0)
    for k in range(COMPONENTS):
        carried = inlet[k] * dt
        for s in range(SEGMENTS - 1):
            passed = held[s * COMPONENTS + k] * share
            held[s * COMPONENTS + k] += carried - passed
            carried = passed
        held[(SEGMENTS - 1) * COMPONENTS + k] += carried - outlet[k] * dt
