"""How a plant is measured from outside: what its text says of `/metrics` (`plantctl.hmi.scrapes`).

Rules of the file: pure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricsServing:
    """`loopback`: programs of this machine need no login. `points`: whose values are told too, by name or pattern."""

    loopback: bool = False
    points: tuple[str, ...] = ()
