"""The feeds process: hands the plant's record to whatever stores or shows it elsewhere.

It follows the frame ring and says how far it is. Sinks attach here.
"""

import signal
from types import FrameType
from typing import Final

from plantctl.app.split.deadline import monotonic_ns, wait_until
from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.segments import FRAMES, Role
from plantctl.core.segment import ProcessState

PERIOD_NS: Final = 100_000_000


class Feeds:
    """One feeds process over its memory; `turn` follows the plant as far as it is."""

    def __init__(self, hand_over: HandOver) -> None:
        self.writer = hand_over.own()
        self._feed = FrameFeed(hand_over.plan, hand_over.reader(Role.SCAN).area(FRAMES))

    def turn(self, now_ns: int) -> None:
        """Read what is new and publish how far that is."""
        feed, live = self._feed, self.writer.live
        feed.take()
        live["sequence"][0], live["frames"][0], live["lost_frames"][0] = feed.sequence, feed.frames, feed.lost
        self.writer.publish()
        self.writer.beat(now_ns)


def run(hand_over: HandOver) -> int:
    """Follow the plant until SIGTERM; the exit code."""
    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    feeds = Feeds(hand_over)
    feeds.writer.take_over(monotonic_ns())
    feeds.writer.say(ProcessState.READY)
    while not ended:
        feeds.turn(monotonic_ns())
        wait_until(monotonic_ns() + PERIOD_NS)
    feeds.writer.say(ProcessState.ENDING)
    return 0
