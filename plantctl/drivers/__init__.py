"""Field drivers, one file a kind of device connection."""
