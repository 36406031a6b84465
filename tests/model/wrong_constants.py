"""Changes a named constant of chemistry, electrodes, felt, cell, bleed by a tenth, and asks which check sees it.

A constant is a number in capitals, or one number of a table, of one of `MODULES`. It is changed wherever a module of
the simulators holds it, so that a check meets it however it was imported.
"""

import sys
from dataclasses import dataclass

import pytest

from simulators.chemistry import acids, constants, electrode, equilibrium, felt, membrane, precipitation
from simulators.units import cell, thickener
from tests.model.acceptance_checks import CHECKS

MODULES = (constants, equilibrium, electrode, acids, membrane, felt, precipitation, cell, thickener)
NOT_PHYSICAL = {"PASSES", "PH_LOW", "PH_HIGH", "CLOSE", "IONIC_MOST", "SLACK", "HALVINGS", "ROWS"}
"""Of the solvers: how often, from where, how closely; not of the plant."""


@dataclass(frozen=True)
class Constant:
    """Where a constant stands first: module, name, place in a table."""

    module: str
    name: str
    place: tuple[int, ...]

    def __str__(self):
        return "-".join([self.module.rpartition(".")[2], self.name, *map(str, self.place)])


def places(value, path=()):
    """Every number of a constant by its place; whole numbers are indices, not constants."""
    if isinstance(value, tuple):
        return [place for n, part in enumerate(value) for place in places(part, (*path, n))]
    return [path] if isinstance(value, float) and value != 0.0 else []


def constants_of_the_cell():
    """Every constant once, where it is first met."""
    found, seen = [], set()
    for module in MODULES:
        for name, value in vars(module).items():
            if not name.isupper() or name in NOT_PHYSICAL or (name, id(value)) in seen:
                continue
            seen.add((name, id(value)))
            found += [Constant(module.__name__, name, place) for place in places(value)]
    return found


def scaled(value, place, factor):
    """The value with the number at `place` multiplied."""
    if not place:
        return value * factor
    return tuple(scaled(part, place[1:], factor) if n == place[0] else part for n, part in enumerate(value))


def uncaught(constant):
    """The factors (0.9, 1.1) that pass every check."""
    right = getattr(sys.modules[constant.module], constant.name)
    passed = []
    for factor in (1.1, 0.9):
        with pytest.MonkeyPatch.context() as patch:
            for name, module in list(sys.modules.items()):
                if name.startswith("simulators.") and getattr(module, constant.name, None) is right:
                    patch.setattr(module, constant.name, scaled(right, constant.place, factor))
            if not any(_fails(check) for check in CHECKS):
                passed.append(factor)
    return passed


def _fails(check):
    try:
        check()
    except (AssertionError, ArithmeticError, ValueError):
        return True
    return False
