"""What the plan says of a laboratory tag beyond its point."""

import math
from dataclasses import dataclass

from plantctl.core.quality import (
    LIMIT_HIGH,
    LIMIT_LOW,
    NE107_SHIFT,
    Ne107,
    Reason,
    uncertain_because,
)


@dataclass(frozen=True, slots=True)
class LabTag:
    """A laboratory tag: by which method it is found, its specification limits (NaN where none, in the tag's unit),
    whether a second person signs, and how old a sample may be that is entered.
    """

    tag: str
    method: str
    low: float
    high: float
    two: bool
    within_ns: int

    def quality(self, value: float, *, signed: bool) -> int:
        """The quality of a value: uncertain, unsigned, until all have signed who must; marked out of specification."""
        word = 0 if signed else uncertain_because(Reason.UNSIGNED)
        if value < self.low or value > self.high:
            word |= Ne107.OUT_OF_SPECIFICATION << NE107_SHIFT
            word |= LIMIT_LOW if value < self.low else LIMIT_HIGH
        return word

    def specification(self, value: float) -> str:
        """`below` or `above` the specification; empty where it is within, or there is none."""
        return "below" if value < self.low else "above" if value > self.high else ""

    def in_words(self, unit: str) -> str:
        """How it is entered, as `explain` tells it."""
        parts = [self.method] if self.method else []
        if not (math.isnan(self.low) and math.isnan(self.high)):
            parts.append(f"specified {self.low:g} to {self.high:g}{unit}")
        parts.append("signed by a second person" if self.two else "one signature")
        parts.append(f"samples up to {self.within_ns / 3.6e12:g} h old")
        return ", ".join(parts)
