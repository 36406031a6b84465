"""Virtual time: an asyncio loop that jumps to the next thing due instead of waiting for it.

Real protocol stacks run in it unmodified, over real sockets: clients, servers, time-outs, retries. Whenever nothing is
left to do, time jumps to the next timer, so an hour of plant takes as long as its work takes, and the same run can be
made twice. The rule of a turn, complete:

    bytes or connections are ready    handle them, in the order their sockets were first watched
    else a thread is at work          wait for it in real time; virtual time stands still
    else a timer is pending           jump to it, rounded to the nanosecond
    else                              nothing can ever happen again: VirtualTimeDeadlock, with the tasks that wait

Time therefore moves only when everything caused by an earlier instant has settled. Two actions at one instant still
run in an order nobody chose, hence the rule of the timetable (`schedule`): every participant has instants of its own.

Everything a run talks to must live in its loop (or in its executor jobs). A foreign process cannot follow. A run may
last 190 days of virtual time; beyond, asyncio's seconds as floats are too coarse for its own timers.
"""

import asyncio
import functools
import select
import selectors
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any, Final, TypeVar

from plantctl.core.clock import ParticipantClock
from plantctl.core.errors import PlantctlError

_T = TypeVar("_T")

# 2026-01-01 00:00 UTC: any fixed date will do, a round one is easy to subtract.
START_UTC_NS: Final = 1_767_225_600_000_000_000

# A wait takes at least this, in seconds: asyncio calls what is due within a nanosecond due now, and its float seconds
# are 2 ns apart in the end. Whoever waits for a remainder of 1e-15 s would else ask again for ever, at one instant.
_LEAST_WAIT_S: Final = 2e-9

# Before a deadlock is declared, bytes that the kernel may still hold get this long to arrive, in real seconds.
_GRACE_S: Final = 0.05

_EPOLL_OF_EVENT: Final = {selectors.EVENT_READ: select.EPOLLIN, selectors.EVENT_WRITE: select.EPOLLOUT}


class VirtualTimeDeadlock(PlantctlError):
    """No timer, no thread, no bytes: the tasks named in the message wait for each other or for nothing."""


class JumpingSelector(selectors.BaseSelector):
    """Says which sockets are ready, and where asyncio would wait for the next timer, moves the time to it.

    `now_ns` and `now_s` are the virtual time. `jobs` counts threads whose result the loop still awaits. While
    `settling`, the loop is stopped where time would move. `failure`, set from any thread, is raised at the next turn.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.now_s = 0.0
        self.jobs = 0
        self.settling = False
        self.failure: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._keys: dict[int, selectors.SelectorKey] = {}
        # Descriptor numbers depend on what else the process has open; the order of registration does not.
        self._order: dict[int, int] = {}
        self._registrations = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = _descriptor(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is registered already")
        self._epoll.register(fd, _epoll_events(events))
        self._registrations += 1
        self._order[fd] = self._registrations
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        fd = _descriptor(fileobj)
        key = self._keys.pop(fd)
        del self._order[fd]
        with suppress(OSError):  # closed before: the kernel has forgotten it already
            self._epoll.unregister(fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = _descriptor(fileobj)
        if self._keys[fd].events != events:
            self._epoll.modify(fd, _epoll_events(events))
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """One turn of the rule above. `timeout` is asyncio's: 0 when callbacks are ready, None when no timer is."""
        if self.failure is not None:
            raise self.failure
        events = self._poll(0)
        if not events:
            if timeout is not None and timeout <= 0:
                return []
            events = self._idle(timeout)
            if not events:
                return []
        if len(events) > 1:
            order = self._order
            events.sort(key=lambda event: order[event[0]])
        keys = self._keys
        return [(key := keys[fd], _selector_events(bits) & key.events) for fd, bits in events]

    def _idle(self, timeout: float | None) -> list[tuple[int, int]]:
        """Nothing is ready: wait for a thread, or move the time, or find that nothing can happen any more."""
        if self.jobs:
            return self._poll()
        if self.settling:
            assert self.loop is not None
            self.loop.stop()
            return []
        if timeout is None:
            events = self._poll(_GRACE_S)
            if not events:
                raise VirtualTimeDeadlock(self._deadlock_text())
            return events
        self.jump(timeout)
        return []

    def jump(self, seconds: float) -> None:
        """Move the time on: to the nearest nanosecond, but always on, so that a rounded timer cannot spin."""
        self.reach(self.now_ns + max(1, round(seconds * 1e9)))

    def reach(self, instant_ns: int) -> None:
        """Move the time to an instant, unless it is there or later already."""
        if instant_ns > self.now_ns:
            self.now_ns = instant_ns
            self.now_s = instant_ns / 1e9

    def _deadlock_text(self) -> str:
        names = pending_task_names(self.loop) if self.loop is not None else []
        return f"virtual time stands at {self.now_s:.9f} s and nothing is due; waiting: {', '.join(names) or 'no task'}"

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return _KeysByFile(self._keys)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[_descriptor(fileobj)]

    def close(self) -> None:
        self._keys.clear()
        self._order.clear()
        self._epoll.close()


class _KeysByFile(Mapping[Any, selectors.SelectorKey]):
    """The registrations, to be looked up by descriptor or by file object, as selectors promise."""

    def __init__(self, keys: dict[int, selectors.SelectorKey]) -> None:
        self._keys = keys

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[_descriptor(fileobj)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a selector that jumps. Jobs in executors hold the time; names are looked up at once."""

    def __init__(self) -> None:
        self.jumps = JumpingSelector()
        super().__init__(self.jumps)
        self.jumps.loop = self
        self._threads = ThreadPoolExecutor(thread_name_prefix="virtual-loop")
        self.set_default_executor(self._threads)

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:  # type: ignore[override]
        """As asyncio's; the loop keeps its own hold of it, since every job is counted."""
        self._threads = executor
        super().set_default_executor(executor)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.jumps.now_s

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, and a wait that is not over at once moves the time."""
        return super().call_later(max(delay, _LEAST_WAIT_S) if delay > 0 else delay, callback, *args, context=context)

    @contextmanager
    def holding_time(self) -> Iterator[None]:
        """Hold the time while something outside the loop works for it and will wake it (a thread of a library)."""
        self.jumps.jobs += 1
        try:
            yield
        finally:
            self.jumps.jobs -= 1

    # asyncio's signature varies over its versions and is generic in ways the stubs cannot override.
    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        """As asyncio's, and virtual time stands still until the job is done, even if nobody awaits it any more."""
        job = (executor or self._threads).submit(func, *args)
        self.jumps.jobs += 1
        result = asyncio.wrap_future(job, loop=self)
        # Added after asyncio's own callback, so that the result is in the loop before the time is let go.
        job.add_done_callback(self._job_done)
        return result

    def _job_done(self, _job: object) -> None:
        """Runs in the job's thread; a job that outlived the loop has nobody to tell."""
        if not self.is_closed():
            self.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        self.jumps.jobs -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the default executor's threads; time stands still meanwhile, so `timeout` never passes."""
        self._threads.shutdown(wait=True)

    def close(self) -> None:
        """Close the loop and its threads; a job still running is left behind rather than waited for."""
        if not self.is_closed() and not self.is_running():
            self._threads.shutdown(wait=not self.jumps.jobs, cancel_futures=True)
        super().close()

    async def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Any:
        """Look a name up in place: a thread would answer at a moment of its own choosing."""
        return socket.getaddrinfo(host, port, **hints)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Look an address up in place, as above."""
        return socket.getnameinfo(sockaddr, flags)


class VirtualClock(ParticipantClock):
    """The clock of a virtual loop: monotonic time starts at 0, UTC at `start_utc_ns`, and both only jump together."""

    virtual = True

    def __init__(self, loop: VirtualLoop, *, seed: int = 0, start_utc_ns: int = START_UTC_NS) -> None:
        super().__init__(0, seed)
        self.start_utc_ns = start_utc_ns
        self._loop = loop
        self._jumps = loop.jumps

    def monotonic_ns(self) -> int:
        return self._jumps.now_ns

    def utc_ns(self) -> int:
        return self.start_utc_ns + self._jumps.now_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns <= self._jumps.now_ns:
            await asyncio.sleep(0)
            return
        wakeup = self._loop.create_future()
        timer = self._loop.call_at(monotonic_ns / 1e9, self._wake, wakeup, monotonic_ns)
        try:
            await wakeup
        except BaseException:
            timer.cancel()
            raise

    def _wake(self, wakeup: "asyncio.Future[None]", monotonic_ns: int) -> None:
        """End a wait. The loop's float seconds may have led to a nanosecond before it (after weeks, some more)."""
        self._jumps.reach(monotonic_ns)
        if not wakeup.done():
            wakeup.set_result(None)

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._jumps.now_ns + round(seconds * 1e9))


def pending_task_names(loop: asyncio.AbstractEventLoop) -> list[str]:
    """`name (function)` of every task of `loop` that is not done, oldest first as far as names tell."""
    return [_task_title(task) for task in pending_tasks(loop)]


def pending_tasks(loop: asyncio.AbstractEventLoop) -> "list[asyncio.Task[Any]]":
    """The tasks of `loop` that are not done, in an order that does not depend on where they lie in memory."""
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


def _task_title(task: "asyncio.Task[Any]") -> str:
    coroutine = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', repr(coroutine))})"


def _descriptor(fileobj: Any) -> int:
    """The number of an open file; ValueError for what has none, as selectors promise."""
    if isinstance(fileobj, int):
        return fileobj
    fd = int(fileobj.fileno())
    if fd < 0:
        raise ValueError(f"{fileobj!r} is closed")
    return fd


def _epoll_events(events: int) -> int:
    return sum(bit for event, bit in _EPOLL_OF_EVENT.items() if events & event)


@functools.cache
def _selector_events(bits: int) -> int:
    """What asyncio calls it: errors and hang-ups wake both the reader and the writer."""
    readable = selectors.EVENT_READ if bits & ~select.EPOLLOUT else 0
    writable = selectors.EVENT_WRITE if bits & ~select.EPOLLIN else 0
    return readable | writable
