"""Electro-extraction cell: one electron makes one hydroxide in the catholyte and one mole of acid behind the membrane.

    net alkalinity   n = (1 - t_H - t_OH - x) I/F - P c_a A          the same chloride leaves through the membrane
    compartment      1.55 L, mixed; its pH is the outlet pH; rare earth precipitates as in the tank
    double layer     2,000 F/m2 at the felt: the voltage lags the current, the charge it holds is accounted
    heat             C dT/dt = (I - I_short) (V - 1.92 V) + I_short V + flows + UA dT, C = 25 kJ/K, UA = 2 W/K to the
                     room, more to acid and anolyte where these are modelled
    gas              hold-up moves to Qg/(Qg + Q) within 20 s
    reversed         the electrodes hold up to 1,200 C of gas; while it lasts the cell drives a current backwards
    holes            of the anion membrane: catholyte or acid passes with the pressure difference; of the cation
                     membrane: acid and anolyte change places, chloride reaches the anode

Shares and holes are in chemistry.membrane, voltages in chemistry.electrode, the felt in chemistry.felt. The surface pH
follows 2.1.5, or is fixed by `surface_ph_set`. Acid and anolyte of one cell are counted in their tanks: what leaves on
`acid_side` and `anolyte_side` may be negative, and then comes from there.

First step  contents are what the flowsheet gave; overpotential starts at that of the current.
Bad input   no flow: the compartment stands and its pH runs away within seconds while current flows.
Limits      above 0.8 of the membrane's limiting current water splits: up to 0.6 V more and 0.2 more t_OH.
            Reaction water of the catholyte is not counted, that of the anode is.
Source      process design basis 2.1; the gas reserve, that gives the 5 to 20 A for minutes of 6.1, is assumed.
Situation   tests/cases/units/cell/
"""

import math

from simulators.chemistry.constants import FARADAY_C_MOL, KELVIN, LN10, RE_OH3_G_MOL, WATER_KG_L
from simulators.chemistry.electrode import (
    ANODE_SLOPE_V,
    CATHODE_EA_J_MOL,
    CATHODE_J0_A_M2,
    CATHODE_SLOPE_V,
    NOMINAL_M_S,
    R_FOUL_OHM_M2,
    SILVER_CHLORIDE_V,
    anode_a_m2,
    catholyte_s_m,
    exchange_a_m2,
    hydrogen_v,
    junction_v,
    overpotential_v,
    resistance_ohm_m2,
    reversible_v,
    surface_hydroxide_mol_l,
    tafel_v,
)
from simulators.chemistry.equilibrium import solve
from simulators.chemistry.felt import (
    FELT_DP_BAR,
    FOULING_MOST,
    METRES_OF_WATER,
    NOMINAL_L_S,
    SCALE_G_M2,
    SCAR_SHARE,
    blocked_1_s,
    cleaned_1_s,
    felt_dp_bar,
    gas_share,
)
from simulators.chemistry.membrane import (
    ANODE_WATER_L_MOL,
    FOULED_SHARE,
    OSMOSIS_L_MOL,
    PARASITIC_SHARE,
    SPLITTING_SHARE,
    SPLITTING_V,
    chlorine_share,
    diffused_mol_s,
    hole_l_s,
    hydroxide_share,
    proton_share,
    splitting,
)
from simulators.chemistry.precipitation import precipitated
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

THERMONEUTRAL_V = 1.92
DOUBLE_LAYER_F_M2 = 2000.0
HYDROXIDE_PKW = 13.5
GAS_S = 20.0
RESERVE_C, RESERVE_LOSS_S, RESERVE_LOW = 1200.0, 300.0, 0.2
PROBE_M_S = 0.3
INLET_BAR = 0.1


class Cell(Unit):
    """One row is one cell of 0.20 m2."""

    inlet: Inlet = stream("catholyte from the pump, or liquor from the wash skid")
    outlet: Outlet = stream("catholyte back to the tank")
    wash_outlet: Outlet = stream("back to the wash skid")
    acid_side: Outlet = stream("to the acid loop: through the anion membrane, less what goes on to the anolyte")
    anolyte_side: Outlet = stream("to the anolyte: through the cation membrane, less what the anode consumes")
    contents: Holdup = stream("the catholyte compartment; heat is that of the whole cell")
    current_a: In = field(0.0, "current, A, positive when the felt is cathode")
    tank_ph: In = field(8.0, "pH of the circuit's tank")
    wash_share: In = field(0.0, "share of what leaves that goes to the wash skid, 0..1")
    acid_mol_l: In = field(2.0, "acid strength behind the membrane, mol/L")
    acid_chloride_mol_l: In = field(2.0, "chloride in the acid, mol/L")
    acid_re_mol_l: In = field(0.0, "rare earth in the acid, mol/L")
    acid_sulfate_mol_l: In = field(0.0, "sulfate in the acid, mol/L")
    acid_sodium_mol_l: In = field(0.0, "sodium in the acid, mol/L")
    acid_c: In = field(40.0, "temperature of the acid, degC")
    acid_bar: In = field(0.09, "pressure of the acid at the membrane, bar")
    anolyte_mol_l: In = field(0.5, "sulfuric acid in the anolyte, mol/L")
    anolyte_chloride_mol_l: In = field(0.0, "chloride in the anolyte, mol/L")
    anolyte_c: In = field(40.0, "temperature of the anolyte, degC")
    element: Param = field(1.0, "row of chemistry.constants.ELEMENTS")
    area_m2: Param = field(0.20, "projected area, m2")
    volume_l: Param = field(1.55, "catholyte compartment, L")
    heat_j_k: Param = field(25000.0, "heat capacity with its liquid, J/K")
    loss_w_k: Param = field(2.0, "heat loss, W/K")
    ambient_c: Param = field(22.0, "surroundings, degC")
    acid_w_k: Param = field(0.0, "heat transfer to the acid, W/K")
    anolyte_w_k: Param = field(0.0, "heat transfer to the anolyte, W/K")
    anolyte_heat_share: Param = field(0.0, "share of the current's heat that is made in the anolyte, 0..1")
    membrane_worn: Param = field(1.0, "membrane resistance over that of new ones, 1..1.5")
    membrane_limit: Param = field(1.0, "limiting current of the anion membrane over that of a new one")
    membrane_leak: Param = field(1.0, "diffusion of acid over that of a new membrane, 1..100")
    anion_hole_l_h: Param = field(0.0, "hole in the anion membrane, L/h at 1 bar: pinhole 0.5, rupture 60")
    cation_hole_l_h: Param = field(0.0, "acid and anolyte that change places, L/h: rupture 20")
    blocked: Param = field(0.0, "blocked share of the line to the cell, 0..1; the manifold is told")
    age_h: Param = field(0.0, "hours of service of anode and contacts")
    hydroxide_leak: Param = field(1.0, "0 holds t_OH at its value at pH 8")
    fouling: Param = field(1.0, "rate of fouling over the usual one; 0 keeps the felt as it is")
    surface_ph_set: Param = field(0.0, "fixed surface pH; 0: from mass transport")
    short_ohm: Param = field(0.0, "resistance of an internal short, Ohm; 0 is none")
    open_circuit: Param = field(0.0, "1: the circuit is interrupted")
    fouled: State = field(0.0, "blocked share of the felt, 0..0.9")
    scarred: State = field(0.0, "blocked share that no cleaning removes")
    gas: State = field(0.0, "gas hold-up in the gap, 0..1")
    reserve_c: State = field(0.0, "gas at the electrodes that can drive a reversed current, C")
    overpotential: State = field(0.0, "cathode overpotential, V")
    charge_c: State = field(0.0, "account of charge passed, C")
    reverse_ah: State = field(0.0, "account of charge passed in reverse, Ah: coating of the anode")
    layer_c: State = field(0.0, "account of charge in the double layer, C")
    lost_c: State = field(0.0, "account of charge that made no acid, C")
    diffused_mol: State = field(0.0, "account of acid that diffused back, mol")
    acid_mol: State = field(0.0, "account of acid made, mol")
    hydrogen_mol: State = field(0.0, "account of hydrogen made, mol")
    chlorine_mol: State = field(0.0, "account of chlorine made, mol Cl2")
    split_l: State = field(0.0, "account of water consumed at the anode, L")
    heat_gained_j: State = field(0.0, "account of heat from current and surroundings, J")
    precipitated_mol: State = field(0.0, "account of rare earth precipitated here, mol")
    made_mol_s: State = field(0.0, "chloride that crosses now, mol/s")
    split_l_s: State = field(0.0, "water consumed at the anode now, L/s")
    hole_l_s: State = field(0.0, "flow through the hole of the anion membrane, L/s")
    hydrogen_mol_s: State = field(0.0, "hydrogen made now, mol/s")
    oxygen_mol_s: State = field(0.0, "oxygen made now, mol/s")
    chlorine_mol_s: State = field(0.0, "chlorine made now, mol Cl2/s")
    anode_w: State = field(0.0, "heat made in the anolyte now, W")
    ph: Out = field(8.0, "pH in the compartment and at the outlet")
    celsius: Out = field(40.0, "temperature, degC")
    voltage_v: Out = field(0.0, "cell voltage, V")
    slope_ohm: Out = field(0.005, "change of voltage with current, Ohm")
    cathode_v: Out = field(0.0, "cathode against Ag/AgCl, V")
    efficiency: Out = field(0.0, "charge efficiency eta")
    flow_m3_h: Out = field(0.0, "catholyte flow, m3/h")
    velocity_m_s: Out = field(0.0, "velocity past the outlet probe, m/s")
    felt_dp_bar: Out = field(0.0, "pressure lost in the felt, bar")
    membrane_dp_bar: Out = field(0.0, "catholyte less acid pressure, bar")
    felt_m: Out = field(FELT_DP_BAR * METRES_OF_WATER, "head lost in the felt at nominal flow, m")
    scale_g_m2: Out = field(0.0, "scale in the felt, g/m2")
    is_open: Out = field(0.0, "1: the circuit is interrupted")
    re_mol_l: Out = field(0.0, "dissolved rare earth at the outlet, mol/L")


def release(u: Cell) -> None:
    """What enters pushes the same volume out, less what crosses the anion membrane."""
    held, outlet, wash, acid, anolyte = u.contents, u.outlet, u.wash_outlet, u.acid_side, u.anolyte_side
    u.is_open = u.open_circuit
    water = max(u.made_mol_s, 0.0) * OSMOSIS_L_MOL
    through = max(u.hole_l_s, 0.0) / u.volume_l
    back = min(u.hole_l_s, 0.0)
    for k in range(COMPONENTS):
        acid[k] = held[k] * through
        anolyte[k] = 0.0
    acid[LIQUID] = u.hole_l_s + water
    acid[CHLORIDE] += u.made_mol_s + back * u.acid_chloride_mol_l
    acid[SODIUM] += back * u.acid_sodium_mol_l
    acid[RARE_EARTH] += back * u.acid_re_mol_l
    acid[SULFATE] += back * u.acid_sulfate_mol_l
    acid[HEAT] = (max(u.hole_l_s, 0.0) + water) * HEAT_J_L_K * u.celsius + back * HEAT_J_L_K * u.acid_c
    acid[HEAT] += u.acid_w_k * (u.celsius - u.acid_c)
    anolyte[LIQUID] = -u.split_l_s
    anolyte[HEAT] = u.anolyte_w_k * (u.celsius - u.anolyte_c) - u.split_l_s * HEAT_J_L_K * u.anolyte_c + u.anode_w
    exchange(u)
    flow = max(u.inlet[LIQUID] - water - u.hole_l_s, 0.0)
    share = flow / u.volume_l
    aside = min(max(u.wash_share, 0.0), 1.0) if u.wash_share == u.wash_share else 0.0
    for k in range(COMPONENTS):
        leaving = held[k] * share if k != HEAT else flow * HEAT_J_L_K * u.celsius
        outlet[k] = leaving * (1.0 - aside)
        wash[k] = leaving * aside


def exchange(u: Cell) -> None:
    """Acid and anolyte that change places through a torn cation membrane, and chlorine that leaves at the anode."""
    acid, anolyte = u.acid_side, u.anolyte_side
    swapped = u.cation_hole_l_h / 3600.0
    chloride = swapped * (u.acid_chloride_mol_l - u.anolyte_chloride_mol_l)
    sulfate = swapped * (u.acid_sulfate_mol_l - u.anolyte_mol_l)
    heat = swapped * HEAT_J_L_K * (u.acid_c - u.anolyte_c)
    acid[CHLORIDE] -= chloride
    acid[SULFATE] -= sulfate
    acid[HEAT] -= heat
    anolyte[CHLORIDE] += chloride - 2.0 * u.chlorine_mol_s
    anolyte[SULFATE] += sulfate
    anolyte[HEAT] += heat


def advance(u: Cell, dt: float) -> None:
    """Carry, make hydroxide, precipitate, then the electrical side."""
    held, inlet = u.contents, u.inlet
    for k in range(COMPONENTS):
        out = u.outlet[k] + u.wash_outlet[k] + (u.acid_side[k] + u.anolyte_side[k])
        held[k] += (inlet[k] - out) * dt
    # what the anode consumes is part of what the anolyte gives, not of what the catholyte loses
    held[LIQUID] -= u.split_l_s * dt
    held[CHLORIDE] -= 2.0 * u.chlorine_mol_s * dt
    heat_j = -u.split_l_s * HEAT_J_L_K * u.anolyte_c * dt
    u.split_l += u.split_l_s * dt
    u.chlorine_mol += u.chlorine_mol_s * dt
    u.acid_mol += u.made_mol_s * dt
    felt_a = faradaic_a(u, dt)
    settle(u, dt)
    produce(u, felt_a, dt)
    electric(u, inlet[LIQUID])
    shunt = u.voltage_v / u.short_ohm if u.short_ohm > 0.0 else 0.0
    warm_w = (u.current_a - shunt) * (u.voltage_v - THERMONEUTRAL_V) + shunt * u.voltage_v
    u.anode_w = u.anolyte_heat_share * warm_w
    heat_j += (warm_w + u.loss_w_k * (u.ambient_c - u.celsius)) * dt
    held[HEAT] += heat_j
    u.heat_gained_j += heat_j
    u.celsius = held[HEAT] / u.heat_j_k
    u.charge_c += u.current_a * dt
    u.reverse_ah += max(-u.current_a, 0.0) * dt / 3600.0
    hydraulic(u, inlet[LIQUID], dt)


def faradaic_a(u: Cell, dt: float) -> float:
    """Current that reacts at the felt, A: the terminal current less shunt and double layer charging (implicit)."""
    kelvin = u.celsius + KELVIN
    shunt = u.voltage_v / u.short_ohm if u.short_ohm > 0.0 else 0.0
    felt = u.area_m2 * max(1.0 - u.fouled, 0.1)
    scale = tafel_v(CATHODE_SLOPE_V, kelvin)
    j0 = exchange_a_m2(CATHODE_J0_A_M2, CATHODE_EA_J_MOL, kelvin)
    reacting = 2.0 * j0 * math.sinh(min(max(u.overpotential / scale, -30.0), 30.0))
    slope = math.sqrt(reacting * reacting + 4.0 * j0 * j0) / scale
    j = (u.current_a - shunt) / felt
    moved = dt * (j - reacting) / (DOUBLE_LAYER_F_M2 + dt * slope)
    moved = min(max(moved, -0.05), 0.05)
    u.overpotential += moved
    stored = DOUBLE_LAYER_F_M2 * moved * felt
    u.layer_c += stored
    u.lost_c += shunt * dt
    return u.current_a - shunt - stored / dt


def settle(u: Cell, dt: float) -> None:
    """The pH from the totals, then precipitation towards it."""
    held = u.contents
    kind = int(u.element)
    water = u.volume_l * WATER_KG_L
    dissolved = held[RARE_EARTH] / water
    anions = (held[CHLORIDE] + 2.0 * held[SULFATE]) / water
    answer = solve(kind, u.celsius, held[SODIUM] / water, anions, dissolved, u.ph)
    u.ph = answer[0]
    solids_g_l = held[SOLID] * RE_OH3_G_MOL[kind] / u.volume_l
    change = max(precipitated(answer, dissolved, u.celsius, solids_g_l, dt) * water, -held[SOLID])
    held[RARE_EARTH] -= change
    held[SOLID] += change
    u.precipitated_mol += change
    u.re_mol_l = held[RARE_EARTH] / u.volume_l


def produce(u: Cell, felt_a: float, dt: float) -> None:
    """Chloride that crosses in the next step, and where the rest of the charge goes; the gases of both electrodes.

    What reacts in this step crosses in the next: the amount is held as a rate, so that both sides book one number.
    """
    proton = proton_share(u.acid_mol_l, u.celsius)
    hydroxide = hydroxide_share(u.tank_ph if u.hydroxide_leak > 0.5 else 8.0)
    splits = splitting(felt_a / u.area_m2, u.contents[CHLORIDE] / u.volume_l, u.membrane_limit)
    lost = min(proton + hydroxide + SPLITTING_SHARE * splits + PARASITIC_SHARE + FOULED_SHARE * u.fouled, 1.0)
    back = diffused_mol_s(u.acid_mol_l, u.area_m2) * u.membrane_leak
    u.made_mol_s = (1.0 - lost) * felt_a / FARADAY_C_MOL - back
    u.lost_c += lost * felt_a * dt
    u.diffused_mol += back * dt
    u.hydrogen_mol_s = max(felt_a, 0.0) / (2.0 * FARADAY_C_MOL)
    u.hydrogen_mol += u.hydrogen_mol_s * dt
    u.efficiency = u.made_mol_s * FARADAY_C_MOL / felt_a if felt_a > 1e-3 else 0.0
    shunt = u.voltage_v / u.short_ohm if u.short_ohm > 0.0 else 0.0
    anode_a = max(u.current_a - shunt, 0.0)
    kelvin = u.celsius + KELVIN
    chlorine = chlorine_share(anode_a / u.area_m2, u.anolyte_chloride_mol_l, anode_a_m2(kelvin, u.age_h), kelvin)
    u.chlorine_mol_s = chlorine * anode_a / (2.0 * FARADAY_C_MOL)
    u.oxygen_mol_s = (1.0 - chlorine) * anode_a / (4.0 * FARADAY_C_MOL)
    u.split_l_s = ANODE_WATER_L_MOL * anode_a / FARADAY_C_MOL


def electric(u: Cell, flow: float) -> None:
    """Voltage at the terminals, its slope, cathode potential."""
    held = u.contents
    kelvin = u.celsius + KELVIN
    j = u.current_a / u.area_m2
    entering = u.inlet[RARE_EARTH] / flow if flow > 1e-4 else u.re_mol_l
    # hydroxide of the bulk at 40 degC; it matters only above pH 10
    hydroxide = math.exp(LN10 * (u.ph - HYDROXIDE_PKW))
    made = surface_hydroxide_mol_l(j, flow / NOMINAL_L_S * NOMINAL_M_S, hydroxide, 0.5 * (entering + u.re_mol_l))
    surface = u.surface_ph_set if u.surface_ph_set > 0.0 else 14.0 + math.log10(made)
    sodium, chloride = held[SODIUM] / u.volume_l, held[CHLORIDE] / u.volume_l
    kappa = catholyte_s_m(sodium, u.re_mol_l, u.celsius)
    ohmic = resistance_ohm_m2(
        kappa, u.gas, u.acid_mol_l, u.anolyte_mol_l, u.celsius, u.membrane_worn, max(u.age_h, 0.0)
    )
    ohmic += R_FOUL_OHM_M2 * u.fouled / (1.0 - min(u.fouled, FOULING_MOST))
    anode_j0 = anode_a_m2(kelvin, u.age_h)
    anode = overpotential_v(ANODE_SLOPE_V, anode_j0, j, kelvin)
    hydrogen = hydrogen_v(surface, kelvin)
    volts = reversible_v(j, surface, u.ph, kelvin, min(u.reserve_c / (RESERVE_LOW * RESERVE_C), 1.0))
    volts += anode + u.overpotential + j * ohmic + junction_v(u.acid_mol_l, chloride, u.anolyte_mol_l, kelvin)
    volts += SPLITTING_V * splitting(j, chloride, u.membrane_limit)
    steep = tafel_v(ANODE_SLOPE_V, kelvin) / math.sqrt(j * j + 4.0 * anode_j0 * anode_j0 + 1.0)
    resistance = (ohmic + steep) / u.area_m2
    if u.short_ohm > 0.0:
        # the short carries part of the current at the common voltage: what is left goes through the electrolyte
        volts *= u.short_ohm / (u.short_ohm + resistance)
        resistance = resistance * u.short_ohm / (u.short_ohm + resistance)
    u.voltage_v = volts
    u.slope_ohm = resistance
    u.cathode_v = hydrogen - u.overpotential - SILVER_CHLORIDE_V


def hydraulic(u: Cell, flow: float, dt: float) -> None:
    """Pressures, holes, gas, fouling."""
    relative = flow / NOMINAL_L_S
    u.flow_m3_h = flow * 3.6
    u.velocity_m_s = PROBE_M_S * relative
    clogged = felt_dp_bar(u.fouled)
    u.felt_m = clogged * METRES_OF_WATER
    u.felt_dp_bar = clogged * relative
    u.membrane_dp_bar = INLET_BAR * relative * relative + 0.5 * u.felt_dp_bar - u.acid_bar
    # catholyte can leave through a hole only as fast as it comes
    u.hole_l_s = min(hole_l_s(u.anion_hole_l_h, u.membrane_dp_bar), 0.5 * flow)
    u.gas += (gas_share(u.current_a, u.celsius, flow) - u.gas) * -math.expm1(-dt / GAS_S)
    if u.current_a > 0.0:
        u.reserve_c += (1.0 - u.reserve_c / RESERVE_C) * min(u.current_a * dt, RESERVE_C)
    else:
        u.reserve_c = max(u.reserve_c * math.exp(-dt / RESERVE_LOSS_S) + u.current_a * dt, 0.0)
    held = u.contents
    solids_g_l = held[SOLID] * RE_OH3_G_MOL[int(u.element)] / u.volume_l
    if u.current_a > 1.0:
        rate = u.fouling * blocked_1_s(solids_g_l, u.current_a / u.area_m2, u.ph, relative)
        u.fouled = min(u.fouled + rate * (1.0 - u.fouled) * dt, FOULING_MOST)
    acid = (held[CHLORIDE] + 2.0 * held[SULFATE] - held[SODIUM] - 3.0 * held[RARE_EARTH]) / u.volume_l
    cleaned = cleaned_1_s(acid, u.current_a, relative, solids_g_l) * max(u.fouled - u.scarred, 0.0) * dt
    u.fouled -= cleaned
    u.scarred += SCAR_SHARE * cleaned
    u.scale_g_m2 = SCALE_G_M2 * u.fouled
