"""What this machine offers to a plant in topology `split`, found without disturbing what runs on it.

Each finding says what there is and, where something is missing, what that costs and how it is had. Nothing is changed:
what must be asked of the kernel is asked in a process that ends at once (`machine_probe`).
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plantctl.app import machine_probe
from plantctl.app.clock_sync import ClockService, Synchronisation
from plantctl.app.shared_memory import create, map_writable, read_only
from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.supervisor import MACHINES

KERNEL_LEAST: Final = (5, 4)
PYTHON_LEAST: Final = (3, 11)
PROCESSORS_LEAST: Final = 2
FREE_LEAST: Final = 2 << 30
COMMIT_MOST_NS: Final = 500_000_000
SHARE_LEAST: Final = 0.9
RUNTIME: Final = Path("/proc/sys/kernel/sched_rt_runtime_us")
MOUNTS: Final = Path("/proc/self/mounts")
IN_MEMORY: Final = ("tmpfs", "ramfs")
UNIT: Final = "deploy/systemd has the unit"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: its name, whether all is well, what was found; what it costs where it is not, and how it is had."""

    name: str
    ok: bool
    found: str
    costs: str = ""
    remedy: str = ""


# What each wish of the scan, and that of the field, is for and where it is granted; as `split.realtime` names them.
WISHES: Final[Mapping[str, tuple[str, str]]] = {
    "priority": (
        "a busy machine makes scans late, by 100 times and more",
        f"in a unit LimitRTPRIO=99 and AmbientCapabilities=CAP_SYS_NICE ({UNIT}); for a user a line "
        "`NAME - rtprio 99` in /etc/security/limits.d",
    ),
    "prompt": (
        "a busy machine holds the field up; after 1 s its outputs wait for a person",
        "as for priority, and no turn of the field of more than 0.5 s: logs/field.jsonl tells",
    ),
    "memory": (
        "a scan may wait for the disk when memory is short",
        f"in a unit LimitMEMLOCK=infinity or AmbientCapabilities=CAP_IPC_LOCK ({UNIT}); for a user a line "
        "`NAME - memlock unlimited` in /etc/security/limits.d",
    ),
    "awake": (
        "on a quiet machine scans begin some 0.1 ms later",
        "write access to /dev/cpu_dma_latency: the rule deploy/systemd/60-plantctl.rules and the group plantctl; in a "
        "unit DeviceAllow=/dev/cpu_dma_latency rw; a container or a small virtual machine may not have it",
    ),
    "cpu": ("the scan moves between processors", "name one that this machine has with --cpu"),
    "timer": ("waking is up to 0.05 ms later", "nothing that can be granted: the kernel refused"),
    "garbage": ("a collection of garbage may fall into a scan", "nothing that can be granted"),
}


def machine_findings() -> list[Finding]:
    """Processor, kernel, Python, what processes share, punctuality, clock; in the order they are told in."""
    return [
        processor(platform.machine()),
        processors(len(os.sched_getaffinity(0))),
        kernel(platform.release(), platform.version()),
        python(sys.version_info[:3]),
        *shared(),
        *punctuality(machine_probe.ask()),
        share(RUNTIME),
        clock(ClockService().look()),
    ]


def processor(machine: str) -> Finding:
    """Whether the order of stores between processes was tested on such a processor."""
    costs = "topology split refuses to start: how it orders stores between processes is not tested"
    return Finding("processor", machine in MACHINES, machine, costs, "an x86-64 machine, or run --topology one")


def processors(count: int) -> Finding:
    """Whether scan and services need not share one."""
    costs = "the scan and everything beside it take turns on one processor"
    found = f"{count} for this process"
    return Finding("processors", count >= PROCESSORS_LEAST, found, costs, f"at least {PROCESSORS_LEAST}")


def kernel(release: str, version: str) -> Finding:
    """Whether it has what processes are watched and woken with."""
    numbers = [int(part) for part in release.split("-", maxsplit=1)[0].split(".")[:2] if part.isdigit()]
    kind = ", PREEMPT_RT" if "PREEMPT_RT" in version else ""
    costs = "processes may be impossible to watch without mistakes"
    least = ".".join(map(str, KERNEL_LEAST))
    return Finding("kernel", tuple(numbers) >= KERNEL_LEAST, f"Linux {release}{kind}", costs, f"Linux {least} or newer")


def python(numbers: tuple[int, ...]) -> Finding:
    """Whether it is one that plantctl is tested with."""
    found = ".".join(map(str, numbers))
    least = ".".join(map(str, PYTHON_LEAST))
    return Finding("python", numbers >= PYTHON_LEAST, found, "plantctl may not run at all", f"Python {least} or newer")


def shared() -> list[Finding]:
    """Memory, process descriptors and wake-ups, each tried once."""
    return [
        _tried("memfd", _try_memory, "sealed memory that one process writes and the others read"),
        _tried("pidfd", lambda: os.close(os.pidfd_open(os.getpid())), "a process known by a descriptor"),
        _tried("eventfd", lambda: os.close(os.eventfd(0, os.EFD_CLOEXEC)), "wake-ups between processes"),
    ]


def _tried(name: str, act: Any, meaning: str) -> Finding:
    try:
        act()
    except (OSError, AttributeError) as error:
        found = f"{meaning}: {getattr(error, 'strerror', None) or error}".lower()
        return Finding(
            name, False, found, "topology split cannot start", "a newer kernel, or a container that allows it"
        )
    return Finding(name, True, meaning)


def _try_memory() -> None:
    descriptor = create("doctor", 4096)
    try:
        map_writable(descriptor).close()
        reader = read_only(descriptor)
        try:
            map_writable(reader).close()
        except PermissionError:
            return
        finally:
            os.close(reader)
        raise OSError(0, "the kernel lets readers write")
    finally:
        os.close(descriptor)


def punctuality(answer: dict[str, Any] | str) -> list[Finding]:
    """What the kernel grants to a scan, as the probe found it."""
    if isinstance(answer, str):
        return [Finding("punctuality", False, answer, "what the scan would get is not known", "look at the line above")]
    wanted = [grant for grant in answer["grants"] if grant["wanted"]]
    found = [granted(grant["name"], bool(grant["held"]), grant["text"]) for grant in wanted]
    late_us = answer["late_us"]
    p50, p99 = late_us[len(late_us) // 2], late_us[len(late_us) * 99 // 100]
    return [*found, Finding("waking", True, f"late by {p50} us (half of all), {p99} us (99 of 100), at 1 ms")]


def granted(name: str, held: bool, text: str) -> Finding:
    """One wish of the scan."""
    return Finding(name, held, text.split("; needs ", maxsplit=1)[0], *WISHES[name])


def share(path: Path) -> Finding:
    """What part of the time the kernel leaves to real-time processes."""
    name, remedy = "rt share", "sysctl kernel.sched_rt_runtime_us=950000"
    try:
        left_us = int(path.read_text(encoding="ascii"))
        period_us = int(path.with_name("sched_rt_period_us").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Finding(name, True, "the kernel does not tell")
    if left_us < 0:
        return Finding(name, True, "real-time processes may use all of a processor")
    part = left_us / period_us
    found = f"real-time processes may use {part:.0%} of a processor"
    return Finding(name, part >= SHARE_LEAST, found, "a busy scan is stopped until the next second", remedy)


def clock(state: Synchronisation) -> Finding:
    """Whether UTC follows a reference."""
    found = f"UTC is right within {state.error_ns / 1e6:.0f} ms" if state.locked else "UTC follows no reference"
    costs = "control does not mind; the times of records and events are marked as doubtful"
    return Finding("clock", state.locked, found, costs, "chrony or systemd-timesyncd, and a time server it can reach")


def folder_findings(root: Path, mounts: Path = MOUNTS) -> list[Finding]:
    """Whether states and logs can be kept under `root`: writable, durable, quick and large enough."""
    place = root.absolute()
    while not place.exists():
        place = place.parent
    name, at = "state folder", f"{root}"
    try:
        took_ns = _commit(place)
    except OSError as error:
        found = f"{at}: {(error.strerror or str(error)).lower()}"
        return [Finding(name, False, found, "no plant can start", "another one with --state DIR or $PLANTCTL_STATE")]
    kind = _file_system(place.resolve(), mounts)
    free = shutil.disk_usage(place).free
    return [
        Finding(
            name,
            kind not in IN_MEMORY,
            f"{at}, on {kind or 'an unknown file system'}",
            "nothing of it survives a loss of power",
            "a folder on a disk with --state DIR or $PLANTCTL_STATE",
        ),
        Finding(
            "commit",
            took_ns <= COMMIT_MOST_NS,
            f"4 kB are on disk after {took_ns / 1e6:.1f} ms",
            "answers to commands wait for the disk, 2 s at most",
            "a disk that others do not keep busy",
        ),
        Finding(
            "free space",
            free >= FREE_LEAST,
            f"{free / 1e9:.1f} GB",
            "the log stops when the disk is full; control goes on",
            f"at least {FREE_LEAST >> 30} GiB",
        ),
    ]


def _commit(folder: Path) -> int:
    """How long a small write takes to be on disk, in ns; the file is gone afterwards."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(4096))
        file.flush()
        begin_ns = monotonic_ns()
        os.fsync(file.fileno())
        return monotonic_ns() - begin_ns


def _file_system(place: Path, mounts: Path) -> str:
    """The kind of file system that holds `place`; empty where the kernel does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    held = [(Path(fields[1]), fields[2]) for fields in map(str.split, lines) if len(fields) > 2]
    fitting = [(len(at.parts), kind) for at, kind in held if place.is_relative_to(at)]
    return max(fitting, key=lambda each: each[0], default=(0, ""))[1]


def cache_finding(cold: Sequence[str], folder: Path, *, kept: bool) -> Finding:
    """Whether the blocks are compiled already; `cold` are those that are not, `kept` tells that the folder stays."""
    name, remedy = "compile cache", "nothing to do: plantctl run compiles them when it starts"
    if not kept:
        costs = "every start compiles all blocks anew, which takes a minute"
        return Finding(name, False, f"{folder} cannot be written", costs, "a folder of yours in $PLANTCTL_CACHE")
    if not cold:
        return Finding(name, True, f"warm, in {folder}")
    more = " ..." if len(cold) > 3 else ""
    found = f"{len(cold)} not compiled in {folder}: {', '.join(cold[:3])}{more}"
    return Finding(name, False, found, "the next start takes up to a minute longer", remedy)
