"""Diaphragm dosing pump with its feed tank: rare earth chloride with some free acid, into the recirculation suction.

    Q = Qmax x stroke, in steps of 1 %, time constant 0.5 s (the stroke's pulses are filtered)

First step  the flow is what the flowsheet gave.
Bad input   stroke outside 0..1 is held at the limit; NaN counts as 0.
Limits      the feed tank never runs empty: its hold-up is an account and turns negative.
Source      process design basis 2.5 and 1.5 stream 5 (RE 0.60 mol/L, free HCl 0.05 mol/L, 25 degC).
Situation   tests/cases/units/dosing_pump/
"""

import math

from simulators.stream import CHLORIDE, COMPONENTS, HEAT, HEAT_J_L_K, LIQUID, RARE_EARTH
from simulators.unit import Holdup, In, Out, Outlet, Param, Unit, field, stream


class DosingPump(Unit):
    """One row is one pump."""

    stroke: In = field(0.0, "stroke, 0..1 of the full flow")
    outlet: Outlet = stream("the feed")
    contents: Holdup = stream("what is in the feed tank, counted from the start")
    full_l_h: Param = field(10.0, "flow at full stroke, L/h")
    resolution: Param = field(0.01, "smallest step of the stroke")
    tau_s: Param = field(0.5, "time constant, s")
    re_mol_l: Param = field(0.60, "rare earth in the feed, mol/L")
    hcl_mol_l: Param = field(0.05, "free acid in the feed, mol/L")
    celsius: Param = field(25.0, "temperature of the feed, degC")
    stopped: Param = field(0.0, "1: the pump does not deliver, whatever the stroke")
    strength: Param = field(1.0, "true concentration over the nominal one")
    flow_l_h: Out = field(0.0, "delivered flow, L/h")
    flow_l_s: Out = field(0.0, "delivered flow, L/s")
    true_re_mol_l: Out = field(0.60, "rare earth really in the feed, mol/L")


def release(u: DosingPump) -> None:
    """The feed at its flow and strength."""
    outlet = u.outlet
    u.true_re_mol_l = u.re_mol_l * u.strength
    outlet[LIQUID] = u.flow_l_s
    outlet[RARE_EARTH] = u.flow_l_s * u.true_re_mol_l
    outlet[CHLORIDE] = u.flow_l_s * (3.0 * u.re_mol_l + u.hcl_mol_l) * u.strength
    outlet[HEAT] = u.flow_l_s * HEAT_J_L_K * u.celsius


def advance(u: DosingPump, dt: float) -> None:
    """Book what was delivered, then follow the stroke."""
    held, outlet = u.contents, u.outlet
    for k in range(COMPONENTS):
        held[k] -= outlet[k] * dt
    stroke = min(max(u.stroke, 0.0), 1.0) if u.stroke == u.stroke else 0.0
    steps = math.floor(stroke / u.resolution + 0.5) if u.resolution > 0.0 else 0.0
    wanted = steps * u.resolution if u.resolution > 0.0 else stroke
    if u.stopped >= 0.5:
        wanted = 0.0
    u.flow_l_h += (wanted * u.full_l_h - u.flow_l_h) * -math.expm1(-dt / u.tau_s)
    u.flow_l_s = u.flow_l_h / 3600.0
