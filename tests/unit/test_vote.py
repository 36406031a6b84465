"""The vote against a table of its own, and what every vote must keep whatever its numbers."""

import itertools

import pytest

from plantctl.blocks.vote import demanded
from plantctl.core.quality import BAD, SIMULATED
from tests.row_bench import Bench

OK, UNKNOWN, TRIP = "o", "b", "t"
ORDER = {OK: 0, UNKNOWN: 1, TRIP: 2}
POLICIES = ("safety", "degrade", "availability")

# Written from the specification, vote by vote: the least number of channels in demand that is a demand, by the number
# of bad ones 0, 1, 2 ...; 0 is a demand without any. Safety counts a bad channel as one in demand.
TABLE = {
    "1oo1": {"safety": (1, 0), "degrade": (1, 0), "availability": (1, 0)},
    "1oo2": {"safety": (1, 0, 0), "degrade": (1, 1, 0), "availability": (1, 1, 0)},
    "2oo2": {"safety": (2, 1, 0), "degrade": (2, 1, 0), "availability": (2, 1, 0)},
    "2oo3": {"safety": (2, 1, 0, 0), "degrade": (2, 1, 1, 0), "availability": (2, 2, 1, 0)},
    "2oo4": {"safety": (2, 1, 0, 0, 0), "degrade": (2, 2, 1, 1, 0), "availability": (2, 2, 2, 1, 0)},
}


def rows():
    """(vote, policy, channels, demand) for every state of every channel."""
    for vote, by_policy in TABLE.items():
        installed = int(vote[-1])
        for policy, needed in by_policy.items():
            for channels in itertools.product((OK, UNKNOWN, TRIP), repeat=installed):
                least = needed[channels.count(UNKNOWN)]
                yield vote, policy, channels, channels.count(TRIP) >= least


def asked(bench, channels):
    """The block's answer to states of channels."""
    for k, state in enumerate(channels):
        bench["x", k] = (0.0, BAD) if state == UNKNOWN else float(state == TRIP)
    bench.step()
    return bench["y"]


def test_the_table_row_by_row():
    found = list(rows())
    assert len(found) == 3 * (3 + 9 + 9 + 27 + 81) == 387
    benches = {
        (vote, policy): Bench("vote", m=int(vote[0]), n=int(vote[-1]), policy=POLICIES.index(policy))
        for vote, by_policy in TABLE.items()
        for policy in by_policy
    }
    wrong = [
        (vote, policy, channels)
        for vote, policy, channels, demand in found
        if asked(benches[vote, policy], channels) != demand or benches[vote, policy].quality("y") != 0
    ]
    assert wrong == []


NUMBERS = [(m, n) for n in range(1, 9) for m in range(1, n + 1)]


@pytest.mark.parametrize(("m", "n"), NUMBERS)
@pytest.mark.parametrize("policy", [0, 1, 2])
def test_a_channel_that_gets_worse_never_takes_a_demand_away(m, n, policy):
    """Monotone from ok over bad to demand; all bad is a demand; all good counts m."""
    for bad in range(n + 1):
        for tripping in range(n - bad + 1):
            now = demanded(tripping, bad, n, m, policy)
            if tripping + bad < n:
                assert demanded(tripping + 1, bad, n, m, policy) >= now, "an ok channel came to demand"
            if bad == 0:
                assert now == (tripping >= m)
    assert demanded(0, n, n, m, policy)


@pytest.mark.parametrize("policy", range(3))
@pytest.mark.parametrize("vote", TABLE)
def test_the_votes_in_use_are_monotone_over_bad_too(vote, policy):
    m, n = int(vote[0]), int(vote[-1])
    for channels in itertools.product((OK, UNKNOWN, TRIP), repeat=n):
        now = demanded(channels.count(TRIP), channels.count(UNKNOWN), n, m, policy)
        for k, state in enumerate(channels):
            for worse in (s for s in ORDER if ORDER[s] > ORDER[state]):
                after = (*channels[:k], worse, *channels[k + 1 :])
                assert demanded(after.count(TRIP), after.count(UNKNOWN), n, m, policy) >= now, (channels, after)


# All of three or more is no protection against a bad channel: there the rule of `degrade` trips before `safety` does.
@pytest.mark.parametrize(("m", "n"), [(m, n) for m, n in NUMBERS if m < n or n <= 2])
def test_safety_demands_no_later_than_degrade_and_degrade_no_later_than_availability(m, n):
    for bad in range(n + 1):
        for tripping in range(n - bad + 1):
            s, d, a = (demanded(tripping, bad, n, m, policy) for policy in range(3))
            assert s >= d >= a


def test_which_channel_it_is_does_not_matter():
    bench = Bench("vote", m=2, n=4, policy=1)
    for channels in itertools.combinations_with_replacement((OK, UNKNOWN, TRIP), 4):
        assert len({asked(bench, order) for order in itertools.permutations(channels)}) == 1


def test_it_tells_what_it_counted_and_that_it_is_degraded():
    bench = Bench("vote", m=2, n=3)
    asked(bench, (OK, OK, TRIP))
    assert (bench["tripping"], bench["bad_channels"], bench["degraded"]) == (1, 0, 0)
    asked(bench, (OK, UNKNOWN, TRIP))
    assert (bench["tripping"], bench["bad_channels"], bench["degraded"]) == (1, 1, 1)
    assert bench.events() == [("degraded", 0, 1)]


def test_channels_behind_the_last_one_do_not_count():
    bench = Bench("vote", m=1, n=1)
    assert asked(bench, (OK,)) == 0.0


def test_a_vote_with_a_simulated_channel_trips_as_any_other_and_says_so():
    for simulated in (0, SIMULATED):
        bench = Bench("vote", m=2, n=3)
        for k, channel in enumerate(((0.0, simulated), (1.0, 0), (1.0, simulated))):
            bench["x", k] = channel
        bench.step()
        assert bench["y"] == 1.0
        assert bench.quality("y") == simulated
