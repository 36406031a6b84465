"""Plate heat exchanger on cooling water, in counter-flow, with the liquor that is between its plates.

    NTU = UA / C_min,  eps = (1 - e) / (1 - Cr e),  e = exp(-NTU (1 - Cr)),  Q = eps C_min (T_in - T_water)
    wall     the heat that leaves the liquor follows Q with 8 s
    fouling  1 / UA = 1 / UA_clean + R_f / A,  R_f grows 1e-5 m2K/W in 100 h of flow

First step  the liquor is what the flowsheet gave; no heat flows yet.
Bad input   a share outside 0..1 is held at the limit; NaN counts as 0.
Limits      no flow on either side: no heat. Equal heat capacities count as 0.1 % apart. The liquor is never cooled
            below the water by the heat that the wall still takes.
Source      process design basis 2.6; the plates' area (0.3 m2 at 2,000 W/m2K) is assumed.
Situation   tests/cases/units/heat_exchanger/
"""

import math

from simulators.stream import COMPONENTS, HEAT, HEAT_J_L_K, LIQUID
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

WATER_J_L_K = 4180.0
FOULING_M2K_W_S = 1e-5 / 360000.0


class HeatExchanger(Unit):
    """One row is one exchanger."""

    inlet: Inlet = stream("warm liquor")
    outlet: Outlet = stream("cooled liquor, at the same flow")
    contents: Holdup = stream("liquor between the plates")
    water_share: In = field(0.0, "cooling water over its full flow, 0..1")
    volume_l: Param = field(1.0, "liquor between the plates, L")
    clean_w_k: Param = field(600.0, "heat transfer, clean, W/K")
    area_m2: Param = field(0.3, "area of the plates, m2")
    water_l_s: Param = field(0.139, "cooling water at its full flow, L/s")
    water_c: Param = field(20.0, "cooling water, degC")
    wall_s: Param = field(8.0, "time constant of the wall, s")
    lost: Param = field(0.0, "1: no cooling water comes")
    fouled_m2k_w: State = field(0.0, "resistance of the fouling, m2 K/W")
    taken_w: State = field(0.0, "heat taken out now, W")
    heat_gained_j: State = field(0.0, "account of heat taken out (negative), J")
    celsius: Out = field(40.0, "liquor that leaves, degC")


def release(u: HeatExchanger) -> None:
    """What enters pushes the same volume out."""
    held = u.contents
    share = u.inlet[LIQUID] / u.volume_l
    for k in range(COMPONENTS):
        u.outlet[k] = held[k] * share


def duty_w(u: HeatExchanger) -> float:
    """Heat that the water takes where everything is settled, W."""
    valve = min(max(u.water_share, 0.0), 1.0) if u.water_share == u.water_share and u.lost < 0.5 else 0.0
    warm, cold = u.inlet[LIQUID] * HEAT_J_L_K, valve * u.water_l_s * WATER_J_L_K
    least, most = min(warm, cold), max(warm, cold)
    if least <= 1e-6:
        return 0.0
    ratio = min(least / most, 0.999)
    transfer = 1.0 / (1.0 / u.clean_w_k + u.fouled_m2k_w / u.area_m2)
    left = math.exp(-transfer / least * (1.0 - ratio))
    return (1.0 - left) / (1.0 - ratio * left) * least * (u.inlet[HEAT] / warm - u.water_c)


def advance(u: HeatExchanger, dt: float) -> None:
    """Carry, let the wall follow, take the heat."""
    held = u.contents
    for k in range(COMPONENTS):
        held[k] += (u.inlet[k] - u.outlet[k]) * dt
    u.taken_w += (duty_w(u) - u.taken_w) * -math.expm1(-dt / u.wall_s)
    above_j = held[HEAT] - held[LIQUID] * HEAT_J_L_K * u.water_c
    heat_j = min(u.taken_w * dt, max(above_j, 0.0))
    held[HEAT] -= heat_j
    u.heat_gained_j -= heat_j
    u.celsius = held[HEAT] / (HEAT_J_L_K * max(held[LIQUID], 0.01))
    if u.inlet[LIQUID] > 0.0:
        u.fouled_m2k_w += FOULING_M2K_W_S * dt
