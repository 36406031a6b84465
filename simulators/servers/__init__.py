"""Device servers: the wire protocols in front of the simulated devices."""
