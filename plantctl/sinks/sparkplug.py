"""Sends rows and transitions to a broker as a Sparkplug B edge node, for hosts that speak it.

The node is the plant; it has no devices, since rows of one scan belong together whatever device they come from. It is
born with every point, tells data by alias and dies by its will or, planned, by its own word (NDEATH). A host that
misses something asks for a birth. With a primary host configured nothing is sent while that host is offline: the rows
stay in the log and go out, marked historical where newer ones were first, when it is back.

The specification sends data at QoS 0, which nobody acknowledges. So a batch counts as arrived when the broker has
answered a request that was sent behind it, on the same connection, and the primary host, if there is one, was online
before and after. `qos: 1` has the broker acknowledge every message instead, which the specification does not have.

Source: Eclipse Sparkplug specification 3.0, chapters 4 to 6.
"""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from plantctl.core.batch import Batch
from plantctl.core.errors import CommandRejected
from plantctl.sinks._bd_seq import BD_SEQ, BD_SEQ_COUNT, BYTES_MAX, decode_bd_seq, encode_bd_seq
from plantctl.sinks._kept_file import keep
from plantctl.sinks._mqtt_link import Heard, Link
from plantctl.sinks._mqtt_settings import MqttSettings, Sent, Version, one_level
from plantctl.sinks._sink import SinkPlace, SinkRejected, SinkUnreachable
from plantctl.sinks._sparkplug_node import REBIRTH, Node
from plantctl.sinks._sparkplug_payload import Metric, Undecodable, death, decode

NAMESPACE: Final = "spBv1.0"
KEEP_AGAIN_NS: Final = 10_000_000_000
# A host that asks for a birth again within this gets none: the last one is under way.
REBIRTH_PAUSE_NS: Final = 1_000_000_000
COMMAND_AGE_MS: Final = 10_000
_MS: Final = 1_000_000

Level = Annotated[str, AfterValidator(one_level)]


class Config(MqttSettings):
    """The broker, and who we are at it: `group` and `node`, which is the plant's name unless it is said.

    `primary_host` is the host without which nothing is sent. `qos` is that of data: 0 as the specification has it, or
    1. `message` is the most metrics in one message. `commands: true` hands what hosts write to points to the gate of
    the plant; otherwise it is refused.
    """

    group: Level
    node: Level | None = None
    primary_host: Level | None = None
    qos: Literal[0, 1] = 0
    message: Annotated[int, Field(ge=1, le=10_000)] = 500
    commands: bool = False
    protocol: Version = "3.1.1"


class Sink:
    """The edge node at the broker of `config`.

    `rebirths` counts births that a host asked for or that changed points made, `refused_commands` what was not handed
    on or not accepted, with the reason of the last in `refusal`. `complaint` says what is wrong although all arrives.
    """

    settings: Config

    def __init__(self, place: SinkPlace, config: Config) -> None:
        self.settings = config
        self.rebirths = 0
        self.refused_commands = 0
        self.refusal = ""
        self.complaint = ""
        self._keep_again_ns = 0
        self._place = place
        self._name = config.node or place.plant
        facts = {"plant": place.plant, "configuration": place.config}
        facts |= {"recording": place.recording} if place.recording else {}
        self._node = Node(config.tags, journal=config.events, facts=facts)
        self.link = 0  # a lost connection is an error; another one is that of the primary host to its broker
        self._link: Link | None = None
        self._speaking = asyncio.Lock()
        self._attended = False
        self._bd_seq = -1
        self._born_ns = 0
        # What the primary host said last: whether it is online, and when it said so (its own time, ms).
        self._host_online = False
        self._host_ms = -1

    # ---- the connection

    async def open(self) -> None:
        """Connect with the will in place, wait for the primary host, be born. Raises `SinkError`."""
        self._host_online, self._host_ms = False, -1
        self._bd_seq = self._next_bd_seq()
        link = self._link = Link(self._place, self.settings, self._death(), self._note)
        await link.open()
        host = self.settings.primary_host
        await link.subscribe(self._topic("NCMD"), *([f"{NAMESPACE}/STATE/{host}"] if host else []))
        if host:
            await self._wait_for_host(link, host)
        await self._be_born(link)

    async def write(self, batch: Batch) -> None:
        """Send the batch as data; returns when it has arrived as far as can be known.

        Rows that their point's type cannot hold are left out and named in a SinkRejected when the rest has arrived.
        """
        async with self._speaking:
            link = self._up()
            while not self._attended and link.waiting:
                if await self._act(await link.hear()):
                    await self._be_born_again(link)
            self._check_host()
            if self._node.must_be_born_again(batch, self._place.labels):
                await self._be_born_again(link)
            misfits: dict[int, str] = {}
            if self.complaint and self._place.clock.monotonic_ns() >= self._keep_again_ns:
                self._keep_bd_seq(self._bd_seq)
            await link.publish(self._data(batch, misfits), self.settings.qos)
            if self.settings.qos == 0:
                # The broker reads in order: what it answers here is behind all that was sent.
                await link.subscribe(self._topic("NCMD"))
            self._check_host()
            self._node.settle(batch)
        if misfits:
            raise SinkRejected(next(iter(misfits.values())), sorted(misfits))

    def _data(self, batch: Batch, misfits: dict[int, str]) -> Iterator[Sent]:
        for message in self._node.data(batch, self._now_ms(), self.settings.message, misfits):
            yield Sent(self._topic("NDATA"), message)

    async def attend(self) -> None:
        """Act on what hosts say, until the connection is over."""
        self._attended = True
        try:
            while True:
                link = self._up()
                if await self._act(await link.hear()):
                    async with self._speaking:  # behind the batch that is under way
                        await self._be_born_again(link)
        finally:
            self._attended = False

    async def close(self) -> None:
        """Die in order where the connection is up; where it is not, the broker has told by now."""
        link, self._link = self._link, None
        if link is None:
            return
        # MQTT 5 has the broker say the will at the end; before that a node says its death itself.
        by_will = self.settings.protocol == "5"
        await link.close(None if by_will else self._death(), say_the_will=by_will)

    def _up(self) -> Link:
        if self._link is None:
            raise SinkUnreachable("not connected")
        return self._link

    def _topic(self, kind: str) -> str:
        return f"{NAMESPACE}/{self.settings.group}/{kind}/{self._name}"

    def _now_ms(self) -> int:
        return self._place.clock.utc_ns() // _MS

    # ---- birth and death

    async def _be_born(self, link: Link) -> None:
        birth = self._node.birth(self._place.labels, self._bd_seq, self._now_ms())
        self._born_ns = self._place.clock.monotonic_ns()
        await link.publish([Sent(self._topic("NBIRTH"), birth)], 0)

    async def _be_born_again(self, link: Link) -> None:
        self.rebirths += 1
        await self._be_born(link)

    def _death(self) -> Sent:
        return Sent(self._topic("NDEATH"), death(self._now_ms(), self._bd_seq))

    def _next_bd_seq(self) -> int:
        """The number of the next connection: one more than that of the last, over restarts where there is a folder."""
        folder = self._place.folder
        last = self._bd_seq
        path = None if folder is None else folder / f"{self._place.name}{BD_SEQ}"
        if path is not None and last < 0:
            try:
                last = decode_bd_seq(path.read_bytes()[:BYTES_MAX])
            except (FileNotFoundError, ValueError):
                pass
            except OSError:  # it is there: any number but that one, which the time is likely to be
                last = self._now_ms() % BD_SEQ_COUNT
        number = (last + 1) % BD_SEQ_COUNT
        self._keep_bd_seq(number)
        return number

    def _keep_bd_seq(self, number: int) -> None:
        """Have the number on disk. A disk that refuses must not keep data from leaving: it is told, and tried again."""
        if self._place.folder is None:
            return
        try:
            keep(self._place.folder / f"{self._place.name}{BD_SEQ}", encode_bd_seq(number))
        except OSError as fault:
            self.complaint = f"the number of this connection cannot be kept: {fault.strerror}"
            self._keep_again_ns = self._place.clock.monotonic_ns() + KEEP_AGAIN_NS
        else:
            self.complaint = ""

    # ---- the primary host

    async def _wait_for_host(self, link: Link, host: str) -> None:
        try:
            async with asyncio.timeout(self.settings.timeout):
                while not self._host_online:
                    await link.hear()  # noted when it came
        except TimeoutError:
            raise SinkUnreachable(f"the primary host {host} is offline") from None

    def _is_state(self, heard: Heard) -> bool:
        return heard.topic == f"{NAMESPACE}/STATE/{self.settings.primary_host}"

    def _note(self, heard: Heard) -> None:
        """Take note of what the primary host says; what is older than what it said before counts for nothing.

        Done as it comes, so that an answer of the broker that is behind it finds it.
        """
        if not self._is_state(heard):
            return
        try:
            said = json.loads(heard.payload)
            online, time_ms = said["online"], said["timestamp"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        if not isinstance(online, bool) or not isinstance(time_ms, int) or time_ms < self._host_ms:
            return
        if online and self._host_online and time_ms > self._host_ms:
            self.link += 1  # it was away without a word: what was sent meanwhile it has not heard
        self._host_online, self._host_ms = online, time_ms

    def _check_host(self) -> None:
        if self.settings.primary_host is not None and not self._host_online:
            raise SinkUnreachable(f"the primary host {self.settings.primary_host} is offline")

    # ---- what hosts ask for

    async def _act(self, heard: Heard) -> bool:
        """Act on a message; whether a birth is due. Raises SinkUnreachable when the primary host has gone offline."""
        if self._is_state(heard):
            self._check_host()
            return False
        if heard.retained or heard.topic != self._topic("NCMD"):
            return False  # a command is for now: one that was kept is nobody's wish any more
        try:
            payload = decode(heard.payload, self._node.types())
        except Undecodable as fault:
            self._refuse(str(fault))
            return False
        due = False
        age_ms = COMMAND_AGE_MS + 1 if payload.time_ms is None else abs(self._now_ms() - payload.time_ms)
        for metric in payload.metrics:
            if metric.name == REBIRTH:
                waited_ns = self._place.clock.monotonic_ns() - self._born_ns
                due |= metric.value is True and waited_ns >= REBIRTH_PAUSE_NS
            elif age_ms > COMMAND_AGE_MS:
                self._refuse("a command without a time, or of another one than now")
            else:
                await self._command(metric)
        return due

    async def _command(self, metric: Metric) -> None:
        """Hand a command to the gate, or refuse it. The gate's answer goes into the journal as any command's."""
        gate = self._place.command if self.settings.commands else None
        name = self._node.name_of(metric.alias, metric.name)
        if gate is None:
            self._refuse("commands are off")
        elif not name:
            self._refuse("a command to a point that was not born")
        elif isinstance(metric.value, str) or metric.value is None or not math.isfinite(metric.value):
            self._refuse(f"{name}: {metric.value!r} is no value for it")
        else:
            try:
                async with asyncio.timeout(self.settings.timeout):
                    await gate(name, float(metric.value), f"sparkplug {self._place.name}")
            except CommandRejected as fault:
                self._refuse(f"{name}: {fault.reason}")
            except TimeoutError:
                self._refuse(f"{name}: the gate has not answered")

    def _refuse(self, why: str) -> None:
        self.refused_commands += 1
        self.refusal = why
