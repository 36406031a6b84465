"""RTU frames through a gateway: an answer that comes late must never become somebody else's value."""

import pytest

from plantctl.core.field import FieldEventKind
from plantctl.core.quality import GOOD
from plantctl.core.virtual_run import run_virtual
from tests.wire.field_rig import plan, running
from tests.wire.modbus_peer import Peer

NAME = [0x5250, 0x4352]  # "RPCR"
IDENTITY = {"address": 900, "type": "ascii", "count": 2, "equals": "RPCR"}


def registers(station):
    """What stands in each register says whose it is: the station and the address."""
    return {**{a: station * 1000 + a for a in range(100, 140)}, 900: NAME[0], 901: NAME[1]}


def gateway(peer, stations, *, per_station=1, **config):
    """Each item is a request of its own of equal length, the worst case for mixing up answers."""
    rows = [
        (f"S{s}-{n}", {"station": s, "address": 100 + 10 * n, "poll": f"{100 * (n + 1)} ms", "identity": IDENTITY})
        for s in stations
        for n in range(per_station)
    ]
    return plan("GW", "modbus", peer.url, {"timeout": 0.2, "late": 0.6, "backoff_first": 0.1, **config}, rows)


def belongs(rig):
    """Every good value the scan ever latched belongs to its tag; returns how many were latched and how many wrong."""
    seen = wrong = 0
    for values, qualities in rig.latched:
        for item, value, quality in zip(rig.device.inputs, values, qualities, strict=True):
            if quality == GOOD:
                seen += 1
                wrong += value != item.config["station"] * 1000 + item.config["address"]
    return seen, wrong


@pytest.mark.parametrize("kind", ["late", "slow"])
@pytest.mark.parametrize("by_s", [0.21, 0.3, 0.5])
def test_of_two_hundred_reads_with_every_tenth_late_none_is_wrong(kind, by_s):
    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock):
            peer.trick = lambda number, request: (kind, by_s) if number % 10 == 9 else ("slow", 0.12)
            async with running(clock, gateway(peer, [1], per_station=4, misses=4)) as rig:
                await rig.until(lambda: len(peer.transcript) >= 200, limit_s=300)
                assert rig.runner.driver._link.quarantines > 10
                return belongs(rig)

    seen, wrong = run_virtual(main)
    assert seen > 100
    assert wrong == 0


def test_the_trap_is_real_without_quarantine(monkeypatch):
    from plantctl.drivers._modbus_link import Link

    async def trusting(self):
        return False

    monkeypatch.setattr(Link, "settle", trusting)

    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock):
            peer.trick = lambda number, request: ("late", 0.3) if number % 10 == 9 else ("slow", 0.12)
            async with running(clock, gateway(peer, [1], per_station=4, misses=10)) as rig:
                await rig.until(lambda: len(peer.transcript) >= 200, limit_s=300)
                return belongs(rig)

    assert run_virtual(main)[1] > 0


def test_a_link_that_is_later_than_its_setting_learns_it_and_says_so_once():
    async def main(clock):
        peer = Peer({s: registers(s) for s in (1, 2, 3)}, rtu=True)
        async with peer.serving(clock):
            peer.trick = lambda number, request: ("late", 1.2) if number % 15 == 14 else ("slow", 0.03)
            async with running(clock, gateway(peer, [1, 2, 3], per_station=3, misses=3, late=0.4)) as rig:
                await rig.until(lambda: rig.runner.driver._link.late_s > 1.2, limit_s=60)
                await clock.sleep(3)
                rig.latched.clear()
                await rig.until(lambda: len(peer.transcript) > 400, limit_s=400)
                return belongs(rig), [e.text for e in rig.happened() if e.point == "link"]

    (seen, wrong), told = run_virtual(main)
    assert seen > 300
    assert wrong == 0
    assert len(told) == 1
    assert "later than `late` allows" in told[0]


def test_what_was_read_before_a_late_answer_showed_itself_is_taken_back():
    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock), running(clock, gateway(peer, [1], misses=3, late=0.4)) as rig:
            await rig.until(rig.good)
            at = len(peer.transcript)
            peer.trick = lambda number, request: ("late", 1.25) if number == at else None
            await rig.until(lambda: rig.qualities() == ["bad, protocol"], limit_s=3)
            await rig.until(rig.good)
            return rig.values()

    assert run_virtual(main) == [1100.0]


def test_one_dead_station_costs_the_others_a_bounded_time():
    async def main(clock):
        peer = Peer({s: registers(s) for s in (1, 2, 4)}, rtu=True)  # 3 is not there
        async with peer.serving(clock), running(clock, gateway(peer, [1, 2, 3, 4])) as rig:
            await rig.until(lambda: rig.good(0, 1, 3))
            oldest_ns = 0
            for _ in range(600):
                await clock.sleep(0.1)
                oldest_ns = max(oldest_ns, *(clock.monotonic_ns() - int(rig.inputs.receive_ns[r]) for r in (0, 1, 3)))
            assert rig.good(0, 1, 3)
            assert rig.qualities()[2] == "bad, comm"
            told = [e for e in rig.happened() if "station 3" in e.point]
            asked = sum(request[0] == 3 for request in peer.transcript)
            return oldest_ns / 1e9, [(e.kind, e.point) for e in told], asked

    oldest_s, told, asked = run_virtual(main)
    assert oldest_s < 1.5  # one time-out and one quarantine
    assert told == [(FieldEventKind.LINK_DOWN, "station 3")]
    assert asked < 12  # left alone for growing times


def test_a_station_that_comes_back_is_believed_after_its_identity():
    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock), running(clock, gateway(peer, [1, 2])) as rig:
            await rig.until(lambda: rig.good(0) and "comm" in rig.qualities()[1])
            peer.registers[2] = registers(2)
            peer.transcript.clear()
            await rig.until(lambda: rig.good(0, 1), limit_s=40)
            mine = [request for request in peer.transcript if request[0] == 2]
            return mine[:2], [e.text for e in rig.happened() if e.point == "station 2"]

    mine, told = run_virtual(main)
    assert mine == [(2, 3, 900, 2), (2, 3, 100, 1)]
    assert len(told) == 2
    assert told[1].startswith("over:")


def test_the_wrong_instrument_at_a_station_is_not_believed():
    async def main(clock):
        peer = Peer({1: registers(1), 2: {**registers(2), 900: 0x5555}}, rtu=True)
        async with peer.serving(clock), running(clock, gateway(peer, [1, 2])) as rig:
            await rig.until(lambda: rig.good(0) and "config" in rig.qualities()[1])
            assert not any(r[0] == 2 and r[2] == 100 for r in peer.transcript)
            return [e.text for e in rig.happened() if e.kind is FieldEventKind.DISCREPANCY]

    (told,) = run_virtual(main)
    assert "`UURPC" in told or "UUCR" in told


def test_bytes_nobody_asked_for_put_the_link_in_quarantine():
    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock), running(clock, gateway(peer, [1])) as rig:
            await rig.until(rig.good)
            before = rig.runner.driver._link.quarantines
            await clock.sleep(0.05)
            for writer in peer.sockets:
                writer.write(b"\x01\x03\x02\x00\x07\xf9\x86")
            await rig.until(lambda: rig.runner.driver._link.quarantines > before)
            await rig.until(lambda: rig.inputs.value[0] == 1100)
            return rig.runner.statistics.discarded, belongs(rig)[1]

    assert run_virtual(main) == (7, 0)


def test_a_line_that_never_becomes_silent_is_given_up_and_tried_again():
    async def main(clock):
        peer = Peer({1: registers(1)}, rtu=True)
        async with peer.serving(clock), running(clock, gateway(peer, [1], connect_timeout=8, patience=20)) as rig:
            await rig.until(rig.good)
            noisy_until = clock.monotonic_ns() + 8_000_000_000
            while clock.monotonic_ns() < noisy_until:
                for writer in peer.sockets:
                    Peer._send(writer, b"\xff")
                await clock.sleep(0.1)
            assert not rig.good()
            await rig.until(rig.good)
            return belongs(rig)[1], rig.runner.statistics.disconnects

    assert run_virtual(main) == (0, 1)
