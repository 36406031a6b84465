"""The gateway behind its control socket, beside a scan that is played: what a client is told."""

import asyncio
import json
from pathlib import Path

import pytest

from plantctl.app.split.gateway import serve
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from plantctl.core.segment import ProcessState
from plantctl.plan.build import build_path
from tests.gateway_bench import SECOND_NS, Bench

LIMIT_S = 30


@pytest.fixture(scope="module")
def plan():
    return build_path(Path(__file__).parents[2] / "tests/plant/one_cell", {}).plan


def served(plan, folder, situation):
    """Run `situation(bench, ask)` beside a gateway; `ask(request)` gives its answer. Its last state, and its socket."""

    async def main():
        bench = Bench(plan, folder)
        bench.scan.now_ns = RealClock().monotonic_ns()
        bench.scan.come_back().event(EventKind.MODE, "40-AIC-4212", 3, 4)
        bench.scan.publish()
        ended, path = asyncio.Event(), folder / SOCKET_NAME
        gateway = asyncio.create_task(serve(bench.given, ended))
        said = bench.memory.for_role(Role.SCAN).reader(Role.GATEWAY)

        async def ask(request):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(json.dumps(request).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.close()
            return answer

        try:
            while not (path.exists() and said.state is ProcessState.READY):
                await RealClock().sleep(0.01)
            await situation(bench, ask)
            ended.set()
            await gateway
            return said.state, path.exists()
        finally:
            gateway.cancel()
            await asyncio.gather(gateway, return_exceptions=True)
            asyncio.get_running_loop().remove_reader(bench.given.wakes[Role.GATEWAY])
            bench.memory.close()

    return asyncio.run(asyncio.wait_for(main(), LIMIT_S))


async def scanning(bench, answer):
    """Scan until a command comes, which `answer(command)` answers; then go on until cancelled."""
    wakes = bench.memory.for_role(Role.SCAN)
    while True:
        bench.scan.now_ns = RealClock().monotonic_ns()
        for command in bench.scan.commands():
            answer(command)
        bench.scan.publish()
        wakes.wake(Role.GATEWAY)
        await RealClock().sleep(0.02)


def test_a_command_is_answered_with_the_time_of_every_stage_and_on_disk(plan, tmp_path):
    async def situation(bench, ask):
        def answer(command):
            bench.scan.say(command, Stage.ACCEPTED)
            bench.on_disk()

        work = asyncio.create_task(scanning(bench, answer))
        asked = {"verb": "mode", "target": "40-AIC-4212", "value": "auto", "reason": "why not"}
        (stage,) = (await ask({"command": asked}))["stages"]
        work.cancel()
        assert (stage["stage"], stage["code"]) == ("accepted", "")
        assert 0.0 <= stage["after_s"] <= stage["on_disk_after_s"] < LIMIT_S
        assert 0 < stage["mono_ns"] <= RealClock().monotonic_ns()

    assert served(plan, tmp_path, situation) == (ProcessState.ENDING, False)


def test_an_acceptance_that_is_not_on_disk_when_the_wait_is_over_is_still_told(plan, tmp_path):
    async def situation(bench, ask):
        work = asyncio.create_task(scanning(bench, lambda command: bench.scan.say(command, Stage.ACCEPTED)))
        asked = {"verb": "mode", "target": "40-AIC-4212", "value": "auto", "wait_s": 0.3}
        (stage,) = (await ask({"command": asked}))["stages"]
        work.cancel()
        assert (stage["stage"], stage["code"], stage["on_disk_after_s"]) == ("accepted", "not-durable", None)

    served(plan, tmp_path, situation)


def test_a_client_that_goes_away_leaves_nothing_behind(plan, tmp_path):
    async def situation(bench, ask):
        work = asyncio.create_task(scanning(bench, lambda command: None))
        _reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        asked = {"verb": "mode", "target": "40-AIC-4212", "value": "auto", "wait_s": 0.2}
        writer.write(json.dumps({"command": asked}).encode() + b"\n")
        await writer.drain()
        writer.transport.abort()
        said = bench.memory.for_role(Role.SCAN).reader(Role.GATEWAY)
        while True:
            said.take()
            if int(said.columns["clients"][0]) == 0 and said.sequence > 20:
                break
            await RealClock().sleep(0.02)
        assert (await ask({"snapshot": True}))["plant"] == plan.name
        work.cancel()

    served(plan, tmp_path, situation)


def test_the_snapshot_has_processes_wishes_hold_and_what_happened_before_the_gateway_came(plan, tmp_path):
    async def situation(bench, ask):
        bench.scan.set("scan.held", 1)
        bench.scan.event(EventKind.WATCHED, "scan.held", 0, 1, "the scan is new")
        bench.scan.writer.live["realtime"][:] = 1
        bench.scan.publish()
        bench.given.wake(Role.GATEWAY)
        seen = await ask({"snapshot": True})
        while not seen["hold"]:
            seen = await ask({"snapshot": True})
        assert [p["role"] for p in seen["processes"]] == [
            "supervisor",
            "recorder",
            "field",
            "scan",
            "gateway",
            "feeds",
        ]
        assert {w["name"]: (w["wanted"], w["held"]) for w in seen["realtime"]}["priority"] == (True, True)
        assert (seen["events"][0]["target"], seen["events"][0]["new"]) == ("40-AIC-4212", "auto")

    served(plan, tmp_path, situation)


def test_while_no_scan_runs_a_command_is_refused_at_once(plan, tmp_path):
    async def situation(bench, ask):
        bench.scan.writer.beat(RealClock().monotonic_ns() - SECOND_NS)
        began_ns = RealClock().monotonic_ns()
        (stage,) = (await ask({"command": {"verb": "ack", "target": "x", "wait_s": 20}}))["stages"]
        assert (stage["stage"], stage["code"]) == ("refused", "scan-dead")
        assert RealClock().monotonic_ns() - began_ns < 10 * SECOND_NS

    served(plan, tmp_path, situation)
