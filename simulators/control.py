"""The control socket of a simulated plant: put faults in, take them out, read what is true.

A Unix socket, mode 0600, in the state folder. One JSON object a line each way:

    {"do": "fault", "name": "pump-trip"}          {"ok": true, "name": "pump-trip", "target": "pump", "with": {}}
    {"do": "fault", "name": "late-answers", "target": "PLC-4", "with": {"late_s": 2}}
    {"do": "clear", "name": "all"}                {"ok": true, "cleared": 1}
    {"do": "read", "name": "cell.flow_m3_h"}      {"ok": true, "value": 0.6, "plant_ns": 12}
    {"do": "list"}                                {"ok": true, "faults": {}, "active": [], "signals": []}
    {"do": "writes", "since_ns": 12}              {"ok": true, "writes": [[15, "RECT-01", "101", 0.0]]}
    {"do": "reset-safety"}                        {"ok": true}   (the key at the safety cabinet)

`plant_ns` is the monotonic time that the plant has come to: it moves in steps of 100 ms, behind the clock where the
machine is busy. What cannot be done is answered `{"ok": false, "error": "..."}` with what would be right; a line longer
than 64 kB or without JSON ends the conversation after such an answer.
"""

import asyncio
import json
import math
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from simulators.fault_board import Active, FaultBoard, FaultRefused, nearest
from simulators.serve import Serving

SOCKET_NAME: Final = "sim.sock"
LINE_LIMIT: Final = 65_536
VERBS: Final = ("fault", "clear", "read", "list", "writes", "reset-safety")

Answer = dict[str, Any]


class SimulatorRuns(Exception):
    """Another simulator answers at the socket of this state folder."""


class SimulatorUnreachable(Exception):
    """No simulator answers at the socket."""


def ask(socket_path: Path, request: Mapping[str, Any], *, timeout_s: float = 5.0) -> Answer:
    """Send one request and return the answer, blocking at most `timeout_s`; raises SimulatorUnreachable."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            with short_address(socket_path) as address:
                connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            received = b""
            while not received.endswith(b"\n"):
                piece = connection.recv(LINE_LIMIT)
                if not piece:
                    break
                received += piece
        answer: Answer = json.loads(received)
    except (OSError, ValueError) as fault:
        why = (fault.strerror if isinstance(fault, OSError) else None) or str(fault)
        raise SimulatorUnreachable(
            f"no simulator answers at {socket_path}: {why.lower()}; plantctl demo starts one, --state names its folder"
        ) from fault
    return answer


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address, good inside the body, for the Unix socket at `path`: the kernel takes no more than 108 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Control:
    """Answers requests about one served plant; the logic of the socket, to be called directly in virtual time."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.board = FaultBoard(serving)

    def answer(self, request: object) -> Answer:
        """The answer to one request; never raises for what a request may contain."""
        try:
            if not isinstance(request, dict):
                raise FaultRefused('a request is an object such as {"do": "list"}')
            return {"ok": True, **self._do(request)}
        except FaultRefused as refusal:
            return {"ok": False, "error": str(refusal)}

    def _do(self, request: dict[str, Any]) -> Answer:
        verb, name, target = request.get("do"), str(request.get("name", "")), str(request.get("target", ""))
        values = request.get("with", {})
        if not isinstance(values, dict):
            raise FaultRefused("`with` is an object of parameters")
        match verb:
            case "fault":
                return _shown(self.board.inject(name, target, **values))
            case "clear":
                return {"cleared": self.board.clear(name or "all", target)}
            case "read":
                return {"value": self._read(name), "plant_ns": self._serving.plant_ns}
            case "list":
                active = [_shown(fault) for fault in self.board.active()]
                return {"faults": self.board.catalogue(), "active": active, "signals": list(self._signals())}
            case "writes":
                since_ns = request.get("since_ns", 0)
                if not isinstance(since_ns, int):
                    raise FaultRefused("`since_ns` is a number of nanoseconds of the monotonic clock")
                return {"writes": [list(write) for write in self._serving.writes.since(since_ns)]}
            case "reset-safety":
                self._serving.line.safety.reset()
                return {}
        raise FaultRefused(f"no request `{verb}`{nearest(str(verb), list(VERBS))}; there are {', '.join(VERBS)}")

    def _signals(self) -> tuple[str, ...]:
        names: Any = getattr(self._serving.plant, "names", tuple)
        return tuple(names())

    def _read(self, name: str) -> float | None:
        try:
            value = self._serving.plant.read(name)
        except KeyError:
            raise FaultRefused(f"no signal `{name}`{nearest(name, list(self._signals()))}") from None
        return value if math.isfinite(value) else None


def refuse_second(state_folder: Path) -> None:
    """Raise SimulatorRuns when a simulator answers in `state_folder` already."""
    path = state_folder / SOCKET_NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            with short_address(path) as address:
                connection.connect(address)
        except OSError:
            return
    raise SimulatorRuns(f"a simulator answers at {path} already; give this one another folder with --state")


@asynccontextmanager
async def control_socket(serving: Serving, state_folder: Path) -> AsyncIterator[Path]:
    """Listen for requests while the body runs; the socket's path. A socket that a dead process left is replaced."""
    state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state_folder / SOCKET_NAME
    control = Control(serving)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer, more = _answer_line(control, line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
                if not more:
                    break
        except (ValueError, ConnectionError):
            return  # a line beyond the limit, or a client that left
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        with short_address(path) as address:
            listening.bind(address)
    finally:
        os.umask(old_mask)
    server = await asyncio.start_unix_server(converse, sock=listening, limit=LINE_LIMIT)
    try:
        yield path
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _shown(fault: Active) -> Answer:
    return {"name": fault.name, "target": fault.target, "with": dict(fault.parameters)}


def _answer_line(control: Control, line: bytes) -> tuple[Answer, bool]:
    try:
        request = json.loads(line)
    except ValueError:
        return {"ok": False, "error": "a request is one line of JSON"}, False
    return control.answer(request), True
