"""Magnetic flow meter: lag 1 s, noise in share of the flow, low-flow cut-off.

First step  the lag starts at the true value.
Bad input   a true value that is not finite is held.
Limits      below `cut_off` of the range the reading is 0 (its noise too).
Source      process design basis 2.7.
Situation   tests/cases/units/flow_meter/
"""

import math

from simulators.instrument import Instrument, show
from simulators.unit import Param, State, field


class FlowMeter(Instrument):
    """One row is one meter."""

    tau_s: Param = field(1.0, "time constant, s")
    noise_relative: Param = field(0.005, "standard deviation of the reading as a share of it")
    cut_off: Param = field(0.005, "share of the range below which the meter shows 0")
    lagged: State = field(0.0, "what the sensor has arrived at")
    started: State = field(0.0, "1 after the first step")


def advance(u: FlowMeter, dt: float) -> None:
    """Follow the true flow, then show it."""
    if abs(u.measured) < 1e30:
        share = -math.expm1(-dt / u.tau_s) if u.started > 0.5 else 1.0
        u.lagged += (u.measured - u.lagged) * share
        u.started = 1.0
    shown = u.lagged if abs(u.lagged) > u.cut_off * u.high else 0.0
    u.noise = u.noise_relative * abs(shown)
    show(u, shown)
