"""How an OPC UA server and its nodes are described, and how numbers become values of its types."""

import math
import struct
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from plantctl.drivers._codec import STATUS_QUALITY, NotRepresentable, StatusWord
from plantctl.drivers._opcua_security import HOW_TO, Security
from plantctl.drivers._settings import DeviceSettings, ItemSettings, Seconds, Settings

NumberType = Literal[
    "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double"
]
WHOLE: Final[dict[str, tuple[int, int]]] = {
    "SByte": (-(2**7), 2**7 - 1),
    "Byte": (0, 2**8 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "UInt16": (0, 2**16 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "UInt64": (0, 2**64 - 1),
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ServerIdentity(Settings):
    """By what the server is known, beside having the namespace: its application URI, its product URI."""

    application: str | None = None
    product: str | None = None


class Heartbeat(Settings):
    """A node that the controller's program changes: only it counts as life, so that a stopped program is seen."""

    node: str
    namespace: str | None = None


class Config(DeviceSettings):
    """A connection to `opc.tcp://host:port/path`.

    `namespace` is the URI that the nodes' names live in; its index is looked up at each connection. `poll` is the
    sampling interval of items without one of their own, and the shortest of all is the publishing interval; after
    `keep_alive` of these without a change the server says that it lives, by default after each: a quiet controller is
    heard as often as a polled one, and its values do not grow old between two words. After `silence` (by default one
    and a half of these times, at least 1.25 s) without any word the client is thrown away and a new one built.
    `security` says how it is protected; there is no default, and never less than what it says. `timeout` is the time
    for one answer; nodes that do not exist are looked for again every `retry`.
    """

    poll: Seconds = 0.2
    namespace: str | None = None
    security: Security
    timeout: Seconds = 2.0
    keep_alive: int = Field(default=1, ge=1, le=10)
    silence: Seconds | None = None
    retry: Seconds = 10.0
    identity: ServerIdentity = ServerIdentity()
    heartbeat: Heartbeat | None = None

    @model_validator(mode="before")
    @classmethod
    def _says_how_secure(cls, settings: Any) -> Any:
        if isinstance(settings, dict) and not isinstance(settings.get("security"), dict):
            raise ValueError(
                "say how the link is protected, `security: {policy: Basic256Sha256, mode: SignAndEncrypt, ...}` "
                f"({HOW_TO}), or `security: {{insecure: true}}` to say that you accept one that is not"
            )
        return settings

    def silence_s(self, interval_s: float, keep_alive: int) -> float:
        """The longest silence of a subscription that the server gave this interval and keep-alive count."""
        return max(self.silence or 1.25, 1.5 * interval_s * keep_alive)


class Beside(Settings):
    """A node that says something about the value: which number means what."""

    node: str
    means: dict[int, StatusWord]
    otherwise: StatusWord = "bad"

    def quality(self, number: float) -> int:
        """The quality of a value that stands beside this number; NaN is `otherwise`."""
        word = self.means.get(int(number), self.otherwise) if math.isfinite(number) else self.otherwise
        return STATUS_QUALITY[word]


class Item(ItemSettings):
    """One node: `node` is a node id without its namespace (`s=...`, `i=...`) or the plain string of one.

    `type` pins the type that is written, by default that of the node; `beside` are nodes whose numbers qualify the
    value.
    """

    node: str
    namespace: str | None = None
    type: NumberType | None = None
    access: Literal["r", "w", "rw"] = "r"
    beside: tuple[Beside, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> dict[str, Any]:
        """A node id without its namespace, or the plain string of one."""
        return {"item": text, "node": text, "access": "rw"}

    @field_validator("node")
    @classmethod
    def _no_index(cls, node: str) -> str:
        if node.startswith("ns="):
            raise ValueError("write the namespace as its URI: its index changes, and is looked up at each connection")
        return node

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.access == "w" and self.beside:
            raise ValueError("what is only written has nothing beside it")
        return self


def identifier(node: str, index: int) -> str:
    """The full node id in the notation of the standard: `ns=3;s="DB_A40"."FI_4013"."PV"`."""
    kind = node if node[:2] in {"s=", "i=", "g=", "b="} else f"s={node}"
    return f"ns={index};{kind}"


def number_of(value: Any) -> float | None:
    """A value as a number: booleans 0 and 1, nothing at all NaN; None for what is no number."""
    if value is None:
        return float("nan")
    if isinstance(value, bool | int | float):
        return float(value)
    return None


def value_for(kind: str, number: float) -> bool | int | float:
    """The number as a value of an OPC UA type. Raises NotRepresentable for what the type cannot hold."""
    if not math.isfinite(number):
        raise NotRepresentable(f"{number} is not a finite number")
    if kind == "Boolean":
        if number not in (0.0, 1.0):
            raise NotRepresentable(f"{number:g} is neither on nor off")
        return number == 1.0
    if kind in WHOLE:
        low, high = WHOLE[kind]
        whole = round(number)
        if not low <= whole <= high:
            raise NotRepresentable(f"{whole} is outside {low} to {high} of {kind}")
        return whole
    if kind == "Float":
        try:
            struct.pack("<f", number)
        except OverflowError:
            raise NotRepresentable(f"{number:g} is too large for Float") from None
    elif kind != "Double":
        raise NotRepresentable(f"the node holds {kind}, which is no number")
    return number


def utc_ns_of(stamp: datetime | None) -> int | None:
    """A time stamp in ns since 1970 UTC; a naive one is UTC already."""
    if stamp is None:
        return None
    since = (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
