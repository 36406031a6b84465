"""The gate between scan and devices: who may write, when fail-safe values go out, and that they go out once."""

from itertools import pairwise

import numpy as np
import pytest

from plantctl.app.split.output_gate import (
    REFUSALS_MOST,
    FailSafe,
    OutputGate,
    ScanSeen,
    Verdict,
    published_sequences,
)
from plantctl.core.field import OutputColumns, WriteError

MS = 1_000_000
PERIOD = 100 * MS
NAN = float("nan")


class Bench:
    """A gate, a scan that beats every period, and a clock of whole milliseconds."""

    def __init__(self, follows=0, **options):
        self.gate = OutputGate(PERIOD, 5, follows, **options)
        self.now = 1000 * PERIOD
        self.beat = self.now
        self.generation, self.granted, self.lives = 3, 0, True
        self.beats = True

    def look(self):
        return self.gate.look(self.now, ScanSeen(self.generation, self.granted, self.beat, self.lives))

    def run(self, ms, *, looks=True):
        """Let time pass, 25 ms a look; whether the gate spoke."""
        spoke = False
        for _ in range(ms // 25):
            self.now += 25 * MS
            if self.beats and self.now - self.beat >= PERIOD:
                self.beat = self.now
            if looks:
                spoke |= self.look()
        return spoke

    def open(self):
        self.look()
        self.granted = self.gate.generation
        self.run(100)
        assert self.gate.verdict is Verdict.OPEN
        return self

    def permits(self, taken):
        return self.gate.permits(taken, self.now)


def test_nothing_is_let_through_before_the_grant_and_nothing_is_made_safe():
    bench = Bench()
    bench.run(1000)
    assert bench.gate.verdict is Verdict.SHUT
    bench.lives = False
    bench.run(1000)
    assert bench.gate.verdict is Verdict.SHUT, "nobody has written anything that needs to be made safe"
    assert bench.gate.generation == 5


def test_a_grant_to_an_earlier_field_process_opens_nothing():
    bench = Bench()
    bench.granted = 4
    bench.run(500)
    assert bench.gate.verdict is Verdict.SHUT


def test_a_scan_that_was_granted_and_stands_still_is_not_let_through():
    bench = Bench()
    bench.beats = False
    bench.granted = 5
    bench.beat -= 5 * PERIOD
    bench.run(100)
    assert bench.gate.verdict is Verdict.SHUT
    bench.beats = True
    bench.run(100)
    assert bench.gate.verdict is Verdict.OPEN


def test_a_scan_that_stops_shorter_than_three_periods_causes_nothing():
    bench = Bench().open()
    for _ in range(5):
        while bench.beat != bench.now:
            bench.run(25)
        bench.beats = False
        assert not bench.run(375), "one period until it was due and nearly three more"
        bench.beats = True
        assert not bench.run(200)
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.OPEN, 5)


def test_a_scan_that_stands_still_is_made_safe_and_its_grant_is_void():
    bench = Bench().open()
    bench.beats = False
    bench.run(500)
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.SAFE, 6)
    assert "stands still" in bench.gate.why
    bench.beats = True
    bench.run(2000)
    assert bench.gate.verdict is Verdict.SAFE, "it grants the generation that is gone"
    bench.granted = 6
    bench.run(100)
    assert bench.gate.verdict is Verdict.OPEN


def test_another_scan_is_noticed_however_soon_it_is_back_and_whatever_it_grants():
    bench = Bench().open()
    bench.generation = 4
    bench.look()
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.SAFE, 6)
    assert "another one" in bench.gate.why


def test_a_scan_that_ends_in_order_is_made_safe_at_once():
    bench = Bench().open()
    bench.lives = False
    bench.look()
    assert bench.gate.verdict is Verdict.SAFE


def test_a_withdrawn_grant_stops_writing_and_leaves_the_devices_as_they_are():
    bench = Bench().open()
    bench.granted = 0
    bench.look()
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.SHUT, 5)
    bench.lives = False
    bench.look()
    assert bench.gate.verdict is Verdict.SAFE, "the devices still hold what that scan wanted"


def test_a_field_that_stood_still_gives_its_own_grant_away():
    bench = Bench().open()
    taken = bench.gate.take(bench.now)
    bench.run(1025, looks=False)
    assert not bench.permits(taken), "before anybody has looked"
    bench.look()
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.SHUT, 6)
    assert "the field stood still for 1.02 s" in bench.gate.why
    assert not bench.permits(bench.gate.take(bench.now))


@pytest.mark.parametrize(
    ("watchdogs_ms", "longest_ms"), [((), 1000), ((5000, 2000), 1000), ((5000, 1200), 600), ((100,), 400)]
)
def test_a_field_keeps_its_grant_only_while_no_device_can_have_switched_itself_off(watchdogs_ms, longest_ms):
    bench = Bench()
    bench.gate.heed_watchdogs(ms * MS for ms in watchdogs_ms)
    bench.open()
    bench.run(longest_ms, looks=False)
    bench.look()
    assert bench.gate.verdict is Verdict.OPEN
    bench.run(longest_ms + 25, looks=False)
    bench.look()
    assert bench.gate.verdict is Verdict.SHUT


@pytest.mark.parametrize("ms", [225, 1000])
def test_a_field_that_stood_shorter_keeps_its_grant_but_not_what_it_held_in_its_hand(ms):
    bench = Bench().open()
    taken = bench.gate.take(bench.now)
    bench.run(ms, looks=False)
    assert not bench.permits(taken), "before anybody has looked"
    bench.look()
    assert (bench.gate.verdict, bench.gate.generation) == (Verdict.OPEN, 5)
    assert not bench.permits(taken)
    assert bench.permits(bench.gate.take(bench.now))


def test_a_wish_that_waited_for_its_link_is_taken_anew():
    bench = Bench().open()
    taken = bench.gate.take(bench.now)
    bench.run(1000)
    assert bench.permits(taken)
    bench.run(25)
    assert not bench.permits(taken)


def test_a_wish_of_the_scan_before_is_not_sent_as_a_fail_safe_value():
    bench = Bench().open()
    taken = bench.gate.take(bench.now)
    bench.generation = 4
    bench.look()
    assert bench.gate.verdict is Verdict.SAFE
    assert not bench.permits(taken)
    assert bench.permits(bench.gate.take(bench.now)), "the fail-safe values themselves must go out"


def test_a_new_field_makes_safe_what_the_one_before_it_let_through():
    alive = Bench(follows=3)
    alive.run(300)
    assert alive.gate.verdict is Verdict.SHUT, "the scan lives and keeps its devices in mind"
    alive.beats = False
    alive.run(500)
    assert alive.gate.verdict is Verdict.SAFE
    replaced = Bench(follows=2)
    replaced.look()
    assert replaced.gate.verdict is Verdict.SAFE, "both died, and the scan was back first"
    unfinished = Bench(unfinished=True)
    unfinished.look()
    assert unfinished.gate.verdict is Verdict.SAFE


@pytest.mark.parametrize(("opened", "verdict"), [(True, Verdict.SAFE), (False, Verdict.SHUT)])
def test_the_end_of_the_field_makes_safe_what_was_written_and_lets_nothing_through_again(opened, verdict):
    bench = Bench().open() if opened else Bench()
    bench.gate.end()
    bench.granted = bench.gate.generation
    bench.run(200)
    assert bench.gate.verdict is verdict


def test_the_field_that_ends_twice_is_made_safe_once():
    bench = Bench().open()
    bench.gate.end()
    epoch = bench.gate.epoch
    bench.gate.end()
    assert bench.gate.epoch == epoch


# ---- fail-safe values


class Devices:
    """Two devices, three outputs: the second without a fail-safe value; devices that answer as they are told."""

    def __init__(self, quiet_ms=(0, 0)):
        self.safe = FailSafe([0.0, NAN, 2.0], [0, 0, 1], [ms * MS for ms in quiet_ms])
        self.columns = OutputColumns(3)
        self.columns.value[:] = 7.0
        self.columns.sequence[:] = 9
        self.columns.write_sequence[:] = 9
        self.now = 1000 * MS
        self.lost = []
        self.sent = []
        self.safe.begin(self.columns, 1 << 32, self.now)

    def answer(self, row, error=WriteError.NONE):
        columns = self.columns
        self.sent.append((row, float(columns.value[row])))
        columns.write_sequence[row], columns.error[row] = columns.sequence[row], error

    def run(self, ms=100):
        self.now += ms * MS
        self.lost += self.safe.look(self.columns, self.now)
        return self.columns.scan_heartbeat_ns == self.now


def test_fail_safe_values_are_asked_for_until_confirmed_and_then_nobody_asks_any_more():
    devices = Devices()
    assert devices.columns.value.tolist() == [0.0, 7.0, 2.0]
    assert devices.columns.sequence.tolist() == [(1 << 32) + 1, 0, (1 << 32) + 1], "the wish without one is void"
    assert devices.run(), "the drivers write only for somebody who lives"
    devices.answer(0)
    devices.answer(2, WriteError.UNREACHABLE)
    assert devices.run()
    assert (devices.safe.unconfirmed, devices.safe.pending) == (1, True)
    devices.answer(2)
    assert not devices.run()
    assert (devices.safe.unconfirmed, devices.safe.pending, devices.lost) == (0, False, [])
    assert not devices.run(10_000), "silence"


def test_an_answer_to_an_earlier_wish_confirms_nothing():
    devices = Devices()
    devices.columns.write_sequence[0], devices.columns.error[0] = 10, 0
    devices.run()
    assert devices.safe.unconfirmed == 2


def test_a_device_that_refuses_is_asked_five_times_a_second_apart_then_left_to_its_watchdog():
    devices = Devices()
    devices.answer(2)
    tries = []
    for _ in range(200):
        if devices.columns.sequence[0] != devices.columns.write_sequence[0] and devices.columns.sequence[0]:
            devices.answer(0, WriteError.REFUSED)
            tries.append(devices.now // MS)
        devices.run()
    assert len(tries) == REFUSALS_MOST
    assert min(b - a for a, b in pairwise(tries)) >= 1000
    assert devices.lost == [(0, WriteError.REFUSED)]
    assert (devices.safe.unconfirmed, devices.safe.pending) == (1, False)
    assert devices.columns.sequence[0] == 0


def test_what_can_never_be_written_is_told_at_once():
    devices = Devices()
    devices.answer(0, WriteError.CONFIG)
    devices.run()
    assert devices.lost == [(0, WriteError.CONFIG)]


def test_a_device_whose_watchdog_any_request_rearms_is_left_alone_once_it_has_its_value():
    devices = Devices(quiet_ms=(3000, 0))
    assert not devices.safe.quiet(0, devices.now), "not before it has its value"
    devices.answer(0)
    devices.run()
    assert devices.safe.quiet(0, devices.now)
    assert not devices.safe.quiet(1, devices.now)
    devices.run(2900)
    assert devices.safe.quiet(0, devices.now)
    devices.run(100)
    assert not devices.safe.quiet(0, devices.now), "its watchdog has expired: now it may be looked at"


def test_a_device_that_nobody_may_write_to_is_left_alone_for_its_watchdog_too():
    devices = Devices(quiet_ms=(3000, 0))
    devices.safe.leave(devices.now)
    assert (devices.safe.pending, devices.safe.unconfirmed) == (False, 0)
    assert devices.safe.quiet(0, devices.now)
    assert not devices.safe.quiet(1, devices.now)
    assert not devices.safe.quiet(0, devices.now + 3000 * MS)


def test_a_scan_that_takes_over_ends_the_silence():
    devices = Devices(quiet_ms=(3000, 0))
    devices.answer(0)
    devices.run()
    devices.safe.stop()
    assert not devices.safe.quiet(0, devices.now)
    assert (devices.safe.unconfirmed, devices.safe.pending) == (0, False)


def test_sequences_of_an_earlier_word_of_the_gate_say_nothing_to_the_scan():
    base = 7 << 32
    tried = np.array([0, 9, base + 4, (6 << 32) + 4], np.int64)
    assert published_sequences(tried, base, Verdict.OPEN).tolist() == [0, 0, 4, 0]
    assert published_sequences(tried, base, Verdict.SAFE).tolist() == [0, 0, -4, 0]
