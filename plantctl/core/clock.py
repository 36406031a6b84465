"""The one clock: what time it is, how to wait for a time, and who is due when.

Nothing in plantctl reads the time by itself; it is handed a clock, or better the time. A real clock follows the
machine; a virtual one (`virtual_loop`) jumps from one due instant to the next, so that an hour of plant is a minute of
work and two runs are equal. Three kinds of time are kept apart: monotonic nanoseconds for ages, steps and deadlines
(they never jump); UTC nanoseconds for people and for what devices say; and the timetable of instants (`schedule`).

Rules of this file: deadlines are absolute, a wait in the past still gives way once, and chance comes from a stream
per participant, so that one more draw in one driver never changes another's.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Protocol

from plantctl.core.schedule import Schedule, Timetable


class Clock(Protocol):
    """Time as everything above the shell sees it."""

    @property
    def virtual(self) -> bool:
        """True where time jumps and no person, browser or foreign device can follow."""

    @property
    def origin_ns(self) -> int:
        """The monotonic instant that all schedules count from (ns)."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back, from an arbitrary start."""

    def utc_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC. In real clocks it may step; ages and steps never come from it."""

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return at or after the instant, never before; for an instant in the past, after all that is ready ran."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` from now; zero and below give way once, as for a past instant. NaN raises ValueError."""

    def register(self, name: str, period_ns: int, phase_ns: int) -> Schedule:
        """Enter a periodic participant; raises as `Timetable.add`, DuplicateInstant above all."""

    def release(self, name: str) -> None:
        """Strike a participant from the timetable; KeyError for an unknown name."""

    def free_phase_ns(self, period_ns: int, wanted_ns: int = 0) -> int | None:
        """A phase nobody else's instants meet, the wanted one if it is free; None if there is none."""

    def random(self, name: str) -> Random:
        """The stream of chance that belongs to `name`, the same object on every call, for jitter and noise.

        In virtual time it follows from the clock's seed and the name alone. Not for secrets.
        """


class ParticipantClock:
    """The half of a clock that does not tell the time: timetable and streams of chance. For clocks to build on."""

    def __init__(self, origin_ns: int, seed: int | None) -> None:
        self._timetable = Timetable(origin_ns)
        self._seed = seed
        self._streams: dict[str, Random] = {}

    @property
    def origin_ns(self) -> int:
        return self._timetable.origin_ns

    def register(self, name: str, period_ns: int, phase_ns: int) -> Schedule:
        return self._timetable.add(name, period_ns, phase_ns)

    def release(self, name: str) -> None:
        self._timetable.remove(name)

    def free_phase_ns(self, period_ns: int, wanted_ns: int = 0) -> int | None:
        return self._timetable.free_phase_ns(period_ns, wanted_ns)

    def random(self, name: str) -> Random:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Random() if self._seed is None else Random(stream_seed(self._seed, name))
        return stream


class RealClock(ParticipantClock):
    """The machine's time: CLOCK_MONOTONIC and the system's UTC.

    `origin_ns` is for processes of one plant that must agree on their instants; by default it is now.
    """

    virtual = False

    def __init__(self, origin_ns: int | None = None) -> None:
        super().__init__(time.monotonic_ns() if origin_ns is None else origin_ns, seed=None)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def utc_ns(self) -> int:
        return time.time_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        left_ns = monotonic_ns - time.monotonic_ns()
        if left_ns <= 0:
            await asyncio.sleep(0)
        # Loops may wake up to their clock's resolution early, and hold seconds as floats: look again.
        while left_ns > 0:
            await asyncio.sleep(left_ns / 1e9)
            left_ns = monotonic_ns - time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(time.monotonic_ns() + round(seconds * 1e9))


@dataclass(frozen=True, slots=True)
class Tick:
    """One due instant: which slot, when it was due (ns, monotonic), how many slots since the last were skipped."""

    index: int
    due_ns: int
    skipped: int


async def ticks(clock: Clock, schedule: Schedule) -> AsyncIterator[Tick]:
    """The schedule's instants as they come, for ever; to be read with `async for`.

    The first tick is the first instant later than now. Whoever takes longer than the period gets the next instant
    that is still to come; those that passed are not made up for but counted in `skipped`. Instants do not drift.
    """
    last: int | None = None
    while True:
        due_ns = schedule.next_after(clock.monotonic_ns())
        await clock.sleep_until(due_ns)
        index = schedule.index_at(due_ns)
        yield Tick(index, due_ns, 0 if last is None else index - last - 1)
        last = index


def heed_cancel() -> None:
    """End the task where it was cancelled while a library waited: an answer, or a connection lost, in the same turn of
    the loop makes `asyncio.wait_for` give the one and forget the other, and the plant would wait for us for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def stream_seed(seed: int, name: str) -> int:
    """A seed for `name`'s own stream, by hashing: the same in every process and Python version."""
    return int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:8], "little")
