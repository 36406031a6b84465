"""Coriolis meter: density and mass flow from one tube, both with the errors that gas in the liquid makes.

    density    first order 0.3 s, noise in kg/m3; gas above 1 % makes it low by 0.5 % per %, and noisy
    mass flow  flow through the meter x density, noise as a share of it

The reading of the instrument is the density; mass flow stands beside it and shares its faults frozen and dead.

First step  the lag starts at the true value.
Bad input   a true value that is not finite is held.
Limits      gas is what the flowsheet or a fault says.
Source      process design basis 2.7.
Situation   tests/cases/units/coriolis/
"""

import math

from simulators.instrument import DEAD, FROZEN, Instrument, show
from simulators.noise import normal
from simulators.unit import In, Out, Param, State, field

GAS_SHARE, GAS_ERROR, GAS_NOISE = 0.01, 0.5, 5.0


class Coriolis(Instrument):
    """One row is one meter; `measured` is the density."""

    flow_m3_h: In = field(0.0, "flow of the line, m3/h")
    share: Param = field(1.0, "share of the flow that goes through the meter")
    tau_s: Param = field(0.3, "time constant, s")
    relative_noise: Param = field(0.001, "standard deviation of the mass flow as a share of it")
    full_kg_h: Param = field(4000.0, "highest mass flow, kg/h")
    gas: Param = field(0.0, "gas in the tube, 0..1")
    density: State = field(0.0, "density that the sensor has arrived at, kg/m3")
    mass: State = field(0.0, "mass flow that the sensor has arrived at, kg/h")
    usual_noise: Param = field(0.2, "standard deviation of the density without gas, kg/m3")
    started: State = field(0.0, "1 after the first step")
    mass_flow_kg_h: Out = field(0.0, "mass flow, kg/h")


def advance(u: Coriolis, dt: float) -> None:
    """Follow density and mass flow, then show both."""
    excess = max(u.gas - GAS_SHARE, 0.0)
    if abs(u.measured) < 1e30 and abs(u.flow_m3_h) < 1e30:
        share = -math.expm1(-dt / u.tau_s) if u.started > 0.5 else 1.0
        seen = u.measured * (1.0 - GAS_ERROR * excess)
        u.density += (seen - u.density) * share
        u.mass += (u.flow_m3_h * u.share * seen - u.mass) * share
        u.started = 1.0
    u.noise = u.usual_noise * (1.0 + 100.0 * GAS_NOISE * excess)
    drawn = u.relative_noise * (1.0 + 100.0 * GAS_NOISE * excess) * u.noise_share * normal(u)
    show(u, u.density)
    if u.fault == DEAD:
        u.mass_flow_kg_h = math.nan
    elif u.fault != FROZEN:
        u.mass_flow_kg_h = min(max(u.mass * (1.0 + drawn), 0.0), u.full_kg_h)
