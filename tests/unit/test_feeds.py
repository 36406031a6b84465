"""The feeds process says how far it has read, and how much it missed."""

from pathlib import Path

from plantctl.app.split.feeds import Feeds
from plantctl.app.split.segments import Role
from plantctl.core.frame import Kind
from plantctl.plan.build import build_path
from tests.gateway_bench import Bench


def test_it_publishes_its_place_in_the_ring_and_what_was_overwritten_before_it_came(tmp_path):
    bench = Bench(build_path(Path(__file__).parents[2] / "tests/plant/one_cell", {}).plan, tmp_path)
    scan = bench.scan.come_back()
    scan.publish()
    feeds = Feeds(bench.memory.for_role(Role.FEEDS))
    feeds.writer.take_over(bench.now_ns)
    seen = bench.given.reader(Role.FEEDS)

    def said():
        seen.take()
        return [int(seen.columns[name][0]) for name in ("sequence", "frames", "lost_frames")]

    assert said() == [0, 0, 0]
    feeds.turn(77)
    assert said() == [scan.frame, scan.frame, 0]
    assert seen.heartbeat_ns == 77
    before = scan.frame
    for _ in range(70):
        scan.ring.append(Kind.STATE, 0, 1, bytes(scan.ring.capacity // 64))
    feeds.turn(78)
    sequence, frames, lost = said()
    assert (sequence, frames + lost) == (scan.frame, scan.frame)
    assert 0 < lost < scan.frame - before
    bench.memory.close()
