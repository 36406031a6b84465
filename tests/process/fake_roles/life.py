"""A process of the plant that does nothing but live: quick to start, and as bad as its orders say.

Orders are a file `ROLE.order` in the plant's folder, read at each start: `crash` (before it is ready), `unready`,
`deaf` (to SIGTERM), `hang` (stands still once it is ready). What it did is told in files of the same folder.
"""

import os
import select
import signal
import time

from plantctl.app.shared_memory import map_writable
from plantctl.core.segment import ProcessState

TURN_S = 0.01


def live(given):
    """Take over, be ready, beat until SIGTERM; the exit code."""
    folder = given.settings.folder
    order = folder / f"{given.role}.order"
    ordered = order.read_text() if order.exists() else ""
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(ordered != "deaf"))
    if ordered == "crash":
        raise RuntimeError(f"{given.role} was told to crash")
    refused = []
    for role, descriptor in given.segments.items():
        try:
            map_writable(descriptor).close()
        except PermissionError:
            refused.append(role)
    (folder / f"{given.role}.refused").write_text(" ".join(sorted(refused)))
    writer = given.own()
    writer.take_over(time.monotonic_ns())
    if ordered != "unready":
        writer.say(ProcessState.READY)
    if ordered == "hang":
        stand_still_here()
    while not any(told):
        writer.publish()
        writer.beat(time.monotonic_ns())
        select.select([], [], [], TURN_S)
    descriptor = os.open(folder / "ended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{given.role}\n".encode())
    os.close(descriptor)
    return 0


def stand_still_here():
    """What the stack of a process that hangs must show."""
    while True:
        select.select([], [], [])
