"""What hosts ask a Sparkplug node for: births, and commands, which are off by default and go through the gate."""

import pytest

from plantctl.core.errors import CommandRejected
from plantctl.sinks._sparkplug_payload import DataType, Metric
from plantctl.sinks.sparkplug import REBIRTH_PAUSE_NS
from tests.wire.feed_rig import batch
from tests.wire.sparkplug_rig import NCMD, T0_MS, metrics, run


def test_a_host_that_asks_gets_a_birth_with_the_same_number_and_the_last_values():
    async def story(rig):
        await rig.born()
        async with rig.attended():
            await rig.sink.write(batch((0, 3, 7.0)))
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True))
            rig.clock.now_ns += REBIRTH_PAUSE_NS
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True), retain=True)
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, False))
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True))
            await rig.until("NDATA", "NBIRTH")
            await rig.sink.write(batch((1, 3, 8.0)))
            return {m.name: m.value for m in metrics(rig.broker, "NBIRTH")[-1]}["40-TI-4216"], rig.sink.rebirths

    (value, rebirths), checker = run(story)
    assert (value, rebirths, checker.births) == (7.0, 1, 2)


def test_a_request_for_a_birth_is_heard_by_the_next_batch_where_nobody_attends():
    async def story(rig):
        await rig.born()
        rig.clock.now_ns += REBIRTH_PAUSE_NS
        rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True))
        await rig.sink.write(batch((0, 3, 7.0)))
        await rig.sink.write(batch((1, 3, 8.0)))
        return rig.kinds()

    kinds, _ = run(story)
    assert kinds.count("NBIRTH") == 2


class Gate:
    """A gate that remembers, and refuses what is for the pump."""

    def __init__(self):
        self.asked = []

    async def __call__(self, target, value, actor):
        self.asked.append((target, value, actor))
        if target == "40-XI-4216":
            raise CommandRejected("mode", "the pump is in hand")
        return "accepted"


def commanded(*asks, commands=True, gate=None):
    """What the gate was asked, how many were refused, and the last reason."""
    gate = Gate() if gate is None else gate

    async def story(rig):
        await rig.born()
        async with rig.attended():
            for metric, more in asks:
                rig.ask(metric, **more)
            rig.clock.now_ns += REBIRTH_PAUSE_NS
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True))
            await rig.until("NBIRTH", "NBIRTH")  # all before it has been heard
        return rig.sink.refused_commands, rig.sink.refusal

    (count, reason), _ = run(story, commands=commands, more={"command": gate} if gate else {})
    return gate.asked if gate else [], count, reason


def wish(value, alias=3, name="", **more):
    datatype = {bool: DataType.BOOLEAN, str: DataType.STRING}.get(type(value), DataType.DOUBLE)
    return Metric(name, alias, None, datatype, value), more


def test_commands_are_refused_unless_they_are_wanted():
    assert commanded(wish(5.0), commands=False) == ([], 1, "commands are off")
    assert commanded(wish(5.0), gate=False) == ([], 1, "commands are off")


def test_commands_go_to_the_gate_by_alias_and_by_name():
    named = Metric("TIC-4216.mode", None, None, DataType.INT64, 2), {}
    typed = Metric("", 5, None, DataType.INT64, -1), {}
    asked, refused, _ = commanded(wish(5.5), named, typed)
    assert asked == [
        (n, v, "sparkplug cloud") for n, v in [("40-TI-4216", 5.5), ("TIC-4216.mode", 2.0), ("TIC-4216.mode", -1.0)]
    ]
    assert refused == 0


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (wish(1.0, alias=99), "not born"),
        (wish(1.0, alias=None, name="40-TI-1"), "not born"),
        (wish("5"), "no value"),
        (wish(None), "no value"),
        (wish(float("inf")), "no value"),
        (wish(1.0, time_ms=T0_MS - 60_000), "another one than now"),
        (wish(True, alias=4), "the pump is in hand"),
    ],
)
def test_commands_that_are_refused(ask, why):
    _, refused, reason = commanded(ask)
    assert refused == 1
    assert why in reason


def test_a_command_that_the_broker_kept_is_nobodys_wish_any_more():
    assert commanded((wish(1.0)[0], {"retain": True}))[0] == [(("40-TI-4216"), 1.0, "sparkplug cloud")]

    async def story(rig):
        rig.ask(wish(1.0)[0], retain=True)
        await rig.born()
        await rig.sink.write(batch((0, 3, 1.0)))
        return rig.sink.refused_commands

    gate = Gate()
    run(story, commands=True, more={"command": gate})
    assert gate.asked == []


def test_bytes_that_are_no_payload_are_counted_and_nothing_else():
    async def story(rig):
        await rig.born()
        async with rig.attended():
            rig.broker.publish(NCMD, b"\xff\xff", 0)
            rig.clock.now_ns += REBIRTH_PAUSE_NS
            rig.ask(Metric("Node Control/Rebirth", None, None, DataType.BOOLEAN, True))
            await rig.until("NBIRTH", "NBIRTH")
        return rig.sink.refused_commands

    assert run(story)[0] == 1
