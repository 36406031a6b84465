"""`plantctl top`: the live view of a running plant in the terminal."""

import argparse
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from plantctl.app.control_client import ControlClient
from plantctl.cli.exit_code import DONE
from plantctl.cli.running import add_plant_argument, connect
from plantctl.cli.screen import Line, View, plain_line, screen

if TYPE_CHECKING:
    from rich.text import Text

PERIOD_S = 0.5
PLAIN_PERIOD_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("--filter", default="", metavar="TEXT", help="only points whose name holds TEXT")
    parser.add_argument("--all", action="store_true", help="every point, also what blocks keep for themselves")
    parser.add_argument("--plain", action="store_true", help="a line a second instead of a full screen")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after S seconds")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    # The terminal is put back whatever ends us.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with connect(arguments) as client:
        watch(client, View(arguments.filter, arguments.all), arguments.plain, arguments.seconds)
    return DONE


def watch(client: ControlClient, view: View, plain: bool, seconds: float) -> None:
    """Show the plant until `seconds` are over (0: until Ctrl-C or q). Raises `NotRunning` when it goes away.

    Where the output is no terminal that can move its cursor, `plain` lines are written.
    """
    end = time.monotonic() + seconds if seconds > 0 else float("inf")
    with contextlib.suppress(KeyboardInterrupt):
        if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb"):
            _lines(client, end)
        else:
            _screens(client, view, end)


def _lines(client: ControlClient, end: float) -> None:
    while time.monotonic() < end:
        print(plain_line(client.ask({"snapshot": True})), flush=True)
        time.sleep(min(PLAIN_PERIOD_S, max(0.0, end - time.monotonic())))


def _screens(client: ControlClient, view: View, end: float) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(screen=True, auto_refresh=False, console=console) as live, _keys() as pressed:
        while time.monotonic() < end and not pressed(b"q"):
            lines = screen(client.ask({"snapshot": True}), view, console.width, console.height)
            live.update(coloured(lines), refresh=True)


def coloured(lines: list[Line]) -> "Text":
    """The lines of a screen as rich shows them."""
    from rich.text import Text

    return Text("\n", no_wrap=True, end="").join(Text.assemble(*each.pieces) for each in lines)


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """While this holds, `pressed(key)` waits half a second at most and tells whether the key came."""
    if not sys.stdin.isatty():

        def nothing(_key: bytes) -> bool:
            time.sleep(PERIOD_S)
            return False

        yield nothing
        return
    import termios
    import tty

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    tty.setcbreak(file)

    def pressed(key: bytes) -> bool:
        ready, _, _ = select.select([file], [], [], PERIOD_S)
        if not ready:
            return False
        typed = os.read(file, 64)
        if not typed:
            time.sleep(PERIOD_S)  # a terminal that is gone is always ready
        return key in typed

    try:
        yield pressed
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
