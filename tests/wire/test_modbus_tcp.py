"""Modbus TCP against peers that answer, refuse, tear, vanish and lie; the rectifier's writes and its watchdog."""

import asyncio
import sys

import pytest

from plantctl.core.errors import PlantctlError
from plantctl.core.field import FieldEventKind, WriteError
from plantctl.core.quality import BAD, NOT_YET, Reason, bad_because, reason_of
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._runner import load
from tests.wire.field_rig import plan, running
from tests.wire.modbus_peer import Peer

FAST = {"timeout": 0.2, "poll": "200 ms", "backoff_first": 0.1}
COUNTS = {"counts": 53620, "value": 150}
I_SET = {"address": 101, "scale": COUNTS, "access": "rw", "refresh": True}
OUT = {"address": 102, "access": "rw"}
I_MON = {"address": 111, "scale": COUNTS, "sign": {"address": 112, "bit": 11}}
MODEL = [0x5250, 0x4352]
RECTIFIER = {
    **FAST,
    "holes": [[935, 935]],
    "identity": {"address": 900, "type": "ascii", "count": 2, "equals": "RPCR"},
    "error_register": {"address": 935, "ignored": [222]},
    "watchdog": "2 s",
    "watchdog_registers": {"time": 1022, "enable": 1021},
}


def registers():
    settings = {100: 0, 101: 0, 102: 0, 900: MODEL[0], 901: MODEL[1], 935: 7, 1021: 0, 1022: 10}
    return {1: {**settings, **dict.fromkeys(range(110, 115), 0)}}


def rectifier(peer, **config):
    peer.read_clears = (935,)
    return plan(
        "RECT-01",
        "modbus",
        peer.url,
        {**RECTIFIER, **config},
        [("II", I_MON), ("IC.read", I_SET)],
        [("IC", I_SET), ("HS", OUT)],
    )


def simple(peer, *addresses, **config):
    rows = [(f"T{a}", {"address": a}) for a in addresses]
    return plan("DEV", "modbus", peer.url, {**FAST, **config}, rows)


def situation(peer, device, story, **limits):
    """Run a story with the peer serving and the device at work; returns what the story returns."""

    async def main(clock):
        async with peer.serving(), running(clock, device(peer)) as rig:
            return await story(rig)

    return run_virtual(main, **limits)


def test_near_registers_are_one_telegram_and_every_value_is_scaled():
    peer = Peer(registers())
    peer.registers[1].update({111: 53620 // 2, 112: 1 << 11, 101: 5362})

    async def story(rig):
        await rig.until(rig.good)
        return peer.transcript[:2], rig.values()

    transcript, values = situation(peer, rectifier, story)
    assert transcript == [(1, 3, 900, 2), (1, 3, 101, 12)]
    assert values == [pytest.approx(-75.0), pytest.approx(15.0)]


def test_before_anything_arrived_every_input_is_not_yet():
    peer = Peer(registers())
    peer.trick = lambda number, request: ("mute",)

    async def story(rig):
        first = list(rig.inputs.quality)
        await rig.until(lambda: rig.happened())
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


def test_nothing_is_written_to_the_wrong_device():
    peer = Peer(registers())
    peer.registers[1][901] = 0x5555

    async def story(rig):
        rig.want(0, 50.0)
        await rig.until(lambda: rig.outputs.error[0] != 0)
        await rig.clock.sleep(10)
        return WriteError(int(rig.outputs.error[0])), rig.qualities(), [e.kind for e in rig.happened()]

    error, qualities, told = situation(peer, rectifier, story)
    assert error is WriteError.WRONG_DEVICE
    assert qualities == ["bad, config"] * 2
    assert told == [FieldEventKind.DISCREPANCY]
    assert {request[1:3] for request in peer.transcript} == {(3, 900)}


def test_the_first_write_comes_after_identity_old_errors_and_watchdog():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        peer.transcript.clear()
        rig.want(0, 75.0)
        await rig.until(lambda: rig.written(0))
        told = rig.outputs
        return list(peer.transcript), float(told.written_value[0]), int(told.error[0]), int(told.write_ns[0])

    transcript, written, error, write_ns = situation(peer, rectifier, story)
    asked = [request for request in transcript if request != (1, 3, 101, 12)]
    assert asked == [
        (1, 3, 935, 1),
        (1, 6, 1022, 2),
        (1, 3, 1022, 1),
        (1, 6, 1021, 1),
        (1, 3, 1021, 1),
        (1, 6, 101, 26810),
        (1, 3, 935, 1),
    ]
    assert (written, error) == (pytest.approx(75.0), 0)
    assert write_ns > 0


def test_a_value_the_device_ignores_silently_is_an_error():
    peer = Peer(registers())

    def ignore(regs, address, word):
        if address == 101 and word > 0xDBED:
            regs[101], regs[935] = 0, 222
        if address == 102 and word:
            regs[102], regs[935] = 0, 301

    peer.after_write = ignore

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 170.0)
        rig.want(1, 1.0)
        await rig.until(lambda: rig.written(0) and rig.written(1))
        errors = [WriteError(int(e)) for e in rig.outputs.error]
        await rig.clock.sleep(3)
        return errors, [e.text for e in rig.happened() if e.point in {"IC", "HS"}]

    errors, told = situation(peer, lambda p: rectifier(p, watchdog=None), story)
    assert errors == [WriteError.IGNORED, WriteError.REFUSED]
    assert [("222" in t, "301" in t) for t in told] == [(True, False), (False, True)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 200.0])
def test_what_the_register_cannot_hold_is_never_sent(value):
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, value)
        await rig.until(lambda: rig.written(0))
        return WriteError(int(rig.outputs.error[0]))

    assert situation(peer, rectifier, story) is WriteError.NOT_REPRESENTABLE
    assert not any(request[1:3] == (6, 101) for request in peer.transcript)


def test_a_bad_wish_is_not_written():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 50.0, bad_because(Reason.STALE))
        await rig.clock.sleep(3)
        return bool(rig.written(0))

    assert situation(peer, rectifier, story) is False
    assert not any(request[1] == 6 for request in peer.transcript)


def test_the_set_point_is_repeated_only_while_the_scan_lives():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 50.0)
        rig.want(1, 1.0)
        await rig.until(lambda: rig.written(0))
        peer.transcript.clear()
        await rig.clock.sleep(10)
        alive = [r for r in peer.transcript if r[1] == 6]
        rig.scan_alive = False
        await rig.clock.sleep(0.6)
        peer.transcript.clear()
        await rig.clock.sleep(10)
        return alive, [r for r in peer.transcript if r[1] == 6], len(peer.transcript)

    alive, dead, reads = situation(peer, rectifier, story)
    assert 20 <= len(alive) <= 26  # every 0.5 s, a write period early at most
    assert {r[2] for r in alive} == {101}
    assert dead == []
    assert reads > 40


def test_a_wish_from_before_the_loss_is_written_when_the_link_is_back_and_the_watchdog_armed_again():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        peer.trick = lambda number, request: ("mute",)
        rig.want(0, 60.0)
        await rig.until(lambda: rig.outputs.error[0] == WriteError.UNREACHABLE)
        peer.trick = lambda number, request: None
        peer.transcript.clear()
        await rig.until(lambda: rig.written(0) and rig.outputs.error[0] == 0)
        return [r for r in peer.transcript if r[1] == 6 or r[2] == 900]

    writes = situation(peer, rectifier, story)
    assert [r[1:3] for r in writes] == [(3, 900), (6, 1022), (6, 1021), (6, 101)]


def test_a_device_that_cannot_be_armed_is_not_written_to():
    peer = Peer(registers())

    def stuck(regs, address, word):
        regs[1021] = 0

    peer.after_write = stuck

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 60.0)
        await rig.clock.sleep(5)
        return [e.text for e in rig.happened() if e.kind is FieldEventKind.LINK_DOWN]

    told = situation(peer, rectifier, story)
    assert "cannot be armed" in told[0]
    assert not any(r[1:3] == (6, 101) for r in peer.transcript)


def test_many_registers_of_one_value_are_one_write():
    peer = Peer({1: {0: 0, 1: 0}})
    item = {"address": 0, "type": "f32", "order": "CDAB", "access": "rw"}

    async def story(rig):
        rig.want(0, 1.5)
        await rig.until(lambda: rig.written(0))
        return [r for r in peer.transcript if r[1] != 3]

    device = lambda p: plan("DEV", "modbus", p.url, FAST, [("Y", item)], [("Y.out", item, 0.5, 1.0)])  # noqa: E731
    assert situation(peer, device, story) == [(1, 16, 0, [0x0000, 0x3F80])]


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
        async with peer.serving():
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
