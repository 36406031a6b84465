"""The live values, transitions and commands of every page that is connected: the WebSocket of the plant.

Frames of the scan come in once and go out to all. A selection of points is encoded once for all clients that have it;
each client has its own bounded outbox, so that one that does not read costs the others nothing. A client that comes
back says what it had last and gets what it missed, each delta once, or is told of the gap and gets all values anew.
"""

import secrets
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from plantctl import __version__
from plantctl.core import command as codes
from plantctl.core.clock import Clock
from plantctl.core.command import Stage
from plantctl.core.event import Event
from plantctl.core.frame import Rows, RowsFlag
from plantctl.hmi.change_ring import Change, ChangeRing, Happened
from plantctl.hmi.channel import Channel, places
from plantctl.hmi.client import RESTARTS, SESSION_OVER, Client, Connection
from plantctl.hmi.gate import TOO_MANY, UNDER_WAY_MAX, Gate, StandStill
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.messages import (
    VERSION,
    CommandAsked,
    Devices,
    DeviceTold,
    Happening,
    Hb,
    Hello,
    Invalid,
    Refusal,
    StageTold,
    Sub,
    SubOk,
    Why,
    encode,
)
from plantctl.hmi.past_events import PastEvents
from plantctl.hmi.point_names import NamesRefused, PointNames
from plantctl.hmi.sessions import Session, Sessions

HB_MS: Final = 500
CLIENTS_MAX: Final = 128
# Sessions are looked at again, and the devices are told, with every so many signs of life.
LOOK_EVERY: Final = 4
DEVICES_EVERY: Final = 2
# A client that has missed more is told of a gap: making it up would keep the others waiting.
RESUMED_VALUES_MAX: Final = 100_000


class Live:
    """The WebSocket side of one plant. It follows the frames (`rows`, `event`, `lost`) and is told of every `turn`."""

    def __init__(self, plant: WatchedPlant, sessions: Sessions) -> None:
        self._plant = plant
        self._sessions = sessions
        self._texts = {p.name: p.text for p in plant.plan.points if p.text}
        self._names = PointNames(plant.plan)
        self._ring = ChangeRing(plant.plan)
        self.past = PastEvents(plant.plan, plant.events(), plant.utc_ns())
        self._still = StandStill()
        self._gate = Gate(plant, self._ring, self._still)
        self._channels: WeakValueDictionary[tuple[int, ...], Channel] = WeakValueDictionary()
        self._clients: set[Client] = set()
        self._birth = secrets.token_hex(6)
        # When the deltas of this epoch went out (monotonic ns): the last of them, by the end.
        self._told_ns: list[int] = []
        self._told_from = 1
        self._beats = 0
        self._begin(None, "too-old")

    @property
    def clients(self) -> int:
        """How many pages are connected."""
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether no further page may connect."""
        return len(self._clients) >= CLIENTS_MAX

    @property
    def epoch(self) -> str:
        """The epoch that sequences count in now, 16 hexadecimal digits."""
        return f"{self._birth}{self._ring.epoch & 0xFFFF:04x}"

    def monotonic_ns(self) -> int:
        """The plant's monotonic time."""
        return self._plant.monotonic_ns()

    # -- what the scan says

    def rows(self, rows: Rows, utc_ns: int, mono_ns: int) -> None:
        """All rows, or those that a scan changed."""
        if rows.flags & RowsFlag.RUN_START:
            self._begin(rows, "other-epoch", utc_ns)
        elif rows.flags & RowsFlag.PERIODIC:
            self._spread(self._ring.key(rows, utc_ns, mono_ns))
        else:
            self._spread(self._ring.scan(rows, utc_ns, mono_ns))

    def event(self, event: Event) -> None:
        """A transition."""
        happened = self._ring.event(event)
        self.past.take(event)
        text = ""
        for client in self._clients:
            if client.channel is not None:
                text = text or encode(self._happening(happened))
                client.outbox.put(text)
                client.wake()

    def lost(self) -> None:
        """Frames are lost: begin anew with what the plant is now."""
        self.past.lost(self._plant.utc_ns())
        self._begin(None, "too-old")

    def given_ns(self) -> int:
        """The earliest instant (monotonic) at which what arrives now may have been sent."""
        return self._still.given_ns(self._plant.monotonic_ns())

    def turn(self) -> None:
        """What the frames said so far is complete: send it."""
        now_ns = self._plant.monotonic_ns()
        self._still.turn(now_ns)
        self._spread(self._ring.close(now_ns))

    def beat(self) -> None:
        """A sign of life to everybody; now and then, whether each may still be here."""
        pulse = self._plant.pulse()
        ages = pulse.scan_age_ns // 1_000_000, pulse.field_age_ns // 1_000_000
        text = encode(Hb(self._ring.sequence, str(self._plant.utc_ns()), *ages, pulse.link))  # type: ignore[arg-type]
        mono_ns = self._plant.monotonic_ns()
        for client in self._clients:
            client.look(mono_ns)
            client.outbox.sign_of_life(text)
            client.wake()
        self._beats += 1
        if self._beats % DEVICES_EVERY == 0:
            told = self._devices()
            for client in self._clients:
                if client.channel is not None:
                    client.outbox.devices(told)
                    client.wake()
        if self._beats % LOOK_EVERY == 0:
            now_ns = self._plant.utc_ns()
            for client in self._clients:
                found = self._sessions.look(client.session.key, now_ns)
                if found is None:
                    client.close(SESSION_OVER, "the session is over")
                else:
                    client.session = found

    async def beats(self, clock: Clock) -> None:
        """A sign of life every `HB_MS`, until cancelled."""
        while True:
            self.beat()
            await clock.sleep(HB_MS / 1e3)

    # -- what clients say

    async def serve(self, connection: Connection, session: Session, abort: Callable[[], None]) -> None:
        """One page, from its connection to its end. The caller has accepted it."""
        client = Client(connection, session, abort)
        client.outbox.put(self._hello(client))
        self._clients.add(client)
        try:
            await client.talk(self)
        finally:
            self._clients.discard(client)

    def end(self) -> None:
        """Tell every client that the server restarts."""
        for client in self._clients:
            client.close(RESTARTS, "the server restarts")

    def subscribe(self, client: Client, asked: Sub) -> None:
        """Take up a client's subscription in the place of an earlier one."""
        try:
            entries, invalid = self._names.find(asked.tags)
        except NamesRefused as refusal:
            client.outbox.put(encode(Refusal(asked.id, "too-many", str(refusal))))
            return
        channel = self._channels.get(entries)
        if channel is None:
            channel = self._channels[entries] = Channel(self._names, entries)
        outbox, ring = client.outbox, self._ring
        client.channel = channel
        outbox.forget()
        outbox.snapshot = lambda: (ring.sequence, channel.snap(ring))
        outbox.put(encode(SubOk(asked.id, channel.map, [Invalid(*each) for each in invalid])))
        outbox.devices(self._devices())
        resume = asked.resume
        if resume is None:
            outbox.put(channel.snap(ring))
        elif resume.epoch != self.epoch:
            outbox.leave_out("other-epoch", 0)
        elif (missed := ring.since(resume.seq, resume.n)) is None or channel.size(missed) > RESUMED_VALUES_MAX:
            outbox.leave_out("too-old", resume.seq + 1)
        else:
            for each in missed:
                outbox.put(
                    encode(self._happening(each))
                    if isinstance(each, Happened)
                    else channel.delta(each, places(each, len(ring.value)))
                )

    def command(self, client: Client, asked: CommandAsked) -> None:
        """Give a client's command to the plant."""
        if client.under_way >= UNDER_WAY_MAX:
            at_ns = str(self._plant.utc_ns())
            refused = StageTold(asked.id, Stage.REFUSED.word, codes.TOO_MANY, TOO_MANY, at_ns)
            client.outbox.put(encode(refused))
            return
        session = self._sessions.look(client.session.key, self._plant.utc_ns())
        if session is None:
            client.close(SESSION_OVER, "the session is over")
            return
        client.under_way += 1
        self._gate.give(asked, session, self._seen_ns(asked.seq), client.told)

    # -- inside

    def _seen_ns(self, sequence: int | None) -> int | None:
        """When a delta went out; None where no delta was named. What is not known any more is as old as can be."""
        if sequence is None or sequence == self._ring.sequence:
            return None
        place = sequence - self._told_from
        return self._told_ns[place] if 0 <= place < len(self._told_ns) else 0

    def _hello(self, client: Client) -> str:
        plan, session = self._plant.plan, client.session
        return encode(
            Hello(
                VERSION,
                f"plantctl {__version__}",
                self.epoch,
                HB_MS,
                f"{plan.hash:016x}",
                session.user,
                session.role,
                self._ring.sequence,
            )
        )

    def _devices(self) -> str:
        now_ns = self._plant.monotonic_ns()
        told: list[DeviceTold] = []
        for device, counted in self._plant.device_statistics():
            age_ms = max(0, now_ns - counted.answer_ns) // 1_000_000 if counted.answer_ns else None
            told.append((device.name, counted.state.word, age_ms))  # type: ignore[arg-type]
        return encode(Devices(str(self._plant.utc_ns()), told))

    def _happening(self, happened: Happened) -> Happening:
        event = happened.event
        return Happening(
            happened.sequence,
            happened.number,
            str(event.utc_ns),
            event.kind.word,
            event.target,
            event.old_text,
            event.new_text,
            event.actor,
            event.reason,
            self._texts.get(event.target, ""),
        )

    def _begin(self, rows: Rows | None, why: Why, utc_ns: int = 0) -> None:
        """Another epoch, for all clients: hello, then what they subscribed to as it is now."""
        plant = self._plant
        self._ring.begin(rows, utc_ns or plant.utc_ns(), None if rows is not None else plant.snapshot())
        self._told_ns, self._told_from = [], 1
        for client in self._clients:
            client.outbox.forget()
            client.outbox.put(self._hello(client))
            if client.channel is not None:
                client.outbox.leave_out(why, 0)
            client.wake()

    def _spread(self, change: Change | None) -> None:
        if change is None:
            return
        self._told_ns.append(self._plant.monotonic_ns())
        if len(self._told_ns) > 1200:
            del self._told_ns[:600]
            self._told_from += 600
        where = places(change, len(self._ring.value))
        for client in self._clients:
            if client.channel is not None:
                client.outbox.delta(change.sequence, client.channel.delta(change, where))
                client.wake()
