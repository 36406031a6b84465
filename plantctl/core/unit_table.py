"""The units an engineer may write: one line for each, defined by units above it, with the prefixes it takes.

Seven things are measured in SI units (kg, m, s, A, K, mol; light is not measured here). The *kinds* beside them are
base units of their own, because adding or comparing them with anything else is a mistake even though a formula would
call them dimensionless: pH, per cent of span, per cent of the lower explosive limit, gas volume at 0 degC and
101.325 kPa, and so on. Factors are exact fractions, so a conversion rounds once.

Rules of this file: a line uses only units defined above it; no two lines (with prefixes) give the same text; what
plant people write in two meanings stands in `HINTS` and is refused.

Sources: The International System of Units, 9th edition (BIPM 2019, version 3), tables 2, 4, 7 and 8; conventional
pressure and temperature of normal gas volume from DIN 1343 (1990).
"""

from typing import Final

SI_BASES: Final = ("kg", "m", "s", "A", "K", "mol")
# Of what the per cent or the millionth part is, the tag's service says: the numbers do not mix with plain numbers.
KINDS: Final = {
    "%": "per cent",
    "pH": "pH",
    "%LEL": "per cent of the lower explosive limit",
    "%RH": "relative humidity",
    "vol%": "volume fraction",
    "wt%": "mass fraction",
    "ppm": "parts per million",
    "Nm3": "gas volume at 0 degC and 101.325 kPa",
    "NTU": "turbidity",
    "Sv": "dose equivalent",
}
BASES: Final = (*SI_BASES, *KINDS)

PREFIXES: Final = {"G": 9, "M": 6, "k": 3, "h": 2, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9}

# Prefixes that the base units themselves take; the gram carries those of the kilogram.
BASE_PREFIXES: Final = {"m": "kdcmun", "s": "mun", "A": "kmun", "K": "m", "mol": "kmu", "Sv": "mun"}

# (text, factor as a fraction, of what, prefixes it takes)
DEFINITIONS: Final = (
    ("g", "1/1000", "kg", "mun"),
    ("t", "1000", "kg", ""),
    ("L", "1/1000", "m3", "hdcmu"),
    ("l", "1/1000", "m3", "m"),
    ("min", "60", "s", ""),
    ("h", "3600", "s", ""),
    ("d", "86400", "s", ""),
    ("Hz", "1", "1/s", "kM"),
    ("rpm", "1/60", "1/s", ""),
    ("cps", "1", "1/s", ""),
    ("N", "1", "kg m/s2", "k"),
    ("Pa", "1", "N/m2", "hkM"),
    ("bar", "100000", "Pa", "m"),
    ("atm", "101325", "Pa", ""),
    ("J", "1", "N m", "kM"),
    ("W", "1", "J/s", "mkM"),
    ("Wh", "3600", "J", "kM"),
    ("C", "1", "A s", "km"),
    ("Ah", "3600", "C", "km"),
    ("V", "1", "W/A", "kmu"),
    ("Ohm", "1", "V/A", "mkM"),
    ("S", "1", "A/V", "mu"),
    ("NL", "1/1000", "Nm3", ""),
    ("ppb", "1/1000", "ppm", ""),
)

# Temperature points: a reading on a scale, not an amount. (text, kelvin per degree, kelvin at zero)
POINTS: Final = (("degC", "1", "273.15"), ("Kabs", "1", "0"))

# Other ways to type the same sign; none of them has a second meaning.
SPELLINGS: Final = (
    ("°C", "degC"),
    ("\u00b5", "u"),
    ("\u03bc", "u"),
    ("\u2126", "Ohm"),
    ("\u03a9", "Ohm"),
    ("²", "2"),
    ("³", "3"),
    ("·", "*"),
)

# Texts that are refused with a word of advice: they have two meanings, or none that a program should guess.
HINTS: Final = {
    "M": "mega or molar? write mol/L",
    "mM": "write mmol/L",
    "Nm": "write N m for a torque, Nm3 for gas volume at 0 degC",
    "barg": "write bar; that it is gauge pressure belongs into the tag's service",
    "bara": "write bar; that it is absolute pressure belongs into the tag's service",
    "psi": "write bar or kPa",
    "sec": "write s",
    "secs": "write s",
    "hr": "write h",
    "hrs": "write h",
    "H": "write h for hours",
    "mins": "write min",
    "percent": "write %",
    "pct": "write %",
    "LEL": "write %LEL",
    "degF": "write degC",
    "F": "fahrenheit or farad? write degC",
    "deg": "write degC; angles are not measured here",
    "celsius": "write degC",
    "ton": "metric, short or long? write t (1000 kg) or kg",
    "gal": "imperial or US? write L",
    "gpm": "write L/min",
    "lpm": "write L/min",
    "slpm": "at which temperature? write NL/min (0 degC, 101.325 kPa)",
    "sccm": "at which temperature? write NL/min (0 degC, 101.325 kPa)",
    "Sm3": "at 15 or 20 degC? convert to Nm3 (0 degC, 101.325 kPa)",
    "ohm": "write Ohm",
    "amp": "write A",
    "ppmv": "write ppm; that it is by volume belongs into the tag's service",
    "ppmw": "write mg/kg",
    "week": "write d",
    "y": "write d",
}

# Names for messages, by a unit that has the dimension.
QUANTITIES: Final = (
    ("plain number", "1"),
    ("mass", "kg"),
    ("length", "m"),
    ("area", "m2"),
    ("volume", "m3"),
    ("time", "s"),
    ("frequency", "1/s"),
    ("current", "A"),
    ("temperature difference", "K"),
    ("amount of substance", "mol"),
    ("volume flow", "m3/s"),
    ("mass flow", "kg/s"),
    ("molar flow", "mol/s"),
    ("normal gas flow", "Nm3/s"),
    ("density", "kg/m3"),
    ("concentration", "mol/m3"),
    ("pressure", "Pa"),
    ("voltage", "V"),
    ("charge", "C"),
    ("charge per mole", "C/mol"),
    ("power", "W"),
    ("energy", "J"),
    ("resistance", "Ohm"),
    ("conductance", "S"),
    ("area resistance", "Ohm m2"),
    ("conductivity", "S/m"),
    ("current density", "A/m2"),
    ("speed", "m/s"),
    ("rate of temperature", "K/s"),
    ("force", "N"),
    ("energy per mass", "J/kg"),
    ("heat capacity per mole", "J/mol/K"),
)
