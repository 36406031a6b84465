"""The plant in software, importable without the control code."""
