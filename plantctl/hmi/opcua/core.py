"""The library's server, made of our parts: address space, sessions, subscriptions; and what it says of itself."""

import asyncio
import ctypes
import gc
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.common.node import Node as LibraryNode
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService, MethodService, NodeManagementService, ViewService
from asyncua.server.internal_server import InternalServer, ServerDesc
from asyncua.server.internal_session import InternalSession

from plantctl import __version__
from plantctl.drivers._certificates import Certificate, Pair
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.opcua import limits
from plantctl.hmi.opcua.past import NODES_MAX, PAGE_MAX
from plantctl.hmi.opcua.people import People
from plantctl.hmi.opcua.security import TrustList, endpoints, policies
from plantctl.hmi.opcua.session import Session
from plantctl.hmi.opcua.settings import OpcuaSettings
from plantctl.hmi.opcua.space import PlantSpace
from plantctl.hmi.opcua.subscriptions import Subscriptions
from plantctl.hmi.opcua.values import utc_of

ua: Any = typed_ua

NAMESPACE: Final = "urn:plantctl:plant:"
_O: Final = ua.ObjectIds
_OPERATIONS: Final = "Server_ServerCapabilities_OperationLimits_MaxNodesPer"
NOTES_A_MINUTE: Final = 20
# So many connections that had a session are a crowd, and its end is when none has gone for so long.
CROWD: Final = 5
QUIET_NS: Final = 2_000_000_000


class Notes:
    """Lines of the log about clients, so many a minute at most: a crowd must not fill the disk."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._log = logging.getLogger("plantctl")
        self._minute = -1
        self._told = 0
        self._left_out = 0

    def __call__(self, text: str) -> None:
        minute = self._now_ns() // 60_000_000_000
        if minute != self._minute:
            if self._left_out:
                self._log.info("opc ua: %d more such lines were left out", self._left_out)
            self._minute, self._told, self._left_out = minute, 0, 0
        if self._told < NOTES_A_MINUTE:
            self._told += 1
            self._log.info("opc ua: %s", text)
        else:
            self._left_out += 1


class PlantServer(InternalServer):
    """The server behind all connections. `past` and `commands` are given to it once they are made."""

    past: Any
    commands: Any

    def __init__(
        self, plant: WatchedPlant, space: PlantSpace, people: People, settings: OpcuaSettings, pair: Pair | None
    ) -> None:
        super().__init__()
        # The library makes its services over a space of its own.
        self.method_service.stop()
        self.aspace: PlantSpace = space
        self.attribute_service = AttributeService(space)
        self.view_service = ViewService(space)
        self.method_service = MethodService(space)
        self.node_mgt_service = NodeManagementService(space)
        self.subscription_service: Subscriptions = Subscriptions(space, self, settings.items)
        own = InternalSession(self, space, self.subscription_service, "server", user=User(role=UserRole.Admin))
        self.isession = own
        self.current_time_node = LibraryNode(own, ua.NodeId(_O.Server_ServerStatus_CurrentTime))
        self.server_status_node = LibraryNode(own, ua.NodeId(_O.Server_ServerStatus))
        self.disabled_clock = True
        self.people = people
        self.sessions: set[Session] = set()
        self.insecure = settings.insecure
        self.note = Notes(plant.monotonic_ns)
        self.policies = policies(settings, pair)
        self.certificate = pair.certificate.parsed if pair else None
        self.private_key = pair.key if pair else None
        self._plant = plant
        self._settings = settings
        self._trusted = TrustList(Path(settings.trust), self.note)
        self._leaving: set[asyncio.Task[None]] = set()
        self._gone = self._gone_ns = 0
        self._begun = utc_of(plant.utc_ns())
        for endpoint in endpoints(settings, f"plantctl {plant.plan.name}", pair):
            self.add_endpoint(endpoint)

    def now_ns(self) -> int:
        """The plant's monotonic time."""
        return self._plant.monotonic_ns()

    def find_fault(self, certificate: Certificate) -> str:
        """Why a client's certificate is not accepted; empty where it is."""
        return self._trusted.find_fault(certificate, self.now_ns(), self._plant.utc_ns())

    # -- beginning

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """Nothing: it is there, node by node when it is asked for."""

    async def begin(self) -> None:
        """Say of the server what is so."""
        await self.init()
        await self._put(_O.Server_NamespaceArray, [ua_base(), self._settings.application, namespace(self._plant)])
        await self._put(_O.Server_ServerArray, [self._settings.application])
        for operation in ("Read", "Write", "MethodCall", "Browse", "RegisterNodes"):
            await self._put(getattr(_O, _OPERATIONS + operation), limits.OPERATIONS_MAX, ua.VariantType.UInt32)
        paths = _OPERATIONS + "TranslateBrowsePathsToNodeIds"
        await self._put(getattr(_O, paths), limits.PATHS_MAX, ua.VariantType.UInt32)
        await self._put(getattr(_O, _OPERATIONS + "HistoryReadData"), NODES_MAX, ua.VariantType.UInt32)
        items = _OPERATIONS.replace("NodesPer", "MonitoredItemsPerCall")
        await self._put(getattr(_O, items), limits.OPERATIONS_MAX, ua.VariantType.UInt32)
        await self._put(_O.HistoryServerCapabilities_AccessHistoryDataCapability, True, ua.VariantType.Boolean)
        await self._put(_O.HistoryServerCapabilities_MaxReturnDataValues, PAGE_MAX, ua.VariantType.UInt32)
        # There are no events yet: who asks for them is told so.
        notifier = ua.DataValue(ua.Variant(0, ua.VariantType.Byte))
        await self.aspace.write_attribute_value(ua.NodeId(_O.Server), ua.AttributeIds.EventNotifier, notifier)
        for endpoint in self.endpoints[:1]:
            self._known_servers[endpoint.Server.ApplicationUri] = ServerDesc(endpoint.Server)
        await self.tell_time()
        await self.tell_level(255)
        self.aspace.started()

    async def tell_time(self) -> None:
        """What the time is, and that the server runs."""
        now = utc_of(self._plant.utc_ns())
        build = ua.BuildInfo(
            ProductUri="urn:plantctl", ManufacturerName="plantctl", ProductName="plantctl", SoftwareVersion=__version__
        )
        state = ua.ServerState.Running
        status = ua.ServerStatusDataType(self._begun, now, state, build)
        await self._put(_O.Server_ServerStatus, status, ua.VariantType.ExtensionObject)
        await self._put(_O.Server_ServerStatus_CurrentTime, now, ua.VariantType.DateTime)
        await self._put(_O.Server_ServerStatus_StartTime, self._begun, ua.VariantType.DateTime)
        await self._put(_O.Server_ServerStatus_State, int(state), ua.VariantType.Int32)

    async def tell_level(self, level: int) -> None:
        """How good what is served is, 0 to 255."""
        await self._put(_O.Server_ServiceLevel, level, ua.VariantType.Byte)

    async def _put(self, number: int, value: Any, kind: Any = None) -> None:
        now = utc_of(self._plant.utc_ns())
        wanted = ua.DataValue(ua.Variant(value, kind or ua.VariantType.String), ua.StatusCode(), now, now)
        node = self.aspace[ua.NodeId(number)]
        # As the plant has it now, whatever the description of the standard began with.
        node.attributes[ua.AttributeIds.Value].value = wanted
        await self.aspace.tell(node.nodeid, wanted)

    # -- sessions

    def new_session(self, peer: str) -> Session:
        """A session that nobody has logged in to. Raises `ServiceError` where there are too many."""
        if len(self.sessions) >= self._settings.connections:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        session = Session(self, peer)
        self.sessions.add(session)
        return session

    async def log_in(self, session: Session, params: Any, *, encrypted: bool) -> Any:
        """Let a person in to a session. Raises `ServiceError`."""
        others = sum(each.is_activated() for each in self.sessions if each is not session)
        if others >= self._settings.sessions:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        try:
            result = await session.log_in(params, encrypted=encrypted)
        except ServiceError:
            self.note(f"nobody is let in from {session.peer}")
            raise
        self.note(f"{session.person} ({session.role}) is let in from {session.peer}")
        return result

    def leave(self, session: Session) -> None:
        """The connection of a session is gone, and so is the session."""
        self._gone, self._gone_ns = self._gone + 1, self.now_ns()
        task = asyncio.get_running_loop().create_task(session.close_session(), name="opc ua session ends")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def look(self) -> None:
        """To be called now and then: end sessions that have had their time, or whose person may not be here any more;
        give the others the role that their person has now.
        """
        now_ns = self.now_ns()
        for session in list(self.sessions):
            if not session.is_activated():
                continue
            role = self.people.role(session.person)
            idle_s = (now_ns - session.used_ns) / 1e9
            if role is None or idle_s > (session.session_timeout or 0.0):
                self.note(f"the session of {session.person} ends")
                await session.close_session()
            else:
                session.role = role
        if self._gone > CROWD and now_ns - self._gone_ns > QUIET_NS:
            # What a crowd has left lies in circles that would be found some time, and in memory that is kept for more.
            self._gone = 0
            gc.collect()
            give_back()


def give_back() -> None:
    """Give memory that is free back to the machine, where the C library can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def ua_base() -> str:
    """The namespace of the standard."""
    return "http://opcfoundation.org/UA/"


def namespace(plant: WatchedPlant) -> str:
    """The namespace of a plant: its name as a word, wherever it runs."""
    word = "".join(c if c.isalnum() else "-" for c in plant.plan.name.lower()).strip("-") or "plant"
    return NAMESPACE + word
