"""The field as a process of its own, over the simulated circuit in virtual time: what reaches the devices, and when."""

from dataclasses import replace

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
        assert bench.answered(CURRENT) == 2
        assert bench.column("outputs.error")[bench.row(CURRENT)] == 0

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


def test_a_scan_that_is_another_one_is_noticed_at_once_although_its_heart_beats(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        before, generation = len(bench.written), bench.field.generation
        bench.scan.begin()
        bench.scan.want(CURRENT, 90.0)
        bench.scan.grant(generation)
        await bench.until(lambda: bench.current_a() < 1.0, WATCHDOG_S, "no current")
        await bench.clock.sleep(5)
        assert fail_safes(bench, before) == [(I_SET, 0), (V_SET, 0), (OUT, 0)]
        assert bench.field.generation == generation + 1
        assert bench.told("the scan is another one, generation 2 after 1")
        assert bench.answered(CURRENT) == -1, "its own writes answer no wish of the new scan"
        bench.scan.grant(generation + 1)
        await bench.until(lambda: bench.setting(I_SET) > 0, 2.0, "a wish numbered as one of the scan before")
        await bench.until(lambda: bench.answered(CURRENT) == 1, 1.0, "the answer")

    in_loop(story, tmp_path)


def test_fail_safe_values_wait_for_a_lost_link_and_go_out_once_when_it_is_back(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        bench.serving.wires["RECT-01"].refuse()
        bench.serving.wires["RECT-01"].reset()
        bench.scan.writer.say(ProcessState.ENDING)
        before = len(bench.written)
        await bench.until(lambda: bench.column("safe")[0] == 1, 0.2, "the word of the gate")
        await bench.clock.sleep(10)
        assert bench.column("unconfirmed")[0] == 3, "the controller has its values, the rectifier has not"
        assert bench.current_a() < 1.0, "its own watchdog saw to that"
        await bench.serving.wires["RECT-01"].listen()
        await bench.until(lambda: bench.column("unconfirmed")[0] == 0, 10.0, "the confirmation")
        await bench.clock.sleep(5)
        after = [pair for pair in fail_safes(bench, before) if pair[0] in (I_SET, V_SET, OUT)]
        assert after == [(I_SET, 0), (V_SET, 0), (OUT, 0)]

    in_loop(story, tmp_path)


def test_the_end_of_the_field_makes_the_devices_safe_and_takes_two_seconds_at_most(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        before = len(bench.written)
        end.set()
        began_ns = bench.clock.monotonic_ns()
        await bench.until(field.done, 5.0, "the end")
        assert field.result() == 0
        assert fail_safes(bench, before) == [(I_SET, 0), (V_SET, 0), (OUT, 0)]
        assert (bench.clock.monotonic_ns() - began_ns) / S < 1.0
        assert bench.field.state is ProcessState.ENDING
        assert not bench.good()

        field, end = bench.start_task()
        await bench.release()
        bench.scan.want(CURRENT, 30.0)
        await bench.until(lambda: bench.setting(I_SET) > 0, 3.0, "the wish")
        bench.serving.wires["RECT-01"].refuse()
        bench.serving.wires["RECT-01"].reset()
        end.set()
        began_ns = bench.clock.monotonic_ns()
        await bench.until(field.done, 5.0, "the end")
        assert 1.9 < (bench.clock.monotonic_ns() - began_ns) / S < 4.0
        assert bench.column("unconfirmed")[0] > 0

        await bench.serving.wires["RECT-01"].listen()
        before = len(bench.written)
        bench.start_task()
        await bench.until(lambda: bench.field.state is ProcessState.READY, 5.0, "the next field")
        await bench.until(lambda: bench.column("unconfirmed")[0] == 0, 10.0, "what the one before it left")
        assert (I_SET, 0) in fail_safes(bench, before)

    in_loop(story, tmp_path)


def any_request(plan):
    """The plan with a rectifier whose watchdog every request re-arms."""
    devices = []
    for device in plan.devices:
        config = dict(device.config)
        if device.name == "RECT-01":
            config["watchdog_registers"] = {**config["watchdog_registers"], "rearmed_by": "any"}
        devices.append(replace(device, config=config))
    return replace(plan, devices=tuple(devices))


def test_a_rectifier_that_refuses_and_that_reading_keeps_alive_is_left_alone_until_its_watchdog_acts(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        bench.serving.line.rectifier.local = True
        bench.scan.stands = True
        await bench.until(lambda: bench.told("could not be made safe"), 10.0, "giving up")
        silent_ns = bench.clock.monotonic_ns()
        assert len([f for f in fail_safes(bench, 0) if f == (I_SET, 0)]) == 5
        assert bench.setting(OUT) == 1, "reading and refused writes have kept it alive"
        await bench.until(lambda: bench.setting(OUT) == 0, WATCHDOG_S + 1.5, "the end of its watchdog")
        await bench.clock.sleep(4)
        asked = [ns for ns in bench.asked if ns > silent_ns + S // 10]
        assert 4.5 < (asked[0] - silent_ns) / S < 5.5, "then it may be looked at again"
        await bench.until(bench.good, 5.0, "its inputs")

    in_loop(story, tmp_path, profile="any-request", change=any_request)


def test_a_withdrawn_grant_leaves_the_devices_as_they_are_and_asks_nothing_of_them(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        generation = bench.field.generation
        bench.scan.grant(0)
        await bench.until(lambda: bench.told("the grant was withdrawn"), 1.0, "the word of the gate")
        before = len(bench.written)
        bench.scan.want(CURRENT, 70.0)
        await bench.clock.sleep(1.5)
        assert fail_safes(bench, before) == []
        assert bench.current_a() > 55.0
        assert bench.column("outputs.error")[bench.row(CURRENT)] == 0
        assert (bench.column("safe")[0], bench.field.generation) == (0, generation)
        await bench.clock.sleep(3)
        assert bench.setting(OUT) == 0, "nobody kept its watchdog quiet"
        bench.scan.grant(generation)
        await bench.until(lambda: bench.setting(I_SET) == round(70.0 * 53620 / 150), 1.0, "the wish")

    in_loop(story, tmp_path)


def test_a_rectifier_that_reading_keeps_alive_is_left_to_its_watchdog_when_nobody_may_write(tmp_path):
    async def story(bench, field, end):
        await bench.work(60.0)
        generation = bench.field.generation
        bench.scan.grant(0)
        await bench.until(lambda: bench.setting(OUT) == 0, WATCHDOG_S + 2.0, "the end of its watchdog")
        await bench.until(bench.good, 10.0, "its inputs")
        bench.scan.grant(generation)
        bench.scan.want(CURRENT, 30.0)
        await bench.until(lambda: bench.setting(I_SET) == round(30.0 * 53620 / 150), 1.0, "the wish")

    in_loop(story, tmp_path, profile="any-request", change=any_request)
