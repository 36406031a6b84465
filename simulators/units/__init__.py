"""Units of the plant: one file a kind of equipment."""
