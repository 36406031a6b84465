"""Moments as people write them: with their zone, or not taken."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from plantctl.history.reading.moments import moment_text, time_in, time_or_ns_in, utc_ns_of

NOON_NS = 1_795_348_800_000_000_000


@pytest.mark.parametrize(
    "text", ["2026-11-22T12:00:00Z", "2026-11-22T13:30:00.000+01:30", "2026-11-22 12:00:00+00:00", "20261122T12Z"]
)
def test_one_moment_in_many_ways(text):
    assert time_in(text) == time_or_ns_in(text) == NOON_NS


def test_parts_of_a_second_are_exact():
    assert time_in("2026-11-22T12:00:00.000001Z") == NOON_NS + 1000
    assert time_in("2026-11-22T12:00:00.1234567891Z") == NOON_NS + 123_456_789
    assert time_in("2026-11-22T12:00:00,0000005Z") == NOON_NS + 500
    assert moment_text(NOON_NS + 123_456_789, 9) == "2026-11-22T12:00:00.123456789Z"
    assert moment_text(NOON_NS + 123_956_789, 3) == "2026-11-22T12:00:00.123Z"
    assert utc_ns_of(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1000
    assert utc_ns_of(datetime(2026, 11, 22, 7, tzinfo=timezone(timedelta(hours=-5)))) == NOON_NS


def test_a_number_is_ns_only_where_that_is_meant():
    assert time_or_ns_in(str(NOON_NS)) == NOON_NS
    for text, why in (("20261122", "does not say which zone"), (str(NOON_NS), "is no time")):
        with pytest.raises(ValueError, match=why):
            time_in(text)


@pytest.mark.parametrize("text", ["noon", "", "2026-13-01T00:00:00Z", "\u0661\u0662", "9" * 20, "-5"])
def test_what_is_no_time_is_said(text):
    with pytest.raises(ValueError, match="is no time; write it as"):
        time_or_ns_in(text)


def test_what_says_no_zone_is_told_what_to_write():
    with pytest.raises(ValueError, match="for UTC write 2026-11-22T12:00:00Z"):
        time_in("2026-11-22T12:00:00")
    with pytest.raises(ValueError, match="which zone"):
        utc_ns_of(datetime(2026, 11, 22, 12))


def test_a_moment_that_has_ns_keeps_them():
    class Timestamp(datetime):  # pandas has such ones
        nanosecond = 700

    assert utc_ns_of(Timestamp(2026, 11, 22, 12, tzinfo=UTC)) == NOON_NS + 700


def test_a_date_is_answered_with_a_time_that_is_taken():
    with pytest.raises(ValueError, match="for UTC write ") as refused:
        time_in("2026-11-22")
    assert time_in(str(refused.value).rpartition(" ")[2]) == NOON_NS - 12 * 3_600_000_000_000


@pytest.mark.parametrize("text", ["1600-01-01T00:00Z", "9999-12-31T00:00Z"])
def test_a_time_that_64_bits_of_ns_cannot_count_from_is_refused(text):
    with pytest.raises(ValueError, match=f"`{text}` is no time from 1900 to 2200"):
        time_or_ns_in(text)
