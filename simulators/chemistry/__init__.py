"""Aqueous equilibrium chemistry of the process liquors."""
