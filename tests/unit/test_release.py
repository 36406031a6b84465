"""The grant of the field: who may write, when outputs wait, and what a person hears who asks too early."""

import pytest

from plantctl.scan.release import NOBODY, FieldState, Release

DEAD = FieldState(2, alive=False)


def granted(generation=2):
    """A release that was given to the field `generation` and is in force."""
    release = Release.at_start()
    release.observe(FieldState(generation))
    release.observe(FieldState(generation))
    release.give()
    release.observe(FieldState(generation))
    return release


def state(release):
    return release.generation, release.granted, release.held


def test_a_new_scan_grants_nobody_and_says_so_once():
    release = Release.at_start()
    assert state(release) == (NOBODY, NOBODY, True)
    assert release.observe(FieldState(2)) == "the scan is new"
    assert release.observe(FieldState(2)) == ""
    assert state(release) == (2, NOBODY, True)


def test_a_field_in_the_same_process_is_granted_for_ever():
    release = Release()
    for _ in range(3):
        assert release.observe(FieldState()) == ""
        assert (state(release), release.field_lost) == ((1, 1, False), False)


def test_the_grant_counts_at_once_and_the_hold_ends_with_the_next_scan():
    release = Release.at_start()
    release.observe(FieldState(2))
    release.observe(FieldState(2))
    release.give()
    assert state(release) == (2, 2, True)
    assert release.observe(FieldState(2)) == "field generation 2 may write"
    assert state(release) == (2, 2, False)
    assert release.observe(FieldState(2)) == ""


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (FieldState(3), "field generation 2 was followed by 3"),
        (DEAD, "field generation 2 is not alive"),
        (FieldState(0), "field generation 2 is not alive"),
    ],
)
def test_another_generation_or_a_death_takes_the_grant_in_that_scan(seen, why):
    release = granted()
    assert release.observe(seen) == why
    assert (release.granted, release.held, release.why, release.field_lost) == (NOBODY, True, why, True)


def test_only_a_person_gives_the_grant_again_though_the_same_field_is_back():
    release = granted()
    release.observe(DEAD)
    for _ in range(5):
        assert release.observe(FieldState(2)) == ""
        assert (release.granted, release.held) == (NOBODY, True)


def test_a_field_that_dies_before_the_release_took_effect_gets_nothing():
    release = Release.at_start()
    release.observe(FieldState(2))
    release.observe(FieldState(2))
    release.give()
    assert release.observe(DEAD) == "field generation 2 is not alive"
    assert (release.granted, release.held) == (NOBODY, True)


def test_a_second_restart_while_held_is_no_second_hold_but_has_to_settle_anew():
    release = granted()
    release.observe(FieldState(3))
    release.observe(FieldState(3))
    assert release.hindrance() == ""
    assert release.observe(FieldState(4)) == ""
    assert release.hindrance() == "field generation 4 was not there one scan ago"
    assert release.field_lost
    release.observe(FieldState(4))
    assert release.hindrance() == ""
    release.give()
    assert release.granted == 4


def test_what_is_not_alive_cannot_be_granted():
    release = granted()
    release.observe(DEAD)
    release.observe(DEAD)
    assert release.hindrance() == "the field process is not alive"
    release.observe(FieldState(2))
    assert release.hindrance() == "field generation 2 was not there one scan ago"


def test_inputs_are_lost_while_the_field_is_dead_and_in_the_scan_of_a_change():
    release = granted()
    lost = []
    for seen in (FieldState(2), FieldState(3), FieldState(3), DEAD, DEAD, FieldState(3), FieldState(3)):
        release.observe(seen)
        lost.append(release.field_lost)
    assert lost == [False, True, False, True, True, True, False]


def test_a_new_scan_takes_the_inputs_of_a_field_that_lived_before_it():
    release = Release.at_start()
    release.observe(FieldState(7))
    assert not release.field_lost


def test_a_release_taken_up_from_its_three_numbers_goes_on_as_the_first_one():
    seen = [FieldState(2), FieldState(2), DEAD, FieldState(3), FieldState(3), FieldState(3)]
    for cut in range(1, len(seen)):
        first = granted()
        for one in seen[:cut]:
            first.observe(one)
        again = Release(first.generation, first.granted, held=first.held)
        for one in seen[cut:]:
            first.observe(one)
            again.observe(one)
            assert (state(again), again.hindrance()) == (state(first), first.hindrance())
