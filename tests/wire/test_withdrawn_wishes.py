"""A wish that is void when its telegram would be sent is not sent, wherever on its way it was; silence is silence."""

import pytest

from plantctl.core.device_statistics import LinkState
from plantctl.core.field import FieldEventKind, WriteError
from plantctl.drivers._driver import Permit
from tests.wire.modbus_peer import Peer
from tests.wire.modbus_rig import rectifier, registers, situation
from tests.wire.opcua_rig import COMMAND, FLOW, SETPOINT, plc
from tests.wire.opcua_rig import situation as plc_situation

S = 1_000_000_000
WRITES = (5, 6, 15, 16)


class Gate(Permit):
    """Withdraws everything after `sendings` more questions; numbers what was taken."""

    def __init__(self):
        self.sendings = 10**6
        self.taken = 0
        self.hushed = False
        self.refreshes = True

    def take(self):
        self.taken += 1
        return self.taken

    def holds(self, taken):
        assert taken == self.taken, "the wish was taken by an earlier look"
        self.sendings -= 1
        return self.sendings >= 0

    def quiet(self, order):
        return self.hushed


def gated(rig, sendings=10**6):
    gate = rig.runner.port.permit = Gate()
    gate.sendings = sendings
    return gate


def written(peer):
    return [(first, word) for _, function, first, word in peer.transcript if function in WRITES]


def error(rig, row=0):
    return WriteError(int(rig.outputs.error[row]))


@pytest.mark.parametrize("sendings", [0, 1])
def test_a_watchdog_is_not_armed_for_a_wish_that_is_void(sendings):
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        gate = gated(rig, sendings)
        rig.want(0, 75.0)
        await rig.until(lambda: gate.sendings < -3)
        refused = written(peer)
        gate.sendings = 10**6
        await rig.until(lambda: rig.written(0))
        return refused, written(peer)[len(refused) :], [e.kind for e in rig.happened()]

    refused, after, told = situation(peer, rectifier, story)
    assert refused == [(1022, 2)][:sendings]
    assert after == [(1022, 2), (1021, 1), (101, 26810)]
    assert told == [FieldEventKind.LINK_UP], "the link was never in doubt"


def test_a_void_wish_is_not_sent_and_the_value_of_now_is_once_it_may_be():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 75.0)
        await rig.until(lambda: rig.written(0))
        gate = gated(rig, 0)
        peer.transcript.clear()
        rig.want(0, 30.0)
        await rig.until(lambda: error(rig) is WriteError.WITHDRAWN)
        refused = written(peer)
        rig.want(0, 15.0)
        gate.sendings = 1
        await rig.until(lambda: error(rig) is WriteError.NONE)
        return refused, written(peer), [e.kind for e in rig.happened()]

    refused, after, told = situation(peer, rectifier, story)
    assert (refused, after) == ([], [(101, 5362)])
    assert told == [FieldEventKind.LINK_UP], "nothing is wrong with the point"


def test_what_was_wished_no_more_is_not_tried_again():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        gate = gated(rig, 0)
        rig.want(1, 1.0)
        await rig.until(lambda: gate.sendings < 0)
        rig.outputs.sequence[:] = 0
        gate.sendings = 10**6
        await rig.clock.sleep(5)
        return written(peer)

    assert situation(peer, rectifier, story) == []


def test_the_second_of_two_wishes_is_void_when_the_first_was_on_its_way():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 75.0)
        await rig.until(lambda: rig.written(0))
        gate = gated(rig, 1)
        peer.transcript.clear()
        rig.want(0, 30.0)
        rig.want(1, 1.0)
        await rig.until(lambda: gate.sendings < 0)
        return written(peer), error(rig, 0), error(rig, 1)

    assert situation(peer, rectifier, story) == ([(101, 10724)], WriteError.NONE, WriteError.WITHDRAWN)


def test_nothing_is_repeated_while_nothing_may_be_refreshed():
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        rig.want(0, 75.0)
        await rig.until(lambda: rig.written(0))
        gate = gated(rig)
        gate.refreshes = False
        await rig.clock.sleep(1)
        peer.transcript.clear()
        await rig.clock.sleep(5)
        silent = written(peer)
        gate.refreshes = True
        await rig.clock.sleep(5)
        return silent, len(written(peer))

    silent, repeated = situation(peer, rectifier, story)
    assert silent == []
    assert repeated >= 8


@pytest.mark.parametrize("lost", [False, True])
def test_a_device_that_is_left_alone_is_asked_nothing_also_when_its_link_is_lost(lost):
    peer = Peer(registers())

    async def story(rig):
        await rig.until(rig.good)
        gate = gated(rig)
        if lost:
            peer.drop()
            await rig.until(lambda: rig.runner.statistics.state is LinkState.DOWN)
        gate.hushed = True
        await rig.clock.sleep(0 if lost else 1)
        peer.transcript.clear()
        await rig.clock.sleep(20)
        silent = list(peer.transcript)
        gate.hushed = False
        peer.registers[1][101] = 5362
        await rig.until(lambda: rig.good() and rig.values()[1] == pytest.approx(15.0), limit_s=10)
        return silent

    assert situation(peer, rectifier, story) == []


@pytest.mark.parametrize(
    ("rearmed_by", "watchdog", "quiet_s"), [("any", "2 s", 5.0), ("writes", "2 s", 0.0), ("any", None, 0.0)]
)
def test_only_a_watchdog_that_reading_keeps_quiet_asks_for_silence(rearmed_by, watchdog, quiet_s):
    peer = Peer(registers())
    where = {"time": 1022, "enable": 1021, "rearmed_by": rearmed_by}

    async def story(rig):
        return rig.runner.driver.quiet_s

    def device(peer):
        return rectifier(peer, watchdog=watchdog, watchdog_registers=where)

    assert situation(peer, device, story) == quiet_s


def test_void_wishes_reach_no_controller_and_cost_no_connection():
    def device(wire):
        outputs = [("FC", {"node": SETPOINT, "access": "rw"}), ("HZ", {"node": COMMAND, "access": "rw"})]
        return plc(wire, [("FI", {"node": FLOW})], outputs)

    async def story(rig, controller, wire):
        await rig.until(rig.good)
        gate = gated(rig, 0)
        rig.want(0, 4.5)
        rig.want(1, 1)
        await rig.until(lambda: gate.sendings < -3)
        before = await controller.get(SETPOINT), await controller.get(COMMAND), error(rig, 0), error(rig, 1)
        rig.want(0, 5.5)
        gate.sendings = 10**6
        await rig.until(lambda: error(rig) is WriteError.NONE)
        after = await controller.get(SETPOINT), await controller.get(COMMAND)
        return before, after, [e.kind for e in rig.happened()]

    before, after, told = plc_situation(story, device)
    assert before == (1.0, 0, WriteError.WITHDRAWN, WriteError.WITHDRAWN)
    assert after == (5.5, 1)
    assert told == [FieldEventKind.LINK_UP]
