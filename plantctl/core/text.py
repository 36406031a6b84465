"""Texts by number: the process image holds numbers only, so a text travels as an id.

A lot's name, an operator's reason, a device's word: each is named by the first 52 bits of a hash of its UTF-8 bytes.
52 bits are exact in an f8 column, and since the id follows from the text alone, nobody has to hand out numbers:
processes that never spoke to each other agree. Protection can compare texts by comparing ids.

Rules of the file: a table only grows, up to its limit; two texts with one id are refused, never mixed up.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Final

from plantctl.core.errors import PlantctlError

NO_TEXT: Final = 0
TEXT_ID_BITS: Final = 52


class TextRefused(PlantctlError):
    """A text cannot be taken: the table is full, the text too long, or its id belongs to another text."""


def text_id(text: str) -> int:
    """The id of `text`, 0 for the empty text, else 1 to 2^52 - 1: the first 52 bits of its BLAKE2b-64 hash."""
    if not text:
        return NO_TEXT
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> (64 - TEXT_ID_BITS)


class TextTable(Mapping[int, str]):
    """Texts by id, append-only. At most `limit` texts of at most `bytes_max` UTF-8 bytes each.

    `refused` counts what `note` could not keep. `take_new` hands out what was added since it was last asked, for the
    text frames of the ring; after `tell_again` every text is new once more when it is next used.
    """

    def __init__(self, limit: int = 65_536, bytes_max: int = 1024) -> None:
        self.limit = limit
        self.bytes_max = bytes_max
        self.refused = 0
        self._texts: dict[int, str] = {}
        self._new: dict[int, str] = {}
        self._told: set[int] = set()

    def add(self, text: str) -> int:
        """The id of `text`, kept from now on. Raises `TextRefused` when it cannot be kept."""
        number = text_id(text)
        if number in self._told and self._texts[number] == text:
            return number
        if not text:
            return number
        known = self._texts.get(number)
        if known != text:
            self._check(text, number, known)
            self._texts[number] = text
        self._told.add(number)
        self._new[number] = text
        return number

    def _check(self, text: str, number: int, known: str | None) -> None:
        if known is not None or number == NO_TEXT:
            raise TextRefused(f"{text!r} has the same text id as {known or ''!r}: use another text")
        if len(self._texts) >= self.limit:
            raise TextRefused(f"the text table is full ({self.limit} texts)")
        if len(text.encode()) > self.bytes_max:
            raise TextRefused(f"a text of {len(text.encode())} bytes is longer than {self.bytes_max}")

    def note(self, text: str) -> int:
        """The id of `text`, kept if it can be, for those who must not fail: the scan's journal.

        Where it cannot, it is counted in `refused`, and a text whose id belongs to another gets 0 rather than that.
        """
        try:
            return self.add(text)
        except TextRefused:
            self.refused += 1
            number = text_id(text)
            return NO_TEXT if number in self._texts else number

    def text(self, number: int) -> str:
        """The text of an id, empty for 0; an id that was never added reads `#` and its hexadecimal digits."""
        return self._texts.get(number) or (f"#{number:013x}" if number else "")

    def take_new(self) -> dict[int, str]:
        """The texts added since the last call, or added again since `tell_again`."""
        new, self._new = self._new, {}
        return new

    def tell_again(self) -> None:
        """Forget what was handed out: a reader may begin here who has none of the texts before."""
        self._told.clear()

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)
