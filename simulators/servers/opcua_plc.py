"""A PLC's OPC UA server: its data blocks as the controller's maker shows them, on the loopback.

String identifiers carry the quotes (`"DB_A40"."FI_4013"."PV"`), the namespace index is not the maker's usual 3, so
that a client has to resolve it from the URI. What a client writes reaches the twin before its next cycle; what the twin
changed is written with the source time of its sample and a status of its own; unchanged values are not written.

With a `PlcAccess` the server offers Basic256Sha256, SignAndEncrypt, and nothing else, to clients that it trusts and
that have an account; without one it is open, as controllers come out of their box. Clients can write commands and
set-points, nothing else; of the safety PLC nothing at all.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.common.callback import CallbackType
from asyncua.server.server import Server

from plantctl.core.clock import Clock
from simulators.devices.data_block import DataBlock, Sample, Status
from simulators.devices.plc_signals import NAMESPACE_URI, Key, NodeType, identifier
from simulators.servers.modbus_tcp import NoteWrite, ignore_write
from simulators.servers.plc_access import AccountRules, PlcAccess
from simulators.servers.standard_nodes import QuickServer

# The library's types are narrower than what it takes: its integers and times are types of their own.
ua: Any = typed_ua

LOOPBACK: Final = "127.0.0.1"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS: Final = 1_000_000_000
# Before the data blocks come the maker's own, so that their index is not the one of most examples.
OTHER_NAMESPACES: Final = ("diagnosis", "types")

_TYPES: Final[dict[NodeType, Any]] = {
    "Float": ua.VariantType.Float,
    "Int16": ua.VariantType.Int16,
    "UInt16": ua.VariantType.UInt16,
    "UInt32": ua.VariantType.UInt32,
    "Boolean": ua.VariantType.Boolean,
}
_STATUS: Final[dict[Status, int]] = {
    "good": ua.StatusCodes.Good,
    "uncertain": ua.StatusCodes.UncertainSensorNotAccurate,
    "bad": ua.StatusCodes.BadSensorFailure,
}


def utc_of(ns: int) -> datetime:
    """A UTC instant in ns as OPC UA libraries hold it, to the microsecond."""
    return EPOCH + timedelta(microseconds=ns // 1000)


class Shown(typed_ua.DataValue):
    """A value that nobody changes after it was written: a copy of it is itself.

    The library copies each written value for every monitored item, which cost more than all else together.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Shown":
        return self


class PlcServer:
    """Serves one PLC's data blocks. Call `collect` before its cycle and `publish` after its samples."""

    def __init__(
        self, plc: DataBlock, clock: Clock, note: NoteWrite = ignore_write, access: PlcAccess | None = None
    ) -> None:
        self.plc = plc
        self.access = access
        self._note = note
        self._clock = clock
        self._server: Server | None = None
        self._ids: dict[Key, Any] = {}
        self._written: dict[Key, Any] = {}
        self._client_wrote = False
        self._told_ns = 0

    async def start(self, tasks: asyncio.TaskGroup) -> Callable[[], asyncio.Protocol]:
        """Build the data blocks with the twin's present values and serve until `stop`; what a wire calls to connect."""
        access: Any = self.access
        server = Server(iserver=QuickServer(user_manager=access))
        await server.init()
        server.set_endpoint(f"opc.tcp://{LOOPBACK}:0")
        server.disable_clock(True)  # it would keep time of its own, and hold up `stop` for a second
        product = self.plc.product
        server.set_server_name(product)
        uri = f"urn:{product.lower()}"
        if access is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
        else:
            rules: Any = AccountRules()
            server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt], rules)
            server.set_identity_tokens([ua.UserNameIdentityToken])
            server.iserver.certificate, server.iserver.private_key = access.own()
            server.iserver.certificate_validator = access.validate
            uri = access.application()
        await server.set_application_uri(uri)
        born = utc_of(self._clock.utc_ns())
        await server.set_build_info(product, "plantctl simulators", product, "1.0", "1", born)
        for name in OTHER_NAMESPACES:
            await server.register_namespace(f"urn:{product.lower()}:{name}")
        index = await server.register_namespace(NAMESPACE_URI)
        await self._build(server, index)
        server.subscribe_server_callback(CallbackType.PostWrite, self._note_write)
        await server.start()
        self._server = server
        # The wire brings the connections, without a second socket on the way: the library's own listener is not used.
        library: Any = server.bserver
        library._server.close()
        factory: Callable[[], asyncio.Protocol] = library._make_protocol
        return factory

    async def stop(self) -> None:
        """Close the listener and every session."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()

    def _note_write(self, _event: object, _service: object) -> None:
        """A client has written something; `collect` finds out what is left of it."""
        self._client_wrote = True

    def collect(self) -> None:
        """Hand what clients wrote since the last call to the twin."""
        if self._server is None or not self._client_wrote:
            return
        self._client_wrote = False
        read = self._server.iserver.aspace.read_attribute_value
        for key, seen in self._written.items():
            value = read(self._ids[key], ua.AttributeIds.Value)
            if value is seen:
                continue
            self._written[key] = value
            if value.Value is not None and value.Value.Value is not None:
                self._note(identifier(key), float(value.Value.Value))
                self.plc.command(key, value.Value.Value)

    async def publish(self, now_ns: int, utc_ns: int) -> None:
        """Write what changed at the twin; once a second the server's own clock."""
        changes = self.plc.take_changes()
        if self._server is None:
            return
        write = self._server.iserver.write_attribute_value
        for key, sample in changes.items():
            value = self._data_value(key, sample)
            if key in self._written:
                self._written[key] = value
            await write(self._ids[key], value)
        if now_ns - self._told_ns >= SECOND_NS:
            self._told_ns = now_ns
            moment = utc_of(utc_ns)
            node = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
            await write(node, ua.DataValue(ua.Variant(moment, ua.VariantType.DateTime), SourceTimestamp=moment))

    async def _build(self, server: Server, index: int) -> None:
        """Objects / PLC-4 / "DB_A40" / "FI_4013" / PV: an object a block and a tag, so that building stays linear."""
        root = await server.nodes.objects.add_object(index, self.plc.product)
        blocks: dict[str, Any] = {}
        tags: dict[str, Any] = {}
        for node in self.plc.nodes:
            text = identifier(node.key)
            block, tag, _ = text.split(".")
            if block not in blocks:
                blocks[block] = await root.add_object(ua.NodeId(block, index), f"{index}:{block.strip(chr(34))}")
            parent = f"{block}.{tag}"
            if parent not in tags:
                tags[parent] = await blocks[block].add_object(ua.NodeId(parent, index), f"{index}:{tag.strip(chr(34))}")
            initial = self.plc.shown.get(node.key, Sample(self.plc.values[node.key], "good", self._clock.utc_ns()))
            item = await tags[parent].add_variable(
                ua.NodeId(text, index), f"{index}:{node.key[1]}", initial.value, _TYPES[node.type]
            )
            self._ids[node.key] = item.nodeid
            value = self._data_value(node.key, initial)
            if node.writable:
                await item.set_writable()
                self._written[node.key] = value
            await server.iserver.write_attribute_value(item.nodeid, value)

    def _data_value(self, key: Key, sample: Sample) -> Shown:
        """A value with its own status object: the library keeps and compares what it is given."""
        moment: Any = utc_of(sample.source_ns)
        return Shown(
            ua.Variant(sample.value, _TYPES[self.plc.keys[key].type]),
            ua.StatusCode(_STATUS[sample.status]),
            SourceTimestamp=moment,
            ServerTimestamp=moment,
        )
