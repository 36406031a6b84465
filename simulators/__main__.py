"""A simulated plant in its own process: `python -m simulators --endpoints FILE`.

Binds every device to the loopback at a free port, writes `device: url` lines to the endpoints file when all of them
listen, and serves until SIGTERM or SIGINT. With `--state DIR` a control socket lies there (`simulators.control`). With
`--with-parent PID` the process dies with its parent. Exit codes: 0 ended, 2 usage.

Imports stand inside the functions, because the parent may die while a process is still importing.
"""

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence
    from pathlib import Path


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies, then make sure that it had not died before."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def write_endpoints(path: "Path", endpoints: dict[str, str]) -> None:
    """Write `device: url` lines whole or not at all; a reader that waits for the file never sees a part of it."""
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text("".join(f"{device}: {json.dumps(url)}\n" for device, url in endpoints.items()))
    unfinished.replace(path)


async def run(arguments: "Namespace") -> None:
    """Serve the plant until a signal comes."""
    import asyncio
    from contextlib import AsyncExitStack

    from plantctl.core.clock import RealClock
    from simulators.control import control_socket
    from simulators.plant import Plant
    from simulators.serve import serve

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        plant = Plant(arguments.seed, arguments.start)
        serving = await stack.enter_async_context(serve(plant, RealClock(), watchdog_profile=arguments.watchdog))
        if arguments.state is not None:
            await stack.enter_async_context(control_socket(serving, arguments.state))
        write_endpoints(arguments.endpoints, serving.endpoints())
        try:
            await ended.wait()
        finally:
            arguments.endpoints.unlink(missing_ok=True)


def parser() -> "ArgumentParser":
    """The command line."""
    from argparse import ArgumentParser
    from pathlib import Path

    line = ArgumentParser(prog="python -m simulators", description="Serve the simulated plant on the loopback.")
    line.add_argument("--endpoints", type=Path, required=True, metavar="FILE", help="where `device: url` lines go")
    line.add_argument("--seed", type=int, default=1, help="of every stream of chance (default 1)")
    line.add_argument("--state", type=Path, metavar="DIR", help="folder of the control socket; none without it")
    line.add_argument("--start", choices=("running", "stopped"), default="running", help="the plant at the beginning")
    line.add_argument("--watchdog", choices=("writes", "any-request"), default="writes", help="the rectifier's profile")
    line.add_argument("--with-parent", type=int, metavar="PID", help="end when this parent process ends")
    return line


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Entry point; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if "--with-parent" in words[:-1]:
        parent = words[words.index("--with-parent") + 1]
        if parent.isdecimal():
            die_with_parent(int(parent))
    import asyncio
    import logging

    parsed = parser().parse_args(words)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    asyncio.run(run(parsed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
