"""A command between the gateway and the scan: what is told of it, and when, over deaths of everyone on its way."""

import pytest

from plantctl.app.split.commands_under_way import DURABLE_WITHIN_NS, LIFE_NS, WAITING_MAX
from plantctl.core.command import Stage
from plantctl.core.segment import ProcessState
from tests.gateway_bench import SECOND_NS, Bench, demo_plan, living, words

OUTPUT = "40-SC-4216"  # verified by its read-back


@pytest.fixture
def bench(tmp_path):
    with living(tmp_path) as made:
        yield made


def test_an_acceptance_is_told_when_it_is_on_disk_and_a_refusal_at_once(bench):
    accepted, refused = bench.ask(), bench.ask()
    first, second = bench.scan.commands()
    bench.scan.say(first, Stage.ACCEPTED)
    bench.scan.say(second, Stage.REFUSED, "tripped", "the cell is tripped")
    bench.turn()
    assert (words(accepted), words(refused)) == ([], ["refused tripped"])
    assert refused[0].text == "the cell is tripped"
    bench.on_disk(bench.scan.frame - 4)
    bench.turn()
    assert accepted == []
    bench.on_disk()
    bench.turn()
    assert words(accepted) == ["accepted"]
    assert accepted[0].mono_ns == bench.now_ns
    assert len(bench.under_way) == 0


def test_what_takes_two_seconds_to_reach_the_disk_is_told_as_not_durable(bench):
    told = bench.ask()
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.turn()
    bench.later(DURABLE_WITHIN_NS / SECOND_NS - 0.001)
    bench.turn()
    assert told == []
    bench.later(0.001)
    bench.turn()
    assert words(told) == ["accepted not-durable"]
    assert "would be forgotten" in told[0].text


@pytest.mark.parametrize("name", ["durable_sequence", "retained_sequence"])
def test_an_acceptance_needs_both_the_log_and_the_state_on_disk(bench, name):
    told = bench.ask()
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.on_disk()
    bench.recorder.live[name][0] -= 1
    bench.recorder.publish()
    bench.turn()
    assert told == []
    bench.on_disk()
    bench.turn()
    assert words(told) == ["accepted"]


def test_a_recorder_that_is_new_does_not_take_back_what_was_on_disk(bench):
    bench.on_disk(bench.scan.frame + 100)
    bench.turn()
    bench.on_disk(0)
    told = bench.ask()
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.turn()
    assert words(told) == ["accepted"]


def test_who_waits_a_second_hears_of_an_acceptance_that_needs_two(bench):
    told = bench.ask(wait_s=1.0)
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.later(0.999)
    bench.turn()
    assert told == []
    bench.later(0.001)
    bench.turn()
    assert words(told) == ["accepted not-durable"]
    assert len(bench.under_way) == 0


def test_a_write_is_followed_to_its_read_back_in_the_order_of_its_stages(bench):
    told = bench.ask("set", OUTPUT)
    command = bench.scan.commands()[0]
    bench.scan.say(command, Stage.ACCEPTED)
    bench.later(0.1)
    bench.scan.say(command, Stage.SENT)
    bench.later(0.1)
    bench.scan.say(command, Stage.VERIFIED)
    bench.turn()
    assert told == []  # nobody hears of the end before the begin
    bench.on_disk()
    bench.turn()
    assert words(told) == ["accepted", "sent", "verified"]
    assert [r.mono_ns - told[0].mono_ns for r in told] == [0, SECOND_NS // 10, SECOND_NS // 5]
    assert len(bench.under_way) == 0


@pytest.mark.parametrize("state", [ProcessState.STARTING, ProcessState.ENDING, ProcessState.FAILED])
def test_a_scan_that_is_not_ready_is_given_nothing(bench, state):
    bench.scan.writer.say(state)
    told = bench.ask()
    assert words(told) == ["refused scan-dead"]
    assert bench.scan.commands() == []
    assert len(bench.under_way) == 0


def test_a_scan_that_was_silent_for_half_a_second_is_given_nothing(bench):
    bench.later(0.499, scanning=False)
    assert bench.ask() == []
    bench.later(0.001, scanning=False)
    told = bench.ask()
    assert words(told) == ["refused scan-dead"]
    assert "not kept" in told[0].text
    assert len(bench.scan.commands()) == 1


def test_a_plant_that_never_began_to_scan_is_given_nothing(tmp_path):
    bench = Bench(demo_plan(), tmp_path)
    assert words(bench.ask()) == ["refused scan-dead"]
    bench.memory.close()


def test_a_command_that_the_dead_scan_had_not_taken_is_refused_and_never_done(bench):
    told = bench.ask()
    bench.scan.come_back()
    bench.turn()
    assert words(told) == ["refused scan-replaced"]
    assert bench.scan.commands() == []


def test_a_command_given_to_the_new_scan_is_not_refused_with_those_of_the_old(bench):
    old = bench.ask()
    bench.scan.come_back()
    new = bench.ask()
    bench.turn()
    assert (words(old), words(new)) == (["refused scan-replaced"], [])
    (command,) = bench.scan.commands()
    bench.scan.say(command, Stage.REFUSED, "tripped")
    bench.turn()
    assert words(new) == ["refused tripped"]


def test_an_acceptance_that_died_with_its_scan_before_it_was_published_is_not_told_as_one(bench):
    told = bench.ask()
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED, publish=False)
    bench.on_disk()
    bench.turn()
    assert told == []
    bench.scan.come_back().publish()
    bench.turn()
    assert words(told) == ["timed-out scan-replaced"]
    assert "look at the plant" in told[0].text


def test_an_answer_that_the_dead_scan_still_gave_is_told_and_not_called_lost(bench):
    """The gateway was stopped while the scan answered, died and was replaced."""
    refused, accepted = bench.ask(), bench.ask()
    first, second = bench.scan.commands()
    bench.scan.say(first, Stage.REFUSED, "tripped")
    bench.scan.say(second, Stage.ACCEPTED)
    bench.scan.come_back()
    bench.turn()
    assert words(refused) == ["refused tripped"]
    assert words(accepted) == ["timed-out scan-replaced"]


def test_an_acceptance_that_was_published_outlives_its_scan(bench):
    mode, write = bench.ask(), bench.ask("set", OUTPUT)
    for command in bench.scan.commands():
        bench.scan.say(command, Stage.ACCEPTED)
    bench.turn()
    bench.scan.come_back()
    bench.turn()
    assert (mode, write) == ([], [])
    bench.on_disk()
    bench.turn()
    assert words(mode) == ["accepted"]
    # Whether the device has it, nobody says any more.
    assert words(write) == ["accepted", "timed-out scan-replaced"]
    assert len(bench.under_way) == 0


def test_what_a_later_scan_said_proves_the_acceptance(bench):
    """The gateway was stopped meanwhile: it sees the stages at once, and the scan that gave them is gone."""
    told = bench.ask("set", OUTPUT)
    command = bench.scan.commands()[0]
    bench.scan.say(command, Stage.ACCEPTED)
    bench.scan.say(command, Stage.SENT, publish=False)
    bench.on_disk()
    bench.scan.come_back()
    bench.turn()
    assert words(told) == ["accepted", "sent", "timed-out scan-replaced"]


def test_a_scan_that_answers_and_is_replaced_while_the_gateway_reads_is_heard_first(bench, monkeypatch):
    told = bench.ask()
    read = bench.feed.take

    def meanwhile():
        found = read()
        bench.scan.say(bench.scan.commands()[0], Stage.REFUSED, "tripped")
        bench.scan.come_back()
        return found

    monkeypatch.setattr(bench.feed, "take", meanwhile)
    bench.turn()
    monkeypatch.undo()
    bench.turn()
    assert words(told) == ["refused tripped"]


def test_a_write_that_was_told_as_accepted_ends_with_its_scan(bench):
    told = bench.ask("set", OUTPUT)
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.on_disk()
    bench.turn()
    assert words(told) == ["accepted"]
    bench.scan.come_back()
    bench.turn()
    assert words(told) == ["accepted", "timed-out scan-replaced"]


def test_a_write_that_was_verified_is_not_made_doubtful_by_a_new_scan(bench):
    told = bench.ask("set", OUTPUT)
    command = bench.scan.commands()[0]
    for stage in (Stage.ACCEPTED, Stage.SENT, Stage.VERIFIED):
        bench.scan.say(command, stage)
    bench.turn()
    bench.scan.come_back()
    bench.on_disk()
    bench.turn()
    assert words(told) == ["accepted", "sent", "verified"]


def test_a_scan_that_stands_still_in_the_middle_of_a_command_leaves_a_doubt(bench):
    told = bench.ask(wait_s=3.0)
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED, publish=False)
    bench.on_disk()
    bench.later(2.9, scanning=False)
    bench.turn()
    assert told == []
    bench.later(0.2, scanning=False)
    bench.turn()
    assert words(told) == ["timed-out scan-dead"]
    assert len(bench.under_way) == 0


def test_nothing_is_kept_of_a_command_whose_time_is_over(bench):
    """Clients that went away, and a scan that never answers."""
    told = [bench.ask(wait_s=1.0) for _ in range(WAITING_MAX)]
    assert not bench.under_way.submit(bench.scan.commands()[0], told[0].append, bench.now_ns)
    bench.later(0.999)
    bench.turn()
    assert len(bench.under_way) == WAITING_MAX
    bench.later(0.001)
    bench.turn()
    assert len(bench.under_way) == 0
    assert all(words(each) == ["timed-out no-answer"] for each in told)


def test_a_write_whose_read_back_never_comes_is_forgotten_when_it_expires(bench):
    told = bench.ask("set", OUTPUT, wait_s=1.0)
    bench.scan.say(bench.scan.commands()[0], Stage.ACCEPTED)
    bench.on_disk()
    bench.turn()
    bench.later(1.0)
    bench.turn()
    assert words(told) == ["accepted"]
    assert len(bench.under_way) == 0


def test_a_command_that_never_expires_is_not_kept_for_ever_either(bench):
    told = bench.ask(wait_s=0)
    bench.later(LIFE_NS / SECOND_NS - 1)
    bench.turn()
    assert told == []
    bench.later(1)
    bench.turn()
    assert words(told) == ["timed-out no-answer"]


def test_a_new_gateway_counts_on_and_hears_nothing_of_the_old_ones_commands(bench):
    old = bench.ask(key="once")
    bench.new_gateway()
    new = bench.ask(key="once")
    first, second = bench.scan.commands()
    assert (first.key, second.key) == ("once", "once")
    assert second.sequence == first.sequence + 1
    bench.scan.say(first, Stage.REFUSED, "tripped")
    bench.scan.say(second, Stage.REFUSED, "tripped")
    bench.turn()
    assert (words(old), words(new)) == ([], ["refused tripped"])
