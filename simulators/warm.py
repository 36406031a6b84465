"""Compile the demo's plant into the cache, so that its first start has nothing to wait for.

`python -m simulators.warm` takes some seconds the first time and after a change of a simulator, else under one.
"""

from simulators.plant import Plant


def main() -> None:
    """Build a plant: compiling is all that this is for."""
    Plant(seed=0)


if __name__ == "__main__":
    main()
