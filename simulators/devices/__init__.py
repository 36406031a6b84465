"""Device twins: what each instrument answers, refuses and does by itself. Pure logic, time is an argument."""
