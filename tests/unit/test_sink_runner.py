"""What a sink is sent: all of it once at its peer, newest first, whatever peer, disk and process do."""

import asyncio
import errno

import pytest

from plantctl.core.feed import SinkState
from plantctl.sinks._sink import SinkUnreachable
from tests.feed_bench import alarm, assert_all_arrived_once_in_order, fed, logged_rows


def test_what_the_plant_records_arrives_within_two_seconds_and_once():
    async def story(plant, peer):
        await plant.live(60)
        alarm(plant.scan, "flow low")
        await plant.live(2)
        await plant.until(plant.arrived)

    plant = fed(story)
    assert_all_arrived_once_in_order(plant)
    assert set(plant.peer.times.values()) == {1}
    assert 0.8e9 < plant.peer.worst_lag_ns < 2e9
    assert [e.reason for e in plant.peer.events.values()] == ["flow low"]
    assert plant.runner.statistics.state is SinkState.RUNNING
    assert plant.runner.position.holes == []


def test_after_an_outage_the_newest_arrives_first_and_the_hole_is_filled_at_its_rate():
    async def story(plant, peer):
        await plant.live(30)
        peer.down = True
        await plant.live(600)
        assert plant.runner.statistics.state is SinkState.UNREACHABLE
        assert plant.runner.statistics.lag_ns > 500e9
        assert "went away" in plant.runner.statistics.last_error or "nobody" in plant.runner.statistics.last_error
        peer.down, peer.worst_lag_ns = False, 0
        before = plant.clock.monotonic_ns()
        await plant.live(32)
        story.filled = plant.runner.statistics.filled_rows
        story.seconds = (plant.clock.monotonic_ns() - before) / 1e9
        story.lag_ns = plant.runner.statistics.lag_ns
        story.states = {plant.runner.statistics.state}
        for _ in range(20):  # also while it has nothing to do, since the rate holds it back
            await plant.live(0.5)
            story.states.add(plant.runner.statistics.state)
        await plant.live(110)
        await plant.until(plant.arrived)

    plant = fed(story, backfill=400.0)  # 40 rows a second come in
    assert_all_arrived_once_in_order(plant)
    assert 0.8e9 < plant.peer.worst_lag_ns < 2e9
    assert story.lag_ns < 2e9
    assert story.states == {SinkState.FILLING}
    assert 100 <= story.filled <= 400 * story.seconds + 200  # held back by its rate, and the back-off before
    assert plant.runner.statistics.filled_rows >= 600 * 40


@pytest.mark.parametrize("before", ["never reached", "a process before", "nothing in hand", "opens and takes nothing"])
def test_how_late_a_sink_is_grows_also_where_nothing_was_on_its_way_to_it(before):
    async def story(plant, peer):
        away = asyncio.Event()

        async def attend():
            await away.wait()
            raise SinkUnreachable("the connection is lost")

        async def refuses(batch):
            raise SinkUnreachable("502")

        if before == "nothing in hand":
            plant.runner.sink.attend = attend
        if before != "never reached":
            await plant.live(10)
            await plant.until(plant.arrived)
        if before in ("never reached", "a process before"):
            await plant.end()
            plant.begin()
        if before == "opens and takes nothing":
            peer.trouble = refuses
        else:
            peer.down = True
        away.set()
        await plant.live(100)
        story.lag_ns = plant.runner.statistics.lag_ns
        peer.down, peer.trouble = False, None
        away.clear()
        await plant.live(5)
        story.after_ns = plant.runner.statistics.lag_ns
        await plant.until(plant.arrived)

    plant = fed(story, backoff_most=1.0)
    assert 95e9 < story.lag_ns < 103e9
    assert story.after_ns < 2e9
    assert plant.peer.rows == logged_rows(plant.storage)


def test_what_is_not_for_a_sink_does_not_slow_the_filling_of_its_hole():
    async def story(plant, peer):
        await plant.end()
        plant.wanted = lambda batch: batch.where(batch.tag == batch.tag.min(), events=False)  # a fourth of the rows
        plant.begin()
        peer.down = True
        await plant.live(600)
        peer.down = False
        await plant.live(100)
        assert not plant.runner.position.holes

    plant = fed(story, backfill=100.0)  # of 40 rows a second; 10 of them are wanted
    assert len({tag for tag, _ in plant.peer.rows}) == 1
    assert 6_000 <= plant.runner.statistics.filled_rows <= 7_100


@pytest.mark.parametrize("seed", range(4))
def test_a_peer_that_fails_half_of_the_time_in_every_way_gets_everything(seed):
    async def story(plant, peer):
        chance = plant.clock.random(f"trouble {seed}")

        async def trouble(batch):
            kind = chance.random()
            if kind < 0.1:
                raise SinkUnreachable("503", after_s=2.0)
            if kind < 0.2:
                peer.take(batch)  # it arrived, and the answer is lost
                raise SinkUnreachable("reset")
            if kind < 0.3:
                await plant.clock.sleep(60.0)
            if kind < 0.4:
                peer.take(batch.part(0, len(batch) // 3))
                raise ConnectionResetError("cut in the middle")
            if kind < 0.45:
                raise RuntimeError("a mistake of the library")

        peer.trouble = trouble
        await plant.live(300)
        peer.trouble = None
        await plant.until(plant.arrived)

    plant = fed(story, patience=5.0, backoff_first=0.1, backoff_most=2.0)
    assert plant.peer.rows == logged_rows(plant.storage)
    assert plant.runner.position.quarantined == 0
    assert plant.runner.position.lost == 0


def test_a_new_process_goes_on_where_the_old_one_was_with_its_holes():
    async def story(plant, peer):
        await plant.live(10)
        peer.down = True
        await plant.live(100)
        await plant.end()
        await plant.live(50)
        peer.down = False
        plant.begin()
        await plant.live(5)
        assert plant.runner.position.holes
        await plant.end()
        plant.begin()
        await plant.live(5)
        await plant.until(plant.arrived)

    plant = fed(story, backfill=200.0)
    assert_all_arrived_once_in_order(plant)
    repeated = sum(n > 1 for n in plant.peer.times.values())
    assert repeated < 200  # at most what arrived since the position was kept


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 40, None])
def test_a_position_that_cannot_be_read_costs_a_repetition_and_no_row(damage):
    async def story(plant, peer):
        await plant.live(20)
        await plant.until(plant.arrived)
        await plant.end()
        file = plant.ledger_storage.files["archive.position"].seen
        file[:] = file[:-3] if damage is None else damage
        plant.begin()
        await plant.live(5)
        await plant.until(plant.arrived)

    assert fed(story).peer.rows == logged_rows(fed(story).storage)


def test_a_log_that_was_put_back_from_a_copy_is_followed_from_its_end():
    async def story(plant, peer):
        plant.runner.position.through = 10**9
        await plant.live(20)
        await plant.until(lambda: plant.runner.position.through == plant.newest()[0])

    plant = fed(story)
    assert len(plant.peer.rows) > 100


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("operation", ["names", "read", "length", "open", "append", "sync", "rename", "sync_folder"])
def test_a_disk_that_fails_and_mends_costs_nothing(code, operation):
    async def story(plant, peer):
        await plant.live(10)
        for storage in (plant.storage, plant.ledger_storage):
            await plant.end()
            plant.begin() if storage is plant.storage else None
            for _ in range(10):
                plant.scan.scan(10)
                if storage is plant.storage and operation in ("names", "read", "length", "open"):
                    plant.scan.drain()
                    plant.scan.commit()
                    storage.faults = {operation: code}
                else:
                    storage.faults = {operation: code} if storage is plant.ledger_storage else {}
                    plant.scan.drain()
                    plant.scan.commit()
                await plant.clock.sleep(1.0)
                storage.faults = {}
                if plant.task.done():
                    plant.begin()
        await plant.live(5)
        await plant.until(plant.arrived)

    plant = fed(story, backoff_most=1.0)
    assert plant.peer.rows == logged_rows(plant.storage)
    assert plant.runner.position.lost == 0


def test_points_that_are_not_wanted_are_passed_over():
    async def story(plant, peer):
        plant.runner._wanted = lambda batch: batch.where(batch.tag == 2)
        await plant.live(10)
        await plant.until(plant.arrived)

    plant = fed(story)
    assert {tag for tag, _ in plant.peer.rows} == {2}
    assert len(plant.peer.rows) == len([1 for tag, _ in logged_rows(plant.storage) if tag == 2])


def test_a_peer_too_slow_for_the_plant_gets_the_newest_in_time_and_the_rest_later():
    async def story(plant, peer):
        peer.takes_s = 3.0
        await plant.live(120)
        assert plant.runner.position.holes
        peer.takes_s = 0.01
        await plant.until(plant.arrived)

    plant = fed(story, batch=10)
    assert plant.peer.rows == logged_rows(plant.storage)


@pytest.mark.parametrize("noticed", [True, False])
def test_what_a_peer_took_and_forgot_when_it_was_killed_is_sent_again(noticed):
    """It says yes, and writes to disk 4 s later; its death shows as an error, or only as another connection."""

    async def story(plant, peer):
        for _ in range(6):
            await plant.live(7)
            now_ns = plant.clock.utc_ns()
            for key in [k for k in peer.rows if peer.taken_ns[k] > now_ns - 4_000_000_000]:
                del peer.rows[key]
            peer.link += 1
            if noticed:
                peer.down = True
                await plant.live(3)
                peer.down = False
            elif _ == 3:
                await plant.end()
                plant.begin()
        await plant.live(20)
        await plant.until(plant.arrived)

    plant = fed(story, settle="5 s", backoff_most=1.0)
    assert plant.peer.rows == logged_rows(plant.storage)
    assert sum(n > 1 for n in plant.peer.times.values()) < 6 * 12 * 40


@pytest.mark.parametrize("noticed", [True, False])
def test_a_peer_that_was_killed_long_before_anybody_noticed_gets_all_again_that_it_may_have_forgotten(noticed):
    """Nothing was sent for a minute after its death, so that nothing proves that it lived until it had all on disk."""

    async def story(plant, peer):
        await plant.live(7)
        await plant.until(plant.arrived)
        for key in [k for k in peer.rows if peer.taken_ns[k] > plant.clock.utc_ns() - 4_000_000_000]:
            del peer.rows[key]
        peer.link += 1
        await plant.clock.sleep(60.0)
        peer.down = noticed
        await plant.live(3)
        peer.down = False
        await plant.live(7)
        await plant.until(plant.arrived)

    plant = fed(story, settle="5 s", backoff_most=1.0)
    assert plant.peer.rows == logged_rows(plant.storage)


def test_a_position_is_kept_only_of_what_the_peer_has_on_its_disk():
    async def story(plant, peer):
        await plant.live(30)
        await plant.end()
        kept = plant.begin().position
        story.behind = plant.newest()[0] - (kept.holes[0].first if kept.holes else kept.through)
        await plant.until(plant.arrived)

    plant = fed(story, settle="5 s")
    assert 30 < story.behind < 110  # frames: eleven a second
    assert plant.peer.rows == logged_rows(plant.storage)


def test_holes_are_filled_although_new_rows_never_end():
    """A peer for whom every write takes as long as the plant takes for the next rows: there is always something new."""

    async def story(plant, peer):
        await plant.live(5)
        peer.down = True
        await plant.live(60)
        peer.down, peer.takes_s = False, 0.5
        await plant.live(120)
        story.missing = plant.runner.position.missing

    plant = fed(story, turn_scans=1, backoff_most=1.0, batch=2_000)
    assert story.missing == 0
    assert plant.peer.rows.items() <= logged_rows(plant.storage).items()


def test_a_sink_that_listens_is_closed_and_opened_when_its_peer_says_so():
    async def story(plant, peer):
        said, heard = asyncio.Event(), []

        async def attend():
            heard.append("listens")
            await said.wait()
            said.clear()
            raise SinkUnreachable("the host went away")

        await plant.end()
        plant.begin()
        plant.runner.sink.attend = attend
        await plant.live(3)
        said.set()
        await plant.live(1)
        story.told = (list(heard), peer.connections)
        await plant.live(5)
        await plant.until(plant.arrived)

    plant = fed(story)
    assert story.told[0] == ["listens", "listens"]
    assert_all_arrived_once_in_order(plant)
