"""What a child of the supervisor begins with: `python -m plantctl.app.split.entry ROLE ARGUMENT [MODULES]`.

It first makes sure that it dies with the supervisor, before anything that takes time: a child that is just being
started must not survive either. Only then it imports what its role needs. A role is a module with the role's name and
a function `run(hand_over) -> exit code`, which sees to SIGTERM, its one request to end in order.

Ctrl-C and a terminal that closes are for the supervisor, which ends its children in their order. SIGUSR1 writes the
stacks of all threads into `logs/ROLE.stack`, also from a process that hangs.
"""

if __name__ == "__main__":
    import ctypes

    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL; numbers, since nothing may be imported before

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

PARENT_GONE: Final = 3
STACK_BYTES: Final = 1_000_000
MODULES: Final = "plantctl.app.split"


def main(arguments: list[str]) -> int:
    """Be the process that `arguments` say: role, argument, and the package its module is in. The exit code."""
    role, told, modules = [*arguments, MODULES][:3] if len(arguments) > 1 else ("", "", "")
    if os.getppid() != parent_of(told):
        print("plantctl: the supervisor of this process is gone; it is started by `plantctl run`", file=sys.stderr)
        return PARENT_GONE
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)

    from plantctl.app.split.hand_over import received
    from plantctl.app.split.process_log import start_log
    from plantctl.app.state_folder import LOGS_NAME

    given = received(told)
    folder = given.settings.folder / LOGS_NAME
    log = start_log(folder, role)
    dump_stacks(folder / f"{role}.stack")
    log.info("starts", extra={"fields": {"plan": f"{given.plan.hash:016x}"}})
    code = int(importlib.import_module(f"{modules}.{role}").run(given))
    log.info("ends", extra={"fields": {"exit": code}})
    return code


def parent_of(told: str) -> int:
    """The process that wrote `told`; 0 where nobody did."""
    try:
        return int(json.loads(told)["parent"])
    except (ValueError, KeyError, TypeError):
        return 0


def dump_stacks(path: Path) -> None:
    """Write the stacks to `path` when the interpreter crashes and at each SIGUSR1; nothing where that cannot be."""
    import faulthandler

    try:
        # It stays open until the process ends: what writes into it must not open anything.
        file = path.open("ab")
        if file.tell() > STACK_BYTES:
            file.truncate(0)
    except OSError:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        return
    faulthandler.enable(file)
    faulthandler.register(signal.SIGUSR1, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
