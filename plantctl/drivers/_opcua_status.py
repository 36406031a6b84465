"""OPC UA status codes as qualities.

One table, read from left to right: what the server says about a value, and what that makes of it here. A code that is
not in the table counts by its severity alone; the limit bits of a data value's status become ours.
Source: OPC 10000-4 (7.39, StatusCode) and OPC 10000-8 (6.3.2, data access codes); the numbers are checked by a test.
"""

from typing import Final

from plantctl.core.quality import (
    BAD,
    GOOD,
    LIMIT_SHIFT,
    NE107_SHIFT,
    REASON_SHIFT,
    SIMULATED,
    UNCERTAIN,
    Ne107,
    Reason,
)

_NONE, _FAILURE, _CHECK, _OUT, _MAINTENANCE = (
    Ne107.NONE,
    Ne107.FAILURE,
    Ne107.FUNCTION_CHECK,
    Ne107.OUT_OF_SPECIFICATION,
    Ne107.MAINTENANCE_REQUIRED,
)

# name: (number, severity, reason, NE 107 class)
STATUS: Final[dict[str, tuple[int, int, Reason, Ne107]]] = {
    "Good": (0x00000000, GOOD, Reason.NONE, _NONE),
    "GoodLocalOverride": (0x00960000, GOOD, Reason.SUBSTITUTED, _CHECK),
    "GoodClamped": (0x00300000, GOOD, Reason.NONE, _NONE),
    "UncertainNoCommunicationLastUsableValue": (0x408F0000, UNCERTAIN, Reason.COMM, _NONE),
    "UncertainLastUsableValue": (0x40900000, UNCERTAIN, Reason.LAST_KNOWN, _NONE),
    "UncertainSubstituteValue": (0x40910000, UNCERTAIN, Reason.SUBSTITUTED, _CHECK),
    "UncertainInitialValue": (0x40920000, UNCERTAIN, Reason.NOT_YET, _NONE),
    "UncertainSensorNotAccurate": (0x40930000, UNCERTAIN, Reason.SENSOR, _MAINTENANCE),
    "UncertainEngineeringUnitsExceeded": (0x40940000, UNCERTAIN, Reason.RANGE, _OUT),
    "UncertainSubNormal": (0x40950000, UNCERTAIN, Reason.DEVICE, _OUT),
    "UncertainSimulatedValue": (0x42090000, UNCERTAIN, Reason.NONE, _CHECK),
    "Bad": (0x80000000, BAD, Reason.DEVICE, _NONE),
    "BadCommunicationError": (0x80050000, BAD, Reason.COMM, _NONE),
    "BadTimeout": (0x800A0000, BAD, Reason.COMM, _NONE),
    "BadShutdown": (0x800C0000, BAD, Reason.COMM, _NONE),
    "BadUserAccessDenied": (0x801F0000, BAD, Reason.CONFIG, _NONE),
    "BadNoCommunication": (0x80310000, BAD, Reason.COMM, _NONE),
    "BadWaitingForInitialData": (0x80320000, BAD, Reason.NOT_YET, _NONE),
    "BadNodeIdInvalid": (0x80330000, BAD, Reason.CONFIG, _NONE),
    "BadNodeIdUnknown": (0x80340000, BAD, Reason.CONFIG, _NONE),
    "BadAttributeIdInvalid": (0x80350000, BAD, Reason.CONFIG, _NONE),
    "BadNotReadable": (0x803A0000, BAD, Reason.CONFIG, _NONE),
    "BadNotWritable": (0x803B0000, BAD, Reason.CONFIG, _NONE),
    "BadOutOfRange": (0x803C0000, BAD, Reason.RANGE, _OUT),
    "BadTypeMismatch": (0x80740000, BAD, Reason.CONFIG, _NONE),
    "BadConfigurationError": (0x80890000, BAD, Reason.CONFIG, _NONE),
    "BadNotConnected": (0x808A0000, BAD, Reason.COMM, _NONE),
    "BadDeviceFailure": (0x808B0000, BAD, Reason.DEVICE, _FAILURE),
    "BadSensorFailure": (0x808C0000, BAD, Reason.SENSOR, _FAILURE),
    "BadOutOfService": (0x808D0000, BAD, Reason.OUT_OF_SERVICE, _CHECK),
}

# Writing to these can never succeed as the configuration stands.
UNWRITABLE: Final = frozenset(
    STATUS[name][0]
    for name in (
        "BadNodeIdInvalid",
        "BadNodeIdUnknown",
        "BadAttributeIdInvalid",
        "BadNotWritable",
        "BadTypeMismatch",
    )
)

_CODE_MASK: Final = 0xFFFF0000
_INFO_TYPE_MASK: Final = 0x0C00
_INFO_DATA_VALUE: Final = 0x0400
_LIMIT_SHIFT: Final = 8
_QUALITY: Final = {
    number: severity | (reason << REASON_SHIFT) | (ne107 << NE107_SHIFT)
    for number, severity, reason, ne107 in STATUS.values()
}
_QUALITY[STATUS["UncertainSimulatedValue"][0]] |= SIMULATED
_BY_SEVERITY: Final = (GOOD, UNCERTAIN, _QUALITY[0x80000000], _QUALITY[0x80000000])


def code(status: int) -> int:
    """The status without its info bits."""
    return status & _CODE_MASK


def quality_of(status: int) -> int:
    """The quality of a value with this status code."""
    quality = _QUALITY.get(status & _CODE_MASK)
    if quality is None:
        quality = _BY_SEVERITY[status >> 30 & 3]
    if status & _INFO_TYPE_MASK == _INFO_DATA_VALUE:
        quality |= (status >> _LIMIT_SHIFT & 3) << LIMIT_SHIFT
    return quality
