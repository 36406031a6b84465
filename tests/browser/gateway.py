"""A gateway with a plant that does what a test says: the contract of GET /api/v1/plant and of the live WebSocket.

`python -m tests.browser.gateway` serves it as a process of its own, so that a test can stop it as one would stop the
real one. It prints its address. POST /test/WHAT (see `test`) is how a test moves the plant.
"""

import asyncio
import fnmatch
import json
import math
import socket
import sys
import time
from collections import deque
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from plantctl.core.clock import RealClock
from tests.browser import circuit, laboratory, past

WEB = Path(__file__).parents[2] / "plantctl" / "hmi" / "web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
CLOCK = RealClock()
TOKEN = "t0ken"
SCAN_S = 0.1
HEARTBEAT_S = 0.5
RING = 100
ALARM_WORDS = ("normal", "unack", "acked", "rtn", "latched", "latched-acked")
MODES = ("oos", "iman", "trk", "man", "auto", "cas", "rcas", "rout")


class Gateway:
    """One plant, its numbered points, its ring of deltas and its clients."""

    def __init__(self):
        self.values = circuit.values()
        self.quality = dict.fromkeys(self.values, 0) | laboratory.QUALITY
        self.source_ns = {}
        self.names = list(self.values)
        self.ids = {name: number for number, name in enumerate(self.names)}
        self.epoch = "00000000000000e1"
        self.seq = 0
        self.ring = deque(maxlen=RING)
        self.clients = set()
        self.session = None
        self.role, self.person, self.desk = "operator", "ada", laboratory.Desk()
        self.link = "ok"
        self.silent_until = 0.0
        self.changed = set()
        self.commands = []
        self.wander = True
        self.old = set(laboratory.VALUES)  # they do not wander
        self.deaf = False
        self.slow_device = False
        self.recorded, self.recorded_ns = {}, time.time_ns()  # the past of tags, as of an instant
        self.told = []  # transitions, oldest first; `begin` is since when and why
        self.quality_ns = 0
        self.begin = [time.time_ns(), "record"]
        self.links = {each["device"]: ["up", 100] for each in circuit.devices()}

    def row(self, name):
        value = self.values[name]
        source = self.source_ns.get(name, 0)
        return [self.ids[name], None if math.isnan(value) else value, self.quality[name], str(source) if source else 0]

    def set(self, name, value, quality=0):
        self.values[name] = math.nan if value is None else float(value)
        self.quality[name] = quality
        if name not in self.ids:
            self.ids[name] = len(self.names)
            self.names.append(name)
        self.changed.add(name)

    async def tell(self, message):
        for client in list(self.clients):
            try:
                await client.send_text(json.dumps(message))
            except (RuntimeError, WebSocketDisconnect):
                self.clients.discard(client)

    async def event(self, **event):
        empty = {"old": None, "new": None, "actor": "", "reason": "", "text": ""}
        self.told.append({"t": now()} | empty | event)
        await self.tell({"type": "event", "seq": self.seq} | self.told[-1])

    async def run(self):
        beat_s = 0.0
        while True:
            await CLOCK.sleep(SCAN_S)
            if time.monotonic() < self.silent_until:
                continue
            self.move()
            self.seq += 1
            rows = [self.row(name) for name in sorted(self.changed)]
            self.changed = set()
            message = {"type": "delta", "seq": self.seq, "t": now(), "v": rows}
            self.ring.append(message)
            await self.tell(message)
            if time.monotonic() - beat_s >= HEARTBEAT_S:
                beat_s = time.monotonic()
                await self.tell(self.heartbeat())
                await self.tell(self.devices())

    def devices(self):
        return {"type": "devices", "t": now(), "v": [[name, *told] for name, told in self.links.items()]}

    def heartbeat(self):
        return {"type": "hb", "seq": self.seq, "t": now(), "scan_age_ms": 12, "field_age_ms": 20, "link": self.link}

    def move(self):
        """A little life: the measured values of good quality wander by a thousandth of their range."""
        if not self.wander:
            return
        phase = time.time()
        base = circuit.values()
        for i, tag in enumerate(circuit.description()["tags"] if not hasattr(self, "_tags") else self._tags):
            if not hasattr(self, "_tags"):
                self._tags = circuit.description()["tags"]
            name = tag["tag"]
            if tag["kind"] not in ("input", "calculated") or self.quality[name] or name in self.old:
                continue
            if abs(self.values[name] - base[name]) > 0.02 * (tag["high"] - tag["low"]):
                continue
            self.values[name] = base[name] + 0.0012 * (tag["high"] - tag["low"]) * math.sin(phase / 3 + i)
            self.source_ns[name] = time.time_ns()
            self.changed.add(name)

    async def command(self, message, client):
        self.commands.append(message)
        if self.deaf:
            return

        async def stage(word, code="", detail="", **more):
            await client.send_text(
                json.dumps(
                    {
                        "type": "stage",
                        "id": message["id"],
                        "stage": word,
                        "code": code,
                        "detail": detail,
                        "t": now(),
                        **more,
                    }
                )
            )

        verb, target, value = message["command"], message["target"], message.get("value")
        await stage("queued")
        refusal = self.refusal(verb, target, value, message)
        if refusal:
            await stage("refused", *refusal)
            return
        await stage("accepted", old=self.values.get(target))
        event = {
            "kind": "command",
            "target": target,
            "new": {"ack": 1, "reset": 0}.get(verb, value),
            "actor": "ada",
            "reason": message.get("reason", ""),
            "text": verb,
        }
        await self.event(**event)
        if verb == "ack":
            state = self.values[target]
            now_is = {1.0: 2.0, 3.0: 0.0, 4.0: 5.0}.get(state, state)
            self.set(target, now_is)
            words = {"old": ALARM_WORDS[int(state)], "new": ALARM_WORDS[int(now_is)]}
            await self.event(**event | words | {"kind": "alarm"})
        elif verb == "mode":
            self.set(f"{target}.target", MODES.index(value))
            self.set(f"{target}.mode", MODES.index(value))
        elif verb == "reset" and f"{target}.ack" in str(circuit.description()["alarms"]):
            self.set(target, 0)
        elif verb == "reset":
            cell = target[-2:]
            for effect in (f"E1-{cell}", f"E4-{cell}"):
                self.set(effect, 0)
                self.set(f"{effect}.active", 0)
                self.set(f"{effect}.first", 0)
            self.set(f"C15-{cell}.first_out", 0)
        elif verb == "release":
            self.link = "ok"
            self.set("scan.held", 0)
        elif verb in ("set", "output"):
            await stage("sent")
            while self.slow_device:
                await CLOCK.sleep(0.02)
            self.set(target, value)
            await stage("verified", readback=value)

    def refusal(self, verb, target, value, message):
        if self.role == "viewer":
            return "no-permission", "a viewer may look only"
        if verb == "mode" and value == "cas":
            return "wrong-mode", "40-AIC-4212 has no loop above it"
        expected = message.get("expect")
        if verb == "set" and expected and abs(expected["value"] - self.values[target]) > 0.5:
            return "expect-mismatch", f"{target} is {self.values[target]} now"
        if verb == "reset" and self.values.get(f"C15-{target[-2:]}"):
            return "cause-active", "C15 is not clear"
        return None


def now():
    return str(time.time_ns())


gateway = Gateway()


async def page(request):
    return Response(
        (WEB / "index.html").read_text("utf-8"), media_type="text/html", headers={"content-security-policy": POLICY}
    )


async def session(request):
    if request.method == "DELETE":
        gateway.session, answer = None, JSONResponse({})
        answer.delete_cookie("plantctl")
        return answer
    if request.method == "POST":
        asked = await request.json()
        if asked.get("token") != TOKEN and asked.get("password") != "correct horse":
            return JSONResponse({"title": "not-known", "detail": "no such user, or not this password"}, 401)
        gateway.session = "ada"
    if gateway.session is None and request.cookies.get("plantctl") != "ada":
        return JSONResponse({"title": "not signed in"}, 401)
    answer = JSONResponse({"user": gateway.person, "role": gateway.role})
    answer.set_cookie("plantctl", "ada", httponly=True, samesite="strict")
    return answer


async def plant(request):
    return JSONResponse(circuit.description())


async def events(request):
    return JSONResponse(past.happened(gateway))


async def lab(request):
    return await gateway.desk.answer(request, gateway)


async def history(request):
    return JSONResponse(past.columns(gateway, request.query_params))


async def live(socket_):
    if socket_.cookies.get("plantctl") != "ada":
        await socket_.close(4401)
        return
    await socket_.accept()
    await socket_.send_text(
        json.dumps(
            {
                "type": "hello",
                "v": 1,
                "server": "plantctl test",
                "epoch": gateway.epoch,
                "hb_ms": 500,
                "config": "c0ffee",
                "user": gateway.person,
                "role": gateway.role,
                "seq": gateway.seq,
            }
        )
    )
    try:
        async for text in socket_.iter_text():
            message = json.loads(text)
            if message["type"] == "sub":
                await subscribe(socket_, message)
            elif message["type"] == "command":
                await gateway.command(message, socket_)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        gateway.clients.discard(socket_)


async def subscribe(client, message):
    known = {name for glob in message["tags"] for name in fnmatch.filter(gateway.names, glob)}
    invalid = [{"tag": glob, "why": "unknown"} for glob in message["tags"] if not fnmatch.filter(gateway.names, glob)]
    await client.send_text(
        json.dumps(
            {
                "type": "sub_ok",
                "id": message["id"],
                "invalid": invalid,
                "map": {str(gateway.ids[name]): name for name in known},
            }
        )
    )
    resume = message.get("resume")
    missed = [delta for delta in gateway.ring if resume and delta["seq"] > resume["seq"]]
    if (
        resume
        and resume["epoch"] == gateway.epoch
        and (missed[0]["seq"] if missed else gateway.seq + 1) == resume["seq"] + 1
    ):
        for delta in missed:
            await client.send_text(json.dumps(delta))
    else:
        if resume:
            await client.send_text(
                json.dumps(
                    {
                        "type": "gap",
                        "from": resume["seq"] + 1,
                        "to": gateway.seq,
                        "why": "too-old" if resume["epoch"] == gateway.epoch else "other-epoch",
                    }
                )
            )
        rows = [gateway.row(name) for name in known]
        await client.send_text(json.dumps({"type": "snap", "seq": gateway.seq, "t": now(), "v": rows}))
    await client.send_text(json.dumps(gateway.heartbeat()))
    await client.send_text(json.dumps(gateway.devices()))
    gateway.clients.add(client)


async def test(request):
    what = request.path_params["what"]
    asked = json.loads(await request.body() or b"null")
    if what == "values":
        for name, value in asked.items():
            gateway.set(name, *(value if isinstance(value, list) else [value]))
    elif what == "stale":  # their source stands still, as when the field process does
        for name in asked:
            gateway.old.add(name)
            gateway.set(name, gateway.values[name], 1 | (2 << 9))
    elif what == "unsaid":
        gateway.values |= asked
    elif what == "events":
        for event in asked if isinstance(asked, list) else [asked]:
            await gateway.event(**event)
    elif what == "recorded":
        gateway.recorded, gateway.recorded_ns = asked, time.time_ns()
    elif what == "before":  # what happened before anybody looked
        gateway.told += asked
    elif what == "silence":
        gateway.silent_until = time.monotonic() + asked
    elif what == "drop":
        for client in list(gateway.clients):
            await client.close()
    elif what == "state":
        for name, value in asked.items():
            setattr(gateway, name, deque(value, maxlen=RING) if name == "ring" else value)
    elif what == "reset":
        silent = gateway.clients
        gateway.__init__()
        gateway.clients = silent
        gateway.session = "ada"
        gateway.epoch = f"{time.time_ns() & (2**64 - 1):016x}"
    return JSONResponse({"commands": gateway.commands, "seq": gateway.seq})


def application():
    routes = [
        Route("/", page),
        Route("/api/v1/session", session, methods=["GET", "POST", "DELETE"]),
        Route("/api/v1/plant", plant),
        Route("/api/v1/history", history),
        Route("/api/v1/lab", lab, methods=["GET", "POST"]),
        Route("/api/v1/events", events),
        WebSocketRoute("/api/v1/live", live),
        Route("/test/{what}", test, methods=["POST"]),
        Mount("/static", StaticFiles(directory=WEB)),
    ]
    return Starlette(routes=routes)


async def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(), log_level="warning", ws="wsproto"))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    # Whoever started it holds the other end: it ends with them, also where they were killed.
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: setattr(server, "should_exit", True))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(gateway.run())
        await server.serve(sockets=[listener])
        running.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
