"""One connection to an OPC UA server: its subscription, and the signs of life that come through it.

asyncua does the encoding and the channel; its reconnection, its watchdogs and its subscription objects are not used,
since a subscription can be dead for good there while the client says connected (measured). The service calls are made
directly: what the server publishes comes in order, without a task or a queue for each value, so nothing can be dropped
on the way; the newest value is in the image or the link is given up. A lost link is never mended: a new one is built.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from plantctl.core.errors import DeviceError, Garbled, Refused, Unreachable
from plantctl.drivers._driver import Port
from plantctl.drivers._opcua_item import Config
from plantctl.drivers._opcua_status import STATUS

if TYPE_CHECKING:
    from plantctl.drivers._opcua_admission import Admission

SERVER_ARRAY: Final = "i=2254"
NAMESPACE_ARRAY: Final = "i=2255"
PRODUCT_URI: Final = "i=2262"
NO_RIGHT: Final = STATUS["BadUserAccessDenied"][0]
ITEMS_PER_CALL: Final = 500
FAREWELL_S: Final = 0.5
RENEW_SHARE: Final = 0.75
LEAST_SESSION_S: Final = 10.0


def _library() -> Any:
    """The library, imported when the first connection is made; typed loosely, since it re-exports without saying so."""
    import asyncua

    return asyncua


@dataclass(slots=True)
class Subscription:
    """What the server publishes at one interval, and when it was last heard through it."""

    interval_s: float
    identifier: int = 0
    silence_ns: int = 0
    life_ns: int = 0
    sequence: int = 0
    broken: str = ""


class Link:
    """The connection. `hear(handle, data_value)` is called for each value, `lived()` for each word."""

    def __init__(self, port: Port, config: Config, hear: Callable[[int, Any], None], lived: Callable[[], None]) -> None:
        parts = urlsplit(port.device.connect)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise ValueError(f"`{port.device.connect}` is not an address like opc.tcp://host:4840")
        self._port = port
        self._config = config
        self._hear = hear
        self._lived = lived
        self._client: Any = None
        self._renew_ns = 0
        self._host = parts.hostname
        self._admission: Admission | None = None

    async def open(self) -> None:
        """Socket, channel and session; raises Unreachable, Refused, Garbled, NotAdmitted."""
        log = logging.getLogger("asyncua.client")
        if log.level == logging.NOTSET:
            # Its own log would tell each failure of each request; ours tells each loss once.
            log.setLevel(logging.CRITICAL)
        client = self._client = self._new_client()
        client.session_timeout = round(1000.0 * max(LEAST_SESSION_S, 20.0 * (self._config.silence or 1.0)))
        if not self._config.security.insecure:
            if self._admission is None:
                # What a plant without secured links need not load.
                from plantctl.drivers._opcua_admission import Admission

                self._admission = Admission(self._port, self._config.security, self._host)
            await self._admission.enter(_library(), client, self._new_client(), self.asked)
        else:
            async with self.asked():
                await client.connect_socket()
                await client.send_hello()
                await client.open_secure_channel()
                await client.create_session()
                await client.activate_session()
        self._plan_renewal()

    def _new_client(self) -> Any:
        return _library().Client(self._port.device.connect, timeout=self._config.timeout, auto_reconnect=False)

    def _plan_renewal(self) -> None:
        lifetime_ns = round(self._client.secure_channel_timeout * RENEW_SHARE * 1e6)
        self._renew_ns = self._port.clock.monotonic_ns() + lifetime_ns

    async def close(self) -> None:
        """Say farewell if the server listens, then let go of the socket. Takes at most half a second."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(Exception):
            async with asyncio.timeout(FAREWELL_S):
                # The session's publish task ends here as well, whether the server answers or not.
                await client.uaclient.close_session(True)
                await client.close_secure_channel()
        protocol = client.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()
        client.disconnect_socket()

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[None]:
        """One service call: what the library raises becomes ours."""
        from asyncua.ua.uaerrors import UaError, UaStatusCodeError

        name = self._port.device.name
        began_ns = self._port.clock.monotonic_ns()
        answered = False
        try:
            yield
            answered = True
        except DeviceError:
            raise
        except UaStatusCodeError as fault:
            raise Refused(name, f"the server refuses: {type(fault).__name__}", status=int(fault.code)) from fault
        except TimeoutError as fault:
            raise Unreachable(name, f"no answer within {self._config.timeout:g} s") from fault
        except (ConnectionError, OSError) as fault:
            raise Unreachable(name, f"no connection: {fault or type(fault).__name__}") from fault
        except UaError as fault:
            raise Garbled(name, f"{type(fault).__name__}: {fault}") from fault
        finally:
            if answered:
                self._port.statistics.answered(began_ns, self._port.clock.monotonic_ns())
            else:
                self._port.statistics.failed()

    async def read(self, nodes: Sequence[str], attribute: str = "Value") -> list[Any]:
        """One attribute of each node, as data values; an empty list needs no call."""
        ua = _library().ua
        if not nodes:
            return []
        async with self.asked():
            ids = [ua.NodeId.from_string(n) for n in nodes]
            return list(await self._client.uaclient.session.read_attributes(ids, ua.AttributeIds[attribute]))

    async def write(self, nodes: Sequence[str], values: Sequence[tuple[str, Any]]) -> list[int]:
        """Write all in one call; the server's status code for each. `values` are (type name, value).

        Raises Withdrawn when they are not to be sent any more.
        """
        ua = _library().ua
        ids = [ua.NodeId.from_string(n) for n in nodes]
        # Neither time stamps nor status: many controllers refuse a write that brings them.
        data = [ua.DataValue(ua.Variant(value, ua.VariantType[kind])) for kind, value in values]
        self._port.ask_to_write()
        try:
            async with self.asked():
                results = await self._client.uaclient.session.write_attributes(ids, data)
        except Refused as fault:
            if fault.status != NO_RIGHT:
                raise
            return [NO_RIGHT] * len(ids)  # to the whole call at once; the link is as it was
        return [int(r.value) for r in results]

    async def subscribe(self, subscription: Subscription) -> None:
        """Create the subscription, without items; the keep-alive count is asked for, never left to the library."""
        ua = _library().ua
        count = self._config.keep_alive
        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=1000.0 * subscription.interval_s,
            RequestedMaxKeepAliveCount=count,
            RequestedLifetimeCount=max(3 * count, round(5.0 / subscription.interval_s)),
        )
        subscription.sequence, subscription.broken = 0, ""
        session = self._client.uaclient.session
        async with self.asked():
            given = await session.create_subscription(wanted, lambda result: self._published(subscription, result))
        interval_s = given.RevisedPublishingInterval / 1000.0
        silence_s = self._config.silence_s(interval_s, int(given.RevisedMaxKeepAliveCount))
        subscription.identifier = int(given.SubscriptionId)
        subscription.silence_ns = round(silence_s * 1e9)
        subscription.life_ns = self._port.clock.monotonic_ns()

    async def monitor(self, subscription: Subscription, watched: Sequence[tuple[int, str, float]]) -> list[int]:
        """Add `(handle, node, sampling interval in s)` to the subscription; the server's status code for each.

        The queue is one deep and the newest value stays: values faster than the interval are not kept.
        """
        ua = _library().ua
        codes: list[int] = []
        for start in range(0, len(watched), ITEMS_PER_CALL):
            items = []
            for handle, node, sampling_s in watched[start : start + ITEMS_PER_CALL]:
                item = ua.MonitoredItemCreateRequest(MonitoringMode=ua.MonitoringMode.Reporting)
                item.ItemToMonitor = ua.ReadValueId(
                    NodeId=ua.NodeId.from_string(node), AttributeId=ua.AttributeIds.Value
                )
                item.RequestedParameters = ua.MonitoringParameters(
                    ClientHandle=handle,
                    SamplingInterval=1000.0 * sampling_s,
                    QueueSize=1,
                    DiscardOldest=True,
                )
                items.append(item)
            wanted = ua.CreateMonitoredItemsParameters(
                SubscriptionId=subscription.identifier,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=items,
            )
            async with self.asked():
                results = await self._client.uaclient.session.create_monitored_items(wanted)
            codes += [int(r.StatusCode.value) for r in results]
        return codes

    def _published(self, subscription: Subscription, result: Any) -> None:
        """What the server says through the subscription, in its order; called from the library's publish task."""
        message = result.NotificationMessage
        subscription.life_ns = self._port.clock.monotonic_ns()
        self._lived()
        if not message.NotificationData:
            return
        sequence = int(message.SequenceNumber)
        if subscription.sequence and sequence != subscription.sequence % 0xFFFFFFFF + 1:
            subscription.broken = f"message {subscription.sequence + 1} of the subscription is missing"
        subscription.sequence = sequence
        for notification in message.NotificationData:
            for item in getattr(notification, "MonitoredItems", None) or ():
                self._hear(int(item.ClientHandle), item.Value)
            if hasattr(notification, "Status"):
                subscription.broken = f"the server ended the subscription: {notification.Status.name}"

    async def supervise(self, subscription: Subscription) -> None:
        """Raises Unreachable for a closed socket or a silent subscription, Garbled for a hole in it."""
        name, now_ns = self._port.device.name, self._port.clock.monotonic_ns()
        client = self._client
        if client is None or client.uaclient.protocol is None or client.uaclient.protocol.is_closed:
            raise Unreachable(name, "the connection was closed")
        if subscription.broken:
            raise Garbled(name, subscription.broken)
        if now_ns - subscription.life_ns > subscription.silence_ns:
            raise Unreachable(name, f"the server has not published for {subscription.silence_ns / 1e9:g} s")
        if self._admission is not None:
            self._admission.look()
        if now_ns > self._renew_ns:
            async with self.asked():
                await client.open_secure_channel(renew=True)
            client.uaclient.revolve_security_token()
            self._plan_renewal()
