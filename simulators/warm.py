"""Compile the simulated plants into the cache, so that their first start has nothing to wait for.

`python -m simulators.warm` takes half a minute the first time and after a change of a simulator, else under one.
"""

from simulators.plant import Plant


def main() -> None:
    """Build a plant of one cell and circuit A whole: compiling is all that this is for."""
    Plant(seed=0)
    Plant(seed=0, cells=4, loops=True)


if __name__ == "__main__":
    main()
