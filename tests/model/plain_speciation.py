"""A second, plain implementation of the speciation, from the table of constants at 25 degC: slow, obvious, unshared.

Species are rows of a table (charge, size, log K, stoichiometry in H, Cl, Na, RE); nothing is eliminated by hand.
"""

import math

# name: (charge, ion size, log K, H, Cl, Na, RE), formed from H+, Cl-, Na+, RE3+ and water
ND_25 = {
    "H": (1, 9.0, 0.0, 1, 0, 0, 0),
    "OH": (-1, 3.5, -13.995, -1, 0, 0, 0),
    "Cl": (-1, 3.0, 0.0, 0, 1, 0, 0),
    "Na": (1, 4.0, 0.0, 0, 0, 1, 0),
    "NaCl": (0, 0.0, -0.777, 0, 1, 1, 0),
    "HCl": (0, 0.0, -0.67, 1, 1, 0, 0),
    "Nd": (3, 9.0, 0.0, 0, 0, 0, 1),
    "NdOH": (2, 4.5, -8.127, -1, 0, 0, 1),
    "NdO": (1, 4.0, -17.070, -2, 0, 0, 1),
    "NdO2H": (0, 0.0, -26.370, -3, 0, 0, 1),
    "Nd2(OH)2": (4, 5.5, -13.890, -2, 0, 0, 2),
    "NdCl": (2, 4.5, 0.309, 0, 1, 0, 1),
    "NdCl2": (1, 4.0, 0.031, 0, 2, 0, 1),
    "NdCl3": (0, 0.0, -0.320, 0, 3, 0, 1),
}
LOG_KS = 20.49
A, B, BDOT = 0.5114, 0.3288, 0.0410


def log_gamma(charge, size, strength):
    if charge == 0:
        return 0.0
    root = math.sqrt(strength)
    return -A * charge * charge * root / (1 + size * B * root) + BDOT * strength


def molalities(ph, log_cl, log_na, log_re, strength):
    return {
        name: 10 ** (k - h * ph + cl * log_cl + na * log_na + re * log_re - log_gamma(z, size, strength))
        for name, (z, size, k, h, cl, na, re) in ND_25.items()
    }


def total(amounts, column):
    return sum(amounts[name] * row[column] for name, row in ND_25.items())


def at_ph(ph, chloride, sodium, neodymium=None):
    """Molalities at a pH; without `neodymium` the solid decides how much there is."""
    logs, strength = [math.log10(max(chloride, 1e-30)), math.log10(max(sodium, 1e-30)), -5.0], 0.1
    if neodymium is None:
        logs[2] = LOG_KS - 3 * ph
    for _ in range(2000):
        amounts = molalities(ph, *logs, strength)
        found = [total(amounts, 4), total(amounts, 5), total(amounts, 6)]
        wanted = [chloride, sodium, neodymium]
        moves = []
        for i in range(3 if neodymium is not None else 2):
            moves.append(0.3 * math.log10(max(wanted[i], 1e-30) / found[i]))
            logs[i] += moves[-1]
        new = 0.5 * sum(amounts[name] * row[0] ** 2 for name, row in ND_25.items())
        moves.append(new - strength)
        strength = 0.5 * (strength + new)
        if max(abs(move) for move in moves) < 1e-11:
            break
    return amounts


def charge(amounts):
    return sum(amounts[name] * row[0] for name, row in ND_25.items())


def solve_ph(chloride, sodium, neodymium):
    """PH of a clear solution: bisection on the charge balance."""
    low, high = -1.0, 13.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if charge(at_ph(middle, chloride, sodium, neodymium)) > 0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def solid_ph(chloride, sodium):
    """PH of a solution with fresh solid, and what is dissolved: chloride given, solid makes up the rest."""
    low, high = 3.0, 12.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        amounts = at_ph(middle, chloride, sodium)
        if charge(amounts) > 0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high), total(amounts, 6)
