"""A crowd of pages in a process of its own: connects, follows, and tells how late values came.

`python -m benchmarks._page_readers` reads what to do as a JSON object from standard input: `url`, `origin`, `cookie`,
`tags`, `count`, `seconds`, `slow` (how many more connect and read one message a second), `framing` (`delta`, as the
product sends; `value`, one message a value). It writes `ready` once all have their first value, measures from then on,
and at last writes a JSON object: latencies by quantile in ms, from the scan's UTC to the moment the message is read,
messages and values a second, gaps, holes in the sequences.
"""

import asyncio
import json
import socket
import sys

import msgspec
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from plantctl.core.clock import RealClock

CLOCK = RealClock()
SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}


class Crowd:
    """All pages of one run."""

    def __init__(self, asked):
        self.asked = asked
        self.latency_ns = []
        self.messages = self.values = self.bytes = self.gaps = self.holes = 0
        self.waiting = asked["count"]
        self.ready = asyncio.Event()
        self.begin_ns = self.end_ns = 0

    def open(self, **settings):
        headers = {"cookie": self.asked["cookie"]}
        settings = {"origin": self.asked["origin"], "additional_headers": headers, "compression": None, **settings}
        return connect(self.asked["url"], max_size=None, open_timeout=60, **settings)

    async def page(self):
        """One page that reads as fast as it can."""
        async with self.open() as websocket:
            await websocket.send(json.dumps({"type": "sub", "id": 1, "tags": self.asked["tags"]}))
            sequence, told = None, False
            while True:
                text = await websocket.recv()
                now_ns = CLOCK.utc_ns()
                message = msgspec.json.decode(text)
                kind = message["type"]
                if kind not in ("delta", "value", "gap"):
                    continue
                if not told:
                    told = True
                    self.waiting -= 1
                    if not self.waiting:
                        self.ready.set()
                if self.end_ns and now_ns > self.end_ns:
                    return
                if not self.begin_ns or now_ns < self.begin_ns:
                    sequence = message.get("seq")
                    continue
                self.gaps += kind == "gap"
                if kind == "delta":
                    self.holes += sequence is not None and message["seq"] != sequence + 1
                    sequence = message["seq"]
                if kind != "gap":
                    self.latency_ns.append(now_ns - int(message["t"]))
                    self.values += len(message["v"]) if kind == "delta" else 1
                    self.messages += 1
                    self.bytes += len(text)

    async def slow_page(self):
        """One page that reads a message a second, and so gets what it deserves."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        host, _, port = self.asked["origin"].removeprefix("http://").partition(":")
        plain.connect((host, int(port)))
        plain.setblocking(False)
        try:
            async with self.open(sock=plain, max_queue=1) as websocket:
                await websocket.send(json.dumps({"type": "sub", "id": 1, "tags": ["*"]}))
                while True:
                    await websocket.recv()
                    await CLOCK.sleep(1.0)
        except (ConnectionClosed, ConnectionError):
            return

    async def run(self):
        async with asyncio.TaskGroup() as tasks:
            slow = [tasks.create_task(self.slow_page()) for _ in range(self.asked.get("slow", 0))]
            pages = [tasks.create_task(self.page()) for _ in range(self.asked["count"])]
            await self.ready.wait()
            print("ready", flush=True)
            self.begin_ns = CLOCK.utc_ns()
            self.end_ns = self.begin_ns + round(self.asked["seconds"] * 1e9)
            await asyncio.wait(pages, timeout=self.asked["seconds"] + 30)
            ended = sum(task.done() for task in slow)
            for task in (*slow, *pages):
                task.cancel()
        seconds, count = self.asked["seconds"], self.asked["count"]
        quantiles = np.quantile(self.latency_ns or [np.nan], list(SHARES.values())) / 1e6
        return {
            "clients": count,
            "latency_ms": {name: round(float(found), 2) for name, found in zip(SHARES, quantiles, strict=True)},
            "values_per_s_and_client": round(self.values / seconds / count, 1),
            "messages_per_s_and_client": round(self.messages / seconds / count, 1),
            "kb_per_s_and_client": round(self.bytes / seconds / count / 1e3, 1),
            "gaps": self.gaps,
            "holes": self.holes,
            "slow_ended": ended,
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Crowd(json.loads(sys.stdin.read())).run())))
