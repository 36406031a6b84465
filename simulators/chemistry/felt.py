"""What happens in the felt of a cell: pressure, blocking and cleaning, gas.

    blocking   dtheta/dt = kf X^0.5 (j / 425)^1.5 exp(1.1 (pH - 8.3)) (0.05 / u)^0.8 (1 - theta)
    cleaning   dtheta/dt = -kr (theta - scar), kr = 6e-3 1/s in 0.5 mol/L acid, 2.5e-3 reversed at 40 A, 2e-4 flushed
    scar       1 % of what is cleaned away stays for good
    pressure   dp = 0.08 bar u / 0.05 (1 / (1 - theta))^3
    gas        Qg / (Qg + Q), at most 0.35

Bad input   none: the arguments are the cell's own states.
Limits      theta 0..0.9; the exponent of the pH is held at 5.
Source      process design basis 2.1.4, 2.1.6, 2.1.8; that reversal cleans in proportion to the current is assumed.
"""

import math

from simulators.chemistry.constants import FARADAY_C_MOL, KELVIN

NOMINAL_L_S = 0.6 / 3.6
FOULING_1_S, FOULING_A_M2, FOULING_PH, FOULING_1_PH = 3.6e-7, 425.0, 8.3, 1.1
FOULING_VELOCITY_POWER = 0.8
FOULING_MOST = 0.9
WASHED_1_S, WASH_MOL_L = 6e-3, 0.5
REVERSED_1_S, REVERSED_A = 2.5e-3, 40.0
FLUSHED_1_S, CLEAR_G_L = 2e-4, 1.0
SCAR_SHARE = 0.01
SCALE_G_M2 = 500.0
"""Scale in a felt that is blocked all over: 5 mm of felt with 100 g of hydroxide to the litre."""
FELT_DP_BAR = 0.08
METRES_OF_WATER = 10.2
GAS_L_K = 0.08206
GAS_MOST = 0.35


def blocked_1_s(solids_g_l: float, a_m2: float, ph: float, relative: float) -> float:
    """Rate at which the free felt is blocked, 1/s, at `relative` times the nominal flow."""
    loaded = max(a_m2, 0.0) / FOULING_A_M2
    rate = FOULING_1_S * math.sqrt(max(solids_g_l, 0.0)) * loaded * math.sqrt(loaded)
    rate *= math.exp(min(FOULING_1_PH * (ph - FOULING_PH), 5.0))
    return rate * math.pow(1.0 / max(relative, 0.05), FOULING_VELOCITY_POWER)


def cleaned_1_s(acid_mol_l: float, current_a: float, relative: float, solids_g_l: float) -> float:
    """Rate at which what blocks the felt goes, 1/s: by free acid, by reversed current, by clear liquor."""
    rate = WASHED_1_S * min(max(acid_mol_l, 0.0) / WASH_MOL_L, 1.0)
    if current_a < -1.0:
        rate += REVERSED_1_S * min(-current_a / REVERSED_A, 1.0)
    elif current_a <= 1.0 and solids_g_l < CLEAR_G_L:
        rate += FLUSHED_1_S * min(relative, 1.0)
    return rate


def felt_dp_bar(blocked: float) -> float:
    """Pressure lost at the nominal flow, bar; it is proportional to the flow."""
    free = 1.0 - min(blocked, FOULING_MOST)
    return FELT_DP_BAR / (free * free * free)


def gas_share(current_a: float, celsius: float, flow_l_s: float) -> float:
    """Hold-up of gas in the gap where it has settled, 0..1."""
    gas_l_s = abs(current_a) / (2.0 * FARADAY_C_MOL) * GAS_L_K * (celsius + KELVIN)
    return min(gas_l_s / max(gas_l_s + flow_l_s, 1e-9), GAS_MOST)
