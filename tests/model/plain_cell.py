"""The equations of the cell written a second time, from the design basis, with its figures as literals.

Nothing is shared with the simulator. Where a figure here and one there differ, one of them was mistyped.
"""

import math
from itertools import pairwise

F, R = 96485.33, 8.314462


def tafel(slope, j0, energy, kelvin):
    """Scale of the asinh law, V, and exchange current density, A/m2."""
    at = j0 * math.exp(energy / R * (1 / 298.15 - 1 / kelvin))
    return slope * kelvin / 298.15 / math.log(10), at


def cathode(kelvin):
    return tafel(0.130, 0.5, 35000.0, kelvin)


def anode(kelvin, age_h=0.0):
    scale, j0 = tafel(0.060, 5e-3, 50000.0, kelvin)
    return scale, j0 * 0.9 ** (age_h / 1000)


def oxygen(kelvin):
    return 1.229 - 8.46e-4 * (kelvin - 298.15) - math.log(10) * R * kelvin / F * 0.3


def reversible(j, surface_ph, felt_ph, kelvin, gas):
    slope = math.log(10) * R * kelvin / F
    forward = oxygen(kelvin) + slope * surface_ph
    reverse = -slope * 0.3 - (oxygen(kelvin) + slope * 0.3 - slope * felt_ph)
    share = min(max(-j / 20, 0), 1) * (1 - gas)
    return forward + share * (reverse - forward)


def acid_s_m(c, celsius):
    table = {0: 0.01, 0.1: 3.9, 0.5: 18.1, 1: 33.2, 2: 57.0, 3: 73.0, 4: 81.5, 5: 84.5, 6: 83.5, 8: 75, 10.2: 63}
    per_k = 0.015 + (0.012 - 0.015) * min(max(c - 1, 0) / 4, 1)
    return between(table, c) * (1 + per_k * (celsius - 25))


def acid_kg_m3(c, celsius):
    table = {0: 997, 0.1: 999, 0.5: 1006, 1: 1015, 2: 1033, 3: 1049, 4: 1066, 5: 1081, 6: 1097, 8: 1126, 10.2: 1157}
    return between(table, c) - 0.3 * (celsius - 25)


def between(table, c):
    points = list(table)
    for low, high in pairwise(points):
        if low <= c <= high:
            return table[low] + (c - low) / (high - low) * (table[high] - table[low])
    raise ValueError(c)


def sulfuric_s_m(c, celsius):
    return 20 * (c / 0.5) ** 0.9 * (1 + 0.02 * (celsius - 25))


def catholyte_s_m(na, re, celsius):
    return (12.4 * na / (1 + 0.45 * math.sqrt(na)) + 27 * re) * (1 + 0.02 * (celsius - 25))


def resistance(kappa, gas, acid, anolyte, celsius, worn, age_h):
    membranes = 5e-4 * worn / (1 + 0.02 * (celsius - 25))
    contacts = 1e-4 * (1 + 0.05 * age_h / 1000)
    liquors = 3e-3 / (kappa * (1 - gas) ** 1.5) + 2e-3 / acid_s_m(acid, celsius) + 2e-3 / sulfuric_s_m(anolyte, celsius)
    return liquors + membranes + contacts


def surface_hydroxide(j, u, bulk, re):
    transfer = 1.5e-5 * (u / 0.05) ** 0.4
    return max(1e-4, bulk + j / (F * 110 * transfer) / 1000 - 0.9 * re)


def splitting(j, chloride, strength=1.0):
    limit = F * 1.2e-5 * chloride * 1000 / (1 - 0.4) * strength
    return min(max((j / limit - 0.8) / 0.1, 0), 1)


def lost_share(acid, celsius, tank_ph, fouled, splits):
    proton = 0.055 * acid**1.15 * (1 + 0.004 * (celsius - 25))
    hydroxide = min(0.004 * 10 ** (0.7 * (tank_ph - 8)), 0.3)
    return proton + hydroxide + 0.2 * splits + 0.010 + 0.05 * fouled


def chlorine_a_m2(overpotential, chloride, kelvin):
    scale, j0 = tafel(0.040, 10.0, 30000.0, kelvin)
    kinetic = 2 * j0 * chloride * math.sinh(max(oxygen(kelvin) + overpotential - 1.358, 0) / scale)
    return 1 / (1 / kinetic + 1 / (F * 8e-6 * chloride * 1000)) if kinetic else 0.0


def chlorine_share(j, chloride, kelvin):
    scale, j0 = anode(kelvin)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        over = 2 * j0 * math.sinh(middle / scale) + chlorine_a_m2(middle, chloride, kelvin) > j
        low, high = (low, middle) if over else (middle, high)
    return chlorine_a_m2(high, chloride, kelvin) / j


def blocked(solids, j, ph, relative):
    return 3.6e-7 * math.sqrt(solids) * (j / 425) ** 1.5 * math.exp(1.1 * (ph - 8.3)) / max(relative, 0.05) ** 0.8


def gas_share(current, celsius, flow):
    made = current / (2 * F) * 0.08206 * (celsius + 273.15)
    return min(made / (made + flow), 0.35)


def voltage(j, ph, surface_ph, re, state):
    """Voltage at the terminals; `state` has the rest: temperatures, strengths, overpotential, gas, fouling, age."""
    kelvin = state["celsius"] + 273.15
    kappa = catholyte_s_m(state["na"], re, state["celsius"])
    ohmic = resistance(kappa, state["gas"], state["acid"], state["anolyte"], state["celsius"], 1.0, state["age_h"])
    ohmic += 4e-4 * state["fouled"] / (1 - state["fouled"])
    scale, j0 = anode(kelvin, state["age_h"])
    junctions = R * kelvin / F * math.log(state["acid"] / state["cl"] * state["acid"] / state["anolyte"])
    volts = reversible(j, surface_ph, ph, kelvin, state["reserve"]) + scale * math.asinh(j / (2 * j0))
    return volts + state["overpotential"] + j * ohmic + junctions + 0.6 * splitting(j, state["cl"])
