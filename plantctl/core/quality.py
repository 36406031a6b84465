"""The 16-bit quality word that travels with every value.

    bits 0-1    good, uncertain, bad (severity grows with the number, so the worst of two is the larger)
    bits 2-3    limits: none, low, high, constant
    bits 4-5    cascade: none, ok, init-request, not-invited
    bits 6-8    NE 107 class: none, failure, function check, out of specification, maintenance required
    bits 9-13   reason, a closed list
    bit 14      simulated
    bit 15      forced

Bad, stale or NaN is never an exception and never dropped: whoever reads a value asks for its quality first.
Sources: NAMUR NE 107 (2006) for the class; OPC 10000-8 for the severity and the limit bits.
"""

from enum import IntEnum
from typing import Final

GOOD: Final = 0
UNCERTAIN: Final = 1
BAD: Final = 2
SEVERITY_MASK: Final = 0x3

LIMIT_SHIFT: Final = 2
LIMIT_LOW: Final = 1 << LIMIT_SHIFT
LIMIT_HIGH: Final = 2 << LIMIT_SHIFT
LIMIT_CONSTANT: Final = 3 << LIMIT_SHIFT
LIMIT_MASK: Final = 3 << LIMIT_SHIFT

CASCADE_SHIFT: Final = 4
CASCADE_MASK: Final = 3 << CASCADE_SHIFT

NE107_SHIFT: Final = 6
NE107_MASK: Final = 7 << NE107_SHIFT

REASON_SHIFT: Final = 9
REASON_MASK: Final = 31 << REASON_SHIFT

SIMULATED: Final = 1 << 14
FORCED: Final = 1 << 15
# What a value is by its origin, whether it is good or not: kept when it grows old or a sensor fails.
MARKS: Final = SIMULATED | FORCED


class Ne107(IntEnum):
    """NE 107 class of a device's own diagnosis."""

    NONE = 0
    FAILURE = 1
    FUNCTION_CHECK = 2
    OUT_OF_SPECIFICATION = 3
    MAINTENANCE_REQUIRED = 4


class Reason(IntEnum):
    """Why a value is not plainly good. A closed list: a new reason is a change of the interface."""

    NONE = 0
    COMM = 1  # the link to the device is down
    STALE = 2  # older than the tag's `stale_after`
    DEVICE = 3  # the device reports a failure of its own
    SENSOR = 4  # the sensor behind the device failed
    RANGE = 5  # outside what can be measured, or not a finite number
    CONFIG = 6  # the device is not set up as the configuration says
    OUT_OF_SERVICE = 7
    SUBSTITUTED = 8
    LAST_KNOWN = 9  # held from before the fault
    NOT_YET = 10  # no value has arrived since the start
    CLOCK = 11  # the source time cannot be trusted
    FLAT = 12  # did not change within the tag's flat-line window
    READBACK = 13  # the device's read-back differs from what was written
    GENERATION = 14  # the process that supplied it was replaced
    PROTOCOL = 15  # the peer broke the protocol
    UNSIGNED = 16  # a laboratory value that a second person has not signed yet


# What a value has before anything arrived.
NOT_YET: Final = BAD | (Reason.NOT_YET << REASON_SHIFT)

_SEVERITY_WORD: Final = ("good", "uncertain", "bad", "bad")


def bad_because(reason: Reason) -> int:
    """The quality word of a bad value with `reason`."""
    return BAD | (int(reason) << REASON_SHIFT)


def uncertain_because(reason: Reason) -> int:
    """The quality word of an uncertain value with `reason`."""
    return UNCERTAIN | (int(reason) << REASON_SHIFT)


def reason_of(quality: int) -> Reason:
    """The reason in a quality word; numbers without a name are `NONE`."""
    number = (quality & REASON_MASK) >> REASON_SHIFT
    return Reason(number) if number in Reason._value2member_map_ else Reason.NONE


def severity_word(quality: int) -> str:
    """`good`, `uncertain` or `bad`, the words of every file and interface."""
    return _SEVERITY_WORD[quality & SEVERITY_MASK]


def describe(quality: int) -> str:
    """A quality as a person reads it: `bad, stale`, `good, simulated`."""
    parts = [severity_word(quality)]
    reason = reason_of(quality)
    if reason is not Reason.NONE:
        parts.append(reason.name.lower().replace("_", "-"))
    if quality & SIMULATED:
        parts.append("simulated")
    if quality & FORCED:
        parts.append("forced")
    return ", ".join(parts)
