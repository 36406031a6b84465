"""Demineralised water from the mains: as much as the valve before it passes.

First step  none.
Bad input   a flow below 0 or NaN counts as 0.
Limits      the mains never run empty: what was taken is an account and turns negative.
Source      process design basis 1.5 (11.5 L/h to the acid loop), 4.1 row FI-4275.
Situation   tests/cases/units/water_supply/
"""

from simulators.stream import COMPONENTS, HEAT, HEAT_J_L_K, LIQUID
from simulators.unit import Holdup, In, Out, Outlet, Param, Unit, field, stream


class WaterSupply(Unit):
    """One row is one branch of the mains."""

    flow_l_s: In = field(0.0, "flow that the valve passes, L/s")
    outlet: Outlet = stream("the water")
    contents: Holdup = stream("what was taken, counted from the start")
    celsius: Param = field(20.0, "temperature of the water, degC")
    lost: Param = field(0.0, "1: the mains are without pressure")
    flow_l_h: Out = field(0.0, "flow, L/h")


def release(u: WaterSupply) -> None:
    """Water at its flow."""
    flow = u.flow_l_s if u.flow_l_s > 0.0 and u.lost < 0.5 else 0.0
    for k in range(COMPONENTS):
        u.outlet[k] = 0.0
    u.outlet[LIQUID] = flow
    u.outlet[HEAT] = flow * HEAT_J_L_K * u.celsius
    u.flow_l_h = flow * 3600.0


def advance(u: WaterSupply, dt: float) -> None:
    """Book what was taken."""
    for k in range(COMPONENTS):
        u.contents[k] -= u.outlet[k] * dt
