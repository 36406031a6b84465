"""Checks of chemistry, electrodes, membranes, felt, cell and bleed against figures of the design basis, by name.

Each check is quick and runs interpreted, so that it can be repeated with any constant of the simulator changed.
"""

import math

import numpy as np
import pytest

from simulators.chemistry import acids, constants, electrode, felt, membrane, precipitation
from simulators.chemistry.equilibrium import solve
from simulators.circuit import circuit_a
from simulators.stream import CHLORIDE, LIQUID, RARE_EARTH, SODIUM, SOLID
from tests.model import plain_cell as plain
from tests.model.test_cell import FLOW_L_S, lone_cell
from tests.model.test_chemistry import FINGERPRINT, fingerprint
from tests.model.unit_rig import bench

close = lambda value: pytest.approx(value, rel=1e-6, abs=1e-12)  # noqa: E731
TEMPERATURES = (25.0, 40.0, 60.0)


def kinetics():
    for celsius in TEMPERATURES:
        kelvin = celsius + 273.15
        for j in (-40.0, 100.0, 425.0, 1000.0):
            scale, j0 = plain.cathode(kelvin)
            ours = electrode.exchange_a_m2(electrode.CATHODE_J0_A_M2, electrode.CATHODE_EA_J_MOL, kelvin)
            found = electrode.overpotential_v(electrode.CATHODE_SLOPE_V, ours, j, kelvin)
            assert found == close(scale * math.asinh(j / (2 * j0)))
            scale, j0 = plain.anode(kelvin, 5000.0)
            ours = electrode.anode_a_m2(kelvin, 5000.0)
            assert electrode.overpotential_v(electrode.ANODE_SLOPE_V, ours, j, kelvin) == close(
                scale * math.asinh(j / (2 * j0))
            )


def equilibrium_potentials():
    for kelvin in (298.15, 313.15, 333.15):
        for j, gas in ((425.0, 0.0), (-10.0, 0.0), (-40.0, 0.0), (-40.0, 0.5)):
            assert electrode.reversible_v(j, 10.3, 8.6, kelvin, gas) == close(
                plain.reversible(j, 10.3, 8.6, kelvin, gas)
            )
        found = electrode.junction_v(2.0, 0.5, 0.4, kelvin)
        assert found == close(plain.R * kelvin / plain.F * math.log(2.0 / 0.5 * 2.0 / 0.4))


def resistances():
    for celsius in TEMPERATURES:
        assert electrode.catholyte_s_m(0.5, 0.004, celsius) == close(plain.catholyte_s_m(0.5, 0.004, celsius))
        for case in ((0.066, 2.0, 0.5, 1.0, 0.0), (0.3, 0.7, 0.4, 1.5, 4000.0)):
            gas, acid, anolyte, worn, age_h = case
            found = electrode.resistance_ohm_m2(6.2, gas, acid, anolyte, celsius, worn, age_h)
            assert found == close(plain.resistance(6.2, gas, acid, anolyte, celsius, worn, age_h))


def acid_properties():
    for c in (
        0.0,
        0.05,
        0.1,
        0.3,
        0.5,
        0.8,
        1.0,
        1.5,
        2.0,
        2.4,
        3.0,
        3.7,
        4.0,
        4.6,
        5.0,
        5.5,
        6.0,
        7.1,
        8.0,
        9.0,
        10.2,
    ):
        for celsius in TEMPERATURES:
            assert acids.acid_s_m(c, celsius) == close(plain.acid_s_m(c, celsius))
            assert acids.acid_kg_m3(c, celsius) == close(plain.acid_kg_m3(c, celsius))
    for c in (0.2, 0.5, 0.9):
        assert acids.sulfuric_s_m(c, 40.0) == close(plain.sulfuric_s_m(c, 40.0))
    assert acids.acid_s_m(4.0, 25.0) == pytest.approx(acids.acid_s_m(6.35, 25.0), rel=0.01), "two strengths, one value"


def surface():
    for case in (
        (425.0, 0.05, 0.0, 0.0),
        (425.0, 0.02, 1e-3, 0.001),
        (300.0, 0.07, 0.0, 0.0005),
        (425.0, 0.05, 0.0, 0.01),
    ):
        assert electrode.surface_hydroxide_mol_l(*case) == close(plain.surface_hydroxide(*case))


def membrane_shares():
    for acid, celsius, ph in ((2.0, 40.0, 8.0), (0.5, 25.0, 8.9), (4.0, 60.0, 12.0)):
        found = membrane.proton_share(acid, celsius) + membrane.hydroxide_share(ph) + membrane.PARASITIC_SHARE
        assert found == close(plain.lost_share(acid, celsius, ph, 0.0, 0.0))
    assert membrane.diffused_mol_s(2.0, 0.2) == close(1e-8 * 2000 * 0.2)
    for j, chloride in ((780.0, 0.5), (840.0, 0.5), (860.0, 0.5), (500.0, 0.3)):
        assert membrane.splitting(j, chloride, 1.0) == close(plain.splitting(j, chloride))
    assert membrane.hole_l_s(0.5, -0.04) == close(-0.5 / 3600 * 0.2)


def chlorine():
    for chloride, share in ((0.001, 0.002), (0.05, 0.09), (0.2, 0.33)):
        found = membrane.chlorine_share(425.0, chloride, electrode.anode_a_m2(313.15, 0.0), 313.15)
        assert found == close(plain.chlorine_share(425.0, chloride, 313.15))
        assert found == pytest.approx(share, rel=0.15)


def felt_rates():
    for case in ((40.0, 425.0, 8.3, 1.0), (20.0, 300.0, 9.0, 0.5), (40.0, 425.0, 8.3, 0.01)):
        assert felt.blocked_1_s(*case) == close(plain.blocked(*case))
    assert felt.blocked_1_s(40.0, 425.0, 14.0, 1.0) == close(3.6e-7 * math.sqrt(40.0) * math.exp(5.0))
    assert felt.cleaned_1_s(0.25, 0.0, 0.0, 40.0) == close(3e-3)
    assert felt.cleaned_1_s(0.6, 0.0, 0.0, 40.0) == close(6e-3)
    assert felt.cleaned_1_s(0.0, -20.0, 1.0, 40.0) == close(1.25e-3)
    assert felt.cleaned_1_s(0.0, 0.0, 0.5, 0.0) == close(1e-4)
    assert felt.cleaned_1_s(0.0, 0.0, 0.5, 1.05) == 0.0
    assert felt.cleaned_1_s(0.0, 0.0, 0.5, 0.95) > 0.0
    assert felt.felt_dp_bar(0.25) == close(0.08 / 0.75**3)
    assert felt.felt_dp_bar(0.25) / felt.felt_dp_bar(0.0) == pytest.approx(2.4, abs=0.05)
    assert felt.felt_dp_bar(0.95) == close(0.08 / 0.1**3)
    for current, flow in ((85.0, FLOW_L_S), (40.0, 0.1), (85.0, 0.001)):
        assert felt.gas_share(current, 40.0, flow) == close(plain.gas_share(current, 40.0, flow))


def precipitation_rates():
    for celsius, solids in ((39.85, 40.0), (25.0, 10.0), (60.0, 0.01)):
        wanted = 15 * max(1, 20 / max(solids, 0.1)) * math.exp(2500 * (1 / (celsius + 273.15) - 1 / 313))
        assert precipitation.time_constant_s(celsius, solids) == close(wanted)


def chemistry():
    assert sum(math.log(abs(value)) for value in fingerprint()) == pytest.approx(FINGERPRINT, abs=1e-5)


def masses():
    """Charge per kg of oxide and mass of hydroxide over that of oxide, table 1.4; 17.007 g/mol are one hydroxide."""
    for row, (charge_ah, ratio, metal) in enumerate(
        ((472.3, 1.127, 140.908), (477.9, 1.161, 144.242), (430.1, 1.123, 158.925), (431.1, 1.145, 162.500))
    ):
        oxide = constants.RE_OXIDE_G_MOL[row]
        assert 3.0 * constants.FARADAY_C_MOL / 3.6 / oxide == pytest.approx(charge_ah, abs=0.1)
        assert constants.RE_OH3_G_MOL[row] / oxide == pytest.approx(ratio, abs=0.001)
        assert constants.RE_OH3_G_MOL[row] == pytest.approx(metal + 3 * 17.007, abs=0.05)


def numbers(plant):
    """What a lone cell holds: sodium, chloride, rare earth and solids, each mol/L."""
    first = plant.linked.addresses["cell.contents"]
    held = plant.linked.memory[first : first + 7]
    return (held[SODIUM] / 1.55, held[CHLORIDE] / 1.55, held[RARE_EARTH] / 1.55, held[SOLID] / 1.55)


def state_of(plant):
    field = plant.field
    na, cl, _, _ = numbers(plant)
    reserve = min(field("cell.reserve_c") / 240.0, 1.0)
    names = ("overpotential", "gas", "fouled", "celsius", "age_h")
    return {"na": na, "cl": cl, "acid": 2.0, "anolyte": 0.5, "reserve": reserve} | {
        n: field(f"cell.{n}") for n in names
    }


def check_voltage(plant, current_a, re_in):
    before = state_of(plant)
    plant.step()
    state = state_of(plant) | {"gas": before["gas"], "fouled": before["fouled"], "reserve": before["reserve"]}
    state["celsius"] = before["celsius"]
    _, _, re, _ = numbers(plant)
    ph = plant.field("cell.ph")
    made = plain.surface_hydroxide(max(current_a / 0.2, 0.0), 0.05, 10 ** (ph - 13.5), 0.5 * (re_in + re))
    wanted = plain.voltage(current_a / 0.2, ph, 14.0 + math.log10(made), re, state)
    assert plant.field("cell.voltage_v") == pytest.approx(wanted, abs=1e-6)


def cell_in_operation():
    plant = lone_cell(85.0, surface_ph_set=0.0, fouled=0.1, gas=0.0, ambient_c=22.0, age_h=1000.0)
    dissolved = plant.linked.memory[plant.linked.addresses["cell.inlet"] + RARE_EARTH] / FLOW_L_S
    plant.run(2.9)
    fouled, heat, celsius = plant.field("cell.fouled"), plant.field("cell.heat_gained_j"), plant.field("cell.celsius")
    gas, solid_before = plant.field("cell.gas"), plant.field("cell.precipitated_mol")
    layer_c = plant.field("cell.layer_c")
    check_voltage(plant, 85.0, dissolved)
    field = plant.field
    na, cl, re, solid = numbers(plant)
    there = re + (field("cell.precipitated_mol") - solid_before) / 1.55
    assert field("cell.ph") == pytest.approx(solve_plain(na, cl, there, celsius), abs=1e-6)
    felt_a = 85.0 - (field("cell.layer_c") - layer_c) / 0.1
    made = (1 - plain.lost_share(2.0, celsius, 8.0, fouled, 0.0)) * felt_a / plain.F - 1e-8 * 2000 * 0.2
    assert field("cell.made_mol_s") == pytest.approx(made, rel=1e-6)
    volts, split = field("cell.voltage_v"), 0.009 * 85.0 / plain.F
    gained = (85.0 * (volts - 1.92) + 2.0 * (22.0 - celsius)) * 0.1 - split * 4100 * 40.0 * 0.1
    assert field("cell.heat_gained_j") - heat == pytest.approx(gained, rel=1e-5)
    assert field("cell.gas") == pytest.approx(
        gas + (plain.gas_share(85.0, field("cell.celsius"), FLOW_L_S) - gas) * 0.004988, rel=1e-4
    )
    assert field("cell.split_l_s") == close(split)
    assert field("cell.oxygen_mol_s") == close(85.0 / 4 / plain.F)
    assert field("cell.velocity_m_s") == close(0.3)
    drop = 0.08 / (1 - fouled) ** 3
    assert field("cell.felt_dp_bar") == close(drop)
    assert field("cell.felt_m") == close(drop * 10.2)
    assert field("cell.membrane_dp_bar") == close(0.1 + 0.5 * drop - 0.09)
    assert field("cell.scale_g_m2") == close(500.0 * field("cell.fouled"))
    rate = plain.blocked(solid * 195.264, 425.0, field("cell.ph"), 1.0)
    assert field("cell.fouled") - fouled == pytest.approx(rate * (1 - fouled) * 0.1, rel=1e-6)
    hydrogen = plain.oxygen(0.0) * 0.0 - math.log(10) * plain.R * (celsius + 273.15) / plain.F
    made = plain.surface_hydroxide(425.0, 0.05, 10 ** (field("cell.ph") - 13.5), 0.5 * (dissolved + re))
    potential = hydrogen * (14 + math.log10(made)) - field("cell.overpotential") - 0.210
    assert field("cell.cathode_v") == pytest.approx(potential, abs=1e-6)
    plant.set_field("cell.current_a", 85.0)
    crossing = plant.linked.memory[plant.linked.addresses["cell.acid_side"] + LIQUID]
    assert crossing == pytest.approx(0.054 * 0.8434 * 85 / plain.F, rel=0.01)


def solve_plain(na, cl, re, celsius):
    return solve(1, celsius, na / 0.984, cl / 0.984, re / 0.984, 8.0)[0]


def cell_near_the_membranes_limit():
    plant = lone_cell(167.0, surface_ph_set=0.0)
    dissolved = plant.linked.memory[plant.linked.addresses["cell.inlet"] + RARE_EARTH] / FLOW_L_S
    plant.run(6.0)
    check_voltage(plant, 167.0, dissolved)
    splits = plain.splitting(835.0, numbers(plant)[1])
    assert 0.2 < splits < 1.0
    eta = 1 - plain.lost_share(2.0, plant.field("cell.celsius"), 8.0, plant.field("cell.fouled"), splits)
    assert plant.field("cell.efficiency") == pytest.approx(eta - 1e-8 * 2000 * 0.2 * plain.F / 167.0, abs=1e-3)


def cell_gone_alkaline():
    """No rare earth left and hydroxide in the bulk: it counts at the surface from pH 10 on."""
    plant = lone_cell(85.0, surface_ph_set=0.0)
    memory, first = plant.linked.memory, plant.linked.addresses["cell.contents"]
    inlet = plant.linked.addresses["cell.inlet"]
    for place, share in ((first, 1.55), (inlet, FLOW_L_S)):
        memory[place + CHLORIDE], memory[place + RARE_EARTH], memory[place + SOLID] = 0.49 * share, 0.0, 0.0
    plant.run(0.5)
    assert plant.field("cell.ph") > 11.0
    check_voltage(plant, 85.0, 0.0)


def double_layer():
    plant = lone_cell(85.0)
    plant.set_field("cell.overpotential", 0.36)
    plant.set_field("cell.current_a", 0.0)
    scale, j0 = plain.cathode(313.15)
    wanted = 0.36
    for _ in range(5):
        reacting = 2 * j0 * math.sinh(wanted / scale)
        slope = math.sqrt(reacting * reacting + 4 * j0 * j0) / scale
        wanted -= 0.1 * reacting / (2000.0 + 0.1 * slope)
    plant.run(0.5)
    assert plant.field("cell.overpotential") == pytest.approx(wanted, abs=2e-4)


def gas_reserve():
    plant = lone_cell(85.0, surface_ph_set=0.0)
    plant.set_field("cell.reserve_c", 0.0)
    wanted = 0.0
    for _ in range(10):
        wanted += (1 - wanted / 1200.0) * 8.5
        plant.step()
    assert plant.field("cell.reserve_c") == close(wanted)
    plant.set_field("cell.current_a", 0.0)
    plant.run(2.0)
    assert plant.field("cell.reserve_c") == close(wanted * math.exp(-2.0 / 300.0))
    plant.set_field("cell.current_a", -8.0)
    plant.set_field("cell.reserve_c", 120.0)
    plant.step()
    plant.set_field("cell.reserve_c", 120.0)
    dissolved = plant.linked.memory[plant.linked.addresses["cell.inlet"] + RARE_EARTH] / FLOW_L_S
    check_voltage(plant, -8.0, dissolved)


def washing_leaves_a_scar():
    plant = lone_cell(0.0, fouled=0.25)
    memory = plant.linked.memory
    for place, litres in (("cell.contents", 1.55), ("cell.inlet", FLOW_L_S)):
        first = plant.linked.addresses[place]
        memory[first + 1 : first + 5] = np.array([0.0, 0.5, 0.0, 0.0]) * litres
    plant.run(20.0)
    assert plant.field("cell.ph") < 0.7
    left = 0.25 * math.exp(-20.2 * 6.2e-3)
    assert plant.field("cell.fouled") == pytest.approx(left, rel=0.01)
    assert plant.field("cell.scarred") == pytest.approx(0.01 * (0.25 - plant.field("cell.fouled")), rel=1e-3)


def draw_off_and_bleed():
    """171 g/h of a cell stand at 28.5 g/L in its draw-off; the bleed takes the feed's water, wide open the overflow.

    Feed 5.84 L/h for 340 A, of which 3 mol of water cross with each mole of chloride: 0.58 L/h (1.5, stream 14).
    """
    units = circuit_a(4, loops=True).units
    drawn, valve = units["thickener"].values["rate_l_h"], units["bleed_valve"].values
    assert 4 * 171.0 / drawn == pytest.approx(28.5, rel=0.02)
    assert valve["full_l_h"] == pytest.approx(1.25 * 24.0, rel=0.02)
    assert valve["flow_l_s"] * 3600.0 == pytest.approx(5.84 - 0.58, rel=0.01)
    assert valve["full_l_h"] * 50.0 ** (valve["position"] - 1.0) == pytest.approx(5.26, rel=0.01)
    low = bench("thickener", {"open": 1.0, "level_percent": 0.0, "contents": [20.0, *[0.0] * 6]})
    low.run(0.1)
    returned = low.linked.memory[low.linked.addresses["unit.outlet"] + LIQUID] * 3600.0
    assert returned == pytest.approx(6.0 + 20.0, rel=0.01)


CHECKS = (
    *(kinetics, equilibrium_potentials, resistances, acid_properties, surface, membrane_shares, chlorine, felt_rates),
    *(precipitation_rates, masses, chemistry, gas_reserve, double_layer, washing_leaves_a_scar),
    *(cell_gone_alkaline, cell_near_the_membranes_limit, cell_in_operation, draw_off_and_bleed),
)
