"""Glass pH probe with its own temperature sensor and transmitter.

    glass        E = E0 + S(T) s (7 - pH),   S = 0.198416 T mV/pH, T in K
    transmitter  pH = 7 - (E - E0,cal) / (S(T probe) s,cal)
    response     tau = (3 s + 1 s per 1,000 h + 120 s x coating) (0.3 / u)^0.2, then 0.5 s in the electronics
    drift        random walk of E0, 0.02 pH a day at 40 degC; noise 0.005 pH, 0.02 more without the solution ground

Calibrated means s,cal = s and E0,cal = E0, which is how a probe starts; a test sets them apart.

First step  response starts at the true value.
Bad input   a true value that is not finite is held.
Limits      0..14 pH. Broken glass reads near 7 whatever the liquor is.
Source      process design basis 2.7.
Situation   tests/cases/units/ph_probe/
"""

import math

from simulators.chemistry.constants import KELVIN
from simulators.instrument import Instrument, show
from simulators.noise import normal
from simulators.unit import In, Out, Param, State, field

MV_PER_K = 0.198416
ZERO_PH = 7.0
DAY_S = 86400.0


class PhProbe(Instrument):
    """One row is one probe."""

    celsius: In = field(40.0, "temperature of the liquor, degC")
    velocity_m_s: In = field(0.3, "velocity at the glass, m/s")
    slope: Param = field(0.98, "true slope over the Nernst slope, 0.90..1.00")
    zero_mv: Param = field(0.0, "true E0, mV")
    slope_set: Param = field(0.98, "slope after the last calibration")
    zero_set_mv: Param = field(0.0, "E0 after the last calibration, mV")
    age_h: Param = field(0.0, "hours of service")
    coating: Param = field(0.0, "coated share of the glass, 0..1")
    broken: Param = field(0.0, "1: the glass is broken")
    ungrounded: Param = field(0.0, "1: the solution ground has failed")
    compensation_c: Param = field(-1.0, "fixed temperature of a failed compensation, degC; below 0: it works")
    walk_ph: Param = field(0.02, "drift, pH per square root of a day")
    electronics_s: Param = field(0.5, "time constant of the electronics, s")
    started: State = field(0.0, "1 after the first step")
    drift_ph: State = field(0.0, "drift of E0 since the start, pH")
    sensed: State = field(8.0, "pH that the glass has arrived at")
    followed: State = field(8.0, "pH that the electronics have arrived at")
    temperature_c: Out = field(40.0, "reading of its temperature sensor, degC")


def advance(u: PhProbe, dt: float) -> None:
    """Glass, drift, transmitter, display."""
    tau = 3.0 + 0.001 * u.age_h + 120.0 * u.coating
    tau *= math.pow(0.3 / max(u.velocity_m_s, 0.02), 0.2)
    u.drift_ph += u.walk_ph * math.sqrt(dt / DAY_S) * u.noise_share * normal(u)
    if abs(u.measured) < 1e3 and abs(u.celsius) < 1e3:
        first = u.started < 0.5
        u.sensed += (u.measured - u.sensed) * (1.0 if first else -math.expm1(-dt / tau))
        u.temperature_c += (u.celsius - u.temperature_c) * (1.0 if first else -math.expm1(-dt / 8.0))
        potential = u.zero_mv + MV_PER_K * (u.celsius + KELVIN) * u.slope * (ZERO_PH - u.sensed - u.drift_ph)
        if u.broken >= 0.5:
            potential = u.zero_set_mv
        known_c = u.compensation_c if u.compensation_c >= 0.0 else u.temperature_c
        scale = MV_PER_K * (known_c + KELVIN) * max(u.slope_set, 0.5)
        indicated = ZERO_PH - (potential - u.zero_set_mv) / scale
        u.followed += (indicated - u.followed) * (1.0 if first else -math.expm1(-dt / u.electronics_s))
        u.started = 1.0
    ripple = 0.02 * u.noise_share * normal(u)
    show(u, u.followed + (ripple if u.ungrounded >= 0.5 else 0.0))
