"""Wash skid: half-molar acid, or rinse water, pumped through cells whose three-way set stands on the wash side.

    flow   0.3 m3/h in all, shared by the openings; acid comes from the tank and returns to it, rinse water comes from
           the mains and goes away
    valve  the rinse valve needs 2 s; half open it gives both

First step  the contents are what the flowsheet gave.
Bad input   commands of 0.5 and more are on, all else, NaN too, off.
Limits      no flow below 5 % of the tank, nor with every set on the other side. The return's pH is that of the washed
            cells; without flow the last one stands.
Source      process design basis 1.3 (TK-461, 100 L), 5.5 S4 (0.5 mol/L, 0.3 m3/h).
Situation   tests/cases/units/wash_skid/
"""

from simulators.stream import COMPONENTS, HEAT, HEAT_J_L_K, LIQUID
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

PRIME_PERCENT = 5.0


class WashSkid(Unit):
    """One row is one skid."""

    inlet: Inlet = stream("what returns from the cells")
    outlet_1: Outlet = stream("to the first cell")
    outlet_2: Outlet = stream("to the second cell")
    outlet_3: Outlet = stream("to the third cell")
    outlet_4: Outlet = stream("to the fourth cell")
    away: Outlet = stream("spent rinse water, and the overflow")
    contents: Holdup = stream("the tank")
    mains: Holdup = stream("rinse water taken, counted from the start")
    run: In = field(0.0, "1: the pump is started")
    rinse_command: In = field(0.0, "1: rinse water in place of acid")
    opening_1: In = field(0.0, "wash side of the first set, 0..1")
    opening_2: In = field(0.0, "wash side of the second set, 0..1")
    opening_3: In = field(0.0, "wash side of the third set, 0..1")
    opening_4: In = field(0.0, "wash side of the fourth set, 0..1")
    ph_1: In = field(7.0, "pH of the first cell")
    ph_2: In = field(7.0, "pH of the second cell")
    ph_3: In = field(7.0, "pH of the third cell")
    ph_4: In = field(7.0, "pH of the fourth cell")
    tripped: Param = field(0.0, "1: the pump's starter has tripped")
    flow_set_l_s: Param = field(0.3 / 3.6, "flow of the pump, L/s")
    full_l: Param = field(100.0, "volume at 100 % level, L")
    water_c: Param = field(20.0, "rinse water, degC")
    travel_s: Param = field(2.0, "travel of the rinse valve, s")
    rinse: State = field(0.0, "opening of the rinse valve, 0..1")
    flow_l_s: State = field(0.0, "flow now, L/s")
    share_1: State = field(0.0, "share of the flow in the first cell")
    share_2: State = field(0.0, "share of the flow in the second cell")
    share_3: State = field(0.0, "share of the flow in the third cell")
    share_4: State = field(0.0, "share of the flow in the fourth cell")
    running: Out = field(0.0, "1: the pump runs")
    level_percent: Out = field(80.0, "level, %")
    ph: Out = field(7.0, "pH of what returns")


def release(u: WashSkid) -> None:
    """Acid and rinse water to the cells; what returned while rinsing, and what is too much, goes away."""
    held = u.contents
    volume = max(held[LIQUID], 0.1)
    acid = u.flow_l_s * (1.0 - u.rinse) / volume
    over = max(held[LIQUID] - u.full_l, 0.0) / volume
    for k in range(COMPONENTS):
        given = held[k] * acid
        if k == LIQUID:
            given += u.flow_l_s * u.rinse
        if k == HEAT:
            given += u.flow_l_s * u.rinse * HEAT_J_L_K * u.water_c
        u.outlet_1[k] = given * u.share_1
        u.outlet_2[k] = given * u.share_2
        u.outlet_3[k] = given * u.share_3
        u.outlet_4[k] = given * u.share_4
        u.away[k] = held[k] * over + u.inlet[k] * u.rinse


def advance(u: WashSkid, dt: float) -> None:
    """Book, then find the flow of the next step."""
    held, mains, inlet = u.contents, u.mains, u.inlet
    water = u.flow_l_s * u.rinse * (u.share_1 + u.share_2 + u.share_3 + u.share_4)
    for k in range(COMPONENTS):
        given = u.outlet_1[k] + u.outlet_2[k] + u.outlet_3[k] + u.outlet_4[k]
        fresh = 0.0
        if k == LIQUID:
            fresh = water
        if k == HEAT:
            fresh = water * HEAT_J_L_K * u.water_c
        mains[k] -= fresh * dt
        held[k] += (inlet[k] + fresh - given - u.away[k]) * dt
    u.level_percent = 100.0 * held[LIQUID] / u.full_l
    wanted = 1.0 if u.rinse_command >= 0.5 else 0.0
    most = dt / u.travel_s
    u.rinse += min(max(wanted - u.rinse, -most), most)
    u.running = 1.0 if u.run >= 0.5 and u.tripped < 0.5 else 0.0
    a, b = max(u.opening_1, 0.0), max(u.opening_2, 0.0)
    c, d = max(u.opening_3, 0.0), max(u.opening_4, 0.0)
    total = a + b + c + d
    u.flow_l_s = 0.0
    if u.running > 0.5 and total > 0.02 and (u.level_percent > PRIME_PERCENT or u.rinse > 0.99):
        u.flow_l_s = u.flow_set_l_s * min(total, 1.0)
        u.share_1, u.share_2, u.share_3, u.share_4 = a / total, b / total, c / total, d / total
        u.ph = (a * u.ph_1 + b * u.ph_2 + c * u.ph_3 + d * u.ph_4) / total
