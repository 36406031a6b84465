"""Tank of the acid loop: where the acid that crosses the membranes is collected, diluted and drawn.

One mixed bulk behind a mixing zone, as the catholyte tank. Free acid is what the charges leave: Cl + 2 SO4 - Na - 3 RE.
Solids that come through a torn membrane dissolve at once.

    strength   -0.013 mol/L a minute for 1 L/min of water at 150 L and 2 mol/L
    turbidity  0.5 NTU + 0.8 NTU per mg/L of rare earth: 40 NTU at the 50 mg/L that mean a rupture

First step  the contents are what the flowsheet gave; readings appear with the first step.
Bad input   none: flows come from pumps and valves.
Limits      above 100 % the surplus leaves with the product. Mixing has no heat of its own.
Source      process design basis 1.3, 1.9, 2.4, 2.8, 5.2 row CIC-4272; level 60 % is the 150 L of that row; turbidity
            and pump heat are assumed.
Situation   tests/cases/units/acid_tank/
"""

from simulators.chemistry.acids import acid_kg_m3, acid_s_m
from simulators.chemistry.constants import NEODYMIUM, RE_OXIDE_G_MOL
from simulators.stream import (
    CHLORIDE,
    COMPONENTS,
    HEAT,
    HEAT_J_L_K,
    LIQUID,
    RARE_EARTH,
    SODIUM,
    SOLID,
    SULFATE,
)
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

LEAST_L = 0.1
CLEAR_NTU, NTU_L_MG = 0.5, 0.8
RE_KG_M3_MOL_L = 230.0


class AcidTank(Unit):
    """One row is one tank."""

    inlet: Inlet = stream("return of the loop, what crosses the membranes, water")
    outlet: Outlet = stream("to the loop's pump")
    product: Outlet = stream("acid product, and the overflow")
    contents: Holdup = stream("the bulk")
    zone: Holdup = stream("the mixing zone at the inlet")
    draw_l_s: In = field(0.0, "flow that the pump takes, L/s")
    product_l_s: In = field(0.0, "flow that the product valve passes, L/s")
    pump_speed: In = field(0.0, "speed of the pump, 0..1")
    zone_l: Param = field(45.0, "volume of the mixing zone, L")
    full_l: Param = field(250.0, "volume at 100 % level, L")
    pump_w: Param = field(60.0, "heat of the pump at full speed, W")
    loss_w_k: Param = field(4.0, "heat loss, W/K")
    ambient_c: Param = field(22.0, "surroundings, degC")
    heat_gained_j: State = field(0.0, "account of heat from pump and surroundings, J")
    celsius: Out = field(38.0, "temperature, degC")
    level_percent: Out = field(60.0, "level, %")
    product_l_h: Out = field(0.0, "product drawn, L/h")
    acid_mol_l: Out = field(2.0, "free acid, mol/L")
    chloride_mol_l: Out = field(2.0, "chloride, mol/L")
    sodium_mol_l: Out = field(0.0, "sodium, mol/L")
    sulfate_mol_l: Out = field(0.0, "sulfate, mol/L")
    re_mol_l: Out = field(0.0, "rare earth, mol/L")
    re_mg_l: Out = field(0.0, "rare earth as oxide of neodymium, mg/L")
    conductivity_ms_cm: Out = field(0.0, "conductivity, not compensated, mS/cm")
    density_kg_m3: Out = field(1033.0, "density, kg/m3")
    turbidity_ntu: Out = field(0.5, "turbidity, NTU")


def release(u: AcidTank) -> None:
    """Pump and product valve take bulk liquid, as much as there is."""
    held = u.contents
    volume = max(held[LIQUID], LEAST_L)
    over = max(held[LIQUID] + u.zone[LIQUID] - u.full_l, 0.0)
    drawn = min(u.product_l_s if u.product_l_s > 0.0 else 0.0, held[LIQUID]) + over
    for k in range(COMPONENTS):
        u.outlet[k] = held[k] * u.draw_l_s / volume
        u.product[k] = held[k] * drawn / volume
    u.product_l_h = drawn * 3600.0


def advance(u: AcidTank, dt: float) -> None:
    """Mix, warm, then state what instruments and membranes find."""
    held, zone, inlet = u.contents, u.zone, u.inlet
    share = min(max(zone[LIQUID] + inlet[LIQUID] * dt - u.zone_l, 0.0) / max(zone[LIQUID], LEAST_L), 1.0)
    for k in range(COMPONENTS):
        passed = zone[k] * share
        zone[k] += inlet[k] * dt - passed
        held[k] += passed - (u.outlet[k] + u.product[k]) * dt
    held[RARE_EARTH] += held[SOLID]
    held[SOLID] = 0.0
    volume = max(held[LIQUID], LEAST_L)
    heat_j = (u.pump_w * u.pump_speed * u.pump_speed * u.pump_speed - u.loss_w_k * (u.celsius - u.ambient_c)) * dt
    held[HEAT] += heat_j
    u.heat_gained_j += heat_j
    u.celsius = held[HEAT] / (HEAT_J_L_K * volume)
    u.level_percent = 100.0 * (held[LIQUID] + zone[LIQUID]) / u.full_l
    u.chloride_mol_l, u.sodium_mol_l = held[CHLORIDE] / volume, held[SODIUM] / volume
    u.sulfate_mol_l, u.re_mol_l = held[SULFATE] / volume, held[RARE_EARTH] / volume
    u.acid_mol_l = u.chloride_mol_l + 2.0 * u.sulfate_mol_l - u.sodium_mol_l - 3.0 * u.re_mol_l
    u.re_mg_l = u.re_mol_l * RE_OXIDE_G_MOL[NEODYMIUM] * 1000.0
    u.conductivity_ms_cm = 10.0 * acid_s_m(u.acid_mol_l, u.celsius)
    u.density_kg_m3 = acid_kg_m3(u.acid_mol_l, u.celsius) + RE_KG_M3_MOL_L * u.re_mol_l
    u.turbidity_ntu = CLEAR_NTU + NTU_L_MG * u.re_mg_l
