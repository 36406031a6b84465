"""An ordinary transmitter: first-order lag, noise, range, resolution.

Level (2 s), temperature (5 s), pressure, density (Coriolis, 0.3 s), conductivity (2 s), current and voltage monitors.

First step  the lag starts at the true value.
Bad input   a true value that is not finite is held.
Limits      range `low`..`high`; readings stand on multiples of `resolution` where one is given.
Source      process design basis 2.7.
Situation   tests/cases/units/transmitter/
"""

import math

from simulators.instrument import Instrument, show
from simulators.unit import Param, State, field


class Transmitter(Instrument):
    """One row is one transmitter."""

    tau_s: Param = field(1.0, "time constant, s")
    resolution: Param = field(0.0, "step of the reading; 0 is none")
    lagged: State = field(0.0, "what the sensor has arrived at")
    started: State = field(0.0, "1 after the first step")


def advance(u: Transmitter, dt: float) -> None:
    """Follow the true value, then show it."""
    if abs(u.measured) < 1e30:
        share = -math.expm1(-dt / u.tau_s) if u.started > 0.5 else 1.0
        u.lagged += (u.measured - u.lagged) * share
        u.started = 1.0
    shown = u.lagged
    if u.resolution > 0.0:
        shown = math.floor(shown / u.resolution + 0.5) * u.resolution
    show(u, shown)
