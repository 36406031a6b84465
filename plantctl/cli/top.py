"""`plantctl top`: the live view of a running plant in the terminal."""

import argparse
import contextlib
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.cli.exit_code import CONNECTION, DONE, fail
from plantctl.cli.running import add_plant_argument, connect

if TYPE_CHECKING:
    from rich.console import RenderableType

PERIOD_S = 0.5
STYLES = {"good": "", "uncertain": "yellow", "bad": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("--filter", default="", metavar="TEXT", help="only points whose name holds TEXT")
    parser.add_argument("--all", action="store_true", help="every point, not only those of the text's tags and loops")
    parser.add_argument("--plain", action="store_true", help="lines instead of a full screen")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="end after N seconds")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    try:
        with connect(arguments) as client:
            watch(client, arguments.filter, arguments.all, arguments.plain, arguments.seconds)
    except NotRunning as error:
        return fail(CONNECTION, str(error))
    return DONE


def watch(client: ControlClient, wanted: str, everything: bool, plain: bool, seconds: float) -> None:
    """Show the plant until `seconds` are over (0: until Ctrl-C or q). Raises `NotRunning` when it goes away."""
    end = time.monotonic() + seconds if seconds > 0 else float("inf")
    if plain:
        while time.monotonic() < end:
            print(plain_line(client.ask({"snapshot": True})), flush=True)
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        return
    from rich.live import Live

    with Live(screen=True, auto_refresh=False) as live, _keys() as pressed:
        while time.monotonic() < end and not pressed("q"):
            live.update(screen(client.ask({"snapshot": True}), wanted, everything), refresh=True)


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """While this holds, `pressed(key)` waits half a second at most and tells whether the key came."""
    if not sys.stdin.isatty():

        def nothing(_key: str) -> bool:
            time.sleep(PERIOD_S)
            return False

        yield nothing
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)

    def pressed(key: str) -> bool:
        ready, _, _ = select.select([sys.stdin], [], [], PERIOD_S)
        return bool(ready) and sys.stdin.read(1) == key

    try:
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def plain_line(snapshot: dict[str, Any]) -> str:
    """One line that says how the plant is: scan, devices, log, and how many values are not good."""
    links = " ".join(f"{d['name']}={'up' if d['up'] else 'DOWN'}" for d in snapshot["devices"])
    inputs = [p for p in snapshot["points"] if p["input"]]
    good = sum(p["quality"] == "good" for p in inputs)
    return (
        f"scan {snapshot['scans']}  {links}  inputs good {good}/{len(inputs)}  log {snapshot['log']['frames']} frames"
    )


def screen(snapshot: dict[str, Any], wanted: str, everything: bool) -> "RenderableType":
    """The whole screen: head, values, devices, events."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    shown = [p for p in snapshot["points"] if wanted.lower() in p["name"].lower()]
    if not everything:
        shown = [p for p in shown if _first_class(p["name"])]
    half = (len(shown) + 1) // 2
    tables = [_values(part) for part in (shown[:half], shown[half:]) if part]
    log = snapshot["log"]
    state = f"log failing: {log['last_error']}" if log["failing"] else f"log {log['frames']} frames"
    head = Text(f"{snapshot['plant']}   scan {snapshot['scans']}   {state}   q ends the view", style="bold")
    return Group(head, _devices(snapshot["devices"]), Columns(tables), _events(snapshot["events"][-12:]))


def _first_class(name: str) -> bool:
    """A tag itself, or what an operator looks at of a loop."""
    tag, _, field = name.partition(".")
    return not field or (field in ("mode", "sp", "op") and tag != "scan")


def _values(points: list[dict[str, Any]]) -> "RenderableType":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title, justify in (("tag", "left"), ("value", "right"), ("unit", "left"), ("quality", "left")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for p in points:
        told = "" if p["why"] == "good" else p["why"]
        table.add_row(p["name"], p["text"], p["unit"], told, style=STYLES[p["quality"]])
    return table


def _devices(devices: list[dict[str, Any]]) -> "RenderableType":
    from rich.text import Text

    line = Text()
    for d in devices:
        line.append(f"{d['name']} {'up' if d['up'] else 'DOWN'}   ", style="" if d["up"] else "bold red")
    return line


def _events(events: list[dict[str, Any]]) -> "RenderableType":
    from rich.table import Table

    table = Table(title="events", title_justify="left", box=None, pad_edge=False)
    for title in ("scan", "kind", "target", "old", "new", "actor", "reason"):
        table.add_column(title)
    for e in reversed(events):
        table.add_row(str(e["scan"]), e["kind"], e["target"], e["old"], e["new"], e["actor"], e["reason"])
    return table
