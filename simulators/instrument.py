"""What all measuring instruments share: noise and the ways in which a reading goes wrong while the plant is right.

`show` is called last by every instrument with the value its sensor has arrived at.
"""

import math
from typing import Protocol

from simulators.noise import normal
from simulators.unit import In, Out, Param, State, Unit, field

HEALTHY, FROZEN, STUCK, DEAD, BIASED, DRIFTING, SPIKED, NOISY, BROKEN_LOOP, SHORTED_LOOP, LATE = map(float, range(11))
"""Faults: last reading held, reading held at `fault_value`, NaN, reading shifted by `fault_value`, by `fault_value` an
hour, now and then by `fault_value` for one step, noise of that standard deviation beside its own, 3.6 mA, 21 mA,
`fault_value` seconds late."""

SPIKE_SIGMA = 2.33
"""A spike comes where the noise is beyond this, in 2 of 100 steps: every 5 s."""
LOW_SHARE, HIGH_SHARE = 0.025, 0.0625
"""3.6 mA and 21 mA, beyond the ends of a range of 4 to 20 mA."""
STEP_S = 0.1
STAGES = 4.0


class Instrument(Unit):
    """Fields of every instrument."""

    measured: In = field(0.0, "what is measured, in the unit of the reading")
    reading: Out = field(0.0, "what the instrument shows")
    noise: Param = field(0.0, "standard deviation of the reading")
    noise_share: Param = field(1.0, "0 switches the noise off")
    low: Param = field(-1e9, "lowest reading")
    high: Param = field(1e9, "highest reading")
    fault: Param = field(0.0, "0 healthy, 1 frozen, 2 stuck, 3 dead (NaN), 4 biased, 5 to 10 as the file says")
    fault_value: Param = field(0.0, "the value stuck at, the bias, or what else the fault needs")
    fault_s: State = field(0.0, "how long a fault of 5 to 10 has been there, s")
    late_a: State = field(0.0, "reading a quarter of the delay ago")
    late_b: State = field(0.0, "reading half the delay ago")
    late_c: State = field(0.0, "reading three quarters of the delay ago")
    late_d: State = field(0.0, "reading the delay ago")
    random_a: State = field(1.0, "noise generator")
    random_b: State = field(1.0, "noise generator")


class Readable(Protocol):
    """The part of an instrument that `show` uses."""

    reading: float
    noise: float
    noise_share: float
    low: float
    high: float
    fault: float
    fault_value: float
    fault_s: float
    late_a: float
    late_b: float
    late_c: float
    late_d: float
    random_a: float
    random_b: float


def show(u: Readable, value: float) -> None:
    """Put `value` on the instrument's output, with its noise, within its range, through its fault.

    The noise is drawn in every case, so that a fault does not change the sequence of later readings.
    """
    drawn = normal(u)
    noisy = value + u.noise * u.noise_share * drawn
    if u.fault == BIASED:
        noisy += u.fault_value
    elif u.fault >= DRIFTING:
        u.fault_s += STEP_S
        noisy += _disturbance(u, drawn)
    else:
        u.fault_s = 0.0
    noisy = min(max(noisy, u.low), u.high)
    if u.fault == FROZEN:
        return
    if u.fault == STUCK:
        u.reading = u.fault_value
    elif u.fault == DEAD:
        u.reading = math.nan
    elif u.fault == BROKEN_LOOP:
        u.reading = u.low - LOW_SHARE * (u.high - u.low)
    elif u.fault == SHORTED_LOOP:
        u.reading = u.high + HIGH_SHARE * (u.high - u.low)
    elif u.fault == LATE:
        u.reading = _late(u, noisy)
    else:
        u.reading = noisy


def _disturbance(u: Readable, drawn: float) -> float:
    """What a drift, a spike or a burst of noise adds now."""
    if u.fault == DRIFTING:
        return u.fault_value * u.fault_s / 3600.0
    if u.fault == SPIKED and abs(drawn) > SPIKE_SIGMA:
        return u.fault_value if drawn > 0.0 else -u.fault_value
    return u.fault_value * drawn if u.fault == NOISY else 0.0


def _late(u: Readable, value: float) -> float:
    """The reading of `fault_value` seconds ago, in four stages; until then the one at which the fault came."""
    if u.fault_s <= STEP_S:
        u.late_a = u.late_b = u.late_c = u.late_d = u.reading
    stage_s = max(u.fault_value / STAGES, STEP_S)
    if u.fault_s % stage_s < STEP_S:
        u.late_d, u.late_c, u.late_b, u.late_a = u.late_c, u.late_b, u.late_a, value
    return u.late_d
