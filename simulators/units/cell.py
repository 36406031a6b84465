"""Electro-extraction cell: one electron makes one hydroxide in the catholyte and one mole of acid behind the membrane.

    net alkalinity   n = (1 - t_H - t_OH - x) I/F - P c_a A          the same chloride leaves through the membrane
    t_H = 0.055 c_a^1.15 (1 + 0.004 (T - 25)),  t_OH = 0.004 10^(0.7 (pH tank - 8)) up to 0.3,  x = 0.010 + 0.05 theta
    compartment      1.55 L, mixed; its pH is the outlet pH; rare earth precipitates as in the tank
    double layer     2,000 F/m2 at the felt: the voltage lags the current, the charge it holds is accounted
    heat             C dT/dt = I (V - 1.92 V) + flow + UA (T_amb - T), C = 25 kJ/K, UA = 2 W/K
    gas              hold-up moves to Qg/(Qg + Q), at most 0.35, within 20 s
    fouling          theta: dtheta/dt = kf X^0.5 (j/425)^1.5 exp(1.1 (pH - 8.3)) (0.05/u)^0.8 (1 - theta)

Voltage and its parts are in chemistry.electrode. The surface pH follows 2.1.5, or is fixed by `surface_ph_set`.

First step  contents are what the flowsheet gave; overpotential starts at that of the current.
Bad input   no flow: the compartment stands and its pH runs away within seconds while current flows.
Limits      above 0.8 of the membrane's limiting current water splits: up to 0.6 V more and 0.2 more t_OH.
Source      process design basis 2.1.
Situation   tests/cases/units/cell/
"""

import math

from simulators.chemistry.constants import FARADAY_C_MOL, KELVIN, LN10, RE_OH3_G_MOL, WATER_KG_L
from simulators.chemistry.electrode import (
    ANODE_EA_J_MOL,
    ANODE_J0_A_M2,
    ANODE_SLOPE_V,
    CATHODE_EA_J_MOL,
    CATHODE_J0_A_M2,
    CATHODE_SLOPE_V,
    R_FOUL_OHM_M2,
    SILVER_CHLORIDE_V,
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
from simulators.chemistry.precipitation import precipitated
from simulators.stream import CHLORIDE, COMPONENTS, HEAT, HEAT_J_L_K, LIQUID, RARE_EARTH, SODIUM, SOLID
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

NOMINAL_L_S = 0.6 / 3.6
NOMINAL_M_S = 0.05
THERMONEUTRAL_V = 1.92
OSMOSIS_L_MOL = 3.0 * 0.018
P_HCL_M_S = 1.0e-8
DOUBLE_LAYER_F_M2 = 2000.0
FOULING_1_S = 3.6e-7
CLEANING_1_S = 2.5e-3
HYDROXIDE_PKW = 13.5
GAS_S, GAS_MOST = 20.0, 0.35
METRES_OF_WATER = 10.2
ACID_SIDE_BAR = 0.09


class Cell(Unit):
    """One row is one cell of 0.20 m2."""

    inlet: Inlet = stream("catholyte from the pump")
    outlet: Outlet = stream("catholyte back to the tank")
    acid_side: Outlet = stream("chloride and water through the anion membrane")
    contents: Holdup = stream("the catholyte compartment; heat is that of the whole cell")
    current_a: In = field(0.0, "current, A, positive when the felt is cathode")
    acid_mol_l: In = field(2.0, "acid strength behind the membrane, mol/L")
    tank_ph: In = field(8.0, "pH of the circuit's tank")
    element: Param = field(1.0, "row of chemistry.constants.ELEMENTS")
    area_m2: Param = field(0.20, "projected area, m2")
    volume_l: Param = field(1.55, "catholyte compartment, L")
    heat_j_k: Param = field(25000.0, "heat capacity with its liquid, J/K")
    loss_w_k: Param = field(2.0, "heat loss, W/K")
    ambient_c: Param = field(22.0, "surroundings, degC")
    membrane_worn: Param = field(1.0, "membrane resistance over that of new ones, 1..1.5")
    membrane_limit: Param = field(1.0, "limiting current of the anion membrane over that of a new one")
    membrane_leak: Param = field(1.0, "diffusion of acid over that of a new membrane, 1..100")
    hydroxide_leak: Param = field(1.0, "0 holds t_OH at its value at pH 8")
    fouling: Param = field(1.0, "rate of fouling over the usual one; 0 keeps the felt as it is")
    surface_ph_set: Param = field(0.0, "fixed surface pH; 0: from mass transport")
    short_ohm: Param = field(0.0, "resistance of an internal short, Ohm; 0 is none")
    open_circuit: Param = field(0.0, "1: the circuit is interrupted")
    felt_dp_bar_clean: Param = field(0.08, "pressure lost in the clean felt at nominal flow, bar")
    fouled: State = field(0.0, "blocked share of the felt, 0..0.9")
    gas: State = field(0.0, "gas hold-up in the gap, 0..1")
    overpotential: State = field(0.0, "cathode overpotential, V")
    charge_c: State = field(0.0, "account of charge passed, C")
    layer_c: State = field(0.0, "account of charge in the double layer, C")
    lost_c: State = field(0.0, "account of charge that made no acid, C")
    diffused_mol: State = field(0.0, "account of acid that diffused back, mol")
    hydrogen_mol: State = field(0.0, "account of hydrogen made, mol")
    heat_gained_j: State = field(0.0, "account of heat from current, feed of acid side and surroundings, J")
    precipitated_mol: State = field(0.0, "account of rare earth precipitated here, mol")
    made_mol_s: State = field(0.0, "chloride that crosses now, mol/s")
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
    felt_m: Out = field(0.816, "head lost in the felt at nominal flow, m")
    is_open: Out = field(0.0, "1: the circuit is interrupted")
    re_mol_l: Out = field(0.0, "dissolved rare earth at the outlet, mol/L")


def release(u: Cell) -> None:
    """What enters pushes the same volume out, less the water that crosses the membrane with the chloride."""
    held, outlet, crossing = u.contents, u.outlet, u.acid_side
    u.is_open = u.open_circuit
    crossing[CHLORIDE] = u.made_mol_s
    water = max(u.made_mol_s, 0.0) * OSMOSIS_L_MOL
    crossing[LIQUID] = water
    crossing[HEAT] = water * HEAT_J_L_K * u.celsius
    flow = max(u.inlet[LIQUID] - water, 0.0)
    share = flow / u.volume_l
    for k in range(COMPONENTS):
        outlet[k] = held[k] * share
    outlet[HEAT] = flow * HEAT_J_L_K * u.celsius


def advance(u: Cell, dt: float) -> None:
    """Carry, make hydroxide, precipitate, then the electrical side."""
    held, inlet, outlet, crossing = u.contents, u.inlet, u.outlet, u.acid_side
    flow = inlet[LIQUID]
    for k in range(COMPONENTS):
        held[k] += (inlet[k] - outlet[k] - crossing[k]) * dt
    felt_a = faradaic_a(u, dt)
    settle(u, dt)
    produce(u, felt_a, dt)
    electric(u, flow)
    heat_j = (u.current_a * (u.voltage_v - THERMONEUTRAL_V) + u.loss_w_k * (u.ambient_c - u.celsius)) * dt
    held[HEAT] += heat_j
    u.heat_gained_j += heat_j
    u.celsius = held[HEAT] / u.heat_j_k
    u.charge_c += u.current_a * dt
    hydraulic(u, flow, dt)


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
    answer = solve(kind, u.celsius, held[SODIUM] / water, held[CHLORIDE] / water, dissolved, u.ph)
    u.ph = answer[0]
    solids_g_l = held[SOLID] * RE_OH3_G_MOL[kind] / u.volume_l
    change = max(precipitated(answer, dissolved, u.celsius, solids_g_l, dt) * water, -held[SOLID])
    held[RARE_EARTH] -= change
    held[SOLID] += change
    u.precipitated_mol += change
    u.re_mol_l = held[RARE_EARTH] / u.volume_l


def produce(u: Cell, felt_a: float, dt: float) -> None:
    """Chloride that crosses in the next step, and where the rest of the charge goes.

    What reacts in this step crosses in the next: the amount is held as a rate, so that both sides book one number.
    """
    acid = max(u.acid_mol_l, 0.0)
    proton = 0.055 * math.pow(acid, 1.15) * (1.0 + 0.004 * (u.celsius - 25.0))
    over = u.tank_ph - 8.0 if u.hydroxide_leak > 0.5 else 0.0
    hydroxide = min(0.004 * math.exp(LN10 * 0.7 * min(over, 6.0)), 0.3)
    hydroxide += 0.2 * splitting(u, felt_a / u.area_m2)
    lost = min(proton + hydroxide + 0.010 + 0.05 * u.fouled, 1.0)
    back = P_HCL_M_S * u.membrane_leak * acid * 1000.0 * u.area_m2
    u.made_mol_s = (1.0 - lost) * felt_a / FARADAY_C_MOL - back
    u.lost_c += lost * felt_a * dt
    u.diffused_mol += back * dt
    u.hydrogen_mol += max(felt_a, 0.0) * dt / (2.0 * FARADAY_C_MOL)
    u.efficiency = u.made_mol_s * FARADAY_C_MOL / felt_a if felt_a > 1e-3 else 0.0


def splitting(u: Cell, j: float) -> float:
    """Share (0..1) of water splitting at the anion membrane: begins at 0.8 of its limiting current, full at 0.9."""
    limit = u.membrane_limit * FARADAY_C_MOL * 1.2e-5 * max(u.contents[CHLORIDE] / u.volume_l, 1e-3) * 1000.0 / 0.6
    return min(max((j / limit - 0.8) / 0.1, 0.0), 1.0)


def electric(u: Cell, flow: float) -> None:
    """Voltage at the terminals, its slope, cathode potential."""
    held = u.contents
    kelvin = u.celsius + KELVIN
    j = u.current_a / u.area_m2
    entering = u.inlet[RARE_EARTH] / flow if flow > 1e-4 else u.re_mol_l
    hydroxide = power_of_hydroxide(u.ph)
    made = surface_hydroxide_mol_l(j, flow / NOMINAL_L_S * NOMINAL_M_S, hydroxide, 0.5 * (entering + u.re_mol_l))
    surface = u.surface_ph_set if u.surface_ph_set > 0.0 else 14.0 + math.log10(made)
    sodium, chloride = held[SODIUM] / u.volume_l, held[CHLORIDE] / u.volume_l
    kappa = catholyte_s_m(sodium, u.re_mol_l, u.celsius)
    ohmic = resistance_ohm_m2(kappa, u.gas, u.acid_mol_l, u.celsius, u.membrane_worn)
    ohmic += R_FOUL_OHM_M2 * u.fouled / (1.0 - min(u.fouled, 0.9))
    anode_j0 = exchange_a_m2(ANODE_J0_A_M2, ANODE_EA_J_MOL, kelvin)
    anode = overpotential_v(ANODE_SLOPE_V, anode_j0, j, kelvin)
    hydrogen = hydrogen_v(surface, kelvin)
    volts = reversible_v(j, surface, u.ph, kelvin) + anode + u.overpotential + j * ohmic
    volts += junction_v(u.acid_mol_l, chloride, kelvin) + 0.6 * splitting(u, j)
    steep = tafel_v(ANODE_SLOPE_V, kelvin) / math.sqrt(j * j + 4.0 * anode_j0 * anode_j0 + 1.0)
    resistance = (ohmic + steep) / u.area_m2
    if u.short_ohm > 0.0:
        # the short carries part of the current at the common voltage: what is left goes through the electrolyte
        volts *= u.short_ohm / (u.short_ohm + resistance)
        resistance = resistance * u.short_ohm / (u.short_ohm + resistance)
    u.voltage_v = volts
    u.slope_ohm = resistance
    u.cathode_v = hydrogen - u.overpotential - SILVER_CHLORIDE_V


def power_of_hydroxide(ph: float) -> float:
    """Hydroxide of the bulk at 40 degC, mol/L; it matters only above pH 10."""
    return math.exp(LN10 * (ph - HYDROXIDE_PKW))


def hydraulic(u: Cell, flow: float, dt: float) -> None:
    """Pressures, gas, fouling."""
    relative = flow / NOMINAL_L_S
    free = 1.0 - min(u.fouled, 0.9)
    u.flow_m3_h = flow * 3.6
    u.velocity_m_s = 0.3 * relative
    clogged = u.felt_dp_bar_clean / (free * free * free)
    u.felt_m = clogged * METRES_OF_WATER
    u.felt_dp_bar = clogged * relative
    u.membrane_dp_bar = 0.1 * relative * relative + 0.5 * u.felt_dp_bar - ACID_SIDE_BAR
    gas_l_s = abs(u.current_a) / (2.0 * FARADAY_C_MOL) * 0.08206 * (u.celsius + KELVIN)
    share = min(gas_l_s / max(gas_l_s + flow, 1e-9), GAS_MOST)
    u.gas += (share - u.gas) * -math.expm1(-dt / GAS_S)
    if u.current_a < -1.0:
        u.fouled -= CLEANING_1_S * u.fouled * dt
    elif u.current_a > 1.0:
        solids_g_l = u.contents[SOLID] * RE_OH3_G_MOL[int(u.element)] / u.volume_l
        loaded = u.current_a / u.area_m2 / 425.0
        rate = u.fouling * FOULING_1_S * math.sqrt(max(solids_g_l, 0.0)) * loaded * math.sqrt(loaded)
        rate *= math.exp(min(1.1 * (u.ph - 8.3), 5.0)) * math.pow(1.0 / max(relative, 0.05), 0.8)
        u.fouled = min(u.fouled + rate * free * dt, 0.9)
