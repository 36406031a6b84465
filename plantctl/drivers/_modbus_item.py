"""How a Modbus device and its registers are described, and how one item is made of its registers.

Register numbers are written as the device's manual prints them; `numbering` says which number the manual gives the
first register, 0 (as on the wire) or 1. Everything here is a description and pure arithmetic; the wire is elsewhere.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from plantctl.core.quality import BAD, GOOD, SEVERITY_MASK, SIMULATED, Reason, bad_because
from plantctl.drivers._codec import (
    NO_LIFE,
    OUT_OF_RANGE,
    STATUS_QUALITY,
    WORDS,
    AnyOrder,
    Check,
    Life,
    NotRepresentable,
    NumberType,
    Order,
    Proof,
    Register,
    Scale,
    Sign,
    Status,
    Word,
    decode,
    worse,
)
from plantctl.drivers._codec import text as ascii_text
from plantctl.drivers._pack import DEFAULT_GAP, MOST_REGISTERS, Layout, Span
from plantctl.drivers._settings import DeviceSettings, ItemSettings, Seconds, Settings

Table = Literal["holding", "input", "coil", "discrete"]
Station = Annotated[int, Field(ge=0, le=255)]
Numbering = Literal[0, 1]
DETECTED: Final[tuple[Order, ...]] = ("ABCD", "CDAB")
MOST_BITS: Final = 2000


def _listed(value: Any) -> Any:
    """One thing or a list of them."""
    return value if isinstance(value, list | tuple) else [value]


class Identity(Settings):
    """One fact by which a device is known: what stands in registers that another device would not have.

    Exactly one of `equals` (a number, or text for `ascii`), `starts` (text) and `between` (two numbers).
    """

    address: Register
    table: Literal["holding", "input"] = "holding"
    type: Literal["u16", "i16", "u32", "i32", "f32", "f64", "ascii"] = "u16"
    order: Order = "ABCD"
    count: int = Field(default=0, ge=0, le=MOST_REGISTERS)
    equals: float | str | None = None
    starts: str | None = None
    between: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one_fact(self) -> Self:
        if sum(x is not None for x in (self.equals, self.starts, self.between)) != 1:
            raise ValueError("give exactly one of `equals`, `starts`, `between`")
        if self.type == "ascii" and (self.count == 0 or self.between is not None):
            raise ValueError("text needs `count` registers and `equals` or `starts`")
        return self

    @property
    def registers(self) -> int:
        """How many registers are read for it."""
        return self.count or (1 if self.type == "ascii" else WORDS[self.type])

    def complaint(self, words: Sequence[int]) -> str:
        """Empty when the registers say what they should, else what they say."""
        found: float | str = ascii_text(words) if self.type == "ascii" else decode(self.type, self.order, words)
        if self.between is not None:
            fine = isinstance(found, float) and self.between[0] <= found <= self.between[1]
            expected = f"{self.between[0]:g} to {self.between[1]:g}"
        elif self.starts is not None:
            fine, expected = str(found).startswith(self.starts), f"`{self.starts}...`"
        else:
            fine, expected = found == self.equals, f"`{self.equals}`"
        return "" if fine else f"register {self.address} holds `{found}` instead of {expected}"


class ErrorRegister(Settings):
    """A register that says after each write what became of it; reading clears it. 0 is no error."""

    address: Register
    ignored: tuple[int, ...] = ()


# What a device may need to go to its safe state once its watchdog has expired.
QUIET_MORE_S: Final = 2.0


class WatchdogRegisters(Settings):
    """Where the device's own watchdog is set: its time, in `seconds_per_count`, and what switches it on.

    `rearmed_by`: `writes` where only writing keeps it quiet, `any` where reading does as well.
    """

    time: Register
    rearmed_by: Literal["writes", "any"] = "writes"
    seconds_per_count: float = Field(default=1.0, gt=0.0)
    enable: Register | None = None
    enable_value: int = 1


class Config(DeviceSettings):
    """A Modbus connection: `tcp://host:port`, or `rtu+tcp://host:port` for RTU frames through a gateway.

    `station` is the unit id of items without one of their own; `timeout` the time for one answer; a station is down
    after `misses` unanswered requests in a row and is then tried at intervals up to `station_backoff`; `late` is the
    longest time after which an answer can still come out of an RTU gateway; `gap`, `most`, `holes` rule which
    registers are read together. `watchdog` arms the device's own one through `watchdog_registers`, and the outputs
    whose item says `refresh` are repeated every `refresh` (a quarter of it by default).
    """

    station: Station = 1
    numbering: Numbering = 0
    timeout: Seconds = 0.3
    misses: int = Field(default=2, ge=1, le=10)
    station_backoff: Seconds = 30.0
    late: Seconds = 1.0
    gap: int = Field(default=DEFAULT_GAP, ge=0, le=MOST_REGISTERS)
    most: int = Field(default=MOST_REGISTERS, ge=1, le=MOST_REGISTERS)
    holes: tuple[tuple[int, int], ...] = ()
    identity: Annotated[tuple[Identity, ...], BeforeValidator(_listed)] = ()
    error_register: ErrorRegister | None = None
    watchdog: Seconds | None = None
    watchdog_registers: WatchdogRegisters | None = None
    refresh: Seconds | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.patience < 6.0 * self.late + 2.0 * self.timeout or self.connect_timeout < 2.0 * self.late:
            raise ValueError("`late` is too long for `patience` (6 times, and two timeouts) or `connect_timeout` (2)")
        if self.watchdog is not None and self.watchdog_registers is None:
            raise ValueError("`watchdog` needs `watchdog_registers`, which the device's profile gives")
        if self.watchdog is not None and self.refresh is not None and self.refresh > self.watchdog / 2.0:
            raise ValueError("`refresh` must be at most half of `watchdog`")
        return self

    @property
    def refresh_s(self) -> float | None:
        """After how many seconds a set-point is repeated, None for never."""
        return self.refresh or (self.watchdog / 4.0 if self.watchdog else None)

    @property
    def quiet_s(self) -> float:
        """For how long nothing may be asked so that the device's watchdog has done its work, 0 for never."""
        where = self.watchdog_registers
        rearmed = self.watchdog is not None and where is not None and where.rearmed_by == "any"
        return 1.5 * (self.watchdog or 0.0) + QUIET_MORE_S if rearmed else 0.0


class Item(ItemSettings):
    """One datum: where it stands, how it is coded, and what beside it says whether it may be believed.

    The value is `decoded number * scale + zero` in `unit`. `block` (first, count) is read exactly and whole; `bits`
    (first, last) takes a field out of an integer; written, it is put into what the register reads right before, and the
    bits of `always` are set with it; `check` is a word that says whether the device is set up as
    expected, `proof` a known number that shows the word order; `none` are counts that mean "no value" (bad, sensor);
    outside `valid` it is bad, range. `refresh` marks the set-point whose writing keeps the device's watchdog quiet.
    `numbering`, `order`, `identity` may come from the profile for all items of a station.
    """

    station: Station | None = None
    numbering: Numbering | None = None
    table: Table = "holding"
    address: Register
    type: NumberType = "u16"
    order: AnyOrder = "ABCD"
    bits: tuple[int, int] | None = None
    always: int = Field(default=0, ge=0, le=0xFFFF)
    scale: float | Scale = 1.0
    zero: float = 0.0
    block: tuple[int, int] | None = None
    check: Check | None = None
    proof: Proof | None = None
    status: Annotated[tuple[Status, ...], BeforeValidator(_listed)] = ()
    sign: Sign | None = None
    life: Life | None = None
    none: tuple[int, ...] = ()
    valid: tuple[float, float] | None = None
    access: Literal["r", "w", "rw"] = "r"
    write_function: Literal[6, 16] | None = None
    refresh: bool = False
    identity: Annotated[tuple[Identity, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.order == "detect" and self.check is None and self.proof is None:
            raise ValueError("`order: detect` needs a `check` or a `proof` to detect it by")
        if self.order == "detect" and "w" in self.access:
            raise ValueError("what is written needs a fixed `order`")
        if self.bits is not None and not 0 <= self.bits[0] <= self.bits[1] < 16 * WORDS[self.type]:
            raise ValueError("`bits` are the first and last bit of the number, counted from 0")
        if self.bits is not None and self.type not in {"u16", "u32"}:
            raise ValueError("`bits` need the type u16 or u32")
        if self.factor == 0.0 or not math.isfinite(self.factor):
            raise ValueError("`scale` must not be 0")
        if self.table in {"coil", "discrete"} and (self.type != "u16" or self.beside or self.block):
            raise ValueError("a coil or discrete input is a single bit and has nothing beside it")
        if "w" in self.access and (self.table in {"input", "discrete"} or self.sign):
            raise ValueError("only a holding register, bits of one, or a coil can be written")
        if "w" in self.access and self.bits and self.type != "u16":
            raise ValueError("bits are written into one register, u16")
        if self.always and not (self.bits and "w" in self.access):
            raise ValueError("`always` goes with `bits` that are written")
        return self

    @classmethod
    def from_text(cls, text: str) -> dict[str, Any]:
        """`101`, `5051 f32 CDAB`: a holding register's number, the type u16 unless said otherwise, the order ABCD."""
        number, _, rest = text.partition(" ")
        kind, _, order = rest.strip().partition(" ")
        if not number.isdecimal():
            raise ValueError(f"`{text}` is neither an item of a profile nor a register like `101` or `5051 f32 CDAB`")
        return {"item": text, "address": int(number), "type": kind or "u16", "order": order or "ABCD", "access": "rw"}

    def merged(self, counts: float, word: int) -> int:
        """What is written where the register reads `word`. Raises NotRepresentable for what the bits cannot hold."""
        assert self.bits is not None
        first, last = self.bits
        most = (1 << (last - first + 1)) - 1
        if not 0.0 <= counts <= most or counts != math.floor(counts):
            raise NotRepresentable(f"{counts:g} is no whole number from 0 to {most}")
        return word & ~(most << first) | int(counts) << first | self.always

    @property
    def factor(self) -> float:
        """Item units per count."""
        return self.scale.value / self.scale.counts if isinstance(self.scale, Scale) else self.scale

    @property
    def beside(self) -> tuple[Word | Proof | Sign, ...]:
        """The words that are read with the value."""
        return tuple(w for w in (self.check, self.proof, *self.status, self.sign, self.life) if w is not None)

    @property
    def plain(self) -> bool:
        """Whether the number alone decides, so that many such items can be decoded at once."""
        return not (self.beside or self.bits or self.none or self.valid) and self.order != "detect"

    def wire(self, register: int) -> int:
        """The address on the wire of a register number of this item."""
        return register - (self.numbering or 0)

    def spans(self) -> list[Span]:
        """All registers that must be read for it, as on the wire."""
        if self.block is not None:
            return [Span(self.wire(self.block[0]), self.block[1], whole=True), *self._parts()]
        return self._parts()

    def _parts(self) -> list[Span]:
        parts = [Span(self.wire(self.address), WORDS[self.type])]
        for word in self.beside:
            parts.append(Span(self.wire(word.address), 1 if isinstance(word, Sign) else WORDS[word.type]))
        return parts


class Reading:
    """How one item that is not plain is made of the registers of its layout.

    Called with the registers and the monotonic time in ns it gives the value in the item's unit, its quality and, if
    the device is not set up as the profile says, what is wrong with it.
    """

    def __init__(self, item: Item, layout: Layout) -> None:
        self.item = item
        self._factor = item.factor
        self._orders = DETECTED if item.order == "detect" else (item.order,)
        self._life_word: int | None = None
        self._life_ns = 0
        words: list[tuple[int, NumberType]] = [(item.address, item.type)]
        words += [(w.address, "u16" if isinstance(w, Sign) else w.type) for w in item.beside]
        self._places = {(a, k): layout.position(Span(item.wire(a), WORDS[k])) for a, k in words}

    def _words(self, registers: Sequence[int], register: int, kind: NumberType) -> Sequence[int]:
        start = self._places[register, kind]
        return registers[start : start + WORDS[kind]]

    def _aside(self, registers: Sequence[int], word: Word | Proof, order: Order) -> float:
        return decode(word.type, order, self._words(registers, word.address, word.type))

    def _find_orders(self, registers: Sequence[int]) -> tuple[Order, Order, str]:
        """The word order of the words beside the value, that of the value, and what is wrong, if anything."""
        item, first = self.item, self._orders[0]
        beside = value = first
        if item.check is not None:
            said = {o: item.check.of(self._aside(registers, item.check, o)) for o in self._orders}
            met = [o for o in self._orders if said[o] == item.check.equals]
            if not met:
                found = " or ".join(f"{n:#x}" for n in said.values())
                text = f"register {item.check.address} holds {found} instead of {item.check.equals:#x}"
                return first, first, text
            beside = value = met[0]
        if item.proof is not None:
            held = [o for o in self._orders if item.proof.holds(self._aside(registers, item.proof, o))]
            if not held:
                return first, first, f"register {item.proof.address} proves no word order: not {item.proof.between}"
            value = held[0]
        return beside, value, ""

    def __call__(self, registers: Sequence[int], now_ns: int) -> tuple[float, int, str]:
        item = self.item
        beside, order, complaint = self._find_orders(registers)
        if complaint:
            return float("nan"), STATUS_QUALITY["config"], complaint
        number = decode(item.type, order, self._words(registers, item.address, item.type))
        if item.none and math.isfinite(number) and number in item.none:
            return float("nan"), STATUS_QUALITY["sensor"], ""
        if item.bits is not None:
            first, last = item.bits
            number = float((int(number) >> first) & ((1 << (last - first + 1)) - 1))
        if item.sign is not None and self._words(registers, item.sign.address, "u16")[0] >> item.sign.bit & 1:
            number = -number
        value = number * self._factor + item.zero
        return value, self._quality(registers, beside, value, now_ns), ""

    def _quality(self, registers: Sequence[int], order: Order, value: float, now_ns: int) -> int:
        item = self.item
        quality = GOOD
        for status in item.status:
            said = status.quality(self._aside(registers, status, order))
            quality = worse(quality, said) | (said & SIMULATED)
        if not math.isfinite(value):
            return quality if (quality & SEVERITY_MASK) >= BAD else bad_because(Reason.RANGE)
        if item.valid is not None and not item.valid[0] <= value <= item.valid[1]:
            quality = worse(quality, OUT_OF_RANGE)
        if item.life is not None:
            word = item.life.of(self._aside(registers, item.life, order))
            if word != self._life_word:
                self._life_word, self._life_ns = word, now_ns
            if now_ns - self._life_ns > round(item.life.within * 1e9):
                quality = worse(quality, NO_LIFE)
        return quality
