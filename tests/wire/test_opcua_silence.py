"""What happens to an OPC UA connection when the peer falls silent, vanishes or comes back: it is built anew."""

import asyncio

from asyncua import ua

from plantctl.core.device_statistics import LinkState
from plantctl.core.field import FieldEventKind, WriteError
from tests.wire.field_rig import plan, running
from tests.wire.opcua_rig import COMMAND, FLOW, SETPOINT, plc, situation, world

S = 1_000_000_000
UP, DOWN = FieldEventKind.LINK_UP, FieldEventKind.LINK_DOWN


async def count_changes(rig, controller, seconds):
    """Change the flow every 0.5 s and count what arrives."""
    arrived = 0
    for n in range(round(2 * seconds)):
        value = (n % 100) / 128
        await controller.set(FLOW, value)
        await rig.clock.sleep(0.5)
        arrived += rig.good() and rig.inputs.value[0] == value
    return arrived


def test_a_peer_that_freezes_with_its_sockets_open_is_left_and_found_again():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        gaps = []
        for held_s in (1.0, 3.0, 5.0, 12.0):
            frozen_ns = rig.clock.monotonic_ns()
            wire.flowing.clear()
            if held_s > 2:
                await rig.until(lambda: not rig.good(), limit_s=held_s)
                noticed_s = (rig.clock.monotonic_ns() - frozen_ns) / 1e9
                assert noticed_s < 2.0
            await rig.clock.sleep_until(frozen_ns + round(held_s * S))
            wire.flowing.set()
            thawed_ns = rig.clock.monotonic_ns()
            await rig.until(rig.good)
            gaps.append((rig.clock.monotonic_ns() - thawed_ns) / 1e9)
            assert await count_changes(rig, controller, 5) == 10
        return gaps, [e.kind for e in rig.happened()]

    gaps, told = situation(story)
    assert gaps[0] < 0.1  # a second of silence is no loss
    assert max(gaps) < 6.0
    assert told == [UP, DOWN, UP, DOWN, UP, DOWN, UP]


def test_twenty_cuts_of_the_wire_and_the_values_come_back_each_time():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        for _ in range(20):
            wire.cut()
            await rig.until(lambda: not rig.good(), limit_s=1.0)
            await rig.until(rig.good, limit_s=5.0)
            assert await count_changes(rig, controller, 2) == 4
        await rig.clock.sleep(12.0)
        service = controller.server.iserver.subscription_service
        return len(service.subscriptions), rig.runner.statistics.connects

    left, connects = situation(story)
    assert left == 1  # none of the twenty old ones lives on in the server
    assert connects == 21


def test_a_server_that_stops_publishing_although_it_answers_is_left():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        (subscription,) = controller.server.iserver.subscription_service.subscriptions.values()
        await subscription.stop()
        silent_ns = rig.clock.monotonic_ns()
        await rig.until(lambda: not rig.good())
        lost_s = (rig.clock.monotonic_ns() - silent_ns) / 1e9
        await rig.until(rig.good)
        assert await count_changes(rig, controller, 5) == 10
        return lost_s

    assert situation(story) < 2.0


def test_only_the_heartbeat_counts_when_there_is_one():
    async def story(clock, controller, wire):
        async with running(clock, plc(wire, heartbeat={"node": COMMAND})) as rig:
            await rig.until(rig.good)
            for beat in range(1, 20):
                await controller.set(COMMAND, beat)
                await clock.sleep(0.5)
            beating_ns = clock.monotonic_ns() - int(rig.inputs.receive_ns[0])
            await clock.sleep(10)
            return beating_ns / 1e9, (clock.monotonic_ns() - int(rig.inputs.receive_ns[0])) / 1e9

    beating_s, stopped_s = world(story)
    assert beating_s < 0.6
    assert stopped_s > 9.5  # the server lives and says so, the program does not


def test_a_missing_message_of_the_subscription_is_a_reason_to_begin_anew():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        rig.runner.driver._subscription.sequence += 5
        await controller.set(FLOW, 0.75)
        await rig.until(lambda: rig.runner.statistics.disconnects == 1)
        await rig.until(rig.good)
        return rig.values(), [e.text for e in rig.happened() if e.kind is DOWN]

    values, told = situation(story)
    assert values == [0.75]
    assert "missing" in told[0]


def test_a_server_that_is_not_there_is_tried_again_and_its_wishes_are_answered():
    async def main(clock, controller, wire):
        nowhere = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        url = f"opc.tcp://127.0.0.1:{nowhere.sockets[0].getsockname()[1]}"
        device = plan(
            "PLC", "opcua", url, plc(wire).config, [("FI", {"node": FLOW})], [("FC", {"node": SETPOINT, "access": "w"})]
        )
        async with running(clock, device) as rig:
            rig.want(0, 1.0)
            await rig.until(lambda: rig.outputs.error[0] == WriteError.UNREACHABLE)
            await clock.sleep(10)
            state = rig.runner.statistics.state
        nowhere.close()
        await nowhere.wait_closed()
        return state, rig.qualities(), [e.kind for e in rig.happened()]

    state, qualities, told = world(main)
    assert state in (LinkState.DOWN, LinkState.CONNECTING)
    assert qualities == ["bad, comm"]
    assert told == [DOWN]


def test_the_channel_is_renewed_in_time():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        before = rig.runner.driver._link._renew_ns
        await rig.clock.sleep(3000)
        await controller.set(FLOW, 0.125)
        await rig.until(lambda: rig.inputs.value[0] == 0.125)
        return rig.runner.driver._link._renew_ns > before, rig.runner.statistics.disconnects

    assert situation(story, lambda wire: plc(wire, poll="2 s", silence="20 s")) == (True, 0)


def test_two_runs_are_one_run():
    def once(seed):
        async def story(rig, controller, wire):
            await rig.until(rig.good)
            for n in range(100):
                if n == 50:
                    wire.cut()
                rig.want(0, float(n % 7))
                await controller.set(FLOW, n / 128, ua.StatusCodes.Good)
                await rig.clock.sleep(0.1)
            events = [(e.mono_ns, e.kind) for e in rig.happened()]
            columns = (rig.inputs.value, rig.inputs.receive_ns, rig.inputs.source_ns, rig.outputs.write_ns)
            return events, [c.tobytes() for c in columns], [v.tobytes() for v, _ in rig.latched]

        outputs = [("FC", {"node": SETPOINT, "access": "w"})]
        return situation(story, lambda wire: plc(wire, outputs=outputs), seed=seed)

    assert once(1) == once(1)
