"""Real clocks: absolute deadlines, waits in the past, ticks that count what they missed, chance of one's own."""

import asyncio
import os
import subprocess
import sys

import pytest

from plantctl.core.clock import RealClock, Tick, ticks
from plantctl.core.schedule import DuplicateInstant
from plantctl.core.virtual_loop import START_UTC_NS
from plantctl.core.virtual_run import run_virtual

MS = 1_000_000


def test_a_real_wait_never_ends_early():
    clock = RealClock()

    async def wait():
        deadline_ns = clock.monotonic_ns() + 3 * MS + 123
        await clock.sleep_until(deadline_ns)
        return clock.monotonic_ns() - deadline_ns

    assert asyncio.run(wait()) >= 0


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_wait_for_the_past_still_gives_way(seconds):
    async def main(clock):
        seen = []
        asyncio.get_running_loop().call_soon(seen.append, "other work")
        await clock.sleep(seconds)
        return list(seen)

    assert asyncio.run(main(RealClock())) == ["other work"]
    assert run_virtual(main) == ["other work"]


def test_a_loop_that_wakes_early_is_sent_back_to_sleep(monkeypatch):
    clock = RealClock()
    sleep = asyncio.sleep
    monkeypatch.setattr("plantctl.core.clock.asyncio.sleep", lambda seconds: sleep(seconds / 2))

    async def wait():
        deadline_ns = clock.monotonic_ns() + 5 * MS
        await clock.sleep_until(deadline_ns)
        return clock.monotonic_ns() - deadline_ns

    assert asyncio.run(wait()) >= 0


def test_waiting_for_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        asyncio.run(RealClock().sleep(float("nan")))


def test_real_time_is_the_machines_and_virtual_time_is_not():
    clock = RealClock(origin_ns=42)
    assert clock.origin_ns == 42
    assert not clock.virtual
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.utc_ns() > START_UTC_NS // 2

    async def main(virtual):
        return virtual.virtual, virtual.origin_ns, virtual.monotonic_ns(), virtual.utc_ns()

    assert run_virtual(main, start_utc_ns=7) == (True, 0, 0, 7)


def test_ticks_come_at_every_instant_and_do_not_drift():
    async def main(clock):
        seen = []
        async for tick in ticks(clock, clock.register("scan", 100 * MS, 700_000)):
            seen.append((tick, clock.monotonic_ns()))
            await clock.sleep(0.03)
            if len(seen) == 3:
                break
        return seen

    assert run_virtual(main) == [(Tick(k, due := k * 100 * MS + 700_000, 0), due) for k in range(3)]


def test_an_overlong_tick_is_followed_by_the_next_instant_to_come_and_the_passed_ones_are_counted():
    async def main(clock):
        seen = []
        async for tick in ticks(clock, clock.register("scan", 100 * MS, 0)):
            seen.append(tick)
            await clock.sleep(0.35 if len(seen) == 1 else 0.1)
            if len(seen) == 3:
                break
        return seen

    # the second one ends exactly on an instant: that one has passed
    assert run_virtual(main) == [Tick(1, 100 * MS, 0), Tick(5, 500 * MS, 3), Tick(7, 700 * MS, 1)]


def test_both_clocks_refuse_a_shared_instant_and_offer_a_free_phase():
    clock = RealClock()
    clock.register("scan", 100 * MS, 0)
    with pytest.raises(DuplicateInstant):
        clock.register("model", 100 * MS, 0)
    assert clock.free_phase_ns(100 * MS) == 100_000
    clock.release("scan")
    clock.register("model", 100 * MS, 0)

    async def main(virtual):
        virtual.register("scan", 100 * MS, 0)
        virtual.register("model", 100 * MS, 0)

    with pytest.raises(DuplicateInstant):
        run_virtual(main)


def test_chance_follows_from_seed_and_name_and_nothing_else():
    async def draw(clock, names=("RECT-01", "GW-4A")):
        return {name: [clock.random(name).random() for _ in range(3)] for name in names}

    first = run_virtual(draw, seed=1)
    again = run_virtual(lambda clock: draw(clock, ("GW-4A", "other", "RECT-01")), seed=1)
    assert {name: again[name] for name in first} == first
    assert first["RECT-01"] != first["GW-4A"]
    assert first != run_virtual(draw, seed=2)


def test_the_same_name_continues_its_stream():
    clock = RealClock()
    assert clock.random("RECT-01") is clock.random("RECT-01")
    assert clock.random("RECT-01").random() != RealClock().random("RECT-01").random()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_chance_does_not_depend_on_the_hash_seed(hash_seed):
    program = (
        "from plantctl.core.virtual_loop import *\n"
        "loop = VirtualLoop()\nprint(VirtualClock(loop, seed=7).random('40-AIC-4212').random())\nloop.close()"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "0.2987522078990458"
