"""The jumping loop: what runs when, what holds the time, and what the message says when it stands for ever."""

import asyncio
import selectors
import socket
import threading
import time

import pytest

from plantctl.core.virtual_loop import JumpingSelector, VirtualLoop, VirtualTimeDeadlock
from plantctl.core.virtual_run import TasksLeftPending, WallLimitExceeded, run_virtual

MS = 1_000_000


def test_waiters_wake_in_the_order_of_their_instants_at_exactly_these():
    async def main(clock):
        woken = []

        async def wait(name, instant_ns):
            await clock.sleep_until(instant_ns)
            woken.append((name, clock.monotonic_ns()))

        await asyncio.gather(wait("c", 300_000_001), wait("a", 1), wait("b", 300_000_000), wait("d", 10**15 + 1))
        return woken

    assert run_virtual(main) == [("a", 1), ("b", 300_000_000), ("c", 300_000_001), ("d", 10**15 + 1)]


def test_time_is_rounded_to_the_nanosecond_and_does_not_creep():
    async def main(clock):
        for _ in range(1000):
            await asyncio.sleep(0.1)
        return clock.monotonic_ns()

    assert run_virtual(main) == 100_000 * MS


def test_a_timer_below_the_resolution_of_floats_still_comes():
    async def main(clock):
        seen = []
        for k in range(10**16, 10**16 + 1000, 7):  # after 115 days seconds as floats are 1.9 ns apart: never early
            await clock.sleep_until(k)
            await asyncio.sleep(1e-10)
            seen.append(clock.monotonic_ns() - k)
        return seen

    assert set(run_virtual(main, wall_limit_s=5.0)) <= {1, 2, 3, 4, 5, 6}


def test_who_waits_for_the_rest_of_a_time_out_is_not_woken_at_one_instant_for_ever():
    async def main(clock):
        moved_ns = []
        for start_ns in (1, 37_653_088_899, 10**16):
            await clock.sleep_until(start_ns)
            await asyncio.sleep(3e-15)  # what float seconds leave of 25 s
            moved_ns.append(clock.monotonic_ns() - start_ns)
        return moved_ns

    assert min(run_virtual(main)) >= 1


def test_an_hour_passes_in_no_time():
    async def main(clock):
        await clock.sleep(3600.0)
        return clock.utc_ns()

    started = time.monotonic()
    assert run_virtual(main, start_utc_ns=5) == 3600 * 10**9 + 5
    assert time.monotonic() - started < 5.0


def test_a_cancelled_wait_leaves_no_timer_behind():
    async def main(clock):
        waiting = asyncio.create_task(clock.sleep(1e6))
        await clock.sleep(1.0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeDeadlock, match=r"stands at 1\.000000000 s"):
        run_virtual(main)


def test_a_jump_always_moves_the_time():
    watched = JumpingSelector()
    watched.jump(1e-12)
    assert (watched.now_ns, watched.now_s) == (1, 1e-9)
    watched.close()


def test_a_thread_at_work_holds_the_time():
    async def main(clock):
        worker_may_end = threading.Event()
        other = asyncio.create_task(clock.sleep(1.0))
        job = asyncio.get_running_loop().run_in_executor(None, worker_may_end.wait)
        await asyncio.sleep(0)
        standing_ns = clock.monotonic_ns()
        worker_may_end.set()
        await job
        done_ns = clock.monotonic_ns()
        await other
        return standing_ns, done_ns, clock.monotonic_ns()

    assert run_virtual(main) == (0, 0, 1000 * MS)


def test_a_short_time_out_does_not_fire_while_its_thread_is_at_work():
    async def main(clock):
        async with asyncio.timeout(0.001):
            return await asyncio.to_thread(lambda: threading.Event().wait(0.05) or "done")

    assert run_virtual(main) == "done"


def test_a_thread_nobody_awaits_any_more_still_holds_the_time():
    async def main(clock):
        worker_may_end = threading.Event()
        task = asyncio.create_task(asyncio.to_thread(worker_may_end.wait))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        held = asyncio.get_running_loop().jumps.jobs
        worker_may_end.set()
        await clock.sleep(1.0)
        return held, asyncio.get_running_loop().jumps.jobs

    assert run_virtual(main) == (1, 0)


def test_a_name_is_looked_up_without_a_thread():
    async def main(clock):
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo("localhost", 502, type=socket.SOCK_STREAM)
        host, _ = await loop.getnameinfo(("127.0.0.1", 502), socket.NI_NUMERICHOST)
        assert not any("virtual-loop" in thread.name for thread in threading.enumerate())
        return {address[4][1] for address in addresses}, host

    assert run_virtual(main) == ({502}, "127.0.0.1")


def test_a_run_where_nothing_can_happen_names_who_waits():
    async def wait_for_nobody():
        await asyncio.Event().wait()

    async def main(clock):
        await clock.sleep(2.5)
        waiting = [asyncio.create_task(wait_for_nobody(), name=name) for name in ("recorder", "driver RECT-01")]
        await asyncio.gather(*waiting)

    with pytest.raises(VirtualTimeDeadlock, match=r"stands at 2\.5\d* s") as deadlock:
        run_virtual(main)
    assert "recorder (" in str(deadlock.value)
    assert "driver RECT-01 (" in str(deadlock.value)
    assert "wait_for_nobody)" in str(deadlock.value)


def test_tasks_left_behind_fail_the_run_by_name_and_are_cancelled():
    ends = []

    async def linger(clock):
        try:
            await clock.sleep(10.0)
        except asyncio.CancelledError:
            await clock.sleep(1.0)  # cleaning up may take its time
            ends.append(clock.monotonic_ns())

    async def main(clock):
        main.kept = asyncio.create_task(linger(clock), name="poll GW-4A")
        await clock.sleep(1.0)

    with pytest.raises(TasksLeftPending, match="poll GW-4A") as left:
        run_virtual(main)
    assert len(left.value.names) == 1
    assert ends == [2000 * MS]


def test_tasks_that_are_just_ending_are_not_left_behind():
    async def main(clock):
        main.kept = asyncio.create_task(asyncio.sleep(0))

    assert run_virtual(main) is None


def test_a_run_that_fails_keeps_its_own_error_and_says_when():
    async def main(clock):
        main.kept = asyncio.create_task(clock.sleep(10.0), name="scan")
        await clock.sleep(0.25)
        raise LookupError("no such tag")

    with pytest.raises(LookupError, match="no such tag") as error:
        run_virtual(main)
    assert "at 0.250000000 s" in error.value.__notes__[0]
    assert "scan" in error.value.__notes__[0]


def test_a_run_whose_time_never_moves_is_ended_by_the_limit():
    async def main(clock):
        while True:
            await asyncio.sleep(0)

    with pytest.raises(WallLimitExceeded, match=r"0\.1 s of real time.*_call"):
        run_virtual(main, wall_limit_s=0.1)


def test_a_run_that_waits_for_a_thread_that_never_ends_is_ended_by_the_limit(monkeypatch):
    monkeypatch.setattr("plantctl.core.virtual_run._PATIENCE_S", 30.0)
    monkeypatch.setattr("plantctl.core.virtual_run._CLEANUP_S", 0.1)
    worker_may_end = threading.Event()

    async def main(clock):
        await asyncio.to_thread(worker_may_end.wait, 20.0)

    started = time.monotonic()
    with pytest.raises(WallLimitExceeded, match="jobs in threads: 1"):
        run_virtual(main, wall_limit_s=0.1)
    worker_may_end.set()
    assert time.monotonic() - started < 10.0


def test_code_that_never_gives_way_is_interrupted_where_it_stands(monkeypatch):
    monkeypatch.setattr("plantctl.core.virtual_run._PATIENCE_S", 0.1)

    async def main(clock):
        never_gives_way()

    def never_gives_way():
        while True:
            pass

    with pytest.raises(WallLimitExceeded, match="never_gives_way"):
        run_virtual(main, wall_limit_s=0.1)


def test_ready_sockets_come_in_the_order_they_were_first_watched():
    watched = JumpingSelector()
    pairs = [socket.socketpair() for _ in range(5)]
    try:
        for k in (3, 0, 4, 1, 2):
            watched.register(pairs[k][0], selectors.EVENT_READ, k)
        for pair in pairs:
            pair[1].send(b"x")
        watched.modify(pairs[0][0], selectors.EVENT_READ | selectors.EVENT_WRITE, "0 again")
        assert [key.data for key, _ in watched.select(0)] == [3, "0 again", 4, 1, 2]
        assert [mask for _, mask in watched.select(0)][:2] == [selectors.EVENT_READ, 3]
        watched.unregister(pairs[3][0])
        watched.register(pairs[3][0], selectors.EVENT_READ, "3 again")
        assert [key.data for key, _ in watched.select(0)] == ["0 again", 4, 1, 2, "3 again"]
        assert watched.now_ns == 0
    finally:
        watched.close()
        for pair in pairs:
            pair[0].close()
            pair[1].close()


def test_the_selector_keeps_the_promises_asyncio_counts_on():
    watched = JumpingSelector()
    one, other = socket.socketpair()
    with one, other:
        key = watched.register(one, selectors.EVENT_READ, "d")
        assert watched.get_key(one.fileno()) == key
        assert watched.get_map()[one] == key
        assert list(watched.get_map()) == [one.fileno()]
        assert len(watched.get_map()) == 1
        with pytest.raises(KeyError, match="registered already"):
            watched.register(one, selectors.EVENT_READ)
        with pytest.raises(KeyError):
            watched.get_key(other)
        with pytest.raises(KeyError):
            watched.modify(other, selectors.EVENT_READ)
        other.close()  # a hang-up wakes the reader
        assert [mask for _, mask in watched.select(0)] == [selectors.EVENT_READ]
        with pytest.raises(ValueError, match="closed"):
            watched.register(other, selectors.EVENT_READ)
        fd = one.fileno()
        one.close()
        assert watched.unregister(fd) == key  # closed first: nothing to complain about
    watched.close()


def test_a_library_that_runs_threads_of_its_own_can_hold_the_time():
    async def main(clock):
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        answer = loop.create_future()

        def work():
            threading.Event().wait(0.05)
            loop.call_soon_threadsafe(answer.set_result, "done")

        thread = threading.Thread(target=work)
        with loop.holding_time():
            thread.start()
            async with asyncio.timeout(0.001):
                await answer
        thread.join()
        return answer.result()

    assert run_virtual(main) == "done"


@pytest.mark.parametrize("shut_down", [True, False])
def test_ordinary_use_of_the_default_executor_ends_in_good_order(shut_down):
    async def main(clock):
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(*(asyncio.to_thread(pow, 2, k) for k in range(4)))
        if shut_down:
            await loop.shutdown_default_executor()
        return results

    before = set(threading.enumerate())
    assert run_virtual(main) == [1, 2, 4, 8]
    assert not set(threading.enumerate()) - before
