"""Hosts one plant in this process on the machine's clock: plant, control socket, and the signals that end it."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from plantctl.app.control_socket import ControlSocket
from plantctl.app.lab import keep_standing, lab_desk
from plantctl.app.one import make
from plantctl.app.state_folder import FEEDS_NAME, HISTORY_NAME, LOG_NAME, SECURITY_NAME, SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.log.storage import FolderStorage
from plantctl.plan.plan import Plan


async def host(plan: Plan, folder: Path, endpoints: Mapping[str, str] | None, *, compiled: bool) -> None:
    """Run `plan` with its state in `folder` until SIGTERM or SIGINT; the log is durable when this returns."""
    log = folder / LOG_NAME
    log.mkdir(parents=True, exist_ok=True)
    running = make(
        plan,
        RealClock(),
        FolderStorage(log),
        FolderStorage(folder / HISTORY_NAME),
        FolderStorage(folder / FEEDS_NAME),
        compiled=compiled,
        endpoints=endpoints,
        secrets=folder / SECURITY_NAME,
    )
    ended, desk = asyncio.Event(), lab_desk(running, folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    work: list[asyncio.Task[object]] = [
        asyncio.create_task(running.run(), name="plant"),
        asyncio.create_task(ControlSocket(running, folder / SOCKET_NAME, desk).serve(), name="control socket"),
        asyncio.create_task(ended.wait(), name="end"),
    ]
    if plan.lab:
        work.append(asyncio.create_task(keep_standing(running, desk, RealClock()), name="laboratory"))
    done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        task.cancel()
    results = await asyncio.gather(*work, return_exceptions=True)
    for task, result in zip(work, results, strict=True):
        if task in done and isinstance(result, Exception):
            raise result
