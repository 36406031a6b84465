"""How a device and its items are described: what every driver's settings have in common.

A driver adds its own keys to `DeviceSettings` (the `devices:` section) and `ItemSettings` (a tag's addressing merged
with the profile's item). Unknown keys are errors, durations may be written `200 ms`, `1 s`, `2 min` or as seconds.
"""

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNIT_S: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min|h)")


def seconds(text: Any) -> Any:
    """A duration in seconds from `200 ms`, `1 s`, `2 min`; numbers pass as seconds, anything else is refused."""
    if not isinstance(text, str):
        return text
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a duration; write it as `200 ms`, `1 s` or `2 min`")
    return float(match.group(1)) * _UNIT_S[match.group(2)]


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0.0, le=86_400.0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The base of everything a driver reads from the configuration: closed and unchangeable."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DeviceSettings(Settings):
    """What the runner needs to know of any device.

    `poll` is how often an item is asked for unless it says otherwise, `write_period` how often the wishes of the scan
    are looked at, `connect_timeout` the most a connection with its identity check may take, `patience` the most one
    read or write job may take before the connection is given up, `backoff_first` and `backoff_most` the shortest and
    the longest pause between two attempts to connect. All in seconds.
    """

    poll: Seconds = 1.0
    write_period: Seconds = 0.1
    connect_timeout: Seconds = 5.0
    patience: Seconds = 10.0
    backoff_first: Seconds = 0.25
    backoff_most: Seconds = 5.0


class ItemSettings(Settings):
    """What the runner needs to know of any item.

    `item` is its name in the profile, `unit` the unit the driver delivers it in (link makes factor and offset of it
    and the tag's unit), `poll` overrides the device's.
    """

    item: str = ""
    unit: str = ""
    poll: Seconds | None = None

    @classmethod
    def from_text(cls, text: str) -> dict[str, Any]:
        """The settings that a tag's plain `item:` stands for where no profile names it; raises ValueError."""
        raise ValueError(f"`{text}` is not an item of a profile")
