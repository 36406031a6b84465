"""OPC UA servers: area controllers and whatever else serves named nodes.

The values come by one subscription, published at the shortest poll period; each node is sampled at its own. Each word
of the server through it (a change or a keep-alive) is a sign of life of all items. Nodes are named without an index:
the index of their namespace is looked up at each connection, since controllers renumber. A node that does not exist
costs its own item only. Writing goes by value with the node's own type, all wishes of a moment in one call.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from plantctl.core.errors import WrongDevice
from plantctl.core.field import FieldEventKind, WriteError
from plantctl.core.quality import BAD, GOOD, SEVERITY_MASK, SIMULATED, Reason, bad_because
from plantctl.drivers._codec import NotRepresentable, worse
from plantctl.drivers._driver import Job, Port, Wish, Written
from plantctl.drivers._opcua_item import Config, Heartbeat, Item, identifier, number_of, utc_ns_of, value_for
from plantctl.drivers._opcua_link import NAMESPACE_ARRAY, PRODUCT_URI, SERVER_ARRAY, Link, Subscription
from plantctl.drivers._opcua_status import UNWRITABLE, code, quality_of

__all__ = ["SCALE", "Config", "Driver", "Item"]

SCALE: Final = {
    "config-schema": "done",
    "log-once": "done",
    "back-off": "done",
    "read-back": "done",
    "quality-reasons": "done",
    "wire-transcript": "exempt: the library's encoding is its own; what is asked of it is tested against real servers",
    "packing-benchmark": "exempt: the server packs",
    "record-replay": "exempt: no real server has been recorded yet",
}

LIBRARIES: Final = ("asyncua.client", "plantctl.drivers._opcua_admission")
NOT_A_NUMBER: Final = bad_because(Reason.CONFIG)
SHORTEST_LOOK_S: Final = 0.2


class Watch:
    """One monitored node: the input it is the value of, or beside whose value it stands."""

    def __init__(self, position: int, node: str, namespace: str | None, sampling_s: float, beside: int = -1) -> None:
        self.position = position
        self.sampling_s = sampling_s
        self.node = node
        self.namespace = namespace
        self.beside = beside
        self.retry_ns = 0  # when to look for it again; 0 while the server has it


class Value:
    """What is known of one input: its own last word and those beside it."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.begin()

    def begin(self) -> None:
        """A new connection: nothing is known."""
        self.number: float | None = None
        self.quality = GOOD
        self.source_ns: int | None = None
        self.heard = False
        self.beside = [GOOD for _ in self.item.beside]

    def whole_quality(self) -> int:
        """The worst of all words, with the mark of simulation if any of them has it."""
        quality = self.quality
        for word in self.beside:
            quality = worse(quality, word) | (word & SIMULATED)
        return quality


class Driver:
    """One OPC UA connection. Raises ValueError for items without a namespace or that cannot be written."""

    refresh_s: float | None = None
    refreshed: Sequence[int] = ()
    quiet_s = 0.0
    watchdog_s: float | None = None

    def __init__(self, port: Port, config: Config, inputs: Sequence[Item], outputs: Sequence[Item]) -> None:
        self.settings = config
        self._port = port
        self._link = Link(port, config, self._hear, self._lived)
        self._outputs = outputs
        self._values = [Value(item) for item in inputs]
        self._watches: list[Watch] = []
        for position, item in enumerate(inputs):
            sampling_s = item.poll or config.poll
            self._watches.append(Watch(position, item.node, item.namespace, sampling_s))
            for n, beside in enumerate(item.beside):
                self._watches.append(Watch(position, beside.node, item.namespace, sampling_s, n))
        self._heartbeat_handle = -1
        self._heartbeat: Any = None
        if config.heartbeat is not None:
            self._heartbeat_handle = len(self._watches)
            self._watches.append(Watch(-1, config.heartbeat.node, config.heartbeat.namespace, config.poll))
        interval_s = min((w.sampling_s for w in self._watches), default=config.poll)
        self._subscription = Subscription(interval_s)
        self.jobs = [Job(f"subscription {interval_s:g} s", max(interval_s, SHORTEST_LOOK_S))] if self._watches else []
        self._check(port, config, inputs)
        self._indices: dict[str, int] = {}
        self._types: dict[str, str] = {}

    def _check(self, port: Port, config: Config, inputs: Sequence[Item]) -> None:
        things: list[tuple[str, Item | Heartbeat]] = [
            *((p.tag, i) for p, i in zip(port.device.inputs, inputs, strict=True)),
            *((p.tag, i) for p, i in zip(port.device.outputs, self._outputs, strict=True)),
        ]
        if config.heartbeat is not None:
            things.append(("heartbeat", config.heartbeat))
        for name, thing in things:
            if (thing.namespace or config.namespace) is None:
                raise ValueError(f"{name}: neither the item nor the device names a namespace")
        for plan, item in zip(port.device.outputs, self._outputs, strict=True):
            if "w" not in item.access:
                raise ValueError(f"{plan.tag}: the item `{item.item or item.node}` cannot be written")

    async def open(self) -> None:
        """Connect."""
        for value in self._values:
            value.begin()
        self._heartbeat = None
        self._types = {}
        await self._link.open()

    async def identify(self) -> None:
        """The namespaces must be there, and the server must be the one that is named; then subscribe."""
        name, wanted = self._port.device.name, self.settings.identity
        found = await self._link.read([NAMESPACE_ARRAY, SERVER_ARRAY, PRODUCT_URI])
        namespaces, servers, product = (data.Value.Value if data.Value is not None else None for data in found)
        self._indices = {uri: n for n, uri in reversed(list(enumerate(namespaces or ())))}
        for uri in [self.settings.namespace, *(w.namespace for w in self._watches)]:
            if uri is not None and uri not in self._indices:
                raise WrongDevice(name, f"the server has no namespace `{uri}`")
        application = servers[0] if servers else None
        if wanted.application is not None and application != wanted.application:
            raise WrongDevice(name, f"the server is `{application}` instead of `{wanted.application}`")
        if wanted.product is not None and product != wanted.product:
            raise WrongDevice(name, f"the server's product is `{product}` instead of `{wanted.product}`")
        if self._watches:
            await self._link.subscribe(self._subscription)
            await self._monitor(range(len(self._watches)))

    def _node(self, node: str, namespace: str | None) -> str:
        return identifier(node, self._indices.get(namespace or self.settings.namespace or "", 0))

    async def _monitor(self, handles: Sequence[int]) -> None:
        """Add nodes to the subscription; what the server does not have is bad, config, told once, tried again."""
        watches = [self._watches[h] for h in handles]
        wanted = [(h, self._node(w.node, w.namespace), w.sampling_s) for h, w in zip(handles, watches, strict=True)]
        codes = await self._link.monitor(self._subscription, wanted)
        again_ns = self._port.clock.monotonic_ns() + round(self.settings.retry * 1e9)
        for watch, status in zip(watches, codes, strict=True):
            quality = quality_of(status)
            if (quality & SEVERITY_MASK) < BAD:
                watch.retry_ns = 0
                self._port.mended(watch.node)
                continue
            watch.retry_ns = again_ns
            self._port.trouble(watch.node, f"the server refuses this node: {status:#010x}", FieldEventKind.DISCREPANCY)
            if watch.position >= 0:
                value = self._values[watch.position]
                if watch.beside >= 0:
                    value.beside[watch.beside] = quality
                    self._put(watch.position)
                else:
                    self._port.mark(np.array([watch.position]), quality)

    def _hear(self, handle: int, data: Any) -> None:
        """One value of the server."""
        watch = self._watches[handle]
        number = number_of(data.Value.Value if data.Value is not None else None)
        status = int(data.StatusCode.value) if data.StatusCode is not None else 0
        if handle == self._heartbeat_handle:
            if number != self._heartbeat:
                self._heartbeat = number
                self._port.alive(np.arange(len(self._values)))
            return
        value = self._values[watch.position]
        if watch.beside >= 0:
            bad = (quality_of(status) & SEVERITY_MASK) >= BAD or number is None
            means = value.item.beside[watch.beside]
            value.beside[watch.beside] = quality_of(status) if bad else means.quality(float(number or 0.0))
        else:
            value.heard = True
            value.quality = quality_of(status)
            value.number = number
            if number is None and (value.quality & SEVERITY_MASK) < BAD:
                value.quality = NOT_A_NUMBER
            value.source_ns = utc_ns_of(data.SourceTimestamp or data.ServerTimestamp)
        self._put(watch.position)

    def _put(self, position: int) -> None:
        value = self._values[position]
        if not value.heard:
            return
        quality = value.whole_quality()
        if value.number is None or (math.isnan(value.number) and (quality & SEVERITY_MASK) >= BAD):
            # Nothing came with the bad status: the last value stays, as on a lost link.
            self._port.mark(np.array([position]), quality)
        else:
            self._port.put(position, value.number, quality, value.source_ns)

    def _lived(self) -> None:
        """A word of the server is life of every item, unless only the heartbeat counts."""
        if self._heartbeat_handle < 0:
            live = [p for p, value in enumerate(self._values) if value.heard]
            self._port.alive(np.array(live, dtype=np.intp))

    async def read(self, job: int) -> None:
        """Look after the subscription; its values come by themselves."""
        await self._link.supervise(self._subscription)
        now_ns = self._port.clock.monotonic_ns()
        missing = [h for h, watch in enumerate(self._watches) if 0 < watch.retry_ns <= now_ns]
        if missing:
            await self._monitor(missing)

    async def prepare_writing(self) -> None:
        """Learn the type of each node that will be written."""
        unknown = [i for i in self._outputs if i.type is None]
        nodes = [self._node(i.node, i.namespace) for i in unknown]
        values = await self._link.read(nodes)
        kinds = await self._link.read(nodes, "DataType")
        for node, value, kind in zip(nodes, values, kinds, strict=True):
            if value.Value is not None and value.Value.Value is not None:
                self._types[node] = value.Value.VariantType.name
            elif kind.Value is not None and kind.Value.Value is not None:
                self._types[node] = _type_name(kind.Value.Value)

    async def write(self, wishes: Sequence[Wish]) -> Sequence[Written]:
        """All wishes in one call; each has its own answer. Withdrawn wishes are, all of them: nothing was sent."""
        answers: dict[int, Written] = {}
        nodes: list[str] = []
        values: list[tuple[str, Any]] = []
        sent: list[Wish] = []
        for wish in wishes:
            item = self._outputs[wish.position]
            node = self._node(item.node, item.namespace)
            kind = item.type or self._types.get(node)
            if kind is None:
                text = "the server has no such node, or does not tell its type"
                answers[wish.position] = Written(wish.position, wish.value, WriteError.CONFIG, text)
                continue
            try:
                values.append((kind, value_for(kind, wish.value)))
            except NotRepresentable as fault:
                answers[wish.position] = Written(wish.position, wish.value, WriteError.NOT_REPRESENTABLE, str(fault))
                continue
            nodes.append(node)
            sent.append(wish)
        for wish, status, (_, value) in zip(sent, await self._send(nodes, values), values, strict=True):
            answers[wish.position] = _answer(wish, status, float(value))
        return [answers[wish.position] for wish in wishes]

    async def _send(self, nodes: Sequence[str], values: Sequence[tuple[str, Any]]) -> list[int]:
        return await self._link.write(nodes, values) if nodes else []

    async def close(self) -> None:
        """Let go of the connection."""
        await self._link.close()


def _answer(wish: Wish, status: int, sent: float) -> Written:
    """What the server's status code says about a write."""
    if (quality_of(status) & SEVERITY_MASK) < BAD:
        return Written(wish.position, sent)
    kind = WriteError.CONFIG if code(status) in UNWRITABLE else WriteError.REFUSED
    return Written(wish.position, sent, kind, f"status {status:#010x}")


def _type_name(data_type: Any) -> str:
    """The name of a built-in type from its node id; what is not built in has no name here."""
    from asyncua import ua

    number = data_type.Identifier if data_type.NamespaceIndex == 0 else 0
    try:
        return str(ua.VariantType(number).name)
    except ValueError:
        return "a type of its own"
