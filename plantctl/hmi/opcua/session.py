"""One client that has a session: every service it may use, each within its limits and its own things.

Reading is answered from the plant as it is now, history by the historian, and whatever would change the plant goes to
`Commands`, the way that a page's commands go. What changes the server itself (nodes, references, other servers) is not
offered at all.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from asyncua import ua as typed_ua
from asyncua.common.utils import ServiceError, create_nonce
from asyncua.server.internal_session import InternalSession, SessionState

from plantctl.hmi.messages import Role
from plantctl.hmi.opcua import limits
from plantctl.hmi.opcua.people import password_in

ua: Any = typed_ua


class Session(InternalSession):
    """The session of one connection; `person` is who, `role` what they may do, `peer` where from."""

    def __init__(self, server: Any, peer: str) -> None:
        super().__init__(server, server.aspace, server.subscription_service, peer)
        # The library's own is a number that the next client could guess.
        self.secret = secrets.token_bytes(32)
        self.auth_token = ua.NodeId(self.secret, 0, ua.NodeIdType.ByteString)
        self.peer = peer
        self.person = ""
        self.role: Role = "viewer"
        self.certificate: bytes | None = None
        self.used_ns = server.now_ns()
        self.waited_ns = 0
        self._server: Any = server
        self._browsing: dict[bytes, list[Any]] = {}

    # -- beginning and end

    async def create_session(self, params: Any, sockname: Any = None) -> Any:
        """A session that nobody has logged in to yet."""
        wanted_ms = float(params.RequestedSessionTimeout or limits.SESSION_MS_MAX)
        revised_ms = min(max(wanted_ms, limits.SESSION_MS_MIN), limits.SESSION_MS_MAX)
        self.session_timeout = revised_ms / 1e3
        self.nonce = create_nonce(32)
        asked = ua.GetEndpointsParameters(EndpointUrl=params.EndpointUrl)
        return ua.CreateSessionResult(
            SessionId=self.session_id,
            AuthenticationToken=self.auth_token,
            RevisedSessionTimeout=revised_ms,
            MaxRequestMessageSize=limits.MESSAGE_BYTES_MAX,
            ServerNonce=self.nonce,
            ServerEndpoints=await self._server.get_endpoints(asked, sockname),
        )

    async def log_in(self, params: Any, *, encrypted: bool) -> Any:
        """Let a person in, or another one in their place. Raises `ServiceError`."""
        server = self._server

        def password_of(token: Any) -> str:
            assert self.nonce is not None
            return password_in(token, server.private_key, self.nonce, encrypted=encrypted)

        begun_ns = server.now_ns()
        try:
            self.person, self.role = await server.people.log_in(params.UserIdentityToken, password_of, begun_ns)
        finally:
            self.waited_ns += server.now_ns() - begun_ns
        self.nonce = create_nonce(32)
        self.state = SessionState.Activated
        return ua.ActivateSessionResult(ServerNonce=self.nonce)

    async def close_session(self, delete_subs: bool = True) -> None:
        """End it, with all that is its own."""
        if self.state is not SessionState.Closed:
            self.state = SessionState.Closed
            self._browsing.clear()
            self._server.sessions.discard(self)
            await self.subscription_service.delete_subscriptions(list(self._subscriptions.of(self.session_id)))

    @property
    def _subscriptions(self) -> Any:
        return self.subscription_service

    # -- reading

    async def read(self, params: Any) -> list[Any]:
        """Attributes as they are now; what a user may do is told by this user's role."""
        _check(params.NodesToRead)
        space, found = self._server.aspace, []
        for wanted in params.NodesToRead:
            if wanted.IndexRange or (wanted.DataEncoding and wanted.DataEncoding.Name not in (None, "Default Binary")):
                code = (
                    ua.StatusCodes.BadIndexRangeNoData if wanted.IndexRange else ua.StatusCodes.BadDataEncodingInvalid
                )
                found.append(ua.DataValue(StatusCode=ua.StatusCode(code)))
                continue
            value = space.read_attribute_value(wanted.NodeId, wanted.AttributeId)
            if self.role != "operator" and wanted.AttributeId in _OF_USER and value.Value.Value is not None:
                value = _lesser(value, wanted.AttributeId)
            found.append(value)
        return found

    async def history_read(self, params: Any) -> list[Any]:
        """What was recorded."""
        _check(params.NodesToRead)
        begun_ns = self._server.now_ns()
        try:
            return list(await self._server.past.read(params))
        finally:
            self.waited_ns += self._server.now_ns() - begun_ns

    async def history_update(self, params: Any) -> list[Any]:
        """Nobody rewrites what was recorded."""
        raise ServiceError(ua.StatusCodes.BadHistoryOperationUnsupported)

    # -- browsing

    async def browse(self, params: Any) -> list[Any]:
        """References of nodes, as many at once as asked and as is allowed."""
        _check(params.NodesToBrowse)
        wanted = int(params.RequestedMaxReferencesPerNode or 0)
        most = min(wanted or limits.REFERENCES_MAX, limits.REFERENCES_MAX)
        results, left, view = [], limits.ANSWERED_MAX, self._server.view_service
        for each in params.NodesToBrowse:
            if left > 0:
                (result,) = view.browse(ua.BrowseParameters(NodesToBrowse=[each]))
                self._cut(result, min(most, left))
                left -= len(result.References)
            else:
                # It would keep everybody else: who asks for so much asks again.
                result = ua.BrowseResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadNoContinuationPoints))
            results.append(result)
        return results

    def browse_more(self, params: Any) -> list[Any]:
        """What did not fit into earlier answers."""
        _check(params.ContinuationPoints)
        results = []
        for point in params.ContinuationPoints:
            rest = self._browsing.pop(bytes(point or b""), None)
            result = ua.BrowseResult()
            if rest is None:
                result.StatusCode = ua.StatusCode(ua.StatusCodes.BadContinuationPointInvalid)
            elif not params.ReleaseContinuationPoints:
                most, result.References = rest[0], rest[1:]
                self._cut(result, most)
            results.append(result)
        return results

    def _cut(self, result: Any, most: int) -> None:
        rest = result.References[most:]
        if not rest:
            return
        if len(self._browsing) >= limits.CONTINUATIONS_MAX:
            result.References = []
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadNoContinuationPoints)
            return
        result.References = result.References[:most]
        result.ContinuationPoint = secrets.token_bytes(16)
        self._browsing[result.ContinuationPoint] = [most, *rest]

    async def translate_browsepaths_to_nodeids(self, params: Any) -> list[Any]:
        """Nodes by the names on the way to them."""
        _check(params, limits.PATHS_MAX)
        if any(not path.RelativePath.Elements or len(path.RelativePath.Elements) > 32 for path in params):
            raise ServiceError(ua.StatusCodes.BadBrowseNameInvalid)
        found = self._server.view_service.translate_browsepaths_to_nodeids(params)
        return list(found)

    async def register_nodes(self, nodes: list[Any]) -> list[Any]:
        """Nodes need no registering; they are what they are."""
        _check(nodes)
        return nodes

    # -- asking the plant

    async def write(self, params: Any) -> list[Any]:
        """Ask the plant to take values, one after the other; each is answered for itself."""
        _check(params.NodesToWrite)
        return [await self._server.commands.write(self, each) for each in params.NodesToWrite]

    async def call(self, params: Any) -> list[Any]:
        """Ask the plant by its methods."""
        _check(params)
        return [await self._server.commands.call(self, each) for each in params]

    # -- subscriptions

    async def create_monitored_items(self, params: Any) -> list[Any]:
        """Monitor values, of this session's own subscription."""
        _check(params.ItemsToCreate)
        self._subscriptions.owned(params.SubscriptionId, self.session_id)
        return list(await self._subscriptions.create_monitored_items(params))

    async def modify_monitored_items(self, params: Any) -> list[Any]:
        """Change how they are monitored."""
        _check(params.ItemsToModify)
        self._subscriptions.owned(params.SubscriptionId, self.session_id)
        return list(self._subscriptions.modify_monitored_items(params))

    async def delete_monitored_items(self, params: Any) -> list[Any]:
        """Monitor them no more."""
        _check(params.MonitoredItemIds)
        self._subscriptions.owned(params.SubscriptionId, self.session_id)
        return list(self._subscriptions.delete_monitored_items(params))

    async def set_monitoring_mode(self, params: Any) -> list[Any]:
        """Pause them, or go on."""
        _check(params.MonitoredItemIds)
        self._subscriptions.owned(params.SubscriptionId, self.session_id)
        return list(await self._subscriptions.set_monitoring_mode(params))

    async def set_publishing_mode(self, params: Any) -> list[Any]:
        """Pause whole subscriptions, or go on."""
        own = self._own(params.SubscriptionIds)
        for number in own:
            await self._subscriptions.subscriptions[number].set_publishing_mode(params.PublishingEnabled)
        return _each(params.SubscriptionIds, own)

    async def delete_subscriptions(self, ids: list[int]) -> list[Any]:
        """End subscriptions."""
        own = self._own(ids)
        await self._subscriptions.delete_subscriptions(own)
        return _each(ids, own)

    def republish(self, params: Any) -> Any:
        """A message that was sent already."""
        found = self._subscriptions.owned(params.SubscriptionId, self.session_id)
        return found.republish(params.RetransmitSequenceNumber)

    def publish(self, acks: Any = None) -> tuple[int, list[Any]]:
        """Take acknowledgements; how many subscriptions there are, and what became of each."""
        own = self._subscriptions.of(self.session_id)
        if not own:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        results = []
        for ack in acks or ():
            found = own.get(ack.SubscriptionId)
            if found is not None:
                found.publish([ack.SequenceNumber])
            code = ua.StatusCodes.Good if found is not None else ua.StatusCodes.BadSubscriptionIdInvalid
            results.append(ua.StatusCode(code))
        return len(own), results

    def _own(self, ids: Sequence[int]) -> list[int]:
        _check(ids)
        own = self._subscriptions.of(self.session_id)
        return [number for number in dict.fromkeys(ids) if number in own]


_OF_USER = (ua.AttributeIds.UserAccessLevel, ua.AttributeIds.UserExecutable)


def _lesser(value: Any, attribute: Any) -> Any:
    """What a viewer may do of what an operator may."""
    if attribute == ua.AttributeIds.UserExecutable:
        return ua.DataValue(ua.Variant(False, ua.VariantType.Boolean))
    level = value.Value.Value & ~ua.AccessLevel.CurrentWrite.mask
    return ua.DataValue(ua.Variant(level, ua.VariantType.Byte))


def _each(ids: Sequence[int], own: Sequence[int]) -> list[Any]:
    codes = ua.StatusCodes
    return [ua.StatusCode(codes.Good if number in own else codes.BadSubscriptionIdInvalid) for number in ids]


def _check(operations: Any, most: int = limits.OPERATIONS_MAX) -> None:
    """Refuse a request that asks for nothing, or for too much at once."""
    if not operations:
        raise ServiceError(ua.StatusCodes.BadNothingToDo)
    if len(operations) > most:
        raise ServiceError(ua.StatusCodes.BadTooManyOperations)
