"""Which registers are read together: few requests, nothing read that must not be.

A serial device needs some milliseconds a request whatever its length, so registers that lie near each other are read
in one block and the gap between them is thrown away. Some registers must not be touched, some may only be read as
the whole block they belong to; both are told by the device's profile. Pure arithmetic; no device is needed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_REGISTERS: Final = 125  # Modbus Application Protocol 1.1b3, 6.3
DEFAULT_GAP: Final = 64  # measured: near the optimum from fast devices to 2 ms of turnaround


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`count` registers from `first` (as on the wire); `whole` means exactly these in one request, never more."""

    first: int
    count: int
    whole: bool = False

    @property
    def end(self) -> int:
        """The register after the last one."""
        return self.first + self.count

    def covers(self, other: "Span") -> bool:
        """Whether every register of the other lies in this one."""
        return self.first <= other.first and other.end <= self.end

    def meets(self, other: "Span") -> bool:
        """Whether the two share a register."""
        return self.first < other.end and other.first < self.end


class Unpackable(ValueError):
    """A span cannot be read as the profile demands; the text says why."""


class Layout:
    """The blocks to read, and where each register stands once they are laid end to end in their order."""

    def __init__(self, blocks: Sequence[Span]) -> None:
        self.blocks = tuple(blocks)
        starts, total = [], 0
        for block in self.blocks:
            starts.append(total)
            total += block.count
        self.starts = tuple(starts)
        self.registers = total

    def block_of(self, span: Span) -> int:
        """The number of the block that holds the whole span; Unpackable when none does."""
        for number, block in enumerate(self.blocks):
            if block.covers(span):
                return number
        raise Unpackable(f"registers {span.first} to {span.end - 1} are in no block")

    def position(self, span: Span) -> int:
        """Where the span's first register stands in the blocks laid end to end."""
        number = self.block_of(span)
        return self.starts[number] + span.first - self.blocks[number].first


def pack(
    spans: Iterable[Span],
    gap: int = DEFAULT_GAP,
    most: int = MOST_REGISTERS,
    holes: Sequence[tuple[int, int]] = (),
) -> Layout:
    """The blocks that read all spans.

    `gap` is the most registers read in vain between two wanted ones, `most` the longest block, `holes` pairs (first,
    last) that no request may touch. Whole spans are requests of their own and are holes for all others. Raises
    Unpackable for a span longer than `most`, in a hole, or that shares registers with a whole span it is not part of.
    """
    wanted = sorted(set(spans))
    whole = [s for s in wanted if s.whole]
    forbidden = [Span(first, last - first + 1) for first, last in holes] + whole
    blocks = list(whole)
    for span in whole:
        _check(span, most, [h for h in forbidden if h is not span])
    current: Span | None = None
    for span in wanted:
        if span.whole or any(w.covers(span) for w in whole):
            continue
        _check(span, most, forbidden)
        if current is not None:
            merged = Span(current.first, max(current.end, span.end) - current.first)
            near = span.first - current.end <= gap and merged.count <= most
            if near and not any(merged.meets(h) for h in forbidden):
                current = merged
                continue
            blocks.append(current)
        current = span
    if current is not None:
        blocks.append(current)
    return Layout(sorted(blocks))


def _check(span: Span, most: int, forbidden: Sequence[Span]) -> None:
    if span.count > most:
        raise Unpackable(f"registers {span.first} to {span.end - 1} are more than the {most} of one request")
    for hole in forbidden:
        if span.meets(hole):
            what = "must be read whole" if hole.whole else "must not be read"
            raise Unpackable(
                f"registers {span.first} to {span.end - 1} touch {hole.first} to {hole.end - 1}, which {what}"
            )
