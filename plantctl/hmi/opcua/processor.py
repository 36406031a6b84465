"""What one connection may say, in which order, and over which channel: the conversation before and around the services.

The library answers the services; it also lets a client open a channel with any certificate, make session after session
on it, use one that another has begun, and go on after a message that cannot be right. Here a stranger's certificate is
refused before our key is used, a connection has one session, a request names its own session, an open channel is for
asking the way in only (unless the plant is served `insecure`), and whoever breaks the protocol is told so and let go.
"""

import hmac
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, uatcp_to_binary

from plantctl.drivers._certificates import Unusable, certificate_from
from plantctl.hmi.opcua import limits
from plantctl.hmi.opcua.session import Session

# The library types little of this.
ua: Any = typed_ua
no_policy: Any = SecurityPolicyNone
answering: Any = UaProcessor


def _requests(*names: str) -> frozenset[int]:
    return frozenset(getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary") for name in names)


ASKING: Final = _requests("FindServers", "GetEndpoints", "CloseSecureChannel")
BEGINNING: Final = _requests("CreateSession", "ActivateSession", "CloseSession")
SERVICES: Final = _requests(
    "Read",
    "HistoryRead",
    "Write",
    "Call",
    "Browse",
    "BrowseNext",
    "TranslateBrowsePathsToNodeIds",
    "RegisterNodes",
    "UnregisterNodes",
    "CreateSubscription",
    "ModifySubscription",
    "SetPublishingMode",
    "DeleteSubscriptions",
    "CreateMonitoredItems",
    "ModifyMonitoredItems",
    "SetMonitoringMode",
    "DeleteMonitoredItems",
    "Publish",
    "Republish",
)
(_CREATE,) = _requests("CreateSession")
(_ACTIVATE,) = _requests("ActivateSession")
(_CLOSE,) = _requests("CloseSession")
(_MORE,) = _requests("BrowseNext")
(_MODIFY,) = _requests("ModifySubscription")


class Broken(Exception):
    """The client breaks the protocol, or is nobody we speak with: `code` is told, then the connection ends."""

    def __init__(self, code: int, why: str) -> None:
        self.code = code
        super().__init__(why)


class Channel(SecureConnection):
    """The secure channel of a connection. `asks_only`: it is open, and for asking the way in."""

    def __init__(self, server: Any, transport_limits: TransportLimits) -> None:
        super().__init__(no_policy(), transport_limits)
        self._server = server
        self.asks_only = True
        self.expires_ns = 0

    @property
    def gathered(self) -> int:
        """The bytes of a message that is not whole yet."""
        return self._incoming_size

    @property
    def encrypted(self) -> bool:
        """Whether what is said on it is encrypted, or need not be."""
        return bool(self.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt) or self._server.insecure

    def select_policy(self, uri: str, peer_certificate: bytes | None, mode: Any = None) -> None:
        """Begin to speak by a policy, with somebody we trust. Raises `Broken`."""
        codes = ua.StatusCodes
        if uri == SecurityPolicyNone.URI:
            if mode not in (None, ua.MessageSecurityMode.None_):
                raise Broken(codes.BadSecurityModeRejected, "no policy has this mode")
            self.asks_only = not self._server.insecure
            return
        if not any(policy.matches(uri, mode) for policy in self._server.policies):
            raise Broken(codes.BadSecurityPolicyRejected, f"the policy {uri} is not spoken")
        try:
            certificate = certificate_from(bytes(peer_certificate or b""), "the client's certificate")
        except Unusable:
            raise Broken(codes.BadCertificateInvalid, "what it shows is no certificate") from None
        fault = self._server.find_fault(certificate)
        if fault:
            raise Broken(codes.BadSecurityChecksFailed, f"its certificate is not accepted: {fault}")
        super().select_policy(uri, certificate.der, mode)
        self.asks_only = False

    def open(self, params: Any, server: Any) -> Any:
        """Open it, or go on with new keys."""
        if self._open and params.RequestType == ua.SecurityTokenRequestType.Issue:
            raise Broken(ua.StatusCodes.BadSecurityChecksFailed, "it opens an open channel")
        if not self.asks_only and self.security_policy.secure_channel_nonce_length:
            nonce = bytes(params.ClientNonce or b"")
            if len(nonce) != self.security_policy.secure_channel_nonce_length:
                raise Broken(ua.StatusCodes.BadNonceInvalid, "its nonce has another length")
        wanted_ms = int(params.RequestedLifetime)
        params.RequestedLifetime = min(max(wanted_ms, limits.TOKEN_MS_MIN), limits.TOKEN_MS_MAX)
        # A client may come a quarter late (OPC 10000-4, 5.5.2.1).
        self.expires_ns = self._server.now_ns() + params.RequestedLifetime * 1_250_000
        return super().open(params, server)


class Processor(UaProcessor):
    """The conversation with one connection. Raises `Broken` where it cannot go on."""

    session: Session | None

    def __init__(self, server: Any, outlet: Any, peer: str) -> None:
        transport_limits = TransportLimits(
            limits.CHUNK_BYTES_MAX, limits.CHUNK_BYTES_MAX, limits.CHUNKS_MAX, limits.STRANGER_BYTES_MAX
        )
        super().__init__(server, outlet, transport_limits)
        self._server = server
        self._peer = peer
        self._limits = transport_limits
        self.channel = Channel(server, transport_limits)
        self.channel.set_policy_factories(server.policies)
        self._connection = self.channel
        self._greeted = False

    @property
    def logged_in(self) -> bool:
        """Whether somebody has logged in."""
        return self.session is not None and self.session.is_activated()

    @property
    def waited_ns(self) -> int:
        """For how long its requests waited for others so far, ns."""
        return self.session.waited_ns if self.session is not None else 0

    def gathered(self, size: int) -> int:
        """How large a message is, of which a chunk of `size` bytes comes."""
        return self.channel.gathered + size

    async def hear(self, header: Any, body: Any) -> bool:
        """One message; whether the connection goes on."""
        if header.MessageType == ua.MessageType.Hello:
            self._greet(struct_from_binary(ua.Hello, body))
            return True
        if header.MessageType == ua.MessageType.SecureMessage and not self.channel.is_open():
            raise Broken(ua.StatusCodes.BadSecureChannelIdInvalid, "it speaks before its channel is open")
        try:
            return bool(await answering.process(self, header, body))
        except Broken:
            raise
        except ServiceError as fault:
            raise Broken(fault.code, "a message that is none") from fault
        except Exception as fault:
            # The library's own complaints (sequence, signature, form), and whatever a hostile byte breaks in it.
            raise Broken(ua.StatusCodes.BadSecurityChecksFailed, f"{type(fault).__name__}: {fault}") from fault

    def refuse(self, broken: Broken) -> None:
        """Tell why it ends."""
        told = ua.ErrorMessage(ua.StatusCode(broken.code), "")
        self._transport.write(uatcp_to_binary(ua.MessageType.Error, told))

    def _greet(self, hello: Any) -> None:
        if self._greeted:
            raise Broken(ua.StatusCodes.BadTcpMessageTypeInvalid, "it says hello twice")
        # Buffers below this the standard does not know.
        if min(hello.ReceiveBufferSize, hello.SendBufferSize) < 8192:
            raise Broken(ua.StatusCodes.BadConnectionRejected, "its buffers are too small")
        self._greeted = True
        size, most, chunks = limits.CHUNK_BYTES_MAX, limits.MESSAGE_BYTES_MAX, limits.CHUNKS_MAX
        told = ua.Acknowledge()
        told.ReceiveBufferSize, told.SendBufferSize = (
            min(hello.SendBufferSize, size),
            min(hello.ReceiveBufferSize, size),
        )
        told.MaxMessageSize, told.MaxChunkCount = most, chunks
        self._limits.max_recv_buffer, self._limits.max_send_buffer = told.ReceiveBufferSize, told.SendBufferSize
        self._transport.write(uatcp_to_binary(ua.MessageType.Acknowledge, told))

    # -- services

    async def process_message(self, seqhdr: Any, body: Any) -> Any:
        """One request, answered or refused."""
        typeid = nodeid_from_binary(body)
        requesthdr = struct_from_binary(ua.RequestHeader, body)
        try:
            done = await self._process_message(typeid, requesthdr, seqhdr, body)
        except Broken:
            raise
        except (ServiceError, ua.uaerrors.UaStatusCodeError) as fault:
            self._fault(requesthdr, seqhdr, fault.code)
        except Exception as fault:
            self._server.note(f"a request of {self._peer} could not be answered: {type(fault).__name__}: {fault}")
            self._fault(requesthdr, seqhdr, ua.StatusCodes.BadInternalError)
        else:
            return done
        return True

    def _send(self, requesthdr: Any, seqhdr: Any, response: Any) -> None:
        answering.send_response(self, requesthdr.RequestHandle, seqhdr, response)

    def _fault(self, requesthdr: Any, seqhdr: Any, code: int) -> None:
        response = ua.ServiceFault()
        response.ResponseHeader.ServiceResult = ua.StatusCode(code)
        self._send(requesthdr, seqhdr, response)

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        number, codes = typeid.Identifier if typeid.NamespaceIndex == 0 else 0, ua.StatusCodes
        if number not in ASKING:
            if self.channel.asks_only:
                raise ServiceError(codes.BadSecurityPolicyRejected)
            if number not in BEGINNING and number not in SERVICES:
                raise ServiceError(codes.BadServiceUnsupported)
            if number != _CREATE:
                self._check_session(requesthdr, number)
        answer = {_CREATE: self._create, _ACTIVATE: self._activate, _MORE: self._more, _MODIFY: self._modify}.get(
            number
        )
        if answer is None:
            return await answering._process_message(self, typeid, requesthdr, seqhdr, body)
        response = await answer(body)
        self._send(requesthdr, seqhdr, response)
        return True

    def _check_session(self, requesthdr: Any, number: int) -> None:
        codes, session = ua.StatusCodes, self.session
        told = bytes(requesthdr.AuthenticationToken.Identifier or b"") if _is_bytes(requesthdr) else b""
        if session is None or not hmac.compare_digest(told, session.secret):
            raise ServiceError(codes.BadSessionIdInvalid)
        if session.state.name == "Closed":
            raise ServiceError(codes.BadSessionClosed)
        if number in SERVICES and not session.is_activated():
            raise ServiceError(codes.BadSessionNotActivated)
        session.used_ns = self._server.now_ns()

    async def _create(self, body: Any) -> Any:
        params = struct_from_binary(ua.CreateSessionParameters, body)
        server, codes = self._server, ua.StatusCodes
        policy: Any = self.channel.security_policy
        if self.session is not None and self.session.state.name != "Closed":
            raise ServiceError(codes.BadTooManySessions)
        peer = policy.peer_certificate or None
        if peer is not None:
            # Who the channel was opened with is who the session is for.
            shown = certificate_from(bytes(params.ClientCertificate or b"") or peer, "the client's certificate")
            if shown.der != peer:
                raise ServiceError(codes.BadCertificateInvalid)
            if params.ClientDescription.ApplicationUri not in shown.applications:
                raise ServiceError(codes.BadCertificateUriInvalid)
        session = server.new_session(self._peer)
        result = await session.create_session(params, sockname=self.sockname)
        session.certificate = peer
        self.session = session
        result.ServerCertificate = policy.host_certificate or None
        proved = (peer or b"") + bytes(params.ClientNonce or b"")
        result.ServerSignature.Signature = policy.asymmetric_cryptography.signature(proved)
        result.ServerSignature.Algorithm = policy.AsymmetricSignatureURI
        response = ua.CreateSessionResponse()
        response.Parameters = result
        return response

    async def _activate(self, body: Any) -> Any:
        params = struct_from_binary(ua.ActivateSessionParameters, body)
        session = self.session
        policy: Any = self.channel.security_policy
        assert session is not None
        assert session.nonce is not None
        if policy.host_certificate:
            try:
                proved = policy.host_certificate + session.nonce
                policy.asymmetric_cryptography.verify(proved, params.ClientSignature.Signature)
            except Exception:
                raise ServiceError(ua.StatusCodes.BadApplicationSignatureInvalid) from None
        result = await self._server.log_in(session, params, encrypted=self.channel.encrypted)
        # Known by now: it may say more at once.
        self._limits.max_message_size = limits.MESSAGE_BYTES_MAX
        response = ua.ActivateSessionResponse()
        response.Parameters = result
        return response

    async def _more(self, body: Any) -> Any:
        params = struct_from_binary(ua.BrowseNextParameters, body)
        assert self.session is not None
        response = ua.BrowseNextResponse()
        response.Parameters.Results = self.session.browse_more(params)
        return response

    async def _modify(self, body: Any) -> Any:
        params = struct_from_binary(ua.ModifySubscriptionParameters, body)
        assert self.session is not None
        response = ua.ModifySubscriptionResponse()
        response.Parameters = await self._server.subscription_service.modify(params, self.session.session_id)
        return response

    def publish_request_limit(self, subscription_count: int) -> int:
        """How many publish requests may wait."""
        return limits.PUBLISH_REQUESTS_MAX

    def _should_close_session_on_transport_loss(self) -> bool:
        # What a client that is gone has left is given back at once; it makes its subscriptions anew.
        return True


def _is_bytes(requesthdr: Any) -> bool:
    return isinstance(requesthdr.AuthenticationToken.Identifier, bytes)
