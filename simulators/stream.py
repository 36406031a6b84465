"""What flows between units and what a vessel holds: one vector of conserved quantities.

A stream is a vector of rates (per second), so that streams that meet simply add; a hold-up is the same vector of
amounts. A new component is one more row here and its chemistry; units that only carry it need no change.
"""

LIQUID, SODIUM, CHLORIDE, RARE_EARTH, SOLID, SULFATE, HEAT = 0, 1, 2, 3, 4, 5, 6
COMPONENTS = 7
NAMES = ("liquid", "sodium", "chloride", "rare_earth", "solid", "sulfate", "heat")
UNITS = ("L", "mol", "mol", "mol", "mol", "mol", "J")
"""Solution in L; Na, Cl, dissolved RE and sulfate in mol; RE(OH)3 in mol; heat in J above 0 degC. What acid there is
follows: free acid = Cl + 2 SO4 - Na - 3 RE, since the charges of a liquor add up to nothing."""

HEAT_J_L_K = 4100.0
"""Heat capacity of every liquor here, J/(L K)."""
