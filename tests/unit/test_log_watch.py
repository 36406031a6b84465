"""A log that falls behind is noticed, whatever keeps it; one that is merely a second behind is not."""

from plantctl.app.split.log_watch import LATE_NS, LogWatch

SECOND_NS = 1_000_000_000


def test_a_log_that_is_a_second_behind_is_in_time():
    watch = LogWatch()
    for second in range(100):
        assert not watch.late(second * SECOND_NS, 100 * second + 50, 100 * second - 50)


def test_a_log_that_stands_still_is_late_after_three_seconds_and_in_time_again_at_once():
    watch = LogWatch()
    seen = [watch.late(second * SECOND_NS, 100 * second + 1, 0) for second in range(6)]
    assert seen == [False, False, False, True, True, True]
    assert watch.late(6 * SECOND_NS, 601, 200)  # what is three seconds old is not there yet
    assert not watch.late(6 * SECOND_NS, 601, 450)


def test_a_new_recorder_that_has_not_looked_yet_is_not_late():
    watch = LogWatch()
    watch.late(0, 100, 100)
    for tenth in range(1, 29):
        assert not watch.late(tenth * SECOND_NS // 10, 100, 0)
    assert not watch.late(LATE_NS * 2, 100, 0)


def test_a_plant_that_writes_nothing_waits_for_nothing():
    watch = LogWatch()
    assert not any(watch.late(second * SECOND_NS, 7, 7) for second in range(10))


def test_what_is_remembered_of_a_disk_that_never_comes_back_is_bounded():
    watch = LogWatch()
    for second in range(1000):
        watch.late(second * SECOND_NS, second + 1, 0)
    assert len(watch._marks) <= 64
    assert not watch.late(1000 * SECOND_NS, 1001, 1001)
