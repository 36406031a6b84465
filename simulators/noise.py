"""Noise that is the same for the same seed: a generator whose whole state is two numbers of the unit's record.

L'Ecuyer's combined generator (two multiplicative congruential generators, period 2.3e18). The products stay below
2^53, so that doubles hold them exactly and compiled and interpreted runs draw the same numbers. Each unit has its own
sequence, from the plant's seed and the unit's name: another unit more or less changes nothing for the others.

Source    P. L'Ecuyer, Communications of the ACM 31 (1988) 742; Box and Muller (1958) for the normal deviate.
"""

import hashlib
import math
from typing import Protocol

MODULUS_A, FACTOR_A = 2147483563.0, 40014.0
MODULUS_B, FACTOR_B = 2147483399.0, 40692.0
TURN = 2.0 * math.pi


class Random(Protocol):
    """A record that carries a generator: whole numbers from 1 to the modulus less 1."""

    random_a: float
    random_b: float


def seeds(seed: int, name: str) -> tuple[float, float]:
    """Start of the generator of the unit `name` in a plant of `seed`."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return 1.0 + first % (int(MODULUS_A) - 1), 1.0 + second % (int(MODULUS_B) - 1)


def remainder(product: float, modulus: float) -> float:
    """Remainder of two whole positive doubles, exact up to 2^53 (numba knows no fmod)."""
    rest = product - math.floor(product / modulus) * modulus
    if rest < 0.0:
        rest += modulus
    return rest - modulus if rest >= modulus else rest


def uniform(u: Random) -> float:
    """Next number between 0 and 1, both excluded."""
    u.random_a = remainder(FACTOR_A * u.random_a, MODULUS_A)
    u.random_b = remainder(FACTOR_B * u.random_b, MODULUS_B)
    difference = u.random_a - u.random_b
    if difference < 1.0:
        difference += MODULUS_A - 1.0
    return difference / MODULUS_A


def normal(u: Random) -> float:
    """Next normal deviate, mean 0 and standard deviation 1."""
    radius = math.sqrt(-2.0 * math.log(uniform(u)))
    return radius * math.cos(TURN * uniform(u))
