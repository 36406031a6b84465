"""Whatever happens to the field, the devices and the trips: nothing is written without a person's release, the first
value that is written is the one that the device has, and only a device that moves right then voids a release.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.core.command import Stage
from tests.hold_bench import HoldBench
from tests.unit.test_hold import DEVICES, FAST, INPUTS, PLANT

VALUES = st.floats(0.0, 100.0)
BY_TRIP = 4.0
ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 12)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("die"), st.just(0)),
    st.tuples(st.just("revive"), st.just(0)),
    st.tuples(st.just("move"), VALUES),
    st.tuples(st.just("flow"), VALUES),
    st.tuples(st.just("trip"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("reset"), st.just(0)),
    st.tuples(st.just("set"), VALUES),
    st.tuples(st.just("release"), st.just(0)),
    st.tuples(st.just("release"), st.just(0)),
)


def act(bench, name, value):
    """What happens before the next scan, or is asked of it; the result of a release that was accepted."""
    if name == "wait":
        bench.scans(value - 1)
    elif name == "restart":
        bench.restart(bench.field.generation + 1)
    elif name == "die":
        bench.die()
    elif name == "revive":
        bench.field = type(bench.field)(bench.field.generation)
    elif name == "move":
        bench.devices["FC-1"] = value
    elif name == "flow":
        bench.fed["FI-1"] = value
    elif name == "trip":
        bench.fed["XI-1"] = value
    return {"reset": ("reset", "E-1", ""), "set": ("set", "SC-1", value), "release": ("release", "plant", "")}.get(name)


@settings(max_examples=60, deadline=None)
@given(text=st.sampled_from([PLANT, FAST]), actions=st.lists(ACTIONS, min_size=5, max_size=40))
def test_nothing_is_written_without_a_release_and_the_first_value_is_the_devices(text, actions):
    bench = HoldBench(text, DEVICES, INPUTS)
    released_to, released = 0, False
    for name, value in actions:
        moves_at_release = released and name == "move"
        command = act(bench, name, value)
        alive = bench.field.generation if bench.field.alive else 0
        if alive != released_to:
            released_to = 0
        before, written = dict(bench.devices), len(bench.written)
        done = bench.scan(*([command] if command else []))
        released = name == "release" and any(r.stage is Stage.ACCEPTED for r in done.results)
        if released:
            assert released_to == 0, "a second release of the same field"
            released_to = alive
            first = {tag: value for _, tag, value in bench.written[written:]}
            assert first["FC-1"] == before["FC-1"]
            assert first["HS-1"] == (0.0 if bench["HS-1.source"] == BY_TRIP else before["HS-1"])
        if moves_at_release and not bench.outputs.granted_generation:
            released_to = 0  # what was released is not what the device has: void
        assert bench.outputs.granted_generation == released_to
        assert (bench["scan.held"] == 1.0) == (released or released_to == 0)
        if released_to == 0:
            assert bench.devices == before
