"""Properties of hydrochloric and sulfuric acid that instruments see: density and conductivity, and the way back.

    HCl    tables of density and conductivity at 25 degC against mol/L, linear between;
           density -0.3 kg/m3 per K, conductivity +1.5 % per K up to 1 mol/L falling to +1.2 % at 5 mol/L
    H2SO4  20 S/m at 0.5 mol/L and 25 degC, with the power 0.9 of the strength and +2 % per K

The conductivity of HCl has its maximum near 5 mol/L: one value belongs to two strengths, which density tells apart.

Bad input   strengths beyond the table (0 to 10.2 mol/L) count as its ends.
Source      process design basis 2.8 and 2.1.4; the power for H2SO4 is this project's assumption (0.1 to 2 mol/L).
"""

import math

ACID_MOL_L = (0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.2)
ACID_S_M = (0.01, 3.9, 18.1, 33.2, 57.0, 73.0, 81.5, 84.5, 83.5, 75.0, 63.0)
ACID_KG_M3 = (997.0, 999.0, 1006.0, 1015.0, 1033.0, 1049.0, 1066.0, 1081.0, 1097.0, 1126.0, 1157.0)
ROWS = 11
DENSITY_KG_M3_K = -0.3
DILUTE_1_K, STRONG_1_K = 0.015, 0.012
DILUTE_MOL_L, STRONG_MOL_L = 1.0, 5.0
SULFURIC_S_M, SULFURIC_MOL_L, SULFURIC_POWER, SULFURIC_1_K = 20.0, 0.5, 0.9, 0.02


def row_of(acid_mol_l: float) -> int:
    """The row of the table below a strength."""
    i = 0
    for n in range(1, ROWS - 1):
        if acid_mol_l >= ACID_MOL_L[n]:
            i = n
    return i


def share_of(acid_mol_l: float, row: int) -> float:
    """How far a strength is from `row` to the next, 0..1."""
    return (acid_mol_l - ACID_MOL_L[row]) / (ACID_MOL_L[row + 1] - ACID_MOL_L[row])


def acid_s_m(acid_mol_l: float, celsius: float) -> float:
    """Conductivity of hydrochloric acid, S/m."""
    c = min(max(acid_mol_l, 0.0), ACID_MOL_L[ROWS - 1])
    i = row_of(c)
    strong = min(max(c - DILUTE_MOL_L, 0.0) / (STRONG_MOL_L - DILUTE_MOL_L), 1.0)
    per_k = DILUTE_1_K + strong * (STRONG_1_K - DILUTE_1_K)
    at_25 = ACID_S_M[i] + share_of(c, i) * (ACID_S_M[i + 1] - ACID_S_M[i])
    return at_25 * (1.0 + per_k * (celsius - 25.0))


def acid_kg_m3(acid_mol_l: float, celsius: float) -> float:
    """Density of hydrochloric acid, kg/m3."""
    c = min(max(acid_mol_l, 0.0), ACID_MOL_L[ROWS - 1])
    i = row_of(c)
    at_25 = ACID_KG_M3[i] + share_of(c, i) * (ACID_KG_M3[i + 1] - ACID_KG_M3[i])
    return at_25 + DENSITY_KG_M3_K * (celsius - 25.0)


def sulfuric_s_m(sulfuric_mol_l: float, celsius: float) -> float:
    """Conductivity of sulfuric acid, S/m."""
    relative = max(sulfuric_mol_l, 1e-4) / SULFURIC_MOL_L
    return SULFURIC_S_M * math.pow(relative, SULFURIC_POWER) * (1.0 + SULFURIC_1_K * (celsius - 25.0))
