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
from plantctl.cli.exit_code import CONNECTION, DONE, fail
from plantctl.cli.top import watch

START_S = 120.0
PERIOD_S = 0.1


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
    say(arguments, "starting the simulated plant")
    simulator = ["-m", "simulators", "--endpoints", str(endpoints), "--seed", str(arguments.seed), *me]
    children.append(start([*simulator, "--state", str(temporary / "sim")], log))
    if not wait_until(endpoints.exists, children):
        return _failed(log, "the simulated plant did not start")
    say(arguments, f"devices at {endpoints}: " + ", ".join(endpoints.read_text().split("\n")[:-1]))
    say(arguments, "starting the plant; the first start compiles its blocks, which takes a minute")
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
        begin(arguments, connected, children)
        say(arguments, f"state and log in {folder}")
        watch(connected, "", False, arguments.plain or not sys.stdout.isatty(), arguments.seconds)
    return DONE


def begin(arguments: argparse.Namespace, client: ControlClient, children: list[subprocess.Popen[bytes]]) -> None:
    """What an operator does after power-up: release the trips, start the pump, then the rectifier, then the current."""
    steps = demo_start(client)
    for verb, target, value in steps:
        told: list[dict[str, Any]] = []

        def done(verb: str = verb, target: str = target, value: str = value, told: list[Any] = told) -> bool:
            command = {"verb": verb, "target": target, "value": value, "reason": "start of the demo", "wait_s": 5.0}
            answer = client.ask({"command": command})
            told[:] = answer.get("stages", []) or [{"stage": "refused", "text": answer.get("error", "")}]
            return bool(told[-1]["stage"] in ("accepted", "sent", "verified"))

        fine = wait_until(done, children, 30.0)
        text = f" - {told[-1]['text']}" if told and told[-1]["text"] else ""
        say(arguments, f"{verb} {target} {value}: {told[-1]['stage'] if fine else 'not done'}{text}")


def demo_start(client: ControlClient) -> list[tuple[str, str, str]]:
    """The commands that start the demo's cell, as far as the plant has their targets."""
    wanted = [
        ("set", "40-SC-4216", "60"),
        ("set", "40-HS-4216", "1"),
        ("reset", "40", ""),
        ("set", "40-HZ-4010", "1"),
        ("set", "40-EC-4010", "5"),
        ("set", "40-HS-4010", "1"),
        ("set", "40-IC-4010", "85"),
        ("mode", "40-AIC-4212", "auto"),
    ]
    known = client.ask({"snapshot": True})
    names = {p["name"] for p in known["points"]}
    return [(verb, target, value) for verb, target, value in wanted if target in names or verb == "reset"]


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


def say(arguments: argparse.Namespace, text: str) -> None:
    """Tell what the demo does."""
    print(f"demo: {text}", flush=True)


def _failed(log: Any, what: str) -> int:
    log.flush()
    lines = Path(log.name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return fail(CONNECTION, "\n".join([what, *(f"    {line}" for line in lines)]))
