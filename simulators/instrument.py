"""What all measuring instruments share: noise and the ways in which a reading goes wrong while the plant is right.

`show` is called last by every instrument with the value its sensor has arrived at.
"""

import math
from typing import Protocol

from simulators.noise import normal
from simulators.unit import In, Out, Param, State, Unit, field

HEALTHY, FROZEN, STUCK, DEAD, BIASED = 0.0, 1.0, 2.0, 3.0, 4.0
"""Faults: last reading held, reading held at `fault_value`, NaN, reading shifted by `fault_value`."""


class Instrument(Unit):
    """Fields of every instrument."""

    measured: In = field(0.0, "what is measured, in the unit of the reading")
    reading: Out = field(0.0, "what the instrument shows")
    noise: Param = field(0.0, "standard deviation of the reading")
    noise_share: Param = field(1.0, "0 switches the noise off")
    low: Param = field(-1e9, "lowest reading")
    high: Param = field(1e9, "highest reading")
    fault: Param = field(0.0, "0 healthy, 1 frozen, 2 stuck, 3 dead (NaN), 4 biased")
    fault_value: Param = field(0.0, "the value stuck at, or the bias")
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
    random_a: float
    random_b: float


def show(u: Readable, value: float) -> None:
    """Put `value` on the instrument's output, with its noise, within its range, through its fault.

    The noise is drawn in every case, so that a fault does not change the sequence of later readings.
    """
    noisy = value + u.noise * u.noise_share * normal(u)
    if u.fault == BIASED:
        noisy += u.fault_value
    noisy = min(max(noisy, u.low), u.high)
    if u.fault == FROZEN:
        return
    if u.fault == STUCK:
        u.reading = u.fault_value
    elif u.fault == DEAD:
        u.reading = math.nan
    else:
        u.reading = noisy
