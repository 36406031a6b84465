"""Modbus TCP against peers that answer, refuse, tear, vanish and lie."""

import asyncio
import sys

import pytest

from plantctl.core.errors import PlantctlError
from plantctl.core.field import FieldEventKind
from plantctl.core.quality import BAD, NOT_YET, Reason, reason_of
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._runner import load
from tests.wire.field_rig import plan, running
from tests.wire.modbus_peer import Peer
from tests.wire.modbus_rig import FAST, rectifier, registers, simple, situation


def test_near_registers_are_one_telegram_and_every_value_is_scaled():
    peer = Peer(registers())
    peer.registers[1].update({111: 53620 // 2, 112: 1 << 11, 101: 5362})

    async def story(rig):
        await rig.until(rig.good)
        return peer.transcript[:2], rig.values()

    transcript, values = situation(peer, rectifier, story)
    assert transcript == [(1, 3, 900, 2), (1, 3, 101, 12)]
    assert values == [pytest.approx(-75.0), pytest.approx(15.0)]


def test_jobs_whose_periods_fit_are_done_at_one_waking_the_write_first():
    peer = Peer({1: {10: 1, 30: 2, 60: 3, 90: 0}})
    asked = []

    async def main(clock):
        peer.trick = lambda number, request: asked.append((clock.monotonic_ns(), request))
        rows = [(f"T{a}", {"address": a, "poll": p}) for a, p in ((10, "0.1 s"), (30, "0.5 s"), (60, "0.25 s"))]
        async with peer.serving(clock):
            device = plan("DEV", "modbus", peer.url, {**FAST, "gap": 0}, rows, [("W", {"address": 90, "access": "w"})])
            async with running(clock, device) as rig:
                for value in range(40):
                    rig.want(0, value)
                    await clock.sleep(0.1)

    run_virtual(main)
    instants = {a: [ns for ns, request in asked if request[2] == a][2:] for a in (10, 30, 60, 90)}
    phases = {a: {ns % 50_000_000 for ns in instants[a]} for a in instants}
    assert phases[10] == phases[30] == phases[90] == {2_000_000}
    assert phases[60] == {2_100_000}  # a quarter of a second fits no tenth: it has instants of its own
    assert min(len(found) for found in instants.values()) > 2
    together = [request[2] for ns, request in asked if ns in instants[30] and ns in instants[90]]
    assert together[:3] == [90, 10, 30]


def test_before_anything_arrived_every_input_is_not_yet():
    peer = Peer(registers())
    peer.trick = lambda number, request: ("mute",)

    async def story(rig):
        first = list(rig.inputs.quality)
        await rig.until(rig.happened)
        return first, rig.qualities(), [e.kind for e in rig.happened()]

    first, later, told = situation(peer, rectifier, story)
    assert first == [NOT_YET, NOT_YET]
    assert later == ["bad, comm", "bad, comm"]
    assert told == [FieldEventKind.LINK_DOWN]


def test_a_register_in_a_gap_that_must_not_be_read_is_learnt():
    peer = Peer({1: {10: 1, 11: 2, 20: 3}})

    async def story(rig):
        await rig.until(rig.good)
        peer.transcript.clear()
        await rig.until(lambda: len(peer.transcript) >= 2)
        return peer.transcript[:2], rig.values()

    transcript, values = situation(peer, lambda p: simple(p, 10, 11, 20), story)
    assert transcript == [(1, 3, 10, 2), (1, 3, 20, 1)]
    assert values == [1.0, 2.0, 3.0]


def test_a_register_that_does_not_exist_costs_only_its_own_item():
    peer = Peer({1: {10: 1, 300: 3}})

    async def story(rig):
        await rig.until(lambda: rig.good(0, 2))
        await rig.clock.sleep(5)
        asked = sum(request[2] == 200 for request in peer.transcript)
        return rig.qualities()[1], asked, [e.text for e in rig.happened() if e.kind is FieldEventKind.DISCREPANCY]

    quality, asked, told = situation(peer, lambda p: simple(p, 10, 200, 300), story)
    assert quality == "bad, config"
    assert asked == 1  # not hammered
    assert len(told) == 1
    assert "illegal address" in told[0]


@pytest.mark.parametrize(
    "trick",
    [
        ("mute",),
        ("late", 0.25),
        ("close",),
        ("raw", b"\x00\x01\x00\x00\x00\x05\x01\x03\x02"),
        ("exception", 4),
        ("raw", b"rubbish" * 20),
    ],
    ids=["mute", "late", "close", "short frame", "device failure", "rubbish"],
)
def test_every_third_answer_spoilt_and_no_value_is_ever_wrong(trick):
    peer = Peer({1: {a: a for a in (10, 200, 400)}})
    peer.trick = lambda number, request: trick if number % 3 == 2 else None

    async def story(rig):
        await rig.until(lambda: len(peer.transcript) > 120, limit_s=200)
        wrong = seen = 0
        for values, qualities in rig.latched:
            for value, quality, right in zip(values, qualities, (10, 200, 400), strict=True):
                if quality & BAD == 0:
                    seen += 1
                    wrong += value != right
        return seen, wrong, rig.runner.statistics.errors

    seen, wrong, errors = situation(peer, lambda p: simple(p, 10, 200, 400, misses=5), story)
    assert seen > 20
    assert wrong == 0
    assert errors > 0


def test_an_answer_of_another_length_is_not_an_answer():
    peer = Peer({1: {10: 1}})
    peer.trick = lambda number, request: (
        ("raw", peer.frame(1, b"\x03\x04\x00\x01\x00\x02", number + 1)) if number == 3 else None
    )

    async def story(rig):
        await rig.until(lambda: rig.runner.statistics.disconnects == 1)
        await rig.until(rig.good)
        return rig.values()

    assert situation(peer, lambda p: simple(p, 10), story) == [1.0]


def test_a_flapping_link_tells_each_loss_once_and_values_stay_last_known():
    peer = Peer({1: {10: 42}})

    async def story(rig):
        for _ in range(3):
            await rig.until(rig.good)
            mute, peer.trick = peer.trick, lambda number, request: ("mute",)
            peer.drop()
            await rig.until(lambda: not rig.good())
            assert rig.values() == [42.0]
            await rig.clock.sleep(3)
            peer.trick = mute
        await rig.until(rig.good)
        return [e.kind for e in rig.happened()]

    up, down = FieldEventKind.LINK_UP, FieldEventKind.LINK_DOWN
    assert situation(peer, lambda p: simple(p, 10), story) == [up, down, up, down, up, down, up]


def test_retries_back_off_with_jitter_up_to_the_limit():
    peer = Peer({})

    async def story(rig):
        await rig.clock.sleep(120)
        return len(peer.sockets)

    attempts = situation(peer, lambda p: simple(p, 10, backoff_most=10, identity={"address": 1, "equals": 1}), story)
    assert 120 / 10.5 < attempts < 120 / 5 + 8


def test_age_stands_still_while_nobody_answers():
    peer = Peer({1: {10: 1}})

    async def story(rig):
        await rig.until(rig.good)
        peer.trick = lambda number, request: ("mute",)
        await rig.until(lambda: not rig.good())
        received = int(rig.inputs.receive_ns[0])
        await rig.clock.sleep(5)
        return int(rig.inputs.receive_ns[0]) - received, reason_of(int(rig.inputs.quality[0]))

    assert situation(peer, lambda p: simple(p, 10), story) == (0, Reason.COMM)


def test_two_runs_are_one_run():
    def once(seed):
        peer = Peer(registers())
        peer.trick = lambda number, request: ("mute",) if number % 7 == 6 else None

        async def story(rig):
            for n in range(100):
                rig.want(0, float(n))
                await rig.clock.sleep(0.1)
            events = [(e.mono_ns, e.utc_ns, e.text) for e in rig.happened()]
            return list(peer.transcript), events, rig.inputs.receive_ns.tobytes(), rig.outputs.write_ns.tobytes()

        return situation(peer, lambda p: rectifier(p, misses=1), story, seed=seed)

    first, again, other = once(1), once(1), once(2)

    def ports_left_out(result):
        return (result[0], [e[:2] for e in result[1]], *result[2:])

    assert ports_left_out(first) == ports_left_out(again)
    assert first[0] != other[0]


def test_cancelled_in_the_middle_of_a_request_it_leaves_nothing_behind():
    peer = Peer({1: {10: 1}})
    peer.trick = lambda number, request: ("mute",) if number > 3 else None

    async def main(clock):
        async with peer.serving(clock):
            async with running(clock, simple(peer, 10, timeout=5, patience=30)) as rig:
                await rig.until(lambda: len(peer.transcript) > 4)
            assert rig.qualities() == ["bad, comm"]
            assert clock.free_phase_ns(200_000_000, 2_000_000) == 2_000_000
            return len([t for t in asyncio.all_tasks() if not t.done()])

    assert run_virtual(main) >= 1


def test_the_drivers_are_found_by_name_and_bring_no_library_with_them():
    code = "import sys; from plantctl.drivers._runner import load; load('modbus'); print('pymodbus' in sys.modules)"

    async def main():
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        return (await child.communicate())[0]

    assert asyncio.run(main()).strip() == b"False"
    with pytest.raises(PlantctlError, match="no driver"):
        load("nothing")
    with pytest.raises(PlantctlError, match="no driver"):
        load("_runner")
