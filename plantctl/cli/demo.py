"""`plantctl demo`: the demo plant in processes of its own, simulators beside it, and a live view in front of both."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.state_folder import SOCKET_NAME, folder_of
from plantctl.cli.exec import read_commands
from plantctl.cli.exit_code import CONNECTION, DONE, fail
from plantctl.cli.top import watch

START_S = 120.0
PERIOD_S = 0.1
STEP_S = 30.0
RETRY_S = 1.0
START = "start.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("--plant", type=Path, metavar="PLANT", help="another plant on the same simulators")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep the state here (default: a temporary folder)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated plant's noise")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="end after N seconds")
    parser.add_argument("--plain", action="store_true", help="lines instead of a full screen")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    plant = arguments.plant or demo_folder()
    if plant is None:
        return fail(CONNECTION, "the demo plant's configuration is not beside this installation")
    with tempfile.TemporaryDirectory(prefix="plantctl-demo-") as temporary:
        state = arguments.state or Path(temporary) / "state"
        children: list[subprocess.Popen[bytes]] = []
        try:
            return _run(arguments, plant, state, Path(temporary), children)
        except NotRunning as error:
            return fail(CONNECTION, str(error))
        finally:
            end(children)


def _run(
    arguments: argparse.Namespace, plant: Path, state: Path, temporary: Path, children: list[subprocess.Popen[bytes]]
) -> int:
    endpoints = temporary / "endpoints.yaml"
    me = ["--with-parent", str(os.getpid())]
    log = (temporary / "demo.log").open("wb")
    say("starting the simulated plant")
    simulator = ["-m", "simulators", "--endpoints", str(endpoints), "--seed", str(arguments.seed), *me]
    children.append(start([*simulator, "--state", str(temporary / "sim")], log))
    if not wait_until(endpoints.exists, children):
        return _failed(log, "the simulated plant did not start")
    say(f"devices at {endpoints}: " + ", ".join(endpoints.read_text().split("\n")[:-1]))
    say("starting the plant; the first start compiles its blocks, which takes a minute")
    children.append(
        start(["-m", "plantctl", "run", str(plant), "--endpoints", str(endpoints), "--state", str(state), *me], log)
    )
    folder = folder_of(plant_name(plant), state)
    client: list[ControlClient] = []

    def answers() -> bool:
        try:
            client.append(ControlClient(folder / SOCKET_NAME))
        except NotRunning:
            return False
        return True

    if not wait_until(answers, children):
        return _failed(log, "the plant did not start")
    with client[0] as connected:
        begin(connected, plant)
        say(f"state and log in {folder}")
        watch(connected, "", False, arguments.plain or not sys.stdout.isatty(), arguments.seconds)
    return DONE


def begin(client: ControlClient, plant: Path) -> None:
    """Give the commands of the plant's `start.csv` in order, as an operator would after power-up.

    Each is tried again until the plant takes it (a permissive may need its time) or half a minute is over.
    """
    steps = (plant if plant.is_dir() else plant.parent) / START
    if not steps.is_file():
        return
    for timed in read_commands(steps):
        command = timed.command
        asked = {"verb": command.verb, "target": command.target, "value": command.value, "reason": command.reason}
        end_s = time.monotonic() + STEP_S
        while True:
            answer = client.ask({"command": {**asked, "wait_s": 5.0}})
            last = (answer.get("stages") or [{"stage": "refused", "text": answer.get("error", "no answer in time")}])[
                -1
            ]
            if last["stage"] in ("accepted", "sent", "verified") or time.monotonic() > end_s:
                break
            time.sleep(RETRY_S)
        text = f" - {last['text']}" if last["text"] else ""
        say(f"{command.verb} {command.target} {command.value}".rstrip() + f": {last['stage']}{text}")


def demo_folder() -> Path | None:
    """The demo plant: in a checkout beside the package, else inside it."""
    package = Path(__file__).resolve().parents[1]
    for place in (package.parent / "config" / "demo", package / "config" / "demo"):
        if (place / "plant.yaml").is_file():
            return place
    return None


def plant_name(plant: Path) -> str:
    """The name in a plant's text."""
    import yaml

    root = plant / "plant.yaml" if plant.is_dir() else plant
    return str(yaml.safe_load(root.read_text(encoding="utf-8"))["plant"]["name"])


def start(arguments: list[str], log: Any) -> subprocess.Popen[bytes]:
    """Start a Python process of ours, quiet, with its own word in `log`."""
    return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def wait_until(ready: Any, children: list[subprocess.Popen[bytes]], limit_s: float = START_S) -> bool:
    """Wait until `ready()` is true; False when time is over or a child has ended."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if any(child.poll() is not None for child in children):
            return False
        if ready():
            return True
        time.sleep(PERIOD_S)
    return False


def end(children: list[subprocess.Popen[bytes]]) -> None:
    """End what we started, the controller before the plant it controls; by force after 10 s."""
    for child in reversed(children):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(10.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def say(text: str) -> None:
    """Tell what the demo does."""
    print(f"demo: {text}", flush=True)


def _failed(log: Any, what: str) -> int:
    log.flush()
    lines = Path(log.name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return fail(CONNECTION, "\n".join([what, *(f"    {line}" for line in lines)]))
