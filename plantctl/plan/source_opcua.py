"""How a plant's text asks to be served to other programs, one field a key (`source_plant`).

`plant: {opcua_server: ...}` is its OPC UA server, `plant: {metrics: ...}` what is measured of it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from plantctl.plan.shapes import Count, FileName, Flag, Port, Text
from plantctl.plan.source_forms import STRICT

Policy = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpcuaServer:
    """`opcua_server:` of the plant."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    port: Port | None = None
    listen: Text = "127.0.0.1"
    insecure: Flag = False
    anonymous: Literal["", "viewer"] = ""
    policies: tuple[Policy, ...] = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    certificate: FileName = "own.der"
    key: FileName = "own.key"
    trust: FileName = "trusted"
    connections: Count = 40
    sessions: Count = 20
    items: Count = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """`metrics:` of the plant."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    anonymous: Literal["", "loopback"] = ""
    points: tuple[Text, ...] = ()
