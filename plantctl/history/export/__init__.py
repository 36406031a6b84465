"""What leaves a record for whoever works on: lots side by side as tables, with a manifest of units and plans."""
