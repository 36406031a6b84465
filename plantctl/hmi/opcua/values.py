"""A value of the plant as OPC UA has it: status code for quality, device's or scan's time, null for no number.

One table, read from left to right: what a quality means here, and the status that says it there. It is the inverse of
what the driver makes of a server's status (`drivers._opcua_status`): a value that passes through two plants keeps its
severity, and its reason wherever the standard has a code for it. A simulated value is never good here: the standard's
code for it is an uncertain one, so that nobody takes it for a measured one. Forced has none: a forced value is a local
override while it is good.
Source: OPC 10000-4 (7.39, StatusCode), OPC 10000-8 (6.3.2, data access codes).
"""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from asyncua import ua as typed_ua

from plantctl.core.quality import (
    BAD,
    FORCED,
    GOOD,
    LIMIT_MASK,
    LIMIT_SHIFT,
    SEVERITY_MASK,
    SIMULATED,
    UNCERTAIN,
    Reason,
    reason_of,
)
from plantctl.drivers._opcua_status import STATUS

ua: Any = typed_ua

_UNCERTAIN: Final = 0x40000000
_BAD: Final = 0x80000000
_INFO_DATA_VALUE: Final = 0x0400
_STATUS_LIMIT_SHIFT: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# severity, reason: status; what is not here is told by its severity alone
_BY_REASON: Final[dict[tuple[int, Reason], str]] = {
    (GOOD, Reason.SUBSTITUTED): "GoodLocalOverride",
    (UNCERTAIN, Reason.COMM): "UncertainNoCommunicationLastUsableValue",
    (UNCERTAIN, Reason.STALE): "UncertainLastUsableValue",
    (UNCERTAIN, Reason.LAST_KNOWN): "UncertainLastUsableValue",
    (UNCERTAIN, Reason.SUBSTITUTED): "UncertainSubstituteValue",
    (UNCERTAIN, Reason.NOT_YET): "UncertainInitialValue",
    (UNCERTAIN, Reason.SENSOR): "UncertainSensorNotAccurate",
    (UNCERTAIN, Reason.RANGE): "UncertainEngineeringUnitsExceeded",
    (UNCERTAIN, Reason.DEVICE): "UncertainSubNormal",
    (BAD, Reason.COMM): "BadNoCommunication",
    (BAD, Reason.STALE): "BadNoCommunication",
    (BAD, Reason.GENERATION): "BadNoCommunication",
    (BAD, Reason.PROTOCOL): "BadCommunicationError",
    (BAD, Reason.DEVICE): "BadDeviceFailure",
    (BAD, Reason.READBACK): "BadDeviceFailure",
    (BAD, Reason.SENSOR): "BadSensorFailure",
    (BAD, Reason.FLAT): "BadSensorFailure",
    (BAD, Reason.RANGE): "BadOutOfRange",
    (BAD, Reason.CONFIG): "BadConfigurationError",
    (BAD, Reason.OUT_OF_SERVICE): "BadOutOfService",
    (BAD, Reason.NOT_YET): "BadWaitingForInitialData",
}
_NO_NUMBER: Final = STATUS["BadOutOfRange"][0]
_LAST_USABLE: Final = STATUS["UncertainNoCommunicationLastUsableValue"][0]


class Told(typed_ua.DataValue):
    """A value that nobody changes once it is made: a copy of it is itself.

    The library copies each value for every monitored item, which costs more than all else together.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Told":
        return self


@cache
def status_of(quality: int, *, alive: bool = True) -> int:
    """The status code of a quality word.

    Not `alive`: nothing renews the value any more, so that a good one is the last usable one.
    """
    severity = min(quality & SEVERITY_MASK, BAD)
    if severity != BAD and not alive:
        return _LAST_USABLE
    name = _BY_REASON.get((severity, reason_of(quality)))
    if quality & SIMULATED and (severity == GOOD or (severity == UNCERTAIN and name is None)):
        name = "UncertainSimulatedValue"
    elif name is None and severity == GOOD and quality & FORCED:
        name = "GoodLocalOverride"
    status = STATUS[name][0] if name else (0, _UNCERTAIN, _BAD)[severity]
    limits = (quality & LIMIT_MASK) >> LIMIT_SHIFT
    return status | (_INFO_DATA_VALUE | limits << _STATUS_LIMIT_SHIFT if limits else 0)


@cache
def _status(code: int) -> Any:
    return ua.StatusCode(code)


def utc_of(utc_ns: int) -> datetime:
    """UTC in ns, to the microsecond."""
    return _EPOCH + timedelta(microseconds=utc_ns // 1000)


def ns_of(when: Any) -> int:
    """A time of the library as UTC in ns."""
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    since: timedelta = when - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def told(value: float, quality: int, source: Any, server: Any, *, words: int = 0, alive: bool = True) -> Told:
    """One value; of an enumeration of `words` words as its number. What is no number of the kind is null and bad."""
    code = status_of(quality, alive=alive)
    if words:
        whole = math.isfinite(value) and value == int(value) and 0 <= value < words
        variant = ua.Variant(int(value), ua.VariantType.UInt32) if whole else None
    else:
        variant = ua.Variant(value, ua.VariantType.Double) if math.isfinite(value) else None
    if variant is None:
        variant = ua.Variant(None, ua.VariantType.Null)
        code = code if code & _BAD else _NO_NUMBER
    return Told(variant, _status(code), source, server)
