"""The model's step on a clock that is held up: it catches up to now, within a bound, and counts what it lost."""

import asyncio
from itertools import pairwise

import pytest

from plantctl.core.clock import ParticipantClock
from simulators.serve import serve
from tests.unit.bench_plant import BenchPlant

SECOND = 1_000_000_000


class Enough(Exception):
    """The story is over."""


class HeldUpClock(ParticipantClock):
    """Wakes its waiter on time, but later by `delays_s` at its first waits, as a busy machine does."""

    virtual = False

    def __init__(self, delays_s, waits):
        super().__init__(0, seed=1)
        self.now_ns = 0
        self.delays_s = list(delays_s)
        self.waits = waits

    def monotonic_ns(self):
        return self.now_ns

    def utc_ns(self):
        return self.now_ns

    async def sleep_until(self, monotonic_ns):
        if self.now_ns < monotonic_ns:
            if not self.waits:
                raise Enough
            self.waits -= 1
            late_s = self.delays_s.pop(0) if self.delays_s else 0.0
            self.now_ns = monotonic_ns + round(late_s * SECOND)

    async def sleep(self, seconds):
        raise AssertionError("the model waits for instants, not for spans")


def run(delays_s, waits):
    """Serve until the clock has had enough; the serving and the instants of its steps (monotonic, UTC)."""
    servings, times = [], []

    async def main():
        async with asyncio.timeout(5.0), serve(BenchPlant(), HeldUpClock(delays_s, waits), "memory") as serving:
            step = serving.line.step
            serving.line.step = lambda now_ns, utc_ns: (times.append((now_ns, utc_ns)), step(now_ns, utc_ns))
            servings.append(serving)
            await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as ended:
        asyncio.run(main())
    assert ended.group_contains(Enough)
    return servings[0], times


def test_each_step_is_at_its_own_instant():
    serving, times = run([], waits=10)
    assert [now for now, _ in times] == [37_300_000 + k * 100_000_000 for k in range(10)]
    assert all(utc == now for now, utc in times)
    assert serving.skipped == 0


def test_a_clock_that_was_held_up_is_caught_up_with():
    serving, times = run([0.0, 3.05, 0.0], waits=3)
    assert len(times) == 33
    assert [b - a for (a, _), (b, _) in pairwise(times)] == [100_000_000] * 32
    assert serving.skipped == 0


def test_beyond_five_seconds_the_plant_loses_time_and_says_so():
    serving, times = run([0.0, 20.0, 0.0], waits=3)
    assert serving.skipped == 150
    assert len(times) == 53


def test_the_bodys_own_error_comes_out_as_it_is():
    async def main():
        async with serve(BenchPlant(), HeldUpClock([], 0), "memory"):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(main())
