"""What can go wrong, by whose fault it is and what to do about it.

A configuration error is ours, comes before the start and is always a list; a device error is the field's and becomes
quality and one event; a rejected command is an answer, shown to the operator as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


class PlantctlError(Exception):
    """The root: anything plantctl raises on purpose."""


@dataclass(frozen=True, slots=True)
class Place:
    """A span in a text file. Lines and columns count from 1; `column_end` is exclusive."""

    file: str
    line: int
    column: int
    column_end: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a configuration: where, what, how to mend it.

    `code` is stable (`PC` and three digits). `also` holds further places that belong to the finding, each with a
    note: the template's line, the other writer, the edges of a loop.
    """

    code: str
    what: str
    where: Place | None = None
    hint: str = ""
    also: tuple[tuple[Place | None, str], ...] = field(default=())


class ConfigError(PlantctlError):
    """The configuration cannot be used; `diagnostics` holds every finding of the run, in the order of the text."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"{d.code}: {d.what}" for d in diagnostics))


class DeviceError(PlantctlError):
    """The field's fault. `device` and `point` are names of the configuration; `point` may be empty."""

    def __init__(self, device: str, what: str, point: str = "") -> None:
        self.device = device
        self.point = point
        self.what = what
        super().__init__(f"{device}{' ' + point if point else ''}: {what}")


class Unreachable(DeviceError):
    """No answer: retry with back-off."""


class Refused(DeviceError):
    """The device said no, with `status` as it said it: do not hammer."""

    def __init__(self, device: str, what: str, point: str = "", status: int = 0) -> None:
        super().__init__(device, what, point)
        self.status = status


class Garbled(DeviceError):
    """The peer broke the protocol: reconnect and count."""


class WrongDevice(DeviceError):
    """The device at the address is not the one the configuration names: nothing may be written to it."""


class NotAdmitted(DeviceError):
    """The plant and the device do not trust each other: a certificate, a key, a user or a password. Trying again mends
    nothing; a person does.

    `locks`: the device may count failed log-ins, so do not hammer. `mended` tells whether our files have changed since.
    """

    def __init__(
        self, device: str, what: str, *, locks: bool = False, mended: Callable[[], bool] | None = None
    ) -> None:
        super().__init__(device, what)
        self.locks = locks
        self.mended = mended


class CommandRejected(PlantctlError):
    """An answer, not a fault: `reason` is shown to the operator word for word, `code` is for programs."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class LogDamaged(PlantctlError):
    """A log file cannot be read where it should be; what could be saved was."""
