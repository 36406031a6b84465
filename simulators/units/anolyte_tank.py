"""Anolyte tank: half-molar sulfuric acid, the water of which the anodes consume.

One mixed bulk; 9 g of water go with every mole of electrons, so that the acid grows stronger until water is made up.
Chloride that comes through a torn membrane makes chlorine at the anodes: part of it stays dissolved and is what the
ORP electrode sees.

    chlorine  held = made x 300 s of residence, the rest leaves with the oxygen
    ORP       1,050 mV + 59 mV per decade of dissolved chlorine above 1e-8 mol/L

First step  the contents are what the flowsheet gave; readings appear with the first step.
Bad input   none: flows come from pumps and valves.
Limits      above 100 % the surplus leaves with the overflow. Conductivity is that of the sulfuric acid alone.
Source      process design basis 1.3, 1.9 (1,050 mV, chlorine above 1,150), 2.1.4, 5.2 rows CIC-4262 and TIC-4264;
            level 60 % is the 200 L of 1.3; residence, slope and foot of the ORP and pump heat are assumed.
Situation   tests/cases/units/anolyte_tank/
"""

import math

from simulators.chemistry.acids import sulfuric_s_m
from simulators.chemistry.constants import LN10
from simulators.stream import CHLORIDE, COMPONENTS, HEAT, HEAT_J_L_K, LIQUID, SULFATE
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

LEAST_L = 0.1
ORP_MV, ORP_DECADE_MV, ORP_MOL_L = 1050.0, 59.0, 1e-8
CHLORINE_S = 300.0


class AnolyteTank(Unit):
    """One row is one tank."""

    inlet: Inlet = stream("return of the loop, what crosses the membranes less what anodes consume, water")
    outlet: Outlet = stream("to the loop's pump")
    overflow: Outlet = stream("what is above 100 %")
    contents: Holdup = stream("the bulk")
    draw_l_s: In = field(0.0, "flow that the pump takes, L/s")
    pump_speed: In = field(0.0, "speed of the pump, 0..1")
    chlorine_mol_s: In = field(0.0, "chlorine made at the anodes, mol/s")
    full_l: Param = field(333.3, "volume at 100 % level, L")
    pump_w: Param = field(150.0, "heat of the pump at full speed, W")
    loss_w_k: Param = field(4.0, "heat loss, W/K")
    ambient_c: Param = field(22.0, "surroundings, degC")
    heat_gained_j: State = field(0.0, "account of heat from pump and surroundings, J")
    dissolved_mol: State = field(0.0, "chlorine dissolved, mol")
    stripped_mol_s: Out = field(0.0, "chlorine that leaves with the oxygen, mol/s")
    celsius: Out = field(40.0, "temperature, degC")
    level_percent: Out = field(60.0, "level, %")
    acid_mol_l: Out = field(0.5, "sulfuric acid, mol/L")
    chloride_mol_l: Out = field(0.0, "chloride, mol/L")
    conductivity_ms_cm: Out = field(260.0, "conductivity, not compensated, mS/cm")
    orp_mv: Out = field(ORP_MV, "oxidation-reduction potential, mV")


def release(u: AnolyteTank) -> None:
    """The pump takes bulk liquid."""
    held = u.contents
    volume = max(held[LIQUID], LEAST_L)
    over = max(held[LIQUID] - u.full_l, 0.0)
    for k in range(COMPONENTS):
        u.outlet[k] = held[k] * u.draw_l_s / volume
        u.overflow[k] = held[k] * over / volume


def advance(u: AnolyteTank, dt: float) -> None:
    """Mix, warm, then state what instruments and membranes find."""
    held = u.contents
    for k in range(COMPONENTS):
        held[k] += (u.inlet[k] - u.outlet[k] - u.overflow[k]) * dt
    volume = max(held[LIQUID], LEAST_L)
    heat_j = (u.pump_w * u.pump_speed * u.pump_speed * u.pump_speed - u.loss_w_k * (u.celsius - u.ambient_c)) * dt
    held[HEAT] += heat_j
    u.heat_gained_j += heat_j
    u.celsius = held[HEAT] / (HEAT_J_L_K * volume)
    u.level_percent = 100.0 * held[LIQUID] / u.full_l
    u.acid_mol_l, u.chloride_mol_l = held[SULFATE] / volume, max(held[CHLORIDE], 0.0) / volume
    u.conductivity_ms_cm = 10.0 * sulfuric_s_m(u.acid_mol_l, u.celsius)
    u.stripped_mol_s = u.dissolved_mol / CHLORINE_S
    u.dissolved_mol += (u.chlorine_mol_s * CHLORINE_S - u.dissolved_mol) * -math.expm1(-dt / CHLORINE_S)
    u.orp_mv = ORP_MV + ORP_DECADE_MV * math.log(1.0 + max(u.dissolved_mol, 0.0) / volume / ORP_MOL_L) / LN10
