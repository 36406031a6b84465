"""A plant whose data goes to a database while its feeds are killed and the database is away: every row is there."""

import asyncio
import math
import os
import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from plantctl.app.feed_commands import FeedCommands
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import LOG_NAME, SOCKET_NAME
from plantctl.core.errors import CommandRejected
from plantctl.log.rows import LogRows
from plantctl.log.storage import ReadOnlyFolder
from plantctl.plan.build import build_path
from tests.process.command_rig import BENCH, ended, plantctl, running, wait
from tests.process.test_run_split_process import QUIET
from tests.wire.influx_peer import Act, InfluxPeer
from tests.wire.influx_rig import TOKEN

SINK = """
sinks:
  archive: {{kind: influx, url: "http://127.0.0.1:{port}", org: works, bucket: "line a&b", token_file: influx.token,
            insecure: true, tags: ["10-*", "feed.*"], backoff_most: 500 ms}}
"""


class Away(list):
    """What a database that is down answers, as long as it is."""

    down = False

    def __bool__(self):
        return self.down

    def pop(self, _place):
        return Act(503)


@contextmanager
def database():
    """The strict peer in a thread of its own."""
    peer, loop, up = InfluxPeer(), asyncio.new_event_loop(), threading.Event()
    peer.play = Away()

    async def main():
        async with peer.serving():
            peer.ended = asyncio.Event()
            up.set()
            await peer.ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert up.wait(30.0)
        yield peer
    finally:
        loop.call_soon_threadsafe(peer.ended.set)
        thread.join()
        loop.close()


def doubles(peer):
    """What the peer holds of the calculated tag: value by time."""
    rows = dict(peer.rows)
    return {ns: fields.get("value") for (_, tags, ns), fields in rows.items() if dict(tags).get("point") == "10-AY-2"}


def feeds_pid(child):
    """The feeds process of a running plant, by the log of the supervisor's children."""
    for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
        if f" {Role.FEEDS} " in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode():
            return int(pid)
    return 0


def in_log(folder, tag):
    """Value by time of every row of a tag in the log."""
    found = {}
    for stretch in LogRows(ReadOnlyFolder(folder / LOG_NAME)).read():
        mine = stretch.tag == tag
        values = [None if math.isnan(value) else value for value in stretch.value[mine].tolist()]  # NaN is no field
        found |= dict(zip(stretch.utc_ns[stretch.scan[mine]].tolist(), values, strict=True))
    return found


def assert_peers_may_ask(folder):
    """A command of a sink's peer takes the way of every other: done, or refused with the gate's words."""
    ask = FeedCommands(folder / SOCKET_NAME)
    assert asyncio.run(ask("10-AY-1", 5.0, "host-1")) in ("accepted", "verified")
    with pytest.raises(CommandRejected, match="10-AY-9"):
        asyncio.run(ask("10-AY-9", 5.0, "host-1"))
    with pytest.raises(CommandRejected) as fault:
        asyncio.run(FeedCommands(folder / "nobody.sock")("10-AY-1", 5.0, "host-1"))
    assert fault.value.code == "no-answer"


def test_every_row_is_at_the_database_once_after_deaths_of_the_feeds_and_an_outage(tmp_path):
    state, text = tmp_path / "state", tmp_path / "plant"
    folder = state / "Bench"
    with database() as peer:
        text.mkdir()
        (text / "plant.yaml").write_text(BENCH + SINK.format(port=peer.port))
        (folder / "security").mkdir(parents=True, mode=0o700)
        secret = folder / "security" / "influx.token"
        secret.write_text(TOKEN + "\n")
        secret.chmod(0o600)
        with running("run", text, "--topology", "split", *QUIET, state=state) as child:
            wait(lambda: 2.0 in doubles(peer).values(), child=child, what="nothing arrived")
            wait(lambda: "running" in plantctl("get", "feed.archive.state", state=state).stdout, child=child)
            for number in (2.0, 3.0):
                plantctl("set", "10-AY-1", str(number), state=state)
                os.kill(feeds_pid(child), signal.SIGKILL)
                wait(lambda n=number: 2 * n in doubles(peer).values(), child=child, what="the feeds do not go on")
            peer.play.down = True
            plantctl("set", "10-AY-1", "4", state=state)
            told = "unreachable"
            wait(lambda: told in plantctl("get", "feed.archive.state", state=state).stdout, child=child)
            peer.play.down = False
            wait(lambda: 8.0 in doubles(peer).values(), child=child, what="the hole is not filled")
            assert_peers_may_ask(folder)
            child.send_signal(signal.SIGTERM)
            code, _, _ = ended(child)
        assert code == 0
        plan = build_path(text, {}).plan
        tag = plan.points[plan.rows["10-AY-2"]].id
        recorded, arrived = in_log(folder, tag), doubles(peer)
        newest = max(arrived)
        assert {ns: value for ns, value in recorded.items() if ns <= newest} == arrived
        assert {2.0, 4.0, 6.0, 8.0} <= set(arrived.values())
        assert peer.faults == []
        points = {dict(tags).get("point") for _, tags, _ in peer.rows}
        assert {"10-AY-1", "10-AY-2", "feed.archive.state", "feed.archive.missing"} <= points
        assert all(p is None or p.startswith(("10-", "feed.")) for p in points)
