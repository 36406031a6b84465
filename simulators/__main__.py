"""A simulated plant in its own process, and requests to one that runs.

    python -m simulators --endpoints FILE [--state DIR]     serve until SIGTERM or SIGINT
    python -m simulators [--state DIR] fault pump-trip      put a fault in; also clear, read, list, reset-safety

Serving binds every device to the loopback at a free port and writes `device: url#simulated` lines to the endpoints
file when all of them listen: who reads them marks what they say. The control socket (`simulators.control`) lies in
the state folder, by default `simulators` in `$PLANTCTL_STATE` or the user's state folder. With `--with-parent PID`
the process dies with its parent. Exit codes: 0 done, 2 usage, 3 no simulator answers, 4 the simulator refused, 5
another one has the state folder. `--security DIR` or `--insecure` says how the PLC's OPC UA server is protected
(`simulators.servers.plc_access`).

Imports stand inside the functions, because the parent may die while a process is still importing.
"""

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

VERBS: Final = ("fault", "clear", "read", "list", "reset-safety")


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
    from simulators.control import control_socket, refuse_second
    from simulators.plant import Plant
    from simulators.serve import serve

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        refuse_second(arguments.state)
        asked = (arguments.cells, arguments.loops)
        cells, loops = circuit_of(arguments.devices.split(",")) if arguments.devices else asked
        plant = Plant(arguments.seed, arguments.start, cells=cells, loops=loops)
        secured = None if arguments.insecure else arguments.security
        serving = await stack.enter_async_context(
            serve(plant, RealClock(), watchdog_profile=arguments.watchdog, plc_security=secured)
        )
        await stack.enter_async_context(control_socket(serving, arguments.state))
        write_endpoints(arguments.endpoints, serving.endpoints())
        try:
            await ended.wait()
        finally:
            arguments.endpoints.unlink(missing_ok=True)


def circuit_of(devices: "Sequence[str]") -> tuple[int, bool]:
    """Cells and loops of the smallest circuit that has `devices`; names that no circuit has do not count."""
    from simulators.signals import signals

    rectifiers = [int(name[5:]) for name in devices if name.startswith("RECT-") and name[5:].isdecimal()]
    one, whole = ({s.device for s in signals(4, loops).values()} for loops in (False, True))
    return min(max([1, *rectifiers]), 4), any(name in whole - one for name in devices)


def state_folder() -> "Path":
    """Where the control socket lies unless `--state` says otherwise."""
    from pathlib import Path

    user = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "plantctl"
    return Path(os.environ.get("PLANTCTL_STATE") or user) / "simulators"


def request(arguments: "Namespace") -> int:
    """Send one request to a running simulator and print the answer as a person reads it; the exit code."""
    from simulators.control import SOCKET_NAME, SimulatorUnreachable, ask

    words = [word for word in arguments.words if "=" not in word]
    asked = {"do": arguments.verb, "name": words[0] if words else "", "target": words[1] if len(words) > 1 else ""}
    given = dict(word.split("=", 1) for word in arguments.words if "=" in word)
    if arguments.verb in ("fault", "read") and not words:
        print(f"{arguments.verb} needs a name; `list` shows what there is", file=sys.stderr)
        return 2
    try:
        answer = ask(arguments.state / SOCKET_NAME, {**asked, "with": given})
    except SimulatorUnreachable as problem:
        print(problem, file=sys.stderr)
        return 3
    if not answer["ok"]:
        print(answer["error"], file=sys.stderr)
        return 4
    print("\n".join(answer_lines(arguments.verb, answer)))
    return 0


def answer_lines(verb: str, answer: "dict[str, Any]") -> "list[str]":
    """The answer to `verb`, line by line."""
    if verb == "read":
        return [str(answer["value"])]
    if verb == "clear":
        return [f"cleared {answer['cleared']}"]
    if verb == "fault":
        parameters = "".join(f" {key}={value:g}" for key, value in answer["with"].items())
        return [f"{answer['name']} on {answer['target']}{parameters}"]
    if verb != "list":
        return ["done"]
    lines = []
    for name, fault in answer["faults"].items():
        parameters = "".join(f" {key}={value:g}" for key, value in fault["parameters"].items())
        lines += [f"{name}{parameters}: {fault['text']}", f"    on {', '.join(fault['targets'])}"]
    lines += [f"in now: {fault['name']} on {fault['target']}" for fault in answer["active"]]
    return [*lines, "signals: " + ", ".join(answer["signals"])]


def parser() -> "ArgumentParser":
    """The command line."""
    from argparse import ArgumentParser
    from pathlib import Path

    line = ArgumentParser(prog="plantctl sim", description="Serve the simulated plant on the loopback, or ask one.")
    line.add_argument("--endpoints", type=Path, metavar="FILE", help="serve, and write `device: url` lines here")
    line.add_argument("--seed", type=int, default=1, help="of every stream of chance (default 1)")
    line.add_argument("--state", type=Path, metavar="DIR", default=state_folder(), help="folder of the control socket")
    line.add_argument("--start", choices=("running", "stopped"), default="running", help="the plant at the beginning")
    line.add_argument("--cells", type=int, choices=range(1, 5), default=1, help="electro-extraction cells (1)")
    line.add_argument("--loops", action="store_true", help="with acid and anolyte loop, cooling, wash skid and gas")
    line.add_argument("--devices", default="", metavar="NAMES", help="the smallest circuit that has them, with commas")
    line.add_argument("--watchdog", choices=("writes", "any-request"), default="writes", help="the rectifier's profile")
    line.add_argument(
        "--security", type=Path, metavar="DIR", help="the PLC's certificate, key, trust list and accounts"
    )
    line.add_argument("--insecure", action="store_true", help="let anybody read and write the PLC, without encryption")
    line.add_argument("--with-parent", type=int, metavar="PID", help="end when this parent process ends")
    line.add_argument("verb", nargs="?", choices=VERBS, help="ask a running simulator instead of serving")
    line.add_argument("words", nargs="*", metavar="NAME [TARGET] [key=value]", help="of a fault, or a signal's name")
    return line


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Entry point; the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "--with-parent" in given[:-1]:
        parent = given[given.index("--with-parent") + 1]
        if parent.isdecimal():
            die_with_parent(int(parent))
    line = parser()
    parsed = line.parse_intermixed_args(given)
    if parsed.verb is not None:
        return request(parsed)
    if parsed.endpoints is None:
        line.error("--endpoints FILE is needed to serve, or one of: " + ", ".join(VERBS))
    if (parsed.security is None) != parsed.insecure:
        line.error("how is the PLC's server protected? Give either --security DIR or --insecure")
    if parsed.security and not (parsed.security / "own.key").is_file():
        line.error(
            f"there is no own.key in {parsed.security}: `plantctl certs make --folder {parsed.security}` makes it"
        )
    import asyncio
    import logging

    from simulators.control import SimulatorRuns

    # They report every connection and every refused write: the faults of a simulation would fill the terminal.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    try:
        asyncio.run(run(parsed))
    except SimulatorRuns as already:
        print(already, file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
