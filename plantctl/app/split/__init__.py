"""Topology `split`: a scan that nothing else can disturb, and the processes around it, each of which may die."""
