"""When the sealer works, and when it leaves the machine to others."""

from random import Random

from plantctl.history.seal import FOLLOW_NS
from tests.history_bench import Plant

SECOND = 1_000_000_000


def test_the_log_is_read_on_in_steps_of_some_seconds_and_by_whoever_has_time_at_once():
    plant = Plant(Random(1), span_ns=1)
    sealer = plant.sealer

    def turns(mono_ns):
        while sealer.turn(plant.recorder.durable_sequence, mono_ns):
            pass
        return sealer.status.sealed_sequence

    plant.scan(5)
    plant.keep()
    first = turns(SECOND)
    assert first == plant.recorder.durable_sequence
    plant.scan(5)
    plant.keep()
    assert turns(FOLLOW_NS) == first, "too soon"
    assert turns(SECOND + FOLLOW_NS) == plant.recorder.durable_sequence
    plant.scan(5)
    plant.keep()
    sealer.finish(plant.recorder.durable_sequence, SECOND + FOLLOW_NS)
    assert sealer.status.sealed_sequence == plant.recorder.durable_sequence
