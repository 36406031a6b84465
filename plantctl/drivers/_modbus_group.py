"""What is read together from one station, and how the registers become values.

A group is one table of one station at one poll period. It falls into parts that have no register in common; each part
is read, believed and told on its own, so that one refused register costs only the items that need it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.field import FieldEventKind
from plantctl.core.quality import GOOD
from plantctl.drivers._codec import Decoder, NumberType, Order, Registers
from plantctl.drivers._driver import Port, Positions
from plantctl.drivers._modbus_item import MOST_BITS, Config, Identity, Item, Reading, Table
from plantctl.drivers._pack import pack

FIRST_PAUSE_S: Final = 1.0


class Station:
    """One unit id.

    `trusted`: it has proved who it is since the last doubt; `lived`: it has answered on this connection; `down`: it
    does not answer and is left alone until `retry_ns`; `misses`: unanswered requests in a row.
    """

    def __init__(self, number: int, identity: tuple[Identity, ...], numbering: int, rows: Positions) -> None:
        self.number = number
        self.identity = identity
        self.numbering = numbering
        self.rows = rows
        self.trusted = False
        self.lived = False
        self.down = False
        self.misses = 0
        self.retry_ns = 0
        self._pause_s = FIRST_PAUSE_S

    def begin(self) -> None:
        """A new connection: nothing is known of it."""
        self.trusted = self.lived = self.down = False
        self.misses, self._pause_s = 0, FIRST_PAUSE_S

    def pause(self, now_ns: int, most_s: float) -> None:
        """Leave it alone for a while, each time for longer."""
        self.trusted, self.down = False, True
        self.retry_ns = now_ns + round(self._pause_s * 1e9)
        self._pause_s = min(2.0 * self._pause_s, most_s)

    def answered(self) -> bool:
        """It lives; true when it had been down."""
        was_down, self.down = self.down, False
        self.lived = True
        self.misses, self._pause_s = 0, FIRST_PAUSE_S
        return was_down


class Part:
    """Blocks of registers, and the items made of them. Raises Unpackable (a ValueError) where they cannot be read."""

    def __init__(self, items: Sequence[Item], positions: Sequence[int], config: Config, gap: int) -> None:
        self.positions = np.array(positions, dtype=np.intp)
        self.retry_ns = 0
        first = items[positions[0]]
        spans = [span for n in positions for span in items[n].spans()]
        holes = [(a - config.numbering, b - config.numbering) for a, b in config.holes]
        self.layout = pack(spans, gap, MOST_BITS if first.table in {"coil", "discrete"} else config.most, holes)
        self._readings = [(n, Reading(items[n], self.layout)) for n in positions if not items[n].plain]
        alike: dict[tuple[NumberType, Order], list[int]] = {}
        for n in positions:
            order = items[n].order
            if items[n].plain and order != "detect":
                alike.setdefault((items[n].type, order), []).append(n)
        self._vectors: list[tuple[Decoder, Positions, npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
        for (kind, order), numbers in alike.items():
            decoder = Decoder(kind, order, [self.layout.position(items[n].spans()[-1]) for n in numbers])
            factor = np.array([items[n].factor for n in numbers])
            zero = np.array([items[n].zero for n in numbers])
            self._vectors.append((decoder, np.array(numbers, dtype=np.intp), factor, zero))

    def put(self, words: Sequence[int], port: Port) -> None:
        """The registers of all blocks, laid end to end, become values; all of them are of now."""
        source_ns = port.clock.utc_ns()
        now_ns = port.clock.monotonic_ns()
        registers: Registers = np.array(words, dtype=np.uint16)
        for decoder, positions, factor, zero in self._vectors:
            with np.errstate(over="ignore", invalid="ignore"):
                values = decoder(registers) * factor + zero
            port.put_many(positions, values, GOOD, source_ns)
        for position, reading in self._readings:
            value, quality, complaint = reading(words, now_ns)
            tag = port.device.inputs[position].tag
            if complaint:
                port.trouble(tag, complaint, FieldEventKind.DISCREPANCY, cause="set-up")
            else:
                port.mended(tag)
            port.put(position, value, quality, source_ns)


class Group:
    """One job of the driver: the parts of one table of one station at one period."""

    def __init__(self, station: Station, table: Table, period_s: float, positions: Sequence[int]) -> None:
        self.station = station
        self.table = table
        self.period_s = period_s
        self.positions = list(positions)
        self.parts: list[Part] = []

    def build(self, items: Sequence[Item], config: Config) -> None:
        """Pack everything with the device's gap."""
        self.parts = split(items, self.positions, config, config.gap)

    def narrow(self, part: Part, items: Sequence[Item], config: Config) -> bool:
        """Read only what is wanted from now on, nothing in the gaps of the part; false when it has none."""
        parts = split(items, [int(n) for n in part.positions], config, 0)
        if len(parts) == 1 and parts[0].layout.blocks == part.layout.blocks:
            return False
        at = self.parts.index(part)
        self.parts[at : at + 1] = parts
        return True


def split(items: Sequence[Item], positions: Sequence[int], config: Config, gap: int) -> list[Part]:
    """The parts that the items fall into: items that need a common block belong together."""
    layout = Part(items, positions, config, gap).layout
    heads = list(range(len(layout.blocks)))

    def head(block: int) -> int:
        while heads[block] != block:
            block = heads[block]
        return block

    blocks_of = {n: [layout.block_of(span) for span in items[n].spans()] for n in positions}
    for blocks in blocks_of.values():
        for block in blocks[1:]:
            heads[head(block)] = head(blocks[0])
    together: dict[int, list[int]] = {}
    for n in positions:
        together.setdefault(head(blocks_of[n][0]), []).append(n)
    return [Part(items, numbers, config, gap) for _, numbers in sorted(together.items())]
