"""A page's server fed by a scan that is played: 100 values change ten times a second. In a process of its own.

`python -m benchmarks._page_source FRAMING [VALUES]`: `delta` is the product's own server; `value` runs on the same HTTP
and WebSocket code but sends one JSON object a value to each client, encoded for each, as some bridges do. It writes a
JSON object with `url`, `origin`, `cookie` and `tags`, and serves until its standard input ends.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from plantctl.core.clock import RealClock
from plantctl.plan.plan import Writer
from tests.gateway_bench import demo_plan
from tests.page_bench import Page, page_socket

CLOCK = RealClock()
PERIOD_S = 0.1


def changing(plan, count):
    """The names of `count` points."""
    names = [p.name for p in plan.points if p.row and p.writer is not Writer.DELAY and p.name in plan.rows]
    assert len(names) >= count, f"the plan has {len(names)} points only"
    return names[:count]


async def stdin_ends():
    await asyncio.to_thread(sys.stdin.read)


def told(page, names):
    address = {"url": f"ws://{page.host}/api/v1/live", "origin": page.origin, "cookie": page.cookie, "tags": names}
    print(json.dumps(address), flush=True)


async def serve_deltas(page, names):
    """The product."""
    await page.log_in()
    async with page.scanning(
        period_s=PERIOD_S, values=lambda k: {name: (k + n / 7, 0) for n, name in enumerate(names)}
    ):
        told(page, names)
        await stdin_ends()


async def serve_values(page, names):
    """One message a value and client."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from uvicorn.server import ServerState

    from plantctl.hmi.wire import Connections, HttpConnection, wire_settings

    async def live(websocket):
        await websocket.accept()
        await websocket.receive_text()
        k = 0
        due_ns = CLOCK.monotonic_ns()
        while True:
            k += 1
            at = str(CLOCK.utc_ns())
            for n, name in enumerate(names):
                message = {"type": "value", "pv": name, "value": k + n / 7, "quality": 0, "t": at}
                await websocket.send_text(json.dumps(message))
            due_ns += round(PERIOD_S * 1e9)
            await CLOCK.sleep_until(due_ns)

    config = wire_settings(Starlette(routes=[WebSocketRoute("/api/v1/live", live)]))
    state, connections = ServerState(), Connections()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(config, state, connections), "127.0.0.1", 0
    )
    page.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    page.origin = f"http://{page.host}"
    told(page, names)
    await stdin_ends()
    server.close()
    for task in list(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def main(framing, count):
    plan = demo_plan()
    names = changing(plan, count)
    with tempfile.TemporaryDirectory() as folder, page_socket(0, "", "", "", Path(folder)) as settings:
        page = Page(settings, Path(folder))
        if framing == "value":
            await serve_values(page, names)
            return
        await page.begin(plan, CLOCK.utc_ns() - CLOCK.monotonic_ns())
        try:
            await serve_deltas(page, names)
        finally:
            await page.end()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100))
