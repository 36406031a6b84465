"""Bytes to a server that listens on the loopback, for those who do not keep to its protocol."""

import asyncio
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def opened(plant):
    """A connection to the server whose port is in `plant.settings`: its reader and writer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plant.settings.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ended(reader, limit_s=20):
    """What came before the server ended the connection; it must end it."""
    told = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(limit_s):
            while part := await reader.read(65_536):
                told += part
    return told
