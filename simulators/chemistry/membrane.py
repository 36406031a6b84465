"""What passes the membranes of a cell, by current, by diffusion and through holes; chlorine at the anode.

    t_H = 0.055 c_a^1.15 (1 + 0.004 (T - 25)),  t_OH = 0.004 10^(0.7 (pH tank - 8)) up to 0.3
    x = 0.010 + 0.05 theta,  diffusion P c_a A with P = 1e-8 m/s
    limiting current of chloride  F k c / (1 - t_s),  k = 1.2e-5 m/s, t_s = 0.4: water splits above 0.8 of it
    hole in the anion membrane    Q = k sqrt(|dp|) towards the lower pressure
    chlorine                      1 / j_Cl = 1 / j_kin + 1 / j_L at the potential where j_O2 + j_Cl = j

Bad input   concentrations below 0 count as 0.
Source      process design basis 2.1.2, 2.1.3, 2.1.5, 2.1.6.
"""

import math

from simulators.chemistry.constants import FARADAY_C_MOL, LN10
from simulators.chemistry.electrode import (
    ANODE_SLOPE_V,
    exchange_a_m2,
    oxygen_v,
    tafel_v,
)

PROTON_SHARE, PROTON_POWER, PROTON_1_K = 0.055, 1.15, 0.004
HYDROXIDE_SHARE, HYDROXIDE_SLOPE, HYDROXIDE_MOST = 0.004, 0.7, 0.3
HYDROXIDE_PH = 8.0
PARASITIC_SHARE, FOULED_SHARE = 0.010, 0.05
P_HCL_M_S = 1.0e-8
CHLORIDE_TRANSFER_M_S, SALT_NUMBER = 1.2e-5, 0.4
SPLITTING_FROM, SPLITTING_FULL = 0.8, 0.9
SPLITTING_V, SPLITTING_SHARE = 0.6, 0.2
OSMOSIS_L_MOL = 3.0 * 0.018
ANODE_WATER_L_MOL = 0.009
CHLORINE_SLOPE_V, CHLORINE_J0_A_M2, CHLORINE_EA_J_MOL, CHLORINE_V = 0.040, 10.0, 30000.0, 1.358
CHLORINE_TRANSFER_M_S = 8e-6
HALVINGS = 40


def proton_share(acid_mol_l: float, celsius: float) -> float:
    """Share of the current that protons carry back through the anion membrane (0..1 within 0..4 mol/L)."""
    return PROTON_SHARE * math.pow(max(acid_mol_l, 0.0), PROTON_POWER) * (1.0 + PROTON_1_K * (celsius - 25.0))


def hydroxide_share(ph: float) -> float:
    """Share of the current that hydroxide carries, at the pH of the circuit's tank."""
    return min(HYDROXIDE_SHARE * math.exp(LN10 * HYDROXIDE_SLOPE * min(ph - HYDROXIDE_PH, 6.0)), HYDROXIDE_MOST)


def diffused_mol_s(acid_mol_l: float, area_m2: float) -> float:
    """Acid that diffuses back through a whole membrane, mol/s."""
    return P_HCL_M_S * max(acid_mol_l, 0.0) * 1000.0 * area_m2


def splitting(j: float, chloride_mol_l: float, strength: float) -> float:
    """Share (0..1) of water splitting: begins at 0.8 of the limiting current, full at 0.9; `strength` scales that."""
    limit = FARADAY_C_MOL * CHLORIDE_TRANSFER_M_S * max(chloride_mol_l, 1e-3) * 1000.0 / (1.0 - SALT_NUMBER)
    return min(max((j / (limit * strength) - SPLITTING_FROM) / (SPLITTING_FULL - SPLITTING_FROM), 0.0), 1.0)


def hole_l_s(hole_l_h: float, dp_bar: float) -> float:
    """Flow through a hole, L/s, positive with `dp_bar`; `hole_l_h` in L/h at 1 bar."""
    if not hole_l_h > 0.0:
        return 0.0
    flow = hole_l_h / 3600.0 * math.sqrt(abs(dp_bar))
    return flow if dp_bar >= 0.0 else -flow


def chlorine_a_m2(overpotential_v: float, chloride_mol_l: float, kelvin: float) -> float:
    """Current density of chlorine at an overpotential of oxygen, A/m2, limited by transport."""
    above = oxygen_v(kelvin) + overpotential_v - CHLORINE_V
    scale = tafel_v(CHLORINE_SLOPE_V, kelvin)
    j0 = exchange_a_m2(CHLORINE_J0_A_M2, CHLORINE_EA_J_MOL, kelvin) * chloride_mol_l
    kinetic = 2.0 * j0 * math.sinh(min(max(above / scale, 0.0), 30.0))
    limit = FARADAY_C_MOL * CHLORINE_TRANSFER_M_S * chloride_mol_l * 1000.0
    return kinetic * limit / max(kinetic + limit, 1e-12)


def chlorine_share(j: float, chloride_mol_l: float, oxygen_j0: float, kelvin: float) -> float:
    """Share of the anode's current that makes chlorine: at the potential where both reactions together carry `j`."""
    if j < 1.0 or chloride_mol_l < 1e-7:
        return 0.0
    scale = tafel_v(ANODE_SLOPE_V, kelvin)
    low, high = 0.0, scale * math.asinh(j / (2.0 * oxygen_j0))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        oxygen = 2.0 * oxygen_j0 * math.sinh(middle / scale)
        if oxygen + chlorine_a_m2(middle, chloride_mol_l, kelvin) > j:
            high = middle
        else:
            low = middle
    return min(chlorine_a_m2(high, chloride_mol_l, kelvin) / j, 1.0)
