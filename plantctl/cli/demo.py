"""`plantctl demo`: the demo plant in processes of its own, simulators beside it, and a live view in front of both."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.state_folder import SECURITY_NAME, SOCKET_NAME, folder_of, state_root
from plantctl.cli.exit_code import CONNECTION, DONE, FINDINGS, HELD, fail
from plantctl.cli.plant_text import read_plant
from plantctl.cli.screen import View
from plantctl.cli.top import watch
from plantctl.hmi.settings import PAGE_NAME

if TYPE_CHECKING:
    from plantctl.cli.tour import Step
    from plantctl.plan.plan import Plan

T = TypeVar("T")
SIM = "simulators"  # where `plantctl sim fault` looks for it
START_S = 300.0
PERIOD_S = 0.1
STEP_S = 30.0
RETRY_S = 1.0
START = "start.csv"
END_S = 30.0  # the processes of topology split end one after the other, each within 5 s
REASON = "the demo starts: nobody is near the plant"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("--plant", type=Path, metavar="PLANT", help="another plant on the same simulators")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where the state is (default: $PLANTCTL_STATE)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the simulated plant's noise (1)")
    parser.add_argument(
        "--topology",
        choices=("one", "split"),
        default="split",
        help="how the plant runs: one for each concern, its outputs released after the start, or one process (split)",
    )
    page = "port of the page, 0: any free one (split only; default: the first free one from 8470 on)"
    parser.add_argument("--page", metavar="PORT", help=page)
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after S seconds of watching")
    parser.add_argument("--plain", action="store_true", help="lines instead of a full screen")
    parser.add_argument("--tour", action="store_true", help="play what can happen to the plant, with a line for each")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    plant = arguments.plant or demo_folder()
    if plant is None:
        return fail(CONNECTION, "the demo plant's configuration is not beside this installation")
    from plantctl.cli.findings import show_findings

    built = read_plant(plant)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    # A terminal that closes and a `kill` end the demo as Ctrl-C does: children first, nothing left behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    root = state_root(arguments.state).absolute()
    with tempfile.TemporaryDirectory(prefix="plantctl-demo-") as temporary:
        demo = Demo(plant, built.plan, root, Path(temporary))
        try:
            return demo.run(arguments)
        finally:
            demo.end()


def _ended(number: int, _frame: object) -> None:
    sys.exit(128 + number)


class Demo:
    """The processes of one demo: the simulated plant, the controller, and what they wrote."""

    def __init__(self, plant: Path, plan: "Plan", root: Path, temporary: Path) -> None:
        self.plant = plant
        self.plan = plan
        self.root = root
        self.folder = folder_of(plan.name, root)
        self.endpoints = temporary / "endpoints.yaml"
        self.log = temporary / "demo.log"
        self.children: list[subprocess.Popen[bytes]] = []

    def run(self, arguments: argparse.Namespace) -> int:
        """Start everything, bring the plant up, show it; the exit code."""
        steps = self.tour() if arguments.tour else []
        say("starting the simulated plant")
        seed, state = ("--seed", arguments.seed), ("--state", self.root / SIM)
        devices = ("--devices", ",".join(device.name for device in self.plan.devices))
        self.start("simulators", "--endpoints", self.endpoints, *seed, *state, *devices, *self.protection())
        if not self.wait_until(self.endpoints.exists):
            return self.failed("the simulated plant did not start")
        say("devices: " + ", ".join(self.endpoints.read_text(encoding="utf-8").replace('"', "").splitlines()))
        say("starting the plant; the first start of all compiles its blocks, which takes a minute")
        topology = arguments.topology
        settings = ["--topology", topology, "--endpoints", self.endpoints, "--state", self.root]
        settings += ["--page", arguments.page] if arguments.page is not None else []
        self.start("plantctl", "run", self.plant, *settings)
        client = self.wait_until(self.connected)
        if client is None:
            return self.failed("the plant did not start")
        address = self.wait_until(self.address) if topology == "split" else None
        if address:
            print(address, flush=True)
        hints = [*([address] if address else []), *self.hints(arguments.state is not None)]
        with client:
            try:
                begin(client, self.beside(START), release=topology == "split")
                say(f"state and log in {self.folder}")
                say("try in a second terminal:")
                for hint in hints:
                    say(f"  {hint}")
                if steps:
                    self.play(steps, client, ask=not arguments.plain and sys.stdin.isatty())
                plain = arguments.plain or not sys.stdout.isatty()
                watch(client, View(footer=hints), plain, arguments.seconds)
            except NotRunning as error:
                return self.failed(str(error))
        return DONE

    def beside(self, name: str) -> Path:
        """A file beside the plant's text."""
        return (self.plant if self.plant.is_dir() else self.plant.parent) / name

    def tour(self) -> "list[Step]":
        """The steps of the tour that stands beside the plant's text."""
        from plantctl.cli.tour import TOUR, read_tour

        return read_tour(self.beside(TOUR))

    def play(self, steps: "list[Step]", client: ControlClient, *, ask: bool) -> None:
        """Play the tour; with `ask` once the person has opened the page."""
        if ask:
            input("demo: open the page, then press Enter: the tour begins ")
        say(f"the tour takes {steps[-1].time_s / 60.0:.0f} minutes; Ctrl-C ends all")
        from plantctl.cli.tour import Interrupted, play

        try:
            play(steps, OnStage(client, self.root / SIM))
        except Interrupted as why:
            say(f"the tour ends here: {why}")
        else:
            say("the tour is over; the plant goes on")

    def protection(self) -> list[object]:
        """How the simulated PLCs are protected: as the plant's text says its links are; their keys are made here."""
        from plantctl.app.demo_keys import pair_up, secured_links
        from plantctl.core.clock import RealClock

        if not secured_links(self.plan):
            return ["--insecure"]
        theirs = self.root / SIM / SECURITY_NAME
        pair_up(self.plan, self.folder / SECURITY_NAME, theirs, RealClock().utc_ns())
        say(f"OPC UA links are signed and encrypted; their keys, made for this demo only, are in {self.folder}")
        return ["--security", theirs]

    def start(self, module: str, *arguments: object) -> None:
        """Start a Python process of ours, quiet, with its own word in the log; it ends when this one does."""
        line = [sys.executable, "-m", module, *map(str, arguments), "--with-parent", str(os.getpid())]
        with self.log.open("ab") as log:
            # A group of its own: Ctrl-C is for the demo, which ends the controller before the plant it controls.
            self.children.append(
                subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
            )

    def connected(self) -> ControlClient | None:
        """A connection to the plant, as soon as the controller that was started here answers."""
        try:
            return ControlClient(self.folder / SOCKET_NAME)
        except NotRunning:
            return None

    def address(self) -> str | None:
        """Where the page is, as soon as it is: `page: http://...`, with the token that opens it once."""
        try:
            return f"{PAGE_NAME}: {(self.folder / PAGE_NAME).read_text(encoding='utf-8').strip()}"
        except OSError:
            return None

    def wait_until(self, ready: Callable[[], T | None]) -> T | None:
        """Wait until `ready()` gives something; None when time is over or a child has ended."""
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s and all(child.poll() is None for child in self.children):
            found = ready()
            if found:
                return found
            time.sleep(PERIOD_S)
        return None

    def failed(self, what: str) -> int:
        """Say what failed, with the last words of the children; 5 where another process holds the plant."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        held = any(child.poll() == HELD for child in self.children)
        return fail(HELD if held else CONNECTION, "\n".join([what, *(f"    {line}" for line in lines)]))

    def end(self) -> None:
        """End what was started, the controller before the plant it controls; by force after `END_S`."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def hints(self, named: bool) -> list[str]:
        """What to try in a second terminal, as it is typed there."""
        me = program()
        first = [f"export PLANTCTL_STATE={self.root}"] if named else []
        return [
            *first,
            f"{me} sim fault pump-trip      the pump's drive fails: see the cells trip",
            f"{me} set 40-HS-4010 1         refused while there is no flow, and why",
            f"{me} sim clear all            mended; docs/tutorials/first-hour.md has the way back",
            f"{me} history 40-AI-4212 --last 1m",
        ]


class OnStage:
    """The demo as a tour needs it: a person who gives commands, and a way to the simulated plant."""

    def __init__(self, client: ControlClient, simulated: Path) -> None:
        self.client = client
        self.simulated = simulated

    def tell(self, text: str) -> None:
        """Show a line to the person."""
        print(f"tour: {text}", flush=True)

    def command(self, verb: str, target: str, value: str, reason: str, *, once: bool) -> None:
        """Give the plant a command, once or until it takes it."""
        asked = {"verb": verb, "target": target, "value": value, "reason": reason}
        give(self.client, asked, 0.0 if once else STEP_S)
        held = self.client.ask({"get": ["scan.held"]}).get("points", ())
        if held and held[0]["value"]:
            from plantctl.cli.tour import Interrupted

            raise Interrupted(
                "a process of the plant stood still or was started anew, and the outputs wait for a person"
            )

    def fault(self, verb: str, words: list[str]) -> None:
        """Put a fault on the simulated plant, or take it out; a refusal is told."""
        line = [sys.executable, "-m", "simulators", "--state", str(self.simulated), verb, *words]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        say(f"{' '.join((verb, *words))}: {(done.stdout or done.stderr).strip()}")


def program() -> str:
    """How this plantctl is called from where the person stands."""
    if shutil.which("plantctl") == str(Path(sys.executable).with_name("plantctl")):
        return "plantctl"
    beside = Path(sys.executable).with_name("plantctl")
    if not beside.is_file():
        return f"{sys.executable} -m plantctl"
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)


def begin(client: ControlClient, steps: Path, *, release: bool) -> None:
    """Give the commands of the plant's start in order, as an operator would after power-up.

    `release`: the outputs wait for a person, who is the demo's here. Each command is tried again until the plant takes
    it (a permissive may need its time) or half a minute is over.
    """
    if release:
        give(client, {"verb": "release", "target": "plant", "value": "", "reason": REASON})
    if not steps.is_file():
        return
    from plantctl.cli.run_inputs import read_commands

    for timed in read_commands(steps):
        command = timed.command
        give(
            client,
            {"verb": command.verb, "target": command.target, "value": command.value, "reason": command.reason},
        )


def give(client: ControlClient, asked: dict[str, str], limit_s: float = STEP_S) -> None:
    """Give one command until the plant takes it or time is over, and tell how far it came."""
    end_s = time.monotonic() + limit_s
    while True:
        answer = client.ask({"command": {**asked, "wait_s": 5.0}})
        refusal = {"stage": "refused", "text": answer.get("error", "no answer in time")}
        last = (answer.get("stages") or [refusal])[-1]
        if last["stage"] != "refused" or time.monotonic() > end_s:
            break
        time.sleep(RETRY_S)
    text = f" - {last['text']}" if last["text"] else ""
    say(f"{asked['verb']} {asked['target']} {asked['value']}".rstrip() + f": {last['stage']}{text}")


def demo_folder() -> Path | None:
    """The demo plant: in a checkout beside the package, else inside it."""
    package = Path(__file__).resolve().parents[1]
    for place in (package.parent / "config" / "demo", package / "config" / "demo"):
        if (place / "plant.yaml").is_file():
            return place
    return None


def say(text: str) -> None:
    """Tell what the demo does."""
    print(f"demo: {text}", flush=True)
