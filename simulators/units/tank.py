"""Catholyte tank under nitrogen: where the pH is held. One mixed bulk behind a small mixing zone.

The return enters a zone of 5 L that overflows into the bulk (mixing lag V/Q, 10 to 40 s); pump and draw-off take from
the bulk. Both integrate the conserved totals; the pH follows from the bulk's totals (chemistry.equilibrium), dissolved
rare earth relaxes to what the solid allows at that pH (chemistry.precipitation). No carbon dioxide comes in.

Heat        heater 2 kW at full output; cooling coil UA 600 W/K on 20 degC water, 0.5 m3/h at full output; loss 8 W/K.
First step  the contents are what the flowsheet gave; pH and readings appear with the first step.
Bad input   outputs of heater and cooling are held within 0..1; NaN counts as 0.
Limits      above 100 % the surplus leaves with the draw-off.
Source      process design basis 2.2 to 2.4, 2.6; level 60 % is the 60 L on which the tuning of 5.2 rests.
Situation   tests/cases/units/tank/
"""

import math

from simulators.chemistry.constants import RE_OH3_G_MOL, WATER_KG_L
from simulators.chemistry.electrode import catholyte_s_m
from simulators.chemistry.equilibrium import solve
from simulators.chemistry.precipitation import precipitated
from simulators.stream import CHLORIDE, COMPONENTS, HEAT, HEAT_J_L_K, LIQUID, RARE_EARTH, SODIUM, SOLID, SULFATE
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

LEAST_L = 0.1
LIQUOR_KG_M3 = 1013.0
SOLID_KG_M3 = 4400.0
WATER_J_L_K = 4180.0


class Tank(Unit):
    """One row is one tank."""

    inlet: Inlet = stream("everything that returns")
    outlet: Outlet = stream("to the recirculation pump")
    drain: Outlet = stream("slurry drawn off, and the overflow")
    contents: Holdup = stream("the bulk")
    zone: Holdup = stream("the mixing zone at the inlet")
    draw_l_s: In = field(0.0, "flow that the pump takes, L/s")
    drain_l_s: In = field(0.0, "flow that the draw-off takes, L/s")
    heater: In = field(0.0, "heater output, 0..1")
    cooling: In = field(0.0, "cooling output, 0..1")
    element: Param = field(1.0, "row of chemistry.constants.ELEMENTS")
    zone_l: Param = field(5.0, "volume of the mixing zone, L")
    full_l: Param = field(100.0, "volume at 100 % level, L")
    heater_w: Param = field(2000.0, "heater at full output, W")
    coil_w_k: Param = field(600.0, "heat transfer of the cooling coil, W/K")
    coil_l_s: Param = field(0.139, "cooling water at full output, L/s")
    water_c: Param = field(20.0, "cooling water, degC")
    loss_w_k: Param = field(8.0, "heat loss, W/K")
    ambient_c: Param = field(22.0, "surroundings, degC")
    heat_gained_j: State = field(0.0, "account of heat from heater, coil and surroundings, J")
    precipitated_mol: State = field(0.0, "account of rare earth precipitated here, mol")
    ph: Out = field(8.0, "pH of the bulk")
    celsius: Out = field(40.0, "temperature, degC")
    level_percent: Out = field(60.0, "level, %")
    re_mol_l: Out = field(0.0, "dissolved rare earth, mol/L")
    solids_g_l: Out = field(0.0, "RE(OH)3, g/L")
    density_kg_m3: Out = field(1013.0, "slurry density, kg/m3")
    conductivity_ms_cm: Out = field(0.0, "conductivity, mS/cm")


def release(u: Tank) -> None:
    """Pump and draw-off take bulk liquid, as much as there is."""
    held, outlet, drain = u.contents, u.outlet, u.drain
    volume = max(held[LIQUID], LEAST_L)
    over = max(held[LIQUID] + u.zone[LIQUID] - u.full_l, 0.0)
    for k in range(COMPONENTS):
        outlet[k] = held[k] * u.draw_l_s / volume
        drain[k] = held[k] * (u.drain_l_s + over) / volume


def advance(u: Tank, dt: float) -> None:
    """Mix, heat, precipitate, then state what a probe would find."""
    held, zone, inlet, outlet, drain = u.contents, u.zone, u.inlet, u.outlet, u.drain
    share = min(max(zone[LIQUID] + inlet[LIQUID] * dt - u.zone_l, 0.0) / max(zone[LIQUID], LEAST_L), 1.0)
    for k in range(COMPONENTS):
        passed = zone[k] * share
        zone[k] += inlet[k] * dt - passed
        held[k] += passed - (outlet[k] + drain[k]) * dt
    volume = max(held[LIQUID], LEAST_L)
    u.celsius = held[HEAT] / (HEAT_J_L_K * volume)
    warm(u, dt)
    kind = int(u.element)
    water = volume * WATER_KG_L
    dissolved = held[RARE_EARTH] / water
    anions = (held[CHLORIDE] + 2.0 * held[SULFATE]) / water
    answer = solve(kind, u.celsius, held[SODIUM] / water, anions, dissolved, u.ph)
    u.ph = answer[0]
    u.solids_g_l = held[SOLID] * RE_OH3_G_MOL[kind] / volume
    change = precipitated(answer, dissolved, u.celsius, u.solids_g_l, dt) * water
    change = max(change, -held[SOLID])
    held[RARE_EARTH] -= change
    held[SOLID] += change
    u.precipitated_mol += change
    u.re_mol_l = held[RARE_EARTH] / volume
    u.level_percent = 100.0 * (held[LIQUID] + zone[LIQUID]) / u.full_l
    u.density_kg_m3 = LIQUOR_KG_M3 + u.solids_g_l * (1.0 - LIQUOR_KG_M3 / SOLID_KG_M3)
    u.conductivity_ms_cm = 10.0 * catholyte_s_m(held[SODIUM] / volume, u.re_mol_l, u.celsius)


def warm(u: Tank, dt: float) -> None:
    """Heater, coil (effectiveness of a coil in a mixed vessel) and loss, on the bulk."""
    heater = min(max(u.heater, 0.0), 1.0) if u.heater == u.heater else 0.0
    cooling = min(max(u.cooling, 0.0), 1.0) if u.cooling == u.cooling else 0.0
    flow_w_k = cooling * u.coil_l_s * WATER_J_L_K
    taken_w = 0.0
    if flow_w_k > 0.0:
        taken_w = flow_w_k * -math.expm1(-u.coil_w_k / flow_w_k) * (u.celsius - u.water_c)
    heat_j = (heater * u.heater_w - taken_w - u.loss_w_k * (u.celsius - u.ambient_c)) * dt
    u.contents[HEAT] += heat_j
    u.heat_gained_j += heat_j
