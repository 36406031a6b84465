"""The local control socket: how the command line talks to a running plant on the same machine.

A Unix socket in the plant's state folder, mode 0600; one JSON line a request, one JSON line an answer. The kernel
tells who asks: the peer's user is the actor of its commands. Requests:

    {"get": ["TAG", ...]}          values, qualities, units, times
    {"snapshot": true}             every point, device and recent event
    {"targets": "set"}             every name that a command can be given to, or that `get` knows: for who mistyped one
    {"command": {"verb", "target", "value", "reason", "key", "wait_s"}}   every stage the command reached, with its time
    {"lab": {"do": "enter", ...}}  the laboratory's book (`plantctl.app.lab`)
"""

import asyncio
import json
import math
import os
import pwd
import socket
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from plantctl.app.lab import Desk, answer_lab, lab_desk
from plantctl.app.overview import overview, ranks
from plantctl.app.state_folder import socket_address
from plantctl.core.command import NOT_DURABLE, VERB_NAMES, Command, Result, Stage
from plantctl.core.device_statistics import DeviceStatistics, LinkState
from plantctl.core.event import Event, in_words, spoken
from plantctl.core.field import DevicePlan
from plantctl.core.quality import describe, severity_word
from plantctl.hmi.live_plant import LivePlant, Snapshot, is_last
from plantctl.plan.plan import Writer
from plantctl.scan.targets import targets

LINE_BYTES_MAX: Final = 65_536
CLIENTS_MAX: Final = 32
WAIT_S_MAX: Final = 60.0
TEXT_LENGTH_MAX: Final = 500
# A command expires when its client's wait is over; what became of it is then on its way for a moment.
GRACE_S: Final = 0.3
_PEER = struct.Struct("3i")


class ControlSocket:
    """Serves one running plant, whose state folder `path` is in; `desk` where others ask the same one."""

    def __init__(self, plant: LivePlant, path: Path, desk: Desk | None = None) -> None:
        self._plant = plant
        self._desk = lab_desk(plant, path.parent) if desk is None else desk
        self._path = path
        self._overview = overview(plant.plan)
        self._ranks = ranks(plant.plan)
        self._clients: set[asyncio.Task[object]] = set()

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    async def serve(self) -> None:
        """Serve until cancelled; the socket file is gone afterwards."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mode must hold from the first moment, so the file is born under a strict mask.
        mask = os.umask(0o177)
        try:
            with socket_address(self._path) as address:
                listening.bind(address)
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(mask)
        server = await asyncio.start_unix_server(self._client, sock=listening, limit=LINE_BYTES_MAX)
        try:
            await asyncio.get_running_loop().create_future()  # until cancelled
        finally:
            server.close()
            # A live view stays connected as long as we let it: the plant's end must not wait for it.
            for task in tuple(self._clients):
                task.cancel()
            self._path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if len(self._clients) > CLIENTS_MAX:
                writer.write(_line({"error": f"the plant serves {CLIENTS_MAX} clients already; end a live view"}))
                await writer.drain()
                return
            actor = _peer(writer.get_extra_info("socket"))
            while line := await self._read(reader, writer):
                writer.write(_line(await self._answer(line, actor)))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            # The client went away, or the plant ends: either way nobody listens any more.
            return
        finally:
            self._clients.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The next line; empty at the end, or after a line that never ends was answered."""
        try:
            return await reader.readline()
        except ValueError:
            writer.write(_line({"error": f"a request is at most {LINE_BYTES_MAX} bytes"}))
            await writer.drain()
            return b""

    async def _answer(self, line: bytes, actor: str) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "a request is one line of JSON"}
        if not isinstance(request, dict):
            return {"error": "a request is a JSON object"}
        if isinstance(request.get("get"), list):
            return self._get([str(name) for name in request["get"]])
        if request.get("snapshot"):
            return self._snapshot()
        if isinstance(request.get("targets"), str):
            return {"targets": targets(self._plant.plan, request["targets"])}
        if isinstance(request.get("command"), dict):
            return await self._command(request["command"], actor)
        if isinstance(request.get("lab"), dict):
            return await answer_lab(self._desk, request["lab"], actor)
        return {"error": "a request holds get, snapshot, targets, command or lab"}

    # -- reading ---------------------------------------------------------------------------------------------------

    def _get(self, names: list[str]) -> dict[str, Any]:
        plan, snapshot = self._plant.plan, self._plant.snapshot()
        found: list[dict[str, Any]] = []
        for name in names:
            row = plan.rows.get(name)
            address = plan.addresses.get(name)
            if row is not None:
                found.append(self._point(snapshot, row) | {"name": name})
            elif address is not None:
                value = snapshot.number(address)
                found.append({"name": name, "value": _finite(value), "text": repr(value), "unit": address.unit})
            else:
                return {"error": f"`{name}` is not in {plan.name}", "unknown": name}
        return {"points": found}

    def _point(self, image: Snapshot, row: int) -> dict[str, Any]:
        point, quality = self._plant.plan.points[row], int(image.q[row])
        value = float(image.v[row])
        received_ns = int(image.receive_ns[row])  # 0: nothing was received yet, and nothing is how old
        return {
            "name": point.name,
            "value": _finite(value),
            "text": spoken(value, point.words) if point.words else f"{value:.6g}",
            "unit": "" if point.unit == "1" else point.unit,
            "quality": severity_word(quality),
            "why": describe(quality),
            "source_ns": int(image.source_ns[row]),
            "age_s": (self._plant.monotonic_ns() - received_ns) / 1e9 if received_ns else None,
            "input": point.writer is Writer.INPUT,
            "laboratory": point.name in self._plant.plan.lab,
        }

    def _snapshot(self) -> dict[str, Any]:
        plant = self._plant
        plan, snapshot, log = plant.plan, plant.snapshot(), plant.log()
        return {
            "plant": plan.name,
            "hash": f"{plan.hash:016x}",
            "scans": snapshot.scan + 1,
            "utc_ns": plant.utc_ns(),
            "period_ns": plan.period_ns,
            "overview": self._overview,
            "points": [
                self._point(snapshot, p.row) | {"rank": self._ranks[p.row], "meaning": p.text}
                for p in plan.points
                if p.row and p.writer is not Writer.DELAY
            ],
            "devices": [_device(device, statistics) for device, statistics in plant.device_statistics()],
            "events": [_event(e) for e in list(plant.events())[-50:]],
            "processes": list(plant.processes()),
            "realtime": list(plant.realtime()),
            "hold": plant.hold(),
            "log": asdict(log),
        }

    # -- commands --------------------------------------------------------------------------------------------------

    async def _command(self, asked: dict[str, Any], actor: str) -> dict[str, Any]:
        verb = str(asked.get("verb", ""))
        if verb not in VERB_NAMES:
            return {"error": f"there is no command `{verb[:TEXT_LENGTH_MAX]}`"}
        wait_s = asked.get("wait_s", 5.0)
        if not isinstance(wait_s, int | float) or not 0.0 <= wait_s <= WAIT_S_MAX:
            return {"error": f"wait_s is a number of seconds from 0 to {WAIT_S_MAX:g}"}
        asked_ns = self._plant.monotonic_ns()
        expires_ns = asked_ns + round(wait_s * 1e9)
        said = {}
        for name in ("target", "value", "reason", "key"):
            text = said[name] = str(asked.get(name, ""))
            if len(text) > TEXT_LENGTH_MAX or not text.isprintable():
                return {"error": f"the {name} of a command is one line of at most {TEXT_LENGTH_MAX} characters"}
        command = Command(verb, said["target"], said["value"], actor, said["reason"], said["key"], expires_ns)
        told: asyncio.Queue[Result] = asyncio.Queue()
        if not self._plant.submit(command, told.put_nowait):
            return {"error": "too many commands wait; try again"}
        stages: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(wait_s + GRACE_S):
                while True:
                    result = await told.get()
                    stages.append(self._stage(result, asked_ns))
                    if is_last(self._plant.plan, command, result):
                        break
        except TimeoutError:
            pass
        return {"stages": stages}

    def _stage(self, result: Result, asked_ns: int) -> dict[str, Any]:
        """A stage, how long after the request it was reached, and, where that was waited for, on disk; in s."""
        on_disk = self._plant.durable_answers and result.stage is Stage.ACCEPTED and result.code != NOT_DURABLE
        return {
            "stage": result.stage.word,
            "code": result.code,
            "text": result.text,
            "mono_ns": result.mono_ns,
            "after_s": (result.mono_ns - asked_ns) / 1e9,
            "on_disk_after_s": (self._plant.monotonic_ns() - asked_ns) / 1e9 if on_disk else None,
        }


def _device(device: DevicePlan, statistics: DeviceStatistics) -> dict[str, Any]:
    return {
        "name": device.name,
        "connect": device.connect,
        **asdict(statistics),
        "state": statistics.state.name.lower().replace("_", "-"),
        "up": statistics.state is LinkState.UP,
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        **in_words(event),
        "utc_ns": event.utc_ns,
        "scan": event.scan,
    }


def _finite(value: float) -> float | None:
    """The value, None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False, default=str).encode() + b"\n"


def _peer(connection: socket.socket) -> str:
    """The user at the other end, as the kernel knows it: `name (uid 1000)`."""
    _, uid, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
