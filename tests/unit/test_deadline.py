"""Waiting for an instant of the machine's clock."""

import pytest

from plantctl.app.split import deadline
from plantctl.app.split.deadline import AHEAD_NS, wait_punctually, wait_until


@pytest.fixture
def clock(monkeypatch):
    """A machine whose sleepers wake 50 us late, and whose clock moves 1 us by being read; its sleeps in s."""
    found = {"now_ns": 1_000_000_000, "sleeps": []}

    class Machine:
        @staticmethod
        def monotonic_ns():
            found["now_ns"] += 1_000
            return found["now_ns"]

        @staticmethod
        def sleep(seconds):
            found["sleeps"].append(seconds)
            found["now_ns"] += round(seconds * 1e9) + 50_000

    monkeypatch.setattr(deadline, "time", Machine)
    return found


def test_a_sleeper_returns_late_and_a_punctual_wait_on_time(clock):
    due_ns = clock["now_ns"] + 10_000_000
    assert wait_until(due_ns) - due_ns >= 50_000
    due_ns = clock["now_ns"] + 10_000_000
    assert 0 <= wait_punctually(due_ns) - due_ns <= 1_000
    assert len(clock["sleeps"]) == 2, "both sleep once"


def test_an_instant_that_is_near_is_not_slept_for(clock):
    due_ns = clock["now_ns"] + AHEAD_NS // 2
    assert 0 <= wait_punctually(due_ns) - due_ns <= 1_000
    assert clock["sleeps"] == []


def test_an_instant_that_has_passed_is_told_at_once(clock):
    now_ns = clock["now_ns"]
    assert wait_punctually(now_ns - 5_000_000) == now_ns + 2_000
    assert clock["sleeps"] == []
