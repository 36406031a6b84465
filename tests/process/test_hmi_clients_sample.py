"""A small sample of the benchmark of pages: it works, and leaves nothing out; what is timed is the benchmark's."""

import pytest

from benchmarks.hmi_clients import crowd, source

VALUES = 20


@pytest.mark.timeout(120)
def test_every_page_of_a_crowd_gets_every_delta_beside_one_that_hardly_reads():
    with source("delta", VALUES) as (asked, server):
        assert len(asked["tags"]) == VALUES
        found = crowd(asked, server, 2.0, 5, slow=1)
    assert (found["clients"], found["gaps"], found["holes"]) == (5, 0, 0)
    assert found["values_per_s_and_client"] >= VALUES


@pytest.mark.timeout(120)
def test_the_framing_that_is_compared_with_tells_the_same_values_one_by_one():
    with source("value", VALUES) as (asked, server):
        found = crowd(asked, server, 2.0, 2)
    assert found["messages_per_s_and_client"] == found["values_per_s_and_client"] >= VALUES
