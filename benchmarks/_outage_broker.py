"""What subscribers of a broker are told while it is killed again and again: plain topics, and a Sparkplug host."""

import asyncio
import json
import threading
from collections import Counter
from contextlib import contextmanager

import numpy as np

from plantctl.core.clock import RealClock
from tests.interop.mosquitto_rig import Listener
from tests.sparkplug_checker import Checker

CLOCK = RealClock()


@contextmanager
def in_a_thread(serve):
    """A loop of its own for what stands between the plant and its peers; what `serve` gives, once it is there."""
    loop, there, given, over = asyncio.new_event_loop(), threading.Event(), [], asyncio.Event()

    async def main():
        async with serve() as what:
            given.append(what)
            there.set()
            await over.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert there.wait(60.0), "it does not begin"
        yield given[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


class Heard:
    """What subscribers of the broker were told: rows of both sinks by point and time, and how often."""

    def __init__(self, broker, plant):
        self.broker = broker
        self.plant = plant
        self.rows = {"topics": {}, "node": {}}
        self.again = Counter()
        self.wrong = 0
        self.loop = None
        self.checker = Checker("works", plant, data_qos=0)

    def do(self, act):
        """Do something to the broker where its subscribers live, who wait for it there."""

        async def done():
            act()

        asyncio.run_coroutine_threadsafe(done(), self.loop).result(60.0)

    def topic(self, topic, payload, _qos, retained):
        name = topic.rpartition("/")[2]
        if retained or not name.startswith("10-"):
            return
        told = json.loads(payload)
        self._take("topics", name, int(np.datetime64(told["t"][:-1], "ms").astype(np.int64)), told["v"])

    def message(self, *message):
        self.checker.take(*message)
        for row in self.checker.rows:
            if row.name.startswith("10-"):
                self._take("node", row.name, row.time_ms, row.value)
        self.checker.rows.clear()

    def _take(self, sink, name, ms, value):
        known = self.rows[sink].setdefault((name, ms), value)
        self.again[sink] += 1
        self.wrong += known != value


@contextmanager
def hearing(heard):
    """Both subscribers listen while the block runs, in a loop of their own; the broker knows their sessions."""

    class Both:
        async def __aenter__(self):
            self.stack, heard.loop = [], asyncio.get_running_loop()
            for listener in (
                Listener(heard.broker, f"plant/{heard.plant}/#", hear=heard.topic),
                Listener(heard.broker, "spBv1.0/works/#", hear=heard.message, user="scada", host="scada"),
            ):
                self.stack.append(listener.listening())
                await self.stack[-1].__aenter__()
            while not (heard.broker.knows("historian") and heard.broker.knows("STATE/scada")):
                await CLOCK.sleep(0.05)
            return self

        async def __aexit__(self, *_):
            for each in reversed(self.stack):
                await each.__aexit__(None, None, None)

    with in_a_thread(Both):
        yield
