"""One run in virtual time, from the first instant to an orderly end, within a limit of real time.

`run_virtual(main, seed=7)` is to virtual time what `asyncio.run` is to real time. It is strict, since it serves tests:
tasks left behind fail the run by name, a run that cannot go on says who waits for what, and one that does not end is
ended.
"""

import _thread
import asyncio
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from plantctl.core.errors import PlantctlError
from plantctl.core.virtual_loop import START_UTC_NS, VirtualClock, VirtualLoop, pending_task_names, pending_tasks

_T = TypeVar("_T")

# After the limit the loop has this long to notice at its next turn; then it is interrupted where it stands.
_PATIENCE_S: Final = 2.0

# Real time for cancelled tasks to clean up in, and for jobs to finish.
_CLEANUP_S: Final = 5.0


class WallLimitExceeded(PlantctlError):
    """The run took longer in real time than it may; the message says how far it came and which tasks were waiting."""


class TasksLeftPending(PlantctlError):
    """The run's main function returned, but tasks it had started were still waiting; `names` holds them."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(f"still pending when the run ended: {', '.join(names)}")


def run_virtual(
    main: Callable[[VirtualClock], Awaitable[_T]],
    *,
    seed: int = 0,
    start_utc_ns: int = START_UTC_NS,
    wall_limit_s: float = 60.0,
) -> _T:
    """Run `main(clock)` in a loop of its own in virtual time and return its result.

    `seed` decides every stream of chance, `start_utc_ns` the UTC time at virtual 0, `wall_limit_s` (real seconds) how
    long the run may take. Raises what `main` raises; VirtualTimeDeadlock when nothing can happen any more;
    WallLimitExceeded; TasksLeftPending when `main` returned before its tasks. In every case the leftover tasks have
    been cancelled and the loop is closed. Must not be called from inside a running loop.
    """
    loop = VirtualLoop()
    clock = VirtualClock(loop, seed=seed, start_utc_ns=start_utc_ns)
    try:
        with _wall_limit(loop, wall_limit_s):
            result = loop.run_until_complete(_call(main, clock))
            _settle(loop)
        left = pending_task_names(loop)
    except PlantctlError:
        raise
    except BaseException as error:
        error.add_note(f"at {loop.time():.9f} s of virtual time; waiting: {_waiting(loop)}")
        raise
    finally:
        _close(loop)
    if left:
        raise TasksLeftPending(left)
    return result


async def _call(main: Callable[[VirtualClock], Awaitable[_T]], clock: VirtualClock) -> _T:
    return await main(clock)


def _settle(loop: VirtualLoop) -> None:
    """Run everything that is ready at this instant, so that tasks which are just ending can end; time stands still."""
    loop.jumps.settling = True
    try:
        loop.run_forever()
    finally:
        loop.jumps.settling = False


def _close(loop: VirtualLoop) -> None:
    """Cancel what is left, let it clean up (which may take virtual time), close the loop.

    What goes wrong here is not reported: the run has its verdict already.
    """
    try:
        with _wall_limit(loop, _CLEANUP_S):
            tasks = pending_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            _settle(loop)
    except PlantctlError:
        pass
    finally:
        loop.close()


def _waiting(loop: VirtualLoop) -> str:
    names = ", ".join(pending_task_names(loop)) or "no task"
    return f"{names}; jobs in threads: {loop.jumps.jobs}" if loop.jumps.jobs else names


class _OutOfTime(BaseException):
    """Raised by the selector, where no task can catch it."""


@contextmanager
def _wall_limit(loop: VirtualLoop, limit_s: float) -> Iterator[None]:
    """End what runs in `loop` after `limit_s` of real time: at its next turn, or by an interrupt where it stands."""
    over = threading.Event()
    stuck: list[str] = []
    loop_thread = threading.get_ident()

    def watch() -> None:
        if over.wait(limit_s):
            return
        loop.jumps.failure = _OutOfTime()
        loop.call_soon_threadsafe(_nothing)  # wakes a loop that waits for a thread
        if over.wait(_PATIENCE_S):
            return
        frame = sys._current_frames().get(loop_thread)
        stuck.extend(traceback.format_stack(frame, limit=6))
        if loop_thread == threading.main_thread().ident:
            _thread.interrupt_main()

    watchdog = threading.Thread(target=watch, name="virtual-time-limit", daemon=True)
    watchdog.start()
    try:
        yield
    except (_OutOfTime, KeyboardInterrupt) as error:
        if loop.jumps.failure is None:
            raise
        raise WallLimitExceeded(
            f"not done after {limit_s:g} s of real time, at {loop.time():.9f} s of virtual time; "
            f"waiting: {_waiting(loop)}{' stuck in:' if stuck else ''}\n{''.join(stuck)}".rstrip()
        ) from error
    finally:
        over.set()
        watchdog.join()
        loop.jumps.failure = None


def _nothing() -> None:
    """Wakes a loop; nothing else."""
