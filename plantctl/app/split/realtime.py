"""What makes a process punctual on Linux: asked for one by one, each optional, each answered with what was got and why.

    priority   SCHED_FIFO: runs before everything that is not real-time
    memory     every page stays in memory once touched: no page fault waits for a disk; and a reserve that is touched
    awake      the processor stays out of sleep it needs long to leave
    cpu        the process stays on one processor
    timer      waking is not rounded to bundle it with others
    garbage    what was built is never looked through again; no collection within a scan

The field is prompt: it asks for SCHED_FIFO below the scan's, so that a busy machine does not keep it from its heartbeat
(without one for a second its outputs wait for a person). It computes as long as devices talk, so this is lent: one turn
of more than `LENT_S` without waiting for anything, and it is an ordinary process again; ten times that, and the kernel
ends it. Where real-time priority is refused it asks to be preferred among the ordinary ones.

A plant runs without any of them, less punctually; the start and `plantctl doctor` say which hold. Each needs a right
that the service unit in `deploy/` grants.
Source: sched(7), setpriority(2), getrlimit(2), mlockall(2), prctl(2), Linux Documentation/power/pm_qos_interface.
"""

import ctypes
import errno
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final

MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2
MCL_ONFAULT: Final = 4
M_TRIM_THRESHOLD: Final = -1
M_MMAP_MAX: Final = -4
MADV_POPULATE_WRITE: Final = 23
PR_SET_TIMERSLACK: Final = 29
TIMER_SLACK_NS: Final = 1
CPU_DMA_LATENCY: Final = "/dev/cpu_dma_latency"
# Of two that want a processor all the time, one of this niceness gets nine tenths (weights of sched(7): 9548 to 1024).
PREFERRED_NICE: Final = -10
# What the field may compute at a stretch at real-time priority, s: its longest turn, a secured link's keys, takes 0.05.
LENT_S: Final = 0.5
THROTTLE: Final = "/proc/sys/kernel/sched_rt_runtime_us"

RESERVE_BYTES: Final = 4 << 20
SMALL_BYTES: Final = 480  # the largest that Python's own allocator serves, with its head
ARENA_PART_BYTES: Final = 1 << 17  # at most half an arena of any Python


@dataclass(frozen=True, slots=True)
class Grant:
    """One wish: its name, whether it was wanted, whether it holds now, and a sentence for the person."""

    name: str
    wanted: bool
    held: bool
    text: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a process asks for. `priority` 1 to 99, 0 for none; `cpu` a processor's number, -1 for any."""

    priority: int = 80
    lock_memory: bool = True
    awake: bool = True
    cpu: int = -1


def be_punctual(wishes: Wishes) -> tuple[Grant, ...]:
    """Ask the kernel for each wish; never raises for one that is refused. Descriptors stay open until the process ends.

    Call it when everything is built and has run once: what is locked and frozen is what is there.
    """
    return (
        _priority(wishes.priority),
        _ask("memory", wishes.lock_memory, _lock_memory, "LimitMEMLOCK=infinity or CAP_IPC_LOCK"),
        _ask("awake", wishes.awake, _stay_awake, f"write access to {CPU_DMA_LATENCY}"),
        _ask("cpu", wishes.cpu >= 0, lambda: _stay_on(wishes.cpu), "a processor of this machine"),
        _ask("timer", True, _exact_timers, "nothing"),
        _ask("garbage", True, _freeze, "nothing"),
    )


def be_preferred(*, wanted: bool) -> Grant:
    """Ask that ordinary processes leave this one the processor when it wants it; never raises where that is refused.

    Where the kernel shares by groups first (services, sessions of terminals), it holds within the group only; the unit
    in `deploy/` gives the plant's group its weight.
    """

    def ask() -> str:
        if os.getpriority(os.PRIO_PROCESS, 0) > PREFERRED_NICE:
            os.setpriority(os.PRIO_PROCESS, 0, PREFERRED_NICE)
        return f"niceness {os.getpriority(os.PRIO_PROCESS, 0)}"

    return _ask("preferred", wanted, ask, f"LimitNICE={PREFERRED_NICE} or CAP_SYS_NICE")


def be_prompt(scan_priority: int) -> Grant:
    """Ask for a priority below that of the scan, 2 to 99; never raises where it is refused. For the main thread.

    A process that computes for `LENT_S` without waiting gives it back and says so in its log. Threads made afterwards
    have the same priority: one that was held up with the interpreter in its hand would hold up all.
    """
    priority = max(1, scan_priority // 2)
    log = logging.getLogger("plantctl")

    def too_long(_number: int, _frame: FrameType | None) -> None:
        if os.sched_getscheduler(0) == os.SCHED_FIFO:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            log.warning("computed for %g s without waiting: real-time priority is given back", LENT_S)

    def ask() -> str:
        signal.signal(signal.SIGXCPU, too_long)
        lent_us, before_us = round(LENT_S * 1e6), resource.getrlimit(resource.RLIMIT_RTTIME)[1]
        most_us = 10 * lent_us if before_us == resource.RLIM_INFINITY else min(before_us, 10 * lent_us)
        resource.setrlimit(resource.RLIMIT_RTTIME, (min(lent_us, most_us), most_us))
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        return f"SCHED_FIFO {priority}, lent for {LENT_S:g} s at a stretch"

    return _ask("prompt", scan_priority > 1, ask, f"LimitRTPRIO={priority} or CAP_SYS_NICE")


def throttle_text() -> str:
    """What share of the time the kernel leaves to real-time processes, as a sentence; empty where it is not told."""
    try:
        with open(THROTTLE, encoding="ascii") as file:
            left_us = int(file.read())
    except (OSError, ValueError):
        return ""
    return "no limit on real-time processes" if left_us < 0 else f"real-time processes may use {left_us / 1e4:g} %"


def _priority(priority: int) -> Grant:
    def ask() -> str:
        # A child of this process (there is none) would start as an ordinary one.
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
        return f"SCHED_FIFO {priority}"

    return _ask("priority", priority > 0, ask, f"LimitRTPRIO={priority} or CAP_SYS_NICE")


def _ask(name: str, wanted: bool, ask: Callable[[], str], needs: str) -> Grant:
    if not wanted:
        return Grant(name, False, False, "not asked for")
    try:
        return Grant(name, True, True, ask())
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        return Grant(name, True, False, f"{why}; needs {needs}")


def _lock_memory() -> str:
    _reserve()
    _touch_all()
    # Pages are locked as they are touched: most of the libraries never is.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0:
        raise OSError(ctypes.get_errno(), "mlockall")
    return f"locked as touched, {2 * RESERVE_BYTES >> 20} MiB in reserve"


def _touch_all() -> None:
    """Have every page of this process's own writable memory in place: arrays that were made and not filled yet, too."""
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with suppress(OSError), open("/proc/self/maps", encoding="ascii", errors="replace") as file:
        for place, rights, *_ in [line.split() for line in file]:
            if rights == "rw-p":
                start, end = (int(number, 16) for number in place.split("-"))
                libc.madvise(start, end - start, MADV_POPULATE_WRITE)  # a kernel before 5.14 refuses, and no harm


_RESERVED: list[bytes] = []


def _reserve() -> None:
    """Leave memory that was touched in the hands of both allocators, for whoever needs a little more for a moment.

    Python takes small objects from arenas and gives back one that is all free: one object in each stays. The C library
    must neither give back what was freed nor ask the kernel for large pieces one by one (mallopt(3)).
    """
    objects = [bytes(SMALL_BYTES) for _ in range(RESERVE_BYTES // SMALL_BYTES)]
    _RESERVED[:] = objects[:: ARENA_PART_BYTES // SMALL_BYTES]
    objects.clear()
    libc = ctypes.CDLL(None)
    with suppress(AttributeError):  # another C library than GNU's
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        libc.mallopt(M_MMAP_MAX, 0)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    piece = libc.malloc(RESERVE_BYTES)
    if piece:
        ctypes.memset(piece, 1, RESERVE_BYTES)
        libc.free(piece)


_AWAKE: list[int] = []


def _stay_awake() -> str:
    descriptor = os.open(CPU_DMA_LATENCY, os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, (0).to_bytes(4, "little"))
    # The wish holds as long as the file is open.
    _AWAKE.append(descriptor)
    return "no deep sleep"


def _stay_on(cpu: int) -> str:
    os.sched_setaffinity(0, {cpu})
    return f"processor {cpu}"


def _exact_timers() -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno() or errno.EINVAL, "prctl")
    return f"slack {TIMER_SLACK_NS} ns"


def _freeze() -> str:
    gc.collect()
    gc.freeze()
    gc.disable()
    return f"{gc.get_freeze_count()} objects frozen, no collections"
