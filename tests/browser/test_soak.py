"""Some laps of the campaign page-soak: the page keeps nothing of a screen that is left."""

import pytest

from benchmarks.campaigns.page_soak import ride


@pytest.mark.timeout(120)
def test_a_page_that_goes_round_its_screens_keeps_no_node_and_no_listener_of_them(blank, gateway):
    laps = ride(blank, gateway, 12.0)
    assert len(laps) >= 2
    _, _, nodes, listeners, frames = zip(*laps, strict=True)
    assert nodes[-1] < 1.1 * nodes[0]
    assert listeners[-1] < 1.1 * listeners[0]
    assert frames[-1] > frames[0]
