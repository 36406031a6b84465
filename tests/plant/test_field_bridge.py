"""The field as a process of its own, over the simulated circuit in virtual time: what reaches the devices, and when."""

from plantctl.core.segment import ProcessState
from tests.field_bench import CURRENT, FEED, I_SET, OUT, V_SET, in_loop

S = 1_000_000_000
WATCHDOG_S = 2.0


def fail_safes(bench, since):
    return [(register, value) for register, value, _ in bench.written[since:]]


def test_nothing_is_written_before_the_grant_and_fail_safe_values_go_out_once(tmp_path):
    async def story(bench, field, end):
        await bench.until(lambda: bench.field.state is ProcessState.READY and bench.good(), 30.0, "good inputs")
        bench.scan.want(CURRENT, 60.0)
        bench.scan.grant(bench.field.generation + 1)
        await bench.clock.sleep(3)
        assert bench.written == []
        await bench.work(60.0)

        for _ in range(5):
            bench.scan.stands = True
            await bench.clock.sleep(0.28)
            bench.scan.stands = False
            await bench.clock.sleep(0.5)
        assert bench.column("safe")[0] == 0, "stops shorter than three periods"
        assert not bench.told("fail-safe")

        bench.scan.stands = True
        stopped_ns = bench.clock.monotonic_ns()
        await bench.until(lambda: bench.column("safe")[0] == 1, 1.0, "the word of the gate")
        before = len(bench.written)
        await bench.until(lambda: bench.current_a() < 1.0, 5.0, "no current")
        assert (bench.clock.monotonic_ns() - stopped_ns) / S < WATCHDOG_S
        await bench.clock.sleep(20)
        assert fail_safes(bench, before) == [(I_SET, 0), (V_SET, 0), (OUT, 0)]
        assert bench.column("unconfirmed")[0] == 0
        assert bench.told("all fail-safe values are confirmed")
        assert bench.serving.plant.read("feed.stroke") == 0.0

        bench.scan.stands = False
        bench.scan.want(CURRENT, 60.0)
        await bench.clock.sleep(3)
        assert fail_safes(bench, before) == [(I_SET, 0), (V_SET, 0), (OUT, 0)], "a scan that is back waits for a person"
        bench.scan.want(FEED, 2.0)
        bench.scan.grant(bench.field.generation)
        await bench.until(lambda: bench.setting(OUT) == 1 and bench.setting(I_SET) > 0, 3.0, "the outputs")
        assert bench.column("safe")[0] == 0

    in_loop(story, tmp_path)
