"""Engineering units as OPC UA names them: the product's text, and the number of the UN/ECE common code if it has one.

Source: UN/ECE Recommendation 20 (revision 17) for the codes; OPC 10000-8 (5.6.4.3) for the number: the code's
characters as the bytes of an integer. What is not in the table has -1, which the standard has for "no number".
"""

from typing import Final

URI: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
NO_NUMBER: Final = -1

_CODES: Final = {
    "degC": "CEL",
    "K": "KEL",
    "A": "AMP",
    "mA": "4K",
    "V": "VLT",
    "mV": "2Z",
    "W": "WTT",
    "kW": "KWT",
    "kWh": "KWH",
    "A h": "AMH",
    "Ah": "AMH",
    "Ohm": "OHM",
    "Pa": "PAL",
    "kPa": "KPA",
    "mbar": "MBR",
    "bar": "BAR",
    "%": "P1",
    "ppm": "59",
    "pH": "Q30",
    "s": "SEC",
    "ms": "C26",
    "us": "B98",
    "min": "MIN",
    "h": "HUR",
    "d": "DAY",
    "Hz": "HTZ",
    "rpm": "RPM",
    "m": "MTR",
    "mm": "MMT",
    "kg": "KGM",
    "g": "GRM",
    "t": "TNE",
    "L": "LTR",
    "m3": "MTQ",
    "m3/h": "MQH",
    "L/h": "E32",
    "L/min": "L2",
    "kg/h": "E93",
    "g/L": "GL",
    "mol": "C34",
    "mol/L": "C38",
}


def number_of(unit: str) -> int:
    """The number of a unit as the product writes it; -1 where the standard's list has none."""
    code = _CODES.get(unit)
    return int.from_bytes(code.encode("ascii"), "big") if code else NO_NUMBER
