"""Records that a peer refuses, and peers that refuse: what is set aside, and what waits for a person."""

import json

from plantctl.core.feed import SinkState
from plantctl.sinks._sink import SinkNotAdmitted, SinkRejected
from tests.feed_bench import assert_all_arrived_once_in_order, fed, logged_rows


def test_bad_records_are_found_and_set_aside_with_the_reason_and_only_they():
    bad = set()

    async def story(plant, peer):
        async def trouble(batch):
            if any((t, u) in bad for t, u in zip(batch.tag.tolist(), batch.utc_ns.tolist(), strict=True)):
                raise SinkRejected("field type conflict")

        await plant.live(5)
        await plant.until(plant.arrived)
        peer.trouble = trouble
        rows = logged_rows(plant.storage)
        newest = max(u for _, u in rows)
        bad.update({(1, newest + 200_000_000), (2, newest + 700_000_000), (3, newest + 1_900_000_000)})
        await plant.live(20)
        await plant.until(plant.arrived)

    plant = fed(story)
    rows = logged_rows(plant.storage)
    assert bad < set(rows)
    assert set(rows) - set(plant.peer.rows) == bad
    assert plant.runner.position.quarantined == 3
    lines = plant.ledger_storage.read("archive.quarantine").decode().splitlines()
    told = [json.loads(line) for line in lines]
    assert {(int(t["tag"][1:]), t["utc_ns"]) for t in told} == bad
    assert {t["why"] for t in told} == {"field type conflict"}
    assert [t["value"] for t in told] == [rows[int(t["tag"][1:]), t["utc_ns"]][0] for t in told]


def test_records_that_the_peer_names_are_set_aside_without_asking_again():
    async def story(plant, peer):
        async def trouble(batch):
            peer.trouble = None
            peer.take(batch.part(0, 3))
            peer.take(batch.part(4, len(batch)))
            raise SinkRejected("partial write", records=[3, 10**9, -1])

        await plant.live(5)
        await plant.until(plant.arrived)
        peer.trouble = trouble
        await plant.live(2)
        await plant.until(plant.arrived)

    plant = fed(story)
    assert len(set(logged_rows(plant.storage)) - set(plant.peer.rows)) == 1
    assert plant.runner.position.quarantined == 1


def test_a_peer_that_refuses_everything_is_given_nothing_up():
    async def story(plant, peer):
        async def trouble(batch):
            raise SinkRejected("database is read only")

        peer.trouble = trouble
        await plant.live(60)
        assert plant.runner.statistics.state is SinkState.NOT_ADMITTED
        assert "refuses everything: database is read only" in plant.runner.statistics.last_error
        assert plant.runner.position.quarantined == 0
        peer.trouble = None
        await plant.until(plant.arrived)

    plant = fed(story, backoff_most=5.0)
    assert_all_arrived_once_in_order(plant)


def test_a_peer_that_lets_nobody_in_is_asked_again_until_a_person_has_acted():
    async def story(plant, peer):
        async def trouble(batch):
            raise SinkNotAdmitted("401: the token is unknown")

        peer.trouble = trouble
        await plant.live(30)
        assert plant.runner.statistics.state is SinkState.NOT_ADMITTED
        peer.trouble = None
        await plant.until(plant.arrived)

    assert_all_arrived_once_in_order(fed(story, backoff_most=5.0))
