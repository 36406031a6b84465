"""Writing to Modbus devices: only to the right one, only what it can hold, only while the scan lives."""

import pytest

from plantctl.core.field import FieldEventKind, WriteError
from plantctl.core.quality import Reason, bad_because
from tests.wire.field_rig import plan
from tests.wire.modbus_peer import Peer
from tests.wire.modbus_rig import FAST, rectifier, registers, situation


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


def test_a_ramp_of_refused_values_is_told_once():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        for value in range(160, 200):
            rig.want(0, float(value + 100))
            await rig.until(lambda: rig.written(0))
        rig.want(0, 10.0)
        await rig.until(lambda: rig.written(0))
        return [e.text for e in rig.happened() if e.point == "IC"]

    told = situation(peer, rectifier, story)
    assert len(told) == 2
    assert told[1].startswith("over: write of 260 not-representable")


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


CONTROL = {"address": 40, "bits": [7, 8], "always": 0x0400, "access": "rw"}


def control(peer):
    return plan("DEV", "modbus", peer.url, FAST, [("T", {"address": 10})], [("W", CONTROL)])


def test_written_bits_go_into_what_the_register_has_now():
    peer = Peer({1: {10: 1, 40: 0x0055}})

    async def story(rig):
        await rig.until(rig.good)
        seen = []
        for value, there in ((2.0, 0x0055), (1.0, 0xF0AA), (0.0, 0xFFFF)):
            peer.registers[1][40] = there
            rig.want(0, value)
            await rig.until(lambda: rig.written(0))
            seen.append((peer.registers[1][40], float(rig.outputs.written_value[0]), int(rig.outputs.error[0])))
        return seen

    assert situation(peer, control, story) == [(0x0555, 2.0, 0), (0xF4AA, 1.0, 0), (0xFE7F, 0.0, 0)]


@pytest.mark.parametrize("value", [4.0, 0.5, -1.0, float("nan")])
def test_what_the_bits_cannot_hold_is_never_sent(value):
    peer = Peer({1: {10: 1, 40: 0x0055}})

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, value)
        await rig.until(lambda: rig.written(0))
        return WriteError(int(rig.outputs.error[0])), peer.registers[1][40]

    assert situation(peer, control, story) == (WriteError.NOT_REPRESENTABLE, 0x0055)


def test_bits_whose_register_cannot_be_read_are_not_written():
    peer = Peer({1: {10: 1, 40: 0x0055}})
    peer.trick = lambda number, request: ("exception", 2) if request[1:3] == (3, 40) else None

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 1.0)
        await rig.until(lambda: rig.written(0))
        return WriteError(int(rig.outputs.error[0])), peer.registers[1][40]

    assert situation(peer, control, story) == (WriteError.REFUSED, 0x0055)
