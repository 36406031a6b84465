"""The feeds process: hands the plant's record to whatever stores or shows it elsewhere.

It follows the frame ring and says how far it is. Sinks attach here.
"""

from typing import Final

from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.segments import FRAMES, Role
from plantctl.app.split.until_told import UntilTold
from plantctl.core.segment import ProcessState

PERIOD_NS: Final = 100_000_000


def run(hand_over: HandOver) -> int:
    """Follow the plant until SIGTERM; the exit code."""
    told = UntilTold()
    writer = hand_over.own()
    feed = FrameFeed(hand_over.plan, hand_over.reader(Role.SCAN).area(FRAMES))

    def turn() -> None:
        feed.take()
        live = writer.live
        live["sequence"][0], live["frames"][0], live["lost_frames"][0] = feed.sequence, feed.frames, feed.lost
        writer.publish()
        writer.beat(monotonic_ns())

    writer.take_over(monotonic_ns())
    writer.say(ProcessState.READY)
    told.turns(turn, PERIOD_NS)
    writer.say(ProcessState.ENDING)
    return 0
