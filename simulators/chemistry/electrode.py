"""Voltages of the cell: equilibrium potentials, overpotentials, resistances.

    V = E_O2 - E_H2 + eta_a + eta_c + E_AEM + E_CEM + j sum(R)
    eta_k = b_k (T / 298.15) / ln 10  asinh(j / (2 j0_k(T))),   j0_k(T) = j0_k exp(Ea / R (1/298.15 - 1/T))

The asinh form is smooth through zero current and reversal. Areas are projected; current density in A/m2.

Bad input   concentrations count as at least 1e-6 mol/L.
Source      process design basis 2.1.3 to 2.1.5; acid conductivity table 2.8.
"""

import math

from simulators.chemistry.acids import acid_s_m, sulfuric_s_m
from simulators.chemistry.constants import FARADAY_C_MOL, GAS_J_MOL_K, LN10

STANDARD_K = 298.15
CATHODE_SLOPE_V, CATHODE_J0_A_M2, CATHODE_EA_J_MOL = 0.130, 0.5, 35000.0
ANODE_SLOPE_V, ANODE_J0_A_M2, ANODE_EA_J_MOL = 0.060, 5e-3, 50000.0
OXYGEN_V, OXYGEN_V_K = 1.229, -8.46e-4
ANOLYTE_PH = 0.3
R_AEM_OHM_M2, R_CEM_OHM_M2, R_CONTACT_OHM_M2 = 3.0e-4, 2.0e-4, 1.0e-4
MEMBRANE_1_K = 0.02
AGED_J0_SHARE, AGED_CONTACT_SHARE = 0.10, 0.05
"""Per 1,000 h of service: the anode's exchange current falls, the contacts' resistance rises."""
GAP_CATHOLYTE_M, GAP_ACID_M, GAP_ANOLYTE_M = 0.003, 0.002, 0.002
R_FOUL_OHM_M2 = 4e-4
FELT_M2_M2 = 110.0
FELT_TRANSFER_M_S, FELT_TRANSFER_POWER = 1.5e-5, 0.4
SURFACE_RE_SHARE, SURFACE_LEAST_MOL_L = 0.9, 1e-4
NOMINAL_M_S = 0.05
SALT_S_M, SALT_ROOT, RE_S_M, CATHOLYTE_1_K = 12.4, 0.45, 27.0, 0.02
SILVER_CHLORIDE_V = 0.210
REVERSED_A_M2 = 20.0


def tafel_v(slope_v: float, kelvin: float) -> float:
    """Scale of the asinh law, V: the Tafel slope at `kelvin` over ln 10."""
    return slope_v * kelvin / STANDARD_K / LN10


def exchange_a_m2(at_25: float, energy_j_mol: float, kelvin: float) -> float:
    """Exchange current density at `kelvin`, A/m2."""
    return at_25 * math.exp(energy_j_mol / GAS_J_MOL_K * (1.0 / STANDARD_K - 1.0 / kelvin))


def overpotential_v(slope_v: float, j0: float, j: float, kelvin: float) -> float:
    """Overpotential at current density `j`, V; odd in `j`."""
    return tafel_v(slope_v, kelvin) * math.asinh(j / (2.0 * j0))


def nernst_v(kelvin: float) -> float:
    """RT/F ln 10, V per pH."""
    return LN10 * GAS_J_MOL_K * kelvin / FARADAY_C_MOL


def hydrogen_v(surface_ph: float, kelvin: float) -> float:
    """Equilibrium potential of the hydrogen electrode at the cathode surface, V."""
    return -nernst_v(kelvin) * surface_ph


def oxygen_v(kelvin: float) -> float:
    """Equilibrium potential of the oxygen electrode in the anolyte, V."""
    return OXYGEN_V + OXYGEN_V_K * (kelvin - STANDARD_K) - nernst_v(kelvin) * ANOLYTE_PH


def reversible_v(j: float, surface_ph: float, felt_ph: float, kelvin: float, gas: float) -> float:
    """Voltage of the cell without losses, V: O2 against H2; with reversed current the felt makes the O2.

    The sign changes over the first 20 A/m2 of reversed current, where neither reaction rules. As long as the
    electrodes hold gas (`gas`, 0..1 of what keeps them) the reversed current burns that and the sign stays.
    """
    forward = oxygen_v(kelvin) - hydrogen_v(surface_ph, kelvin)
    reverse = nernst_v(kelvin) * (felt_ph - ANOLYTE_PH) - (oxygen_v(kelvin) + nernst_v(kelvin) * ANOLYTE_PH)
    share = min(max(-j / REVERSED_A_M2, 0.0), 1.0) * (1.0 - gas)
    return (1.0 - share) * forward + share * reverse


def junction_v(acid_mol_l: float, chloride_mol_l: float, anolyte_mol_l: float, kelvin: float) -> float:
    """Potential of anion and cation membrane together, V."""
    acid = max(acid_mol_l, 1e-6)
    ratio = acid / max(chloride_mol_l, 1e-6) * (acid / max(anolyte_mol_l, 1e-6))
    return GAS_J_MOL_K * kelvin / FARADAY_C_MOL * math.log(ratio)


def resistance_ohm_m2(
    catholyte_s_m: float, gas: float, acid_mol_l: float, anolyte_mol_l: float, celsius: float, worn: float, age_h: float
) -> float:
    """Everything ohmic between the terminals, Ohm m2.

    `gas` is the hold-up in the catholyte gap (0..1, Bruggeman); `worn` multiplies the membranes (1 new, 1.5 at the
    end of their life); `age_h` are the contacts' hours of service.
    """
    clear = max(1.0 - gas, 0.05)
    catholyte = GAP_CATHOLYTE_M / max(catholyte_s_m * clear * math.sqrt(clear), 1e-3)
    acid = GAP_ACID_M / max(acid_s_m(acid_mol_l, celsius), 1e-3)
    anolyte = GAP_ANOLYTE_M / max(sulfuric_s_m(anolyte_mol_l, celsius), 1e-3)
    membranes = (R_AEM_OHM_M2 + R_CEM_OHM_M2) * worn / (1.0 + MEMBRANE_1_K * (celsius - 25.0))
    contacts = R_CONTACT_OHM_M2 * (1.0 + AGED_CONTACT_SHARE * age_h / 1000.0)
    return catholyte + acid + membranes + anolyte + contacts


def anode_a_m2(kelvin: float, age_h: float) -> float:
    """Exchange current density of the oxygen anode after `age_h` hours of service, A/m2."""
    aged = math.pow(1.0 - AGED_J0_SHARE, max(age_h, 0.0) / 1000.0)
    return exchange_a_m2(ANODE_J0_A_M2, ANODE_EA_J_MOL, kelvin) * aged


def surface_hydroxide_mol_l(j: float, velocity_m_s: float, bulk_mol_l: float, re_mol_l: float) -> float:
    """Hydroxide at the felt's fibres, mol/L: what diffuses off, less what meets rare earth; at least 1e-4."""
    transfer = FELT_TRANSFER_M_S * math.pow(max(velocity_m_s, 1e-3) / NOMINAL_M_S, FELT_TRANSFER_POWER)
    made = max(j, 0.0) / (FARADAY_C_MOL * FELT_M2_M2 * transfer) / 1000.0
    return max(SURFACE_LEAST_MOL_L, bulk_mol_l + made - SURFACE_RE_SHARE * re_mol_l)


def catholyte_s_m(sodium_mol_l: float, re_mol_l: float, celsius: float) -> float:
    """Conductivity of catholyte without gas, S/m (design basis 2.1.4)."""
    salt = max(sodium_mol_l, 0.0)
    warm = 1.0 + CATHOLYTE_1_K * (celsius - 25.0)
    return (SALT_S_M * salt / (1.0 + SALT_ROOT * math.sqrt(salt)) + RE_S_M * re_mol_l) * warm
