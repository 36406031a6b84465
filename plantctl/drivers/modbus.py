"""Modbus devices: rectifiers, analysers, probes behind RTU gateways, drives.

A device is one connection with one or more stations (unit ids) behind it. What is read together is worked out once,
each station and poll period a job of its own; a station that does not answer is left alone for growing times, so that
it costs the others one time-out at each attempt and no more. Registers are described by device profiles
(config/devices), the wire and its traps are in `_modbus_link`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from plantctl.core.errors import DeviceError, Refused, Unreachable, WrongDevice
from plantctl.core.field import LINK_LOST, FieldEventKind, WriteError
from plantctl.core.quality import Reason, bad_because
from plantctl.drivers._codec import NotRepresentable, NumberType, Order, decode, encode
from plantctl.drivers._driver import Job, Port, Wish, Withdrawn, Written
from plantctl.drivers._modbus_group import Group, Part, Station
from plantctl.drivers._modbus_item import Config, Item, Table
from plantctl.drivers._modbus_link import SILENT_STATION, Link, Silent

__all__ = ["SCALE", "Config", "Driver", "Item"]

SCALE: Final = {
    "config-schema": "done",
    "wire-transcript": "done",
    "log-once": "done",
    "back-off": "done",
    "read-back": "done",
    "quality-reasons": "done",
    "packing-benchmark": "exempt: the packing is tested, its speed is measured with the benchmarks",
    "record-replay": "exempt: no real device has been recorded yet",
}

LIBRARIES: Final = ("pymodbus.client",)
ILLEGAL_ADDRESS: Final = 2
MIXED_UP: Final = bad_because(Reason.PROTOCOL)
NO_SUCH_ITEM: Final = bad_because(Reason.CONFIG)


class Driver:
    """One Modbus connection. Raises ValueError for items that contradict each other or the device's limits."""

    def __init__(self, port: Port, config: Config, inputs: Sequence[Item], outputs: Sequence[Item]) -> None:
        self.settings = config
        self._port = port
        self._link = Link(port, config, self._take_back)
        self._inputs = [self._with_defaults(i) for i in inputs]
        self._outputs = [self._with_defaults(i) for i in outputs]
        for plan, item in zip(port.device.outputs, self._outputs, strict=True):
            if "w" not in item.access:
                raise ValueError(f"{plan.tag}: the item `{item.item or item.address}` cannot be written")
        self._stations = self._find_stations()
        self._silent: list[int] = []
        self._groups = self._find_groups()
        self.jobs = [Job(f"station {g.station.number} {g.table}", g.period_s) for g in self._groups]
        self.refresh_s = config.refresh_s
        self.quiet_s = config.quiet_s
        self.watchdog_s = config.watchdog
        self.refreshed = [n for n, item in enumerate(self._outputs) if item.refresh]

    def _with_defaults(self, item: Item) -> Item:
        """The item with the device's station and numbering where it has none of its own."""
        mine = {"station": self.settings.station, "numbering": self.settings.numbering}
        return item.model_copy(update={k: v for k, v in mine.items() if getattr(item, k) is None})

    def _find_stations(self) -> dict[int, Station]:
        stations: dict[int, Station] = {}
        for item in [*self._inputs, *self._outputs]:
            number = item.station or 0
            if number not in stations:
                rows = np.array([n for n, i in enumerate(self._inputs) if i.station == item.station], dtype=np.intp)
                mine = number == self.settings.station and bool(self.settings.identity)
                identity = self.settings.identity if mine else item.identity
                stations[number] = Station(number, identity, item.numbering or 0, rows)
        return stations

    def _find_groups(self) -> list[Group]:
        positions: dict[tuple[int, Table, float], list[int]] = {}
        for n, item in enumerate(self._inputs):
            positions.setdefault((item.station or 0, item.table, item.poll or self.settings.poll), []).append(n)
        groups = [Group(self._stations[k[0]], k[1], k[2], numbers) for k, numbers in positions.items()]
        for group in groups:
            group.build(self._inputs, self.settings)
        return groups

    async def open(self) -> None:
        """Connect, and wait out the quarantine of an RTU link."""
        for station in self._stations.values():
            station.begin()
        self._silent.clear()
        await self._link.open()
        await self._link.settle()

    async def identify(self) -> None:
        """A device with one station must prove who it is at once; behind a gateway each does before its first read."""
        if len(self._stations) != 1:
            return
        (station,) = self._stations.values()
        try:
            complaint = await self._identity_complaint(station)
        except Refused as fault:
            raise WrongDevice(self._port.device.name, f"refused its identity: {fault.what}") from fault
        if complaint:
            raise WrongDevice(self._port.device.name, complaint)
        station.trusted = True

    async def close(self) -> None:
        """Let go of the connection."""
        await self._link.close()

    async def _identity_complaint(self, station: Station) -> str:
        """Empty when every fact of the station's identity is found."""
        for fact in station.identity:
            first = fact.address - station.numbering
            words = await self._link.read(station.number, fact.table, first, fact.registers)
            if complaint := fact.complaint(words):
                return complaint
        return ""

    async def _ready(self, station: Station) -> bool:
        """Whether the station may be asked now: not in its pause, link believed, identity proved."""
        if station.down and self._port.clock.monotonic_ns() < station.retry_ns:
            return False
        if await self._link.settle():
            for other in self._stations.values():
                other.trusted = other.trusted and not other.identity
        if not station.trusted:
            point = f"station {station.number}"
            try:
                complaint = await self._identity_complaint(station)
            except Refused as fault:
                if fault.status in SILENT_STATION:
                    raise
                complaint = f"refused its identity: {fault.what}"
            if complaint:
                self._port.trouble(point, f"wrong device: {complaint}", FieldEventKind.DISCREPANCY)
                self._port.mark(station.rows, NO_SUCH_ITEM)
                station.pause(self._port.clock.monotonic_ns(), self.settings.station_backoff)
                return False
            self._port.mended(point)
            station.trusted = True
        return True

    def _take_back(self) -> None:
        """Answers may have been taken for those to other questions: nothing is believed until it is read again."""
        for station in self._stations.values():
            station.trusted = station.trusted and not station.identity
            if station.lived and not station.down:
                self._port.mark(station.rows, MIXED_UP)

    def _missed(self, station: Station, fault: DeviceError) -> None:
        """One request unanswered. Raises Unreachable when it looks as if nobody were there any more.

        Two stations that lived and are silent one after the other mean the link, not the stations.
        """
        station.misses += 1
        if station.lived and station.number not in self._silent:
            self._silent.append(station.number)
        if len(self._silent) > 1:
            raise Unreachable(self._port.device.name, f"{fault.what}, nor did station {self._silent[0]}")
        if station.misses < self.settings.misses:
            return
        if not station.down and len(self._stations) > 1:
            self._port.trouble(f"station {station.number}", fault.what, FieldEventKind.LINK_DOWN)
        self._port.mark(station.rows, LINK_LOST)
        station.pause(self._port.clock.monotonic_ns(), self.settings.station_backoff)
        if all(s.down for s in self._stations.values()):
            raise Unreachable(self._port.device.name, fault.what)

    def _answered(self, station: Station) -> None:
        self._silent.clear()
        if station.answered():
            self._port.mended(f"station {station.number}")

    async def read(self, job: int) -> None:
        """Read one group and put its values."""
        group = self._groups[job]
        try:
            if await self._ready(group.station):
                for part in list(group.parts):
                    await self._read_part(group, part)
        except (Silent, Refused) as fault:
            self._missed(group.station, fault)

    async def _read_part(self, group: Group, part: Part) -> None:
        """Read and put one part. What the device refuses for good is told once and tried again rarely."""
        station, now_ns = group.station, self._port.clock.monotonic_ns()
        if now_ns < part.retry_ns:
            return
        point = f"station {station.number} {group.table} {part.layout.blocks[0].first}"
        words: list[int] = []
        try:
            for block in part.layout.blocks:
                words += await self._link.read(station.number, group.table, block.first, block.count)
        except Refused as fault:
            if fault.status in SILENT_STATION:
                raise
            self._answered(station)
            # Perhaps it is something in a gap, which nobody wants, that must not be read.
            if fault.status == ILLEGAL_ADDRESS and group.narrow(part, self._inputs, self.settings):
                return
            self._port.trouble(point, fault.what, FieldEventKind.DISCREPANCY)
            self._port.mark(part.positions, NO_SUCH_ITEM)
            part.retry_ns = now_ns + round(self.settings.station_backoff * 1e9)
            return
        self._answered(station)
        self._port.mended(point)
        part.put(words, self._port)

    async def prepare_writing(self) -> None:
        """Clear what the error register still holds, and arm the device's own watchdog if something keeps it quiet."""
        config = self.settings
        station = self._stations.get(config.station)
        if station is None or (config.error_register is None and config.watchdog is None):
            return
        if not await self._ready(station):
            raise Unreachable(self._port.device.name, f"station {station.number} is not ready to be written to")
        if config.error_register is not None:
            await self._link.read(station.number, "holding", config.error_register.address - config.numbering, 1)
        where = config.watchdog_registers
        if config.watchdog is None or where is None or not self.refreshed:
            return
        wanted = [(where.time, round(config.watchdog / where.seconds_per_count))]
        if where.enable is not None:
            wanted.append((where.enable, where.enable_value))
        for register, counts in wanted:
            wire = register - config.numbering
            await self._link.write(station.number, "holding", wire, [counts], None)
            found = (await self._link.read(station.number, "holding", wire, 1))[0]
            if found != counts:
                text = f"the watchdog cannot be armed: register {register} holds {found} instead of {counts}"
                raise Refused(self._port.device.name, text)

    async def write(self, wishes: Sequence[Wish]) -> Sequence[Written]:
        """Write each wish and ask the device's error register what became of it."""
        return [await self._write_one(wish) for wish in wishes]

    async def _write_one(self, wish: Wish) -> Written:
        item = self._outputs[wish.position]
        station = self._stations[item.station or 0]
        order: Order = "ABCD" if item.order == "detect" else item.order
        kind: NumberType = item.type
        try:
            counts = (wish.value - item.zero) / item.factor
            if item.table == "coil" and counts not in {0.0, 1.0}:
                raise NotRepresentable(f"{wish.value:g} is neither on nor off")
            words = [item.merged(counts, 0)] if item.bits else encode(kind, order, counts)
        except NotRepresentable as fault:
            return Written(wish.position, wish.value, WriteError.NOT_REPRESENTABLE, str(fault))
        try:
            if not await self._ready(station):
                return Written(wish.position, wish.value, WriteError.UNREACHABLE, "the station does not answer")
            first = item.wire(item.address)
            if item.bits:
                # The register's other bits stay as the device has them now, whoever wrote them.
                words = [item.merged(counts, (await self._link.read(station.number, "holding", first, 1))[0])]
            await self._link.write(station.number, item.table, first, words, item.write_function)
            error, why = await self._complaint(station)
        except Silent as fault:
            self._missed(station, fault)
            return Written(wish.position, wish.value, WriteError.UNREACHABLE, fault.what)
        except Refused as fault:
            if fault.status in SILENT_STATION:
                self._missed(station, fault)
                return Written(wish.position, wish.value, WriteError.UNREACHABLE, fault.what)
            return Written(wish.position, wish.value, WriteError.REFUSED, fault.what)
        except Withdrawn as fault:
            return Written(wish.position, wish.value, WriteError.WITHDRAWN, fault.what)
        self._answered(station)
        sent = (counts if item.bits else decode(kind, order, words)) * item.factor + item.zero
        return Written(wish.position, sent, error, why)

    async def _complaint(self, station: Station) -> tuple[WriteError, str]:
        """What the error register says after a write: some devices confirm the telegram and ignore the value."""
        register = self.settings.error_register
        if register is None or station.number != self.settings.station:
            return WriteError.NONE, ""
        code = (await self._link.read(station.number, "holding", register.address - station.numbering, 1))[0]
        if code == 0:
            return WriteError.NONE, ""
        kind = WriteError.IGNORED if code in register.ignored else WriteError.REFUSED
        return kind, f"the device's error register says {code}"
