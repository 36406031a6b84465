"""Gas headers of the cells: hydrogen with its dilution air, oxygen of the anodes.

    hydrogen   leaves the liquor 30 s after it was made; 0.3 m3 of header are mixed with the dilution air
               LEL % = 100 y / 0.04
    pressure   -2 mbar at 90 Nm3/h of air, with the square of it; the gas itself, and what blocks, pushes
    oxygen     of the cell side before the dilution: air that leaks in against hydrogen and nitrogen
    chlorine   in the anode gas, mixed in 5 L

First step  what the flowsheet gave.
Bad input   flows below 0 or NaN count as 0.
Limits      gases are counted at 0 degC and 1.013 bar; no explosion.
Source      process design basis 1.5 (streams 15, 16), 2.1.8, 6.1; pressure, leakage and anode volume are assumed.
Situation   tests/cases/units/header/
"""

import math

from simulators.unit import In, Out, Param, State, Unit, field

NORMAL_L_MOL = 22.414
LEL_SHARE = 0.04
DESIGN_NM3_H, DESIGN_MBAR = 90.0, -2.0
GAS_MBAR_NM3_H, BLOCKED_MBAR = 1.0, 10.0
AIR_OXYGEN = 0.2095


class Header(Unit):
    """One row is the headers of one circuit."""

    hydrogen_mol_s: In = field(0.0, "hydrogen made, mol/s")
    oxygen_mol_s: In = field(0.0, "oxygen made, mol/s")
    chlorine_mol_s: In = field(0.0, "chlorine stripped from the anolyte, mol/s")
    fan_a_nm3_h: In = field(0.0, "air of fan A, Nm3/h")
    fan_b_nm3_h: In = field(0.0, "air of fan B, Nm3/h")
    volume_m3: Param = field(0.3, "volume of the hydrogen header, m3")
    anode_l: Param = field(5.0, "volume of the anode header, L")
    bubbles_s: Param = field(30.0, "residence of bubbles in the liquor, s")
    purge_nm3_h: Param = field(1.0, "nitrogen, Nm3/h")
    leak_nm3_h: Param = field(0.005, "air that leaks into the cell side, Nm3/h")
    blocked: Param = field(0.0, "share of the header that is blocked, 0..1")
    rising_mol_s: State = field(0.0, "hydrogen that leaves the liquor, mol/s")
    hydrogen: State = field(0.0, "share of hydrogen in the header, 0..1")
    chlorine: State = field(0.0, "share of chlorine in the anode gas, 0..1")
    air_nm3_h: Out = field(0.0, "dilution air, Nm3/h")
    lel_percent: Out = field(0.0, "hydrogen, % of the lower explosive limit")
    pressure_mbar: Out = field(0.0, "pressure of the hydrogen header, mbar")
    oxygen_percent: Out = field(0.0, "oxygen of the cell side, vol%")
    chlorine_ppm: Out = field(0.0, "chlorine in the anode gas, ppm")


def advance(u: Header, dt: float) -> None:
    """Mix both headers (implicit: stable for any flow)."""
    a = u.fan_a_nm3_h if u.fan_a_nm3_h > 0.0 else 0.0
    b = u.fan_b_nm3_h if u.fan_b_nm3_h > 0.0 else 0.0
    free = 1.0 - min(max(u.blocked, 0.0), 1.0)
    # two fans on one duct: its resistance goes with the square
    u.air_nm3_h = math.sqrt(a * a + b * b) * free
    u.rising_mol_s += (max(u.hydrogen_mol_s, 0.0) - u.rising_mol_s) * -math.expm1(-dt / u.bubbles_s)
    gas_nl_s = u.rising_mol_s * NORMAL_L_MOL
    other_nl_s = (u.air_nm3_h + u.purge_nm3_h) / 3.6
    turned = dt / (u.volume_m3 * 1000.0)
    u.hydrogen = (u.hydrogen + gas_nl_s * turned) / (1.0 + (gas_nl_s + other_nl_s) * turned)
    u.lel_percent = 100.0 * u.hydrogen / LEL_SHARE
    relative = u.air_nm3_h / DESIGN_NM3_H
    gas_nm3_h = gas_nl_s * 3.6 + u.purge_nm3_h
    u.pressure_mbar = DESIGN_MBAR * relative * relative
    u.pressure_mbar += (GAS_MBAR_NM3_H * gas_nm3_h + BLOCKED_MBAR * (1.0 - free)) * (1.0 - 0.9 * min(relative, 1.0))
    u.oxygen_percent = 100.0 * AIR_OXYGEN * u.leak_nm3_h / max(gas_nm3_h + u.leak_nm3_h, 1e-9)
    chlorine_nl_s = max(u.chlorine_mol_s, 0.0) * NORMAL_L_MOL
    anode_nl_s = max(u.oxygen_mol_s, 0.0) * NORMAL_L_MOL + chlorine_nl_s
    renewed = dt / u.anode_l
    u.chlorine = (u.chlorine + chlorine_nl_s * renewed) / (1.0 + anode_nl_s * renewed)
    u.chlorine_ppm = 1e6 * u.chlorine
