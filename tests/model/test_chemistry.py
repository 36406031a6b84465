"""The chemistry against its anchors, against a second implementation, and against a change of any constant."""

import math

import pytest

from simulators.chemistry import constants, equilibrium, precipitation
from simulators.chemistry.equilibrium import constants_at, log_k, saturated, solve
from tests.model.plain_speciation import solid_ph, solve_ph

ND = constants.NEODYMIUM


@pytest.mark.parametrize(("dissolved_mmol", "ph"), [(1.0, 8.00), (5.0, 7.74), (0.34, 8.21)])
def test_dissolved_neodymium_with_fresh_solid_at_40_degc(dissolved_mmol, ph):
    low, high = 6.0, 9.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if saturated(ND, 40.0, 0.5, middle)[1] > dissolved_mmol / 1000:
            low = middle
        else:
            high = middle
    assert middle == pytest.approx(ph, abs=0.03)


def test_buffer_capacity_and_charge_at_the_set_point():
    _, _, _, _, buffer, charge = saturated(ND, 40.0, 0.5, 8.0)
    assert buffer * 1000 == pytest.approx(15.6, abs=0.1)
    assert charge * 1000 == pytest.approx(2.59, abs=0.01)


@pytest.mark.parametrize(("molal", "mean_gamma"), [(0.001, 0.965), (0.01, 0.904), (0.1, 0.796)])
def test_hydrochloric_acid(molal, mean_gamma):
    """Measured mean activity coefficients, split by the Bates-Guggenheim convention, which defines the pH scale."""
    root = math.sqrt(molal)
    log_chloride = -0.5114 * root / (1 + 1.5 * root)
    conventional = -math.log10(molal) - (2 * math.log10(mean_gamma) - log_chloride)
    assert solve(ND, 25.0, 0.0, molal, 0.0, 7.0)[0] == pytest.approx(conventional, abs=0.01)


@pytest.mark.parametrize("start", [-1.0, 3.0, 7.0, 10.0, 14.5])
@pytest.mark.parametrize(
    "totals",
    [(0.5, 0.48, 0.0), (0.5, 0.5, 0.0), (0.5, 0.503, 0.001), (0.5, 0.8, 0.0999), (0.5, 0.7, 0.1), (0.0, 0.0, 0.0)],
)
def test_the_start_value_is_only_a_matter_of_speed(totals, start):
    assert solve(ND, 40.0, *totals, start)[0] == pytest.approx(solve(ND, 40.0, *totals, 8.0)[0], abs=1e-9)


def test_solid_and_clear_solution_meet():
    ph, dissolved, _, _, _, charge = saturated(ND, 40.0, 0.5, 8.0)
    assert solve(ND, 40.0, 0.5, 0.5 + charge, dissolved, 6.0)[0] == pytest.approx(ph, abs=1e-9)


@pytest.mark.parametrize("neodymium", [0.01, 0.1])
@pytest.mark.parametrize("acid", [0.0, 0.05])
@pytest.mark.parametrize("salt", [0.0, 0.5])
def test_clear_solution_agrees_with_a_plain_speciation(neodymium, acid, salt):
    ours = solve(ND, 25.0, salt, 3 * neodymium + acid + salt, neodymium, 5.0)[0]
    assert ours == pytest.approx(solve_ph(3 * neodymium + acid + salt, salt, neodymium), abs=0.01)


@pytest.mark.parametrize("chloride", [0.502, 0.51, 0.55])
def test_saturated_solution_agrees_with_a_plain_speciation(chloride):
    """Chloride given, solid makes up the rest: pH within 0.03, dissolved within 0.002 of 0.1 mol/kg in all."""
    ph, dissolved = solid_ph(chloride, 0.5)
    low, high = 5.0, 10.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        answer = saturated(ND, 25.0, 0.5, middle)
        if answer[5] > chloride - 0.5:
            low = middle
        else:
            high = middle
    assert middle == pytest.approx(ph, abs=0.03)
    assert answer[1] == pytest.approx(dissolved, abs=0.0002)


TABLE_25 = {  # log K at 25 degC, table 3.2
    "Pr": (-8.274, -17.290, -26.590, 0.309, 0.031, -0.320),
    "Nd": (-8.127, -17.070, -26.370, 0.309, 0.031, -0.320),
    "Tb": (-7.834, -16.190, -25.051, 0.235, -0.043, -0.467),
    "Dy": (-7.834, -16.117, -24.831, 0.235, -0.043, -0.467),
}


@pytest.mark.parametrize("element", constants.ELEMENTS)
def test_temperature_functions_give_the_table_at_25_degc(element):
    """Five figures a coefficient, terms of several hundred: the sums are good to 0.05."""
    rows = constants.SPECIES[constants.ELEMENTS.index(element)]
    found = [log_k(row, 298.15) for row in rows]
    assert found == pytest.approx(TABLE_25[element], abs=0.06)
    assert log_k(constants.WATER, 298.15) == pytest.approx(-13.995, abs=0.03)


@pytest.mark.parametrize(("celsius", "change"), [(40.0, -1.07), (60.0, -2.34)])
def test_solubility_falls_with_temperature(celsius, change):
    assert equilibrium.log_ks(ND, celsius + 273.15) - equilibrium.log_ks(ND, 298.15) == pytest.approx(change, abs=0.01)


STATES = [
    (element, celsius, (constants.LOG_KS_FRESH[element] - 0.07 * (celsius - 25.0) + 4.6) / 3.0)
    for element in range(4)
    for celsius in (10.0, 40.0, 80.0)
]


def fingerprint():
    values = []
    for element, celsius, ph in STATES:
        answer = saturated(element, celsius, 0.5, ph)
        values += [*answer[1:], solve(element, celsius, 0.5, 0.52, answer[1], 5.0)[0]]
        values += [*constants_at(element, celsius)]
        values.append(solve(element, celsius, 0.0, 0.1, 0.0, 2.0)[0])
    values.append(precipitation.time_constant_s(50.0, 5.0))
    return values


def scaled(value, path):
    if not path:
        return value * 1.1
    return tuple(scaled(part, path[1:]) if n == path[0] else part for n, part in enumerate(value))


def paths(value, path=()):
    if isinstance(value, tuple):
        return [p for n, part in enumerate(value) for p in paths(part, (*path, n))]
    return [path]


SCALARS = ["SIZE_H", "SIZE_OH", "SIZE_CL", "SIZE_RE_1", "SIZE_RE_2", "SIZE_DIMER", "LOG_K_NACL", "LOG_K_HCL"]
NAMED = ["KS_HEAT_J_MOL", "NACL_HEAT_J_MOL", "GAS_J_MOL_K", "KELVIN", "LN10", *SCALARS]
TABLES = ["LOG_KS_FRESH", "LOG_K_DIMER", "SIZE_RE3", "DEBYE_A", "DEBYE_B", "DEBYE_BDOT", "SPECIES", "WATER"]


def test_ten_percent_on_any_constant_is_seen(monkeypatch):
    """The fingerprint of the tested answers moves by more than a millionth, whichever constant is wrong by 10 %."""
    right = fingerprint()
    unseen = []
    for name in NAMED + TABLES:
        value = getattr(equilibrium, name)
        for path in paths(value):
            with monkeypatch.context() as patch:
                patch.setattr(equilibrium, name, scaled(value, path))
                if fingerprint() == pytest.approx(right, rel=1e-6, abs=1e-30):
                    unseen.append((name, path))
    assert not unseen


def test_the_fingerprint_is_the_one_that_was_checked():
    """Sum of the logarithms of everything above: a constant changed by mistake turns this red, see the test above."""
    assert sum(math.log(abs(value)) for value in fingerprint()) == pytest.approx(FINGERPRINT, abs=1e-5)


FINGERPRINT = -1839.9456795146557


def test_precipitation_is_stable_for_any_step():
    answer = solve(ND, 40.0, 0.5, 0.503, 0.005, 8.0)
    whole = precipitation.precipitated(answer, 0.005, 40.0, 40.0, 1e6)
    assert 0 < whole < 0.005
    assert precipitation.precipitated(answer, 0.005, 40.0, 40.0, 0.1) < whole
    assert precipitation.time_constant_s(39.85, 40.0) == pytest.approx(15.0)
    assert precipitation.time_constant_s(39.85, 2.0) == pytest.approx(150.0)
