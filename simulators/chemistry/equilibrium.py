"""pH of a liquor from what it holds: the algebraic part of every vessel.

A vessel integrates conserved totals: sodium, chloride, dissolved rare earth. The pH follows from them, since the
charges must add up to nothing:

    Cl - Na - 3 RE = [H+] + [HCl] - [OH-] - [REOH] - 2 [REO] - 3 [REO2H] - 2 [RE2(OH)2]        (mol/kg water)

with the mass balances of chloride and rare earth over all species and B-dot activities

    log g = -A z2 sqrt(I) / (1 + a B sqrt(I)) + Bdot I,   neutral species g = 1,   a_w = 1 - 0.017 sum(m).

Two questions are answered: `solve` takes the dissolved total as given (kinetics decide how much is dissolved) and says
also what a solid would leave dissolved at that pH; `saturated` takes the pH as given with fresh solid present.

Solver    Newton on pH between brackets, ionic strength and free ions corrected in the same pass; the range is
          [-1, 14.5], a start value is only a matter of speed. Below 3 us compiled.
Range     I up to about 1 mol/kg; free acid up to 0.5 mol/kg.
Bad input negative totals (rounding) count as zero; a charge no pH can balance ends at the bracket.
Source    process design basis 2.2 and 3; Helgeson (1969) for the B-dot form.
"""

import math

from simulators.chemistry.constants import (
    DEBYE_A,
    DEBYE_B,
    DEBYE_BDOT,
    DEBYE_T_C,
    GAS_J_MOL_K,
    KELVIN,
    KS_HEAT_J_MOL,
    LN10,
    LOG_K_DIMER,
    LOG_K_HCL,
    LOG_K_NACL,
    LOG_KS_FRESH,
    NACL_HEAT_J_MOL,
    RECL,
    RECL2,
    RECL3,
    REO,
    REO2H,
    REOH,
    SIZE_CL,
    SIZE_DIMER,
    SIZE_H,
    SIZE_OH,
    SIZE_RE3,
    SIZE_RE_1,
    SIZE_RE_2,
    SPECIES,
    WATER,
)

PASSES = 80
PH_LOW = -1.0
PH_HIGH = 14.5
CLOSE = 1e-12
IONIC_MOST = 6.0
"""Where the activity model has long lost its meaning, mol/kg: keeps hostile totals finite."""
SLACK = 0.05
"""How far (pH) the root may still move while ionic strength settles: brackets are kept wider by this."""

Constants = tuple[float, float, float, float, float, float, float, float, float, float, float]
"""Water, REOH, REO, REO2H, RECl, RECl2, RECl3, dimer, HCl, NaCl, solid: equilibrium constants, not logarithms."""
Gammas = tuple[float, float, float, float, float, float, float]
"""Activity coefficients of H+, OH-, Cl-, single charge of the size of Na+, double, triple and fourfold charge."""
Bath = tuple[float, float, float]
"""Ionic strength, free sodium, free chloride, mol/kg water."""
Answer = tuple[float, float, float, float, float, float]
"""pH; rare earth that fresh solid leaves dissolved at that pH (mol/kg); its change with pH (mol/kg per pH unit);
buffer capacity without solid and with solid (mol/kg per pH unit); charge of the dissolved rare earth and acid
w = 3 RE + 3 RECl + 2 REOH + REO + 4 RE2(OH)2 + H - OH (mol/kg)."""


def power_of_ten(exponent: float) -> float:
    """10 to the `exponent`, held within the range of a double (-300 to 300)."""
    return math.exp(LN10 * max(-300.0, min(300.0, exponent)))


def log_k(function: tuple[float, float, float, float, float], kelvin: float) -> float:
    """log10 of an equilibrium constant from its temperature function at `kelvin` (K)."""
    a1, a2, a3, a4, a5 = function
    return a1 + a2 * kelvin + a3 / kelvin + a4 * math.log10(kelvin) + a5 / (kelvin * kelvin)


def log_k_heat(at_25: float, heat_j_mol: float, kelvin: float) -> float:
    """log10 of an equilibrium constant from its value at 25 degC and its heat (J/mol), by van 't Hoff."""
    return at_25 + heat_j_mol / (LN10 * GAS_J_MOL_K) * (1.0 / (KELVIN + 25.0) - 1.0 / kelvin)


def log_ks(element: int, kelvin: float) -> float:
    """log10 of the solubility constant of fresh RE(OH)3, RE(OH)3 + 3 H+ = RE3+ + 3 H2O, at `kelvin`."""
    return log_k_heat(LOG_KS_FRESH[element], KS_HEAT_J_MOL, kelvin)


def debye(table: tuple[float, float, float, float], celsius: float) -> float:
    """A parameter of the activity model at `celsius`, held at the ends of the table (0 and 100 degC)."""
    t = min(max(celsius, DEBYE_T_C[0]), DEBYE_T_C[3])
    i = 0 if t < DEBYE_T_C[1] else (1 if t < DEBYE_T_C[2] else 2)
    share = (t - DEBYE_T_C[i]) / (DEBYE_T_C[i + 1] - DEBYE_T_C[i])
    return table[i] + share * (table[i + 1] - table[i])


def constants_at(element: int, celsius: float) -> Constants:
    """Every equilibrium constant of an element's system at `celsius`; `element` is a row of `constants.ELEMENTS`."""
    kelvin = celsius + KELVIN
    table = SPECIES[element]
    return (
        power_of_ten(log_k(WATER, kelvin)),
        power_of_ten(log_k(table[REOH], kelvin)),
        power_of_ten(log_k(table[REO], kelvin)),
        power_of_ten(log_k(table[REO2H], kelvin)),
        power_of_ten(log_k(table[RECL], kelvin)),
        power_of_ten(log_k(table[RECL2], kelvin)),
        power_of_ten(log_k(table[RECL3], kelvin)),
        power_of_ten(LOG_K_DIMER[element]),
        power_of_ten(LOG_K_HCL),
        power_of_ten(log_k_heat(LOG_K_NACL, NACL_HEAT_J_MOL, kelvin)),
        power_of_ten(log_ks(element, kelvin)),
    )


def gamma(charge_squared: float, size: float, a_root: float, b_root: float, linear: float) -> float:
    """Activity coefficient of an ion; `a_root` = A sqrt(I), `b_root` = B sqrt(I), `linear` = Bdot I."""
    return power_of_ten(linear - a_root * charge_squared / (1.0 + size * b_root))


def gammas_at(element: int, celsius: float, ionic: float) -> Gammas:
    """Activity coefficients at an ionic strength (mol/kg water)."""
    root = math.sqrt(ionic)
    a_root, b_root, linear = debye(DEBYE_A, celsius) * root, debye(DEBYE_B, celsius) * root, 0.0
    linear = debye(DEBYE_BDOT, celsius) * ionic
    return (
        gamma(1.0, SIZE_H, a_root, b_root, linear),
        gamma(1.0, SIZE_OH, a_root, b_root, linear),
        gamma(1.0, SIZE_CL, a_root, b_root, linear),
        gamma(1.0, SIZE_RE_1, a_root, b_root, linear),
        gamma(4.0, SIZE_RE_2, a_root, b_root, linear),
        gamma(9.0, SIZE_RE3[element], a_root, b_root, linear),
        gamma(16.0, SIZE_DIMER, a_root, b_root, linear),
    )


def speciate(
    k: Constants, g: Gammas, ph: float, bath: Bath, totals: Bath, saturated: bool
) -> tuple[float, Answer, Bath]:
    """All species at a pH: the acid they hold (mol/kg), the answer, and the bath that follows from them.

    `totals` are sodium, chloride and dissolved rare earth; when `saturated` the last is ignored: solid decides.
    """
    (k_water, k_oh, k_o, k_o2h, k_cl, k_cl2, k_cl3, k_dimer, k_hcl, k_nacl, k_solid) = k
    g_h, g_oh, g_cl, g_1, g_2, g_3, g_4 = g
    _, na, cl = bath
    na_total, cl_total, re_total = totals
    water = max(1.0 - 0.017 * (na_total + cl_total + re_total), 0.5)
    h = power_of_ten(-ph)
    m_h, m_oh, a_cl = h / g_h, k_water * water / (h * g_oh), cl * g_cl
    m_hcl = k_hcl * h * a_cl
    # molality per unit activity of RE3+: ion with its chlorides, three hydroxides; the dimer goes with the square
    c1, c2, c3 = k_cl * a_cl / g_2, k_cl2 * a_cl * a_cl / g_1, k_cl3 * a_cl * a_cl * a_cl
    u0 = 1.0 / g_3 + c1 + c2 + c3
    u1, u2, u3 = k_oh * water / (h * g_2), k_o * water / (h * h * g_1), k_o2h * water * water / (h * h * h)
    dimer = k_dimer * water * water / (h * h * g_4)
    solid = k_solid * h * h * h / (water * water * water)
    one = u0 + u1 + u2 + u3
    a = solid if saturated else 2.0 * re_total / (one + math.sqrt(one * one + 8.0 * dimer * re_total))
    r0, r1, r2, r3, d = u0 * a, u1 * a, u2 * a, u3 * a, dimer * a * a
    acid = m_h + m_hcl - m_oh - (r1 + 2.0 * r2 + 3.0 * r3 + 2.0 * d)
    # how the hydroxide held by the dissolved metal moves with pH while its total stays
    first = r1 + 2.0 * r2 + 3.0 * r3 + 4.0 * d
    spread = r1 + 4.0 * r2 + 9.0 * r3 + 4.0 * d - first * first / (r0 + r1 + r2 + r3 + 4.0 * d + 1e-300)
    buffer = LN10 * (m_h + m_hcl + m_oh + spread)
    ed = dimer * solid * solid
    equilibrium = solid * one + 2.0 * ed
    slope = -LN10 * (solid * (3.0 * u0 + 2.0 * u1 + u2) + 8.0 * ed)
    buffer_solid = LN10 * (solid * (9.0 * u0 + 4.0 * u1 + u2) + 16.0 * ed + m_h + m_oh)
    charge = 3.0 * r0 + 2.0 * r1 + r2 + 4.0 * d + m_h + m_hcl - m_oh
    strength = 0.5 * (na + cl + m_h + m_oh + 9.0 * a / g_3 + 4.0 * (r1 + c1 * a) + r2 + c2 * a + 16.0 * d)
    pair = k_nacl * g_1 * g_cl
    bound = g_cl * (k_hcl * h + a * (k_cl / g_2 + a_cl * (2.0 * k_cl2 / g_1 + 3.0 * a_cl * k_cl3)))
    following = (min(strength, IONIC_MOST), na_total / (1.0 + pair * cl), cl_total / (1.0 + pair * na + bound))
    return acid, (ph, equilibrium, slope, buffer, buffer_solid, charge), following


def solve(element: int, celsius: float, sodium: float, chloride: float, rare_earth: float, start: float) -> Answer:
    """PH of a liquor from its dissolved totals, mol/kg water; `start` is the pH to begin with (-1 to 14.5)."""
    k = constants_at(element, celsius)
    totals = (max(sodium, 0.0), max(chloride, 0.0), max(rare_earth, 0.0))
    bath = (0.5 * (totals[0] + totals[1]) + 3.0 * totals[2], totals[0], totals[1])
    held = totals[1] - totals[0] - 3.0 * totals[2]
    ph, low, high = min(max(start, PH_LOW), PH_HIGH), PH_LOW, PH_HIGH
    answer = (ph, 0.0, 0.0, 0.0, 0.0, 0.0)
    for _ in range(PASSES):
        acid, answer, following = speciate(k, gammas_at(element, celsius, bath[0]), ph, bath, totals, False)
        excess = held - acid
        if excess > 0.0:
            high = min(high, ph + SLACK)
        else:
            low = max(low, ph - SLACK)
        step = min(max(-excess / (answer[3] + 1e-300), -1.0), 1.0)
        if not low <= ph + step <= high:
            step = 0.5 * (low + high) - ph
        moved = abs(step) + abs(following[0] - bath[0]) + abs(following[1] - bath[1]) + abs(following[2] - bath[2])
        bath = following
        if moved < CLOSE:
            break
        ph += step
    return answer


def saturated(element: int, celsius: float, sodium: float, ph: float) -> Answer:
    """What fresh solid leaves dissolved at a pH of `sodium` (mol/kg water); chloride balances the charge."""
    k = constants_at(element, celsius)
    totals, bath = (sodium, sodium, 0.0), (sodium, sodium, sodium)
    answer = (ph, 0.0, 0.0, 0.0, 0.0, 0.0)
    for _ in range(PASSES):
        _, answer, following = speciate(k, gammas_at(element, celsius, bath[0]), ph, bath, totals, True)
        moved = abs(following[0] - bath[0]) + abs(following[1] - bath[1]) + abs(following[2] - bath[2])
        totals, bath = (sodium, max(sodium + answer[5], 0.0), answer[1]), following
        if moved < CLOSE:
            break
    return answer
