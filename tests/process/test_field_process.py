"""The field process killed, stopped and ended, in real time: nothing stale is written, and nothing before a release."""

import signal

from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.core.segment import ProcessState
from tests.field_bench import CURRENT, I_SET, OUT, V_SET, VOLTAGE, in_process

S = 1_000_000_000
MS = 1_000_000
COUNTS_PER_A, COUNTS_PER_V = 53620 / 150, 53620 / 10
STOPS = 3  # of each length; the campaign `planned-deaths` stops it more often
# In periods of 0.1 s.
SHORT_STOPS, LONG_STOPS, LONGER = (0.5, 8.5), (11.0, 16.0), 12.0
# A stop that a busy machine has made longer than this is not a short one; so many more are tried.
SHORT_NS, TRIES = 950 * MS, 5 * STOPS
# What must happen has so long, s: nothing is measured by it.
SOON_S = 30.0


def fail_safes(bench, since):
    return [(register, value) for register, value, _ in bench.written[since:]]


def test_a_killed_field_comes_back_with_everything_bad_and_writes_nothing_before_a_release(tmp_path):
    async def story(bench):
        await bench.work(60.0)
        generation = bench.field.generation
        bench.child.send_signal(signal.SIGKILL)
        bench.child.wait(10)
        before = len(bench.written)
        bench.start_process()
        await bench.until(lambda: bench.field.generation != generation, SOON_S, "the next field")
        assert (bench.column("inputs.quality") & SEVERITY_MASK).max() >= BAD
        assert not bench.good(), "what it publishes first is not what the one before it knew"
        back_s = await bench.until(lambda: bench.good() and bench.field.state is ProcessState.READY, SOON_S, "inputs")
        assert bench.field.generation == generation + 1
        bench.scan.want(CURRENT, 90.0)
        await bench.clock.sleep(1.5)
        assert fail_safes(bench, before) == [], f"granted was another one; back for {back_s:.1f} s"
        assert bench.column("safe")[0] == 0

        # It knows what the one before it had let through: with that scan gone the devices are made safe.
        bench.scan.begin()
        await bench.until(
            lambda: bench.column("unconfirmed")[0] == 0 and bench.column("safe")[0], SOON_S, "safe values"
        )
        assert fail_safes(bench, before)[-3:] == [(I_SET, 0), (V_SET, 0), (OUT, 0)]
        assert len(bench.told("outputs are put to their fail-safe values")) == 1

        await bench.release()
        bench.scan.want(CURRENT, 30.0)
        await bench.until(lambda: bench.setting(I_SET) > 0, SOON_S, "the wish")
        before = len(bench.written)
        bench.child.send_signal(signal.SIGTERM)
        assert await bench.ended(SOON_S) == 0
        assert fail_safes(bench, before)[-3:] == [(I_SET, 0), (V_SET, 0), (OUT, 0)]

    in_process(story, tmp_path)


class Ramp:
    """A scan that wants another current each period, and remembers when it wanted which."""

    def __init__(self, bench):
        self.bench = bench
        self.number = 0
        self.wanted_ns = {}
        self.began_ns = bench.clock.monotonic_ns()
        bench.scan.before_publishing = self.step

    def step(self):
        """Every value is wanted once only, so that each write shows how old it is."""
        self.number += 1
        counts = round(40.0 * COUNTS_PER_A) + 20 * self.number
        self.bench.scan.want(CURRENT, counts / COUNTS_PER_A)
        self.wanted_ns[counts] = self.bench.clock.monotonic_ns()

    def ages_ms(self, since):
        """How long before each write of the current its value was last wanted."""
        step_ns = self.bench.plan.period_ns
        return [
            max(0, ns - self.wanted_ns.get(value, self.began_ns) - step_ns) / MS
            for register, value, ns in self.bench.written[since:]
            if register == I_SET and value
        ]


async def stopped_shortly(bench, seconds):
    """SIGSTOP for so long; for how long it really stood, until its next sign of life, ns."""
    begin_ns = bench.clock.monotonic_ns()
    bench.child.send_signal(signal.SIGSTOP)
    await bench.clock.sleep(seconds)
    bench.child.send_signal(signal.SIGCONT)
    told_ns = bench.clock.monotonic_ns()
    await bench.until(lambda: bench.field.heartbeat_ns > told_ns, SOON_S, "a sign of life")
    return bench.field.heartbeat_ns - begin_ns


def test_a_stopped_field_writes_nothing_stale_when_it_goes_on(tmp_path):
    async def story(bench):
        await bench.work(40.0)
        period_s = bench.plan.period_ns / 1e9
        ramp = Ramp(bench)
        await bench.clock.sleep(1)
        assert max(ramp.ages_ms(0)) < 3.5 * period_s * 1e3
        chance, short = bench.clock.random("stops"), 0
        for _ in range(TRIES):
            # Shorter than a second: it keeps its grant, and what it held in its hand is not sent.
            before, generation = len(bench.written), bench.field.generation
            stood_ns = await stopped_shortly(bench, period_s * chance.uniform(*SHORT_STOPS))
            if bench.field.generation != generation:
                assert stood_ns > SHORT_NS, f"a stop of {stood_ns / 1e9:.2f} s has called a person"
                await bench.release()
            await bench.until(lambda n=before: len(bench.written) > n + 2, SOON_S, "writes")
            assert max(ramp.ages_ms(before)) < 3.5 * period_s * 1e3
            short += bench.field.generation == generation
            if short == STOPS:
                break
        assert short == STOPS, "this machine does not stop a process for less than a second"
        for _ in range(STOPS):
            before, generation = len(bench.written), bench.field.generation
            bench.child.send_signal(signal.SIGSTOP)
            await bench.clock.sleep(period_s * chance.uniform(*LONG_STOPS))
            stood = len(bench.written)
            bench.child.send_signal(signal.SIGCONT)
            await bench.until(lambda g=generation: bench.field.generation == g + 1, SOON_S, "its own complaint")
            await bench.clock.sleep(0.5)
            assert fail_safes(bench, stood) == [], "nothing before a release"
            assert bench.told("the field stood still")
            await bench.release()
            await bench.until(lambda n=stood: len(bench.written) > n + 2, SOON_S, "writes")
            assert max(ramp.ages_ms(stood)) < 3.5 * period_s * 1e3

        # Stopped between two telegrams of one moment: the second one is not sent.
        bench.scan.before_publishing = None
        bench.stop_at = I_SET
        bench.scan.want(CURRENT, 20.0)
        bench.scan.want(VOLTAGE, 3.0)
        await bench.until(lambda: bench.stop_at is None, SOON_S, "the first of two telegrams")
        before = len(bench.written)
        await bench.clock.sleep(LONGER * period_s)
        bench.scan.want(VOLTAGE, 2.0)
        bench.child.send_signal(signal.SIGCONT)
        await bench.clock.sleep(1)
        assert fail_safes(bench, before) == []
        await bench.release()
        await bench.until(lambda: len(bench.written) > before, SOON_S, "writes")
        assert (V_SET, round(3.0 * COUNTS_PER_V)) not in fail_safes(bench, before)

        # Both stop, as on a machine that was suspended, and another scan is back first.
        bench.child.send_signal(signal.SIGSTOP)
        bench.scan.stands = True
        await bench.clock.sleep(8 * period_s)
        before = len(bench.written)
        bench.scan.begin()
        bench.scan.stands = False
        bench.child.send_signal(signal.SIGCONT)
        await bench.until(lambda: bench.column("safe")[0] == 1 and not bench.column("unconfirmed")[0], SOON_S, "safety")
        await bench.clock.sleep(0.5)
        assert fail_safes(bench, before) == [(I_SET, 0), (V_SET, 0), (OUT, 0)]

    in_process(story, tmp_path)
