"""The vocabulary every floor shares: quality, units, points, clock, image, ring, commands, events, errors."""
