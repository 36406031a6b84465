"""How fast rare earth leaves the solution as hydroxide, and comes back.

    d[RE]/dt = -([RE] - [RE]eq(pH)) / tau,   tau = 15 s max(1, 20 g/L / X) exp(2500 (1/T - 1/313))

One step is taken linearised-implicit: each mole that precipitates sets acid free, which lowers the pH and raises
[RE]eq, so that near the set-point the true time constant is below a second. The step is stable for any dt and tends
to the equilibrium from either side.

Bad input  no solid and none forming: X counts as 0.1 g/L, so that a clear liquor nucleates within hours.
Source     process design basis 2.3, reduced model.
"""

import math

from simulators.chemistry.constants import KELVIN
from simulators.chemistry.equilibrium import Answer

TAU_S = 15.0
SEED_G_L = 20.0
LEAST_G_L = 0.1
ACTIVATION_K = 2500.0
REFERENCE_K = 313.0


def time_constant_s(celsius: float, solids_g_l: float) -> float:
    """Time constant of precipitation at a temperature and a solids content (s)."""
    seed = max(1.0, SEED_G_L / max(solids_g_l, LEAST_G_L))
    return TAU_S * seed * math.exp(ACTIVATION_K * (1.0 / (celsius + KELVIN) - 1.0 / REFERENCE_K))


def precipitated(answer: Answer, dissolved: float, celsius: float, solids_g_l: float, dt: float) -> float:
    """Rare earth that leaves the solution within `dt` s, in the unit of `dissolved` (mol/kg); negative dissolves.

    `answer` is the liquor's speciation before the step. The caller limits dissolution to the solid there is.
    """
    _, equilibrium, slope, buffer, _, charge = answer
    share = dt / time_constant_s(celsius, solids_g_l)
    released = min(max(charge / max(dissolved, 1e-9), 0.0), 3.0)
    stiffness = 1.0 - slope * released / max(buffer, 1e-9)
    return (dissolved - equilibrium) * share / (1.0 + share * stiffness)
