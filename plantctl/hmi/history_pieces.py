"""Long answers in pieces: each is made in a thread and sent before the next is made.

A question may be answered with a million and a half points, which are seconds to write down and some hundred megabytes
as text. Made at once, they would keep the values of every page waiting meanwhile. In pieces of a millisecond nobody
waits for longer than that; what is kept is the columns, and a piece.

Rules of the file: a client that goes away ends its answer with the piece that is being made; one that takes nothing for
`guard.SEND_S`, or not the whole in `WHOLE_S`, loses its connection. Neither holds anybody else up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from plantctl.core.errors import PlantctlError
from plantctl.history.files.numbers import I8

# So many numbers of a column, or bytes of an answer, are written down at a time: a millisecond or less.
PIECE_NUMBERS: Final = 2_000
PIECE_BYTES: Final = 1 << 15
WHOLE_S: Final = 600.0


class Texts(NamedTuple):
    """Whole numbers that JSON tells as texts, since a double would round them."""

    column: I8


def json_pieces(head: Mapping[str, str], tags: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    """`head` with the columns of `tags` in it, as JSON; columns are arrays or `Texts`, all else is told as it is."""
    yield msgspec.json.encode(head)[:-1] + b',"tags":{'
    for place, (tag, told) in enumerate(tags.items()):
        yield (b"," if place else b"") + msgspec.json.encode(tag) + b":{"
        for number, (name, each) in enumerate(told.items()):
            yield (b"," if number else b"") + msgspec.json.encode(name) + b":"
            if isinstance(each, np.ndarray | Texts):
                yield from _column(each)
            else:
                yield msgspec.json.encode(each)
        yield b"}"
    yield b"}}"


def _column(column: "np.ndarray[Any, np.dtype[Any]] | Texts") -> Iterator[bytes]:
    texts = isinstance(column, Texts)
    data = column.column if isinstance(column, Texts) else column
    yield b"["
    for at in range(0, len(data), PIECE_NUMBERS):
        part = data[at : at + PIECE_NUMBERS].tolist()
        told = ('"' + '","'.join(map(str, part)) + '"').encode() if texts else msgspec.json.encode(part)[1:-1]
        yield b"," + told if at else told
    yield b"]"


def byte_pieces(body: bytes) -> Iterator[bytes]:
    """What can only be made as a whole."""
    return (body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES))


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth a packet."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if size:
        yield b"".join(waiting)


class Streamed(StreamingResponse):
    """An answer in pieces. `ended` is called once, however it ends; where a piece cannot be made the connection ends,
    so that nobody takes for whole what is not.
    """

    def __init__(self, pieces: Iterator[bytes] | AsyncIterator[bytes], kind: str, ended: Callable[[], None]) -> None:
        super().__init__(pieces if isinstance(pieces, AsyncIterator) else _one_by_one(pieces), media_type=kind)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(WHOLE_S):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            scope["state"]["abort"]()
        except (OSError, PlantctlError) as error:
            logging.getLogger("plantctl").warning("an answer about the past ended before its end: %s", error)
            scope["state"]["abort"]()
        finally:
            self._ended()


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
