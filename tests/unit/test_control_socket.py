"""The control socket: every rude request gets an answer in words, and the plant scans on."""

import asyncio
import json
import os
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from plantctl.app.control_socket import CLIENTS_MAX, LINE_BYTES_MAX, TEXT_LENGTH_MAX, ControlSocket
from plantctl.app.one import make
from plantctl.cli import get
from plantctl.cli.main import main as plantctl
from plantctl.core.clock import RealClock
from plantctl.log.storage import FolderStorage
from plantctl.plan.build import build_path
from tests.process.command_rig import bench

LIMIT_S = 30


def served(tmp_path, situation, more=""):
    """Run `situation(folder, running)` beside a served bench plant, which may have `more` tags."""
    text = bench(tmp_path / "plant") / "plant.yaml"
    text.write_text(text.read_text().replace("tags:\n", f"tags:\n{more}"))
    plan = build_path(text.parent).plan
    (tmp_path / "log").mkdir()

    async def main():
        running = make(plan, RealClock(), FolderStorage(tmp_path / "log"), compiled=False)
        path = tmp_path / "control.sock"
        work = [
            asyncio.create_task(running.run()),
            asyncio.create_task(ControlSocket(running, path).serve()),
        ]
        try:
            while not (path.exists() and running.scans):
                await RealClock().sleep(0.01)
            await situation(path, running)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        assert not path.exists()

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))


async def asked(path, line):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = json.loads(await reader.readline())
    writer.close()
    return answer


RUDE = {
    "no json": (b"hello\n", "a request is one line of JSON"),
    "no text": (b"\xff\xfe\n", "a request is one line of JSON"),
    "no object": (b"[1]\n", "a request is a JSON object"),
    "nothing asked": (b"{}\n", "a request holds get, snapshot, targets, command or lab"),
    "brackets without end": (b"[" * 50_000 + b"\n", "a request is one line of JSON"),
    "a line too long": (b"x" * (LINE_BYTES_MAX + 100) + b"\n", f"at most {LINE_BYTES_MAX} bytes"),
    "an unknown tag": (b'{"get": ["10-AY-3"]}\n', "`10-AY-3` is not in Bench"),
    "an unknown command": (b'{"command": {"verb": "fly"}}\n', "there is no command `fly`"),
    "a wait in words": (b'{"command": {"verb": "set", "wait_s": "long"}}\n', "wait_s is a number of seconds"),
    "a wait that is none": (b'{"command": {"verb": "set", "wait_s": NaN}}\n', "wait_s is a number of seconds"),
    "a wait for ever": (b'{"command": {"verb": "set", "wait_s": 1e9}}\n', "wait_s is a number of seconds"),
    "half a character": (b'{"command": {"verb": "set", "target": "\\ud800"}}\n', "the target of a command is one line"),
    "two lines": (b'{"command": {"verb": "set", "reason": "a\\nb"}}\n', "the reason of a command is one line"),
    "a novel": (
        json.dumps({"command": {"verb": "set", "reason": "x" * (TEXT_LENGTH_MAX + 1)}}).encode() + b"\n",
        f"at most {TEXT_LENGTH_MAX} characters",
    ),
}


def test_a_rude_request_is_answered_in_words_and_the_plant_scans_on(tmp_path):
    async def situation(path, running):
        for name, (line, said) in RUDE.items():
            assert said in (await asked(path, line)).get("error", ""), name
        before = running.scans
        while running.scans < before + 2:
            await RealClock().sleep(0.02)

    served(tmp_path, situation)


def test_the_snapshot_says_which_values_are_the_laboratorys(tmp_path):
    async def situation(path, running):
        seen = await asked(path, b'{"snapshot": true}\n')
        assert [p["name"] for p in seen["points"] if p["laboratory"]] == ["10-AY-3"]

    served(tmp_path, situation, "  10-AY-3: {unit: mol/L, range: [0, 2], lab: {}}\n")


def test_values_commands_and_snapshot_are_answered_on_one_connection(tmp_path):
    async def situation(path, running):
        reader, writer = await asyncio.open_unix_connection(path)
        for request in ({"get": ["10-AY-2", "10-AY-1"]}, {"snapshot": True}):
            writer.write(json.dumps(request).encode() + b"\n")
        writer.write(b'{"targets": "set"}\n{"targets": "fly"}\n')
        got, seen = json.loads(await reader.readline()), json.loads(await reader.readline())
        assert [json.loads(await reader.readline())["targets"] for _ in range(2)] == [["10-AY-1"], []]
        assert [(p["name"], p["text"], p["unit"]) for p in got["points"]] == [
            ("10-AY-2", "2", "L/h"),
            ("10-AY-1", "1", "L/h"),
        ]
        assert seen["plant"] == "Bench"
        assert {p["name"]: p["rank"] for p in seen["points"]}["10-AY-2"] == 1
        writer.write(b'{"command": {"verb": "set", "target": "10-AY-2", "value": "1", "wait_s": 5}}\n')
        stages = json.loads(await reader.readline())["stages"]
        assert [s["stage"] for s in stages] == ["refused"]
        assert running.recent[-1].actor.endswith(f"(uid {os.getuid()})")
        writer.close()

    served(tmp_path, situation)


def test_get_shows_whatever_a_pattern_fits_and_refuses_one_that_fits_nothing(tmp_path, capsys):
    """As the how-to guides write it: `plantctl get 'feed.standby.*'`."""

    async def situation(path, running):
        wanted = str(path.parent)
        for tags, code in ((["10-AY-?", "10-AY-2"], 0), (["20-*"], 3)):
            words = ["get", *tags, "--plant", path.parent.name, "--state", str(path.parent.parent)]
            assert await asyncio.to_thread(plantctl, words) == code, wanted

    served(tmp_path, situation)
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["10-AY-1", "10-AY-2"]
    assert "nothing in the plant is called like `20-*`" in told.err


def test_get_says_of_what_never_came_that_it_never_came(tmp_path, capsys):
    async def situation(path, running):
        words = ["10-AY-3", "10-AY-4", "--plant", path.parent.name, "--state", str(path.parent.parent)]
        assert await asyncio.to_thread(plantctl, ["get", *words]) == 0
        assert await asyncio.to_thread(plantctl, ["get", "--json", *words]) == 0

    more = "  10-AY-3: {unit: mol/L, range: [0, 2], lab: {}}\n  10-AY-4: {unit: mol/L, range: [0, 2]}\n"
    served(tmp_path, situation, more)
    *lines, told = capsys.readouterr().out.split("\n", 2)
    assert [" ".join(line.split()) for line in lines] == [
        "10-AY-3 nan mol/L bad, not-yet never entered",
        "10-AY-4 nan mol/L bad, not-yet nothing came yet",
    ]
    assert [point["age_s"] for point in json.loads(told)] == [None, None]


def test_get_tells_of_an_entered_value_when_its_sample_was_taken_and_not_since_when_the_plant_has_it(
    monkeypatch, capsys
):
    point = {"name": "AY-1", "text": "0.6", "unit": "mol/L", "why": "good", "age_s": 2.5, "input": True}
    entered = point | {"laboratory": True, "source_ns": 1_790_000_000_000_000_000}
    for told in (entered, point):
        client = SimpleNamespace(ask=lambda request, told=told: {"points": [told]})
        monkeypatch.setattr(get, "connect", lambda arguments, client=client: nullcontext(client))
        assert plantctl(["get", "AY-1"]) == 0
    assert [line.split("good  ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "sample taken 2026-09-21T14:13:20Z",
        "2.5 s old",
    ]


@pytest.mark.parametrize("quietly", [True, False])
def test_clients_that_leave_make_room(tmp_path, quietly):
    async def situation(path, running):
        links = [await asyncio.open_unix_connection(path) for _ in range(CLIENTS_MAX)]
        for reader, writer in links:
            writer.write(b'{"get": ["10-AY-2"]}\n')
            await reader.readline()
        assert "clients already" in (await asked(path, b"{}\n"))["error"]
        for _, writer in links:
            if not quietly:
                writer.write(b'{"snapshot": true}\n' * 3)
                writer.transport.abort()
            writer.close()
        while "clients already" in (await asked(path, b"{}\n"))["error"]:
            await RealClock().sleep(0.02)

    served(tmp_path, situation)
