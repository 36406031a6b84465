"""plantctl: a plant is text that compiles to a plan; one pure function steps the plan over a process image."""

__version__ = "0.1.0"
