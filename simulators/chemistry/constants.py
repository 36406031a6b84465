"""Constants of the aqueous chemistry, as data: each row carries its unit and its source.

Only the four product elements are here, with temperature functions; the tables are tuples, so that the compiled and
the interpreted solver read the very same numbers. Equilibrium constants are log10, molal, at zero ionic strength.

Sources   [D1] thermo.com.V8.R6.230 (llnl file of PHREEQC), tables 3.1 to 3.4 of the process design basis.
          Robinson and Stokes, Electrolyte Solutions, 2nd ed. (1959), for the check values of HCl.
"""

LN10 = 2.302585092994046
FARADAY_C_MOL = 96485.33
GAS_J_MOL_K = 8.314462
KELVIN = 273.15

ELEMENTS = ("Pr", "Nd", "Tb", "Dy")
"""Row numbers of the tables below: a unit's parameter `element` is an index into this tuple."""
NEODYMIUM = 1

RE_OH3_G_MOL = (191.930, 195.264, 209.947, 213.522)
"""Molar mass of RE(OH)3, g/mol (table 3.1)."""
RE_OXIDE_G_MOL = (170.239, 168.240, 186.923, 186.499)
"""Oxide mass per mol RE, g/mol (table 3.1)."""

LOG_KS_FRESH = (21.09, 20.49, 18.79, 17.49)
"""RE(OH)3 + 3 H+ = RE3+ + 3 H2O at 25 degC, fine precipitate as the cell makes it (table 3.1)."""
KS_HEAT_J_MOL = -126900.0
"""Heat of that reaction, the same for every element (section 3)."""

SIZE_RE3 = (9.0, 9.0, 5.0, 5.0)
"""Ion size of RE3+, angstrom; the others are in `SIZE_*` (section 2.2);
Na+ has that of the single charges, `SIZE_RE_1`."""
SIZE_H = 9.0
SIZE_OH = 3.5
SIZE_CL = 3.0
SIZE_RE_2 = 4.5
SIZE_RE_1 = 4.0
SIZE_DIMER = 5.5

DEBYE_T_C = (0.0, 25.0, 60.0, 100.0)
DEBYE_A = (0.4939, 0.5114, 0.5465, 0.5995)
DEBYE_B = (0.3253, 0.3288, 0.3346, 0.3421)
DEBYE_BDOT = (0.0374, 0.0410, 0.0438, 0.0460)
"""B-dot activity model, by linear interpolation in degC (section 2.2, [D1])."""

LOG_K_DIMER = (-13.890, -13.890, -13.890, -13.890)
"""2 RE3+ + 2 H2O = RE2(OH)2 4+ + 2 H+, no temperature function known (section 3.2)."""
LOG_K_NACL = -0.777
NACL_HEAT_J_MOL = 5210.0
LOG_K_HCL = -0.67
"""Neutral NaCl(aq) with its heat, and HCl(aq), at 25 degC (section 3.2)."""

WATER = (-6.7506e1, -3.0619e-2, -1.9901e3, 2.8004e1, -3.1033e1)
"""H2O = OH- + H+: log K = A1 + A2 T + A3/T + A4 log10 T + A5/T2, T in K (section 3.4)."""

REOH, REO, REO2H, RECL, RECL2, RECL3 = 0, 1, 2, 3, 4, 5
"""Row numbers within an element of `SPECIES`: REOH 2+, REO +, REO2H, RECl 2+, RECl2 +, RECl3."""

SPECIES = (
    (  # Pr
        (5.6599e1, 1.1073e-2, -5.9197e3, -1.9525e1, -9.2388e1),
        (1.7927e2, 2.9467e-2, -1.3815e4, -6.4259e1, -2.1562e2),
        (3.393e2, 4.4894e-2, -2.3769e4, -1.2106e2, -3.7099e2),
        (7.5152e1, 3.7446e-2, -1.6661e3, -3.249e1, -2.602e1),
        (2.2848e2, 8.125e-2, -6.0401e3, -9.3909e1, -9.4318e1),
        (4.5016e2, 1.3095e-1, -1.2588e4, -1.8075e2, -1.9656e2),
    ),
    (  # Nd
        (6.6963e1, 1.2182e-2, -6.2797e3, -2.33e1, -9.8008e1),
        (1.8961e2, 3.0563e-2, -1.4153e4, -6.8024e1, -2.2089e2),
        (3.4617e2, 4.5955e-2, -2.396e4, -1.2361e2, -3.7398e2),
        (9.4587e1, 3.9331e-2, -2.42e3, -3.955e1, -3.779e1),
        (2.584e2, 8.4118e-2, -7.2056e3, -1.0477e2, -1.1251e2),
        (4.9362e2, 1.3485e-1, -1.4309e4, -1.9645e2, -2.2343e2),
    ),
    (  # Tb
        (5.9574e1, 1.1625e-2, -5.8143e3, -2.0759e1, -9.0744e1),
        (1.7975e2, 2.9563e-2, -1.3407e4, -6.4573e1, -2.0926e2),
        (3.2761e2, 4.5225e-2, -2.2652e4, -1.1727e2, -3.5356e2),
        (7.1095e1, 3.7367e-2, -1.4676e3, -3.114e1, -2.2921e1),
        (2.0699e2, 7.9609e-2, -5.0958e3, -8.6337e1, -7.9576e1),
        (4.0764e2, 1.2809e-1, -1.0704e4, -1.6583e2, -1.6715e2),
    ),
    (  # Dy
        (7.0856e1, 1.2473e-2, -6.2419e3, -2.4841e1, -9.742e1),
        (1.9069e2, 3.0358e-2, -1.3796e4, -6.8532e1, -2.1532e2),
        (3.3576e2, 4.6004e-2, -2.2868e4, -1.2027e2, -3.5693e2),
        (6.9134e1, 3.7129e-2, -1.3839e3, -3.0432e1, -2.1615e1),
        (1.8868e2, 7.7901e-2, -4.3528e3, -7.9735e1, -6.7978e1),
        (3.6761e2, 1.2471e-1, -9.0651e3, -1.5147e2, -1.4156e2),
    ),
)
"""Temperature functions as `WATER`, per element (section 3.4). REO2- and RECl4- are left out: the first is not to be
used above pH 10, where alone it would matter, the second is below 0.01 % of the dissolved metal at 0.5 mol/kg."""

WATER_KG_L = 0.984
"""Water in one litre of catholyte: 1,013 kg/m3 less 29 g/L of NaCl (0.5 M, 40 degC)."""
