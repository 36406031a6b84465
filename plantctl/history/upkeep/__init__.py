"""What is done to a record while it grows: sealed, thinned, kept within its room, inspected, repaired, backed up."""
