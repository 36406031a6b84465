"""Where data leaves the plant: one file a kind of sink."""
