"""The chemistry beside PHREEQC with its llnl file: an independent code on the file that the constants come from.

The file's own solids have no heat of dissolution; at 40 and 60 degC PHREEQC is given that of the design basis, so that
what is compared is the speciation. REO2- and RECl4- are in the file and not here: they do not matter below pH 10. The
dimer of Pr, Tb and Dy, which the file lacks, is given to it.
"""

import pytest
from phreeqc import Phreeqc

from simulators.chemistry import constants
from simulators.chemistry.equilibrium import log_ks, saturated, solve

ELEMENTS = constants.ELEMENTS
DIMER = """SOLUTION_SPECIES
2.0 H2O + 2.0 {element}+++ = {element}2(OH)2++++ + 2.0 H+
 -llnl_gamma 5.5
 log_k -13.89
"""


@pytest.fixture(scope="module")
def phreeqc():
    code = Phreeqc()
    assert code.LoadBuiltInDatabase("llnl.dat") == 0, code.GetErrorString()
    code.SetSelectedOutputStringOn(True)
    for element in ("Pr", "Tb", "Dy"):
        assert code.RunString(DIMER.format(element=element) + "END\n") == 0, code.GetErrorString()
    return code


def speciated(code, element, celsius, sodium, chloride, rare_earth, log_k=None):
    """The pH, what is dissolved (mol/kg) and the water (kg): the dissolving of a solid of `log_k` sets water free."""
    text = [f"SOLUTION 1\n temp {celsius}\n units mol/kgw\n pH 6 charge\n Na {sodium}\n Cl {chloride}"]
    text.append(f" {element} {rare_earth}" if log_k is None else f" {element} 1e-6")
    if log_k is not None:
        text += [f"PHASES\nFresh\n {element}(OH)3 + 3.0 H+ = {element}+++ + 3.0 H2O\n log_k {log_k}"]
        text += ["EQUILIBRIUM_PHASES 1\n Fresh 0 1.0"]
    text += [f"SELECTED_OUTPUT\n -reset false\n -pH true\n -water true\n -totals {element}\nEND\n"]
    assert code.RunString("\n".join(text)) == 0, code.GetErrorString()
    found = code.GetSelectedOutput()
    return found["pH"][-1], found[f"{element}(mol/kgw)"][-1], found["mass_H2O"][-1]


def precipitated(element, celsius, sodium, chloride):
    """Our pH and dissolved rare earth (mol/kg) where the solid makes up what the charges leave."""
    row, low, high = ELEMENTS.index(element), 4.0, 11.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        answer = saturated(row, celsius, sodium, middle)
        if answer[5] > chloride - sodium:
            low = middle
        else:
            high = middle
    return middle, answer[1]


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("celsius", [25.0, 40.0, 60.0])
@pytest.mark.parametrize("acid", [0.0, 0.05])
@pytest.mark.parametrize("salt", [0.0, 0.5])
@pytest.mark.parametrize("rare_earth", [0.01, 0.1])
def test_clear_solution(phreeqc, element, celsius, acid, salt, rare_earth):
    chloride = salt + acid + 3.0 * rare_earth
    ours = solve(ELEMENTS.index(element), celsius, salt, chloride, rare_earth, 5.0)[0]
    assert ours == pytest.approx(speciated(phreeqc, element, celsius, salt, chloride, rare_earth)[0], abs=0.03)


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("celsius", [25.0, 40.0, 60.0])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("rare_earth", [0.01, 0.1])
def test_solution_over_fresh_solid(phreeqc, element, celsius, share, rare_earth):
    """Of `rare_earth` in all about `share` stays dissolved in half-molal salt: pH within 0.03, fraction in 0.002."""
    sodium, chloride = 0.5, 0.5 + 3.0 * rare_earth * share
    kelvin = celsius + constants.KELVIN
    log_k = log_ks(ELEMENTS.index(element), kelvin)
    ph, dissolved, water_kg = speciated(phreeqc, element, celsius, sodium, chloride, rare_earth, log_k)
    our_ph, our_dissolved = precipitated(element, celsius, sodium / water_kg, chloride / water_kg)
    assert our_ph == pytest.approx(ph, abs=0.03)
    assert our_dissolved / rare_earth == pytest.approx(dissolved / rare_earth, abs=0.002)


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_files_own_solubility_is_ours_at_25_degc(phreeqc, element):
    """Over the file's amorphous hydroxide at 25 degC, without the heat that it does not know."""
    text = "SOLUTION 1\n temp 25\n units mol/kgw\n pH 6 charge\n Na 0.5\n Cl 0.506\n"
    text += f"EQUILIBRIUM_PHASES 1\n {element}(OH)3(am) 0 0.1\n"
    text += f"SELECTED_OUTPUT\n -reset false\n -pH true\n -totals {element}\nEND\n"
    assert phreeqc.RunString(text) == 0, phreeqc.GetErrorString()
    found = phreeqc.GetSelectedOutput()
    ph, dissolved = precipitated(element, 25.0, 0.5, 0.506)
    assert ph == pytest.approx(found["pH"][-1], abs=0.03)
    assert dissolved == pytest.approx(found[f"{element}(mol/kgw)"][-1], abs=2e-5)


@pytest.mark.parametrize("molal", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("celsius", [25.0, 60.0])
def test_hydrochloric_acid(phreeqc, molal, celsius):
    """HCl(aq) has another constant here (fitted): the same pH within 0.01 all the same up to 0.1 mol/kg."""
    text = f"SOLUTION 1\n temp {celsius}\n units mol/kgw\n pH 2 charge\n Cl {molal}\n"
    text += "SELECTED_OUTPUT\n -reset false\n -pH true\nEND\n"
    assert phreeqc.RunString(text) == 0, phreeqc.GetErrorString()
    ours = solve(constants.NEODYMIUM, celsius, 0.0, molal, 0.0, 3.0)[0]
    assert ours == pytest.approx(phreeqc.GetSelectedOutput()["pH"][-1], abs=0.01)
