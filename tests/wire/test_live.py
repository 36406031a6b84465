"""The WebSocket of the plant: what a client is told, in which order, and what becomes of its commands."""

import asyncio

import pytest

from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from plantctl.core.frame import RowsFlag
from plantctl.core.quality import Reason, uncertain_because
from tests.gateway_bench import demo_plan
from tests.page_bench import CLOCK, FLOW, LEVEL, served

STALE = uncertain_because(Reason.STALE)


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def test_hello_then_names_then_all_values_then_what_changes(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW, "40-AIC-4212.*"]) as client:
            hello = client.hello
            assert (hello["v"], hello["user"], hello["role"], hello["config"]) == (
                1,
                "ada",
                "operator",
                f"{plan.hash:016x}",
            )
            assert len(hello["epoch"]) == 16
            assert set(client.map.values()) >= {FLOW, "40-AIC-4212.sp", "40-AIC-4212.op"}
            assert LEVEL not in client.map.values()
            snap = await client.next("snap")
            assert {client.map[str(n)] for n, *_ in snap["v"]} == set(client.map.values())
            page.publish({FLOW: (0.75, STALE), LEVEL: (50.0, 0)})
            first = await client.next("delta")
            page.publish({"40-AIC-4212.sp": (8.5, 0)})
            second = await client.next("delta")
            assert [first["seq"], second["seq"]] == [snap["seq"] + 1, snap["seq"] + 2]
            ((number, value, quality, source),) = first["v"]
            assert (client.map[str(number)], value, quality) == (FLOW, 0.75, STALE)
            assert source == first["t"]
            ((number, value, quality, source),) = second["v"]
            assert (client.map[str(number)], value, source) == ("40-AIC-4212.sp", 8.5, 0)

    served(plan, tmp_path, situation)


def test_both_names_of_one_value_have_a_number_of_their_own(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected(["40-AIC-4212", "40-AIC-4212.op"]) as client:
            await client.next("snap")
            page.publish({"40-AIC-4212": (12.5, 0)})
            await client.next("delta")
            assert client.values() == {"40-AIC-4212": (12.5, 0), "40-AIC-4212.op": (12.5, 0)}

    served(plan, tmp_path, situation)


def test_a_name_that_means_nothing_is_said_with_what_was_meant(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected() as client:
            answer = await client.subscribe(["40-FI-4103", "99-*", FLOW])
            assert list(answer["map"].values()) == [FLOW]
            why = {each["tag"]: each["why"] for each in answer["invalid"]}
            assert "did you mean `40-FI-4013`?" in why["40-FI-4103"]
            assert why["99-*"] == "no point has such a name"

    served(plan, tmp_path, situation)


def test_what_is_no_number_is_null(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            for value in (float("nan"), float("inf")):
                page.publish({FLOW: (value, 2)})
                assert (await client.next("delta"))["v"][0][1] is None

    served(plan, tmp_path, situation)


def test_a_sign_of_life_twice_a_second_tells_whether_the_scan_is_there(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([]) as client:
            async with page.scanning():
                begin_ns = CLOCK.monotonic_ns()
                for _ in range(4):
                    sign = await client.next("hb")
                    assert sign["link"] == "ok"
                assert CLOCK.monotonic_ns() - begin_ns < 4_000_000_000
                page.scan.set("scan.held", 1)
                await client.next("hb", link="held")
            sign = await client.next("hb", link="scan-dead")
            assert sign["scan_age_ms"] >= 500

    served(plan, tmp_path, situation)


def test_the_devices_are_told_with_the_subscription_and_again_each_second(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            told = (await client.next("devices"))["v"]
            assert [name for name, *_ in told] == [device.name for device in plan.devices]
            # No field process runs beside this gateway: nothing answers, and nothing ever did.
            assert {(link, age_ms) for _, link, age_ms in told} == {("down", None)}
            assert (await client.next("devices"))["v"] == told

    served(plan, tmp_path, situation)


def test_a_transition_comes_before_the_delta_of_its_scan_and_says_who_and_why(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            await client.next("snap")
            page.scan.rows({FLOW: (0.1, 0)})
            page.scan.event(EventKind.MODE, "40-AIC-4212", 3, 4, "the loop is tuned")
            page.scan.publish()
            event, delta = await client.next("event"), await client.next("delta")
            assert (event["kind"], event["target"], event["old"], event["new"]) == (
                "mode",
                "40-AIC-4212",
                "man",
                "auto",
            )
            assert (event["reason"], event["n"], event["seq"]) == ("the loop is tuned", 1, delta["seq"])
            assert int(event["t"]) == page.scan.now_ns + page.scan.offset_ns

    served(plan, tmp_path, situation)


def test_who_comes_back_in_time_gets_what_it_missed_and_nothing_twice(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            await client.next("snap")
            page.scan.event(EventKind.ALARM, "40-FI-4013.low", 0, 1)
            page.publish({FLOW: (0.31, 0)})
            event, last = await client.next("event"), await client.next("delta")
            epoch = client.hello["epoch"]
        missed = [0.40, 0.41, 0.42, 0.43, 0.44]
        for k, value in enumerate(missed):
            page.scan.event(EventKind.ALARM, "40-FI-4013.low", k % 2, (k + 1) % 2)
            page.publish({FLOW: (value, 0)})
            await CLOCK.sleep(0.11)
        resume = {"epoch": epoch, "seq": last["seq"], "n": event["n"]}
        async with page.connected([FLOW], resume) as client:
            page.publish({FLOW: (0.9, 0)})
            deltas = [await client.next("delta") for _ in range(6)]
            assert [d["seq"] for d in deltas] == [last["seq"] + 1 + k for k in range(6)]
            assert [d["v"][0][1] for d in deltas] == [*missed, 0.9]
            events = [m["n"] for m in client.heard if m["type"] == "event"]
            assert events == [2, 3, 4, 5, 6]
            assert not [m for m in client.heard if m["type"] in ("snap", "gap")]

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(("resume", "why"), [({"seq": 0, "epoch": "0" * 16}, "other-epoch"), ({"seq": 999}, "too-old")])
def test_who_comes_back_with_what_cannot_be_made_up_is_told_of_the_gap(plan, tmp_path, resume, why):
    async def situation(page):
        await page.log_in()
        async with page.connected() as client:
            epoch = client.hello["epoch"]
        async with page.connected([FLOW], {"epoch": epoch} | resume) as client:
            gap, snap = await client.next("gap"), await client.next("snap")
            assert (gap["why"], gap["to"]) == (why, snap["seq"])
            assert client.values()[FLOW] == (0.5, 0)

    served(plan, tmp_path, situation)


def test_a_new_scan_begins_another_epoch_for_clients_that_stay(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            await client.next("snap")
            page.scan.come_back()
            page.publish({FLOW: (0.22, 0)}, RowsFlag.RUN_START)
            hello, gap, snap = [await client.next(kind) for kind in ("hello", "gap", "snap")]
            assert hello["epoch"] != client.hello["epoch"]
            assert gap["why"] == "other-epoch"
            assert snap["seq"] == 0
            assert client.values()[FLOW] == (0.22, 0)
            page.publish({FLOW: (0.23, 0)})
            assert (await client.next("delta"))["seq"] == 1

    served(plan, tmp_path, situation)


def test_a_new_gateway_keeps_address_and_session_and_says_that_it_is_another(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            snap = await client.next("snap")
            await page.end_gateway()
            await asyncio.wait_for(client.websocket.wait_closed(), 10)
            assert client.websocket.close_code == 1012
        await page.begin_gateway()
        resume = {"epoch": client.hello["epoch"], "seq": snap["seq"]}
        async with page.connected([FLOW], resume) as client:
            assert (await client.next("gap"))["why"] == "other-epoch"
            assert (await client.next("snap"))["v"][0][1] == 0.5

    served(plan, tmp_path, situation)


def test_frames_that_are_overwritten_unread_are_a_stated_gap(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client:
            await client.next("snap")
            filler = bytes(1 << 20)
            for _ in range(40):
                page.scan.ring.append(2, 0, page.scan.now_ns, filler)
            page.publish({FLOW: (0.66, 0)})
            assert (await client.next("gap"))["why"] == "too-old"
            while client.values().get(FLOW) != (0.66, 0):
                await client.next("snap", "delta")

    served(plan, tmp_path, situation)


# -- commands


def accepting(page, stages=(Stage.ACCEPTED,)):
    def answer(command):
        given.append(command)
        for stage in stages:
            page.scan.say(command, stage, publish=False)
        page.bench.on_disk(page.scan.frame + 10)

    given = []
    answer.given = given
    return answer


def test_a_command_carries_its_person_and_is_told_stage_by_stage(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        answer = accepting(page)
        async with page.connected([]) as client, page.scanning(answer):
            stages = await client.command(value=8.1, reason="because", idem="k1", expect={"value": 8.0})
            assert [s["stage"] for s in stages] == ["queued", "accepted"]
            (command,) = answer.given
            assert (command.verb, command.target, command.value) == ("set", "40-AIC-4212.sp", "8.1")
            assert (command.actor, command.reason, command.key) == ("ada (operator)", "because", "ada/k1")
            assert command.expect == "8.0"
            assert 0 < command.expires_ns - CLOCK.monotonic_ns() < 3_000_000_000

    served(plan, tmp_path, situation)


def test_a_written_output_is_told_to_its_verification_with_the_read_back(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        output = next(o for o in plan.outputs if o.read_back)
        read_back = plan.points[output.read_back].name
        answer = accepting(page, (Stage.ACCEPTED, Stage.SENT, Stage.VERIFIED))
        async with page.connected([]) as client, page.scanning(answer, values=lambda k: {read_back: (80.0, 0)}):
            await client.say(type="command", id=3, command="set", target=output.tag, value=80)
            told = [await client.next("stage", id=3) for _ in range(4)]
            assert [s["stage"] for s in told] == ["queued", "accepted", "sent", "verified"]
            assert told[-1]["readback"] == 80.0
            assert answer.given[0].value == "80"

    served(plan, tmp_path, situation)


def test_what_cannot_be_given_is_refused_before_the_scan_hears_of_it(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        answer = accepting(page)
        async with page.connected([]) as client, page.scanning(answer):
            cases = [
                ({"command": "destroy"}, "bad-value"),
                ({"command": "tune", "target": "40-AIC-4212.gain"}, "no-permission"),
                ({"reason": "two\nlines"}, "bad-value"),
                ({"command": "reset", "target": "CELL-01", "value": None}, "no-reason"),
                ({"command": "release", "target": "plant", "value": None, "reason": " "}, "no-reason"),
                ({"dry_run": True, "target": "40-AIC-9999.sp"}, "unknown-target"),
            ]
            for number, (more, code) in enumerate(cases):
                (stage,) = await client.command(number, **more)
                assert (stage["stage"], stage["code"]) == ("refused", code)
            (stage,) = await client.command(50, dry_run=True)
            assert (stage["stage"], stage["code"]) == ("accepted", "dry-run")
            assert answer.given == []

    served(plan, tmp_path, situation)


def test_a_viewer_sees_everything_and_changes_nothing(plan, tmp_path):
    async def situation(page):
        from plantctl.hmi.users import Users

        Users(tmp_path).add("eve", "viewer", "looking only")
        status, told = await page.log_in(user="eve", password="looking only")
        assert (status, told) == (200, {"user": "eve", "role": "viewer"})
        answer = accepting(page)
        async with page.connected([FLOW]) as client, page.scanning(answer):
            assert client.hello["role"] == "viewer"
            await client.next("delta")
            (stage,) = await client.command(command="release", target="plant", value=None)
            assert (stage["stage"], stage["code"]) == ("refused", "no-permission")
            assert answer.given == []

    served(plan, tmp_path, situation)


def test_while_no_scan_runs_a_command_is_refused_at_once(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([]) as client:
            await client.next("hb", link="scan-dead")
            stages = await client.command()
            assert [(s["stage"], s["code"]) for s in stages] == [("queued", ""), ("refused", "scan-dead")]

    served(plan, tmp_path, situation)


def test_a_command_that_was_on_its_way_too_long_is_not_carried_out(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        answer = accepting(page)
        async with page.connected([FLOW]) as client, page.scanning(answer):
            seen = await client.next("delta")
            for _ in range(8):
                last = await client.next("delta")
            (stage,) = await client.command(1, valid_ms=500, seq=seen["seq"])
            assert (stage["stage"], stage["code"]) == ("expired", "expired")
            assert answer.given == []
            stages = await client.command(2, valid_ms=500, seq=last["seq"])
            assert stages[-1]["stage"] == "accepted"

    served(plan, tmp_path, situation)


def test_a_command_that_waited_before_a_gateway_that_stood_still_is_not_carried_out(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        answer = accepting(page)
        async with page.connected([FLOW]) as client, page.scanning(answer):
            await client.next("delta")
            await client.say(type="command", id=1, command="set", target="40-AIC-4212.sp", value=8.1, valid_ms=1000)
            end_ns = CLOCK.monotonic_ns() + 1_500_000_000
            while CLOCK.monotonic_ns() < end_ns:
                pass  # the gateway lives in this loop: it stands still
            (stage,) = await client.stages(1)
            assert (stage["stage"], answer.given) == ("expired", [])
            await CLOCK.sleep(1.2)
            assert (await client.command(2, valid_ms=1000))[-1]["stage"] == "accepted"

    served(plan, tmp_path, situation)
