"""The way of commands from the gateway to the scan and of their stages back.

A command goes into a ring that the scan reads; every stage comes back through the frame ring. Three things are watched
over here, so that an answer is never more than what is sure:

    while no scan runs      refused at once (`scan-dead`): what waits for a scan would act when nobody expects it
    the scan was replaced   a command without an answer was not done, and is refused (`scan-replaced`); one whose
                            acceptance the dead scan did not publish any more is lost with it, and that is told
    accepted                told when log and retained state that hold it are on disk; after 2 s as `not-durable`

Nothing is kept for ever: whoever gave a command waits until it expires, or longer where he said so, and then it is
forgotten here, heard or not. The scan refuses what has expired. Times are arguments.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.heartbeat import lives, silence_ns
from plantctl.app.split.log_watch import secured
from plantctl.app.split.segments import SCAN_FRAME
from plantctl.core.command import (
    LAST_STAGES,
    NO_ANSWER,
    NOT_DURABLE,
    SCAN_DEAD,
    SCAN_REPLACED,
    Command,
    Result,
    Stage,
)
from plantctl.core.frame import Kind
from plantctl.core.message import encode_command
from plantctl.core.ring import RingWriter
from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.hmi.live_plant import is_last
from plantctl.plan.plan import Plan

WAITING_MAX: Final = 256
DURABLE_WITHIN_NS: Final = 2_000_000_000
# The longest anybody may wait for a command, also for one that never expires.
LIFE_NS: Final = 120_000_000_000

DEAD: Final = "no scan is running: nothing can be done until it is back, and this command is not kept for then"
NOT_DONE: Final = "the scan was replaced before it had taken this command: it was not done and will not be"
LOST: Final = "the scan was replaced as it carried this command out: look at the plant before asking again"
STOOD_STILL: Final = "the scan stands still since it took this command: look at the plant before asking again"
UNSEEN: Final = "the scan was replaced; what became of the write is for you to look at"
NOT_ON_DISK: Final = "accepted, but not on disk: after a loss of power it would be forgotten"
SILENT: Final = "the scan has not answered in time: the command has expired, and a scan does not act on an expired one"


@dataclass(slots=True)
class Asked:
    """A command under way: for which scan, until when, who hears of it, and what is held back until it is sure.

    `until_ns` is until when the scan may take it, `heard_ns` until when its stages are told. `frame` is the sequence of
    the frame that holds its acceptance, 0 before; `sure_ns` until when that may wait for the disk; `published` whether
    the scan published what it had changed.
    """

    command: Command
    tell: Callable[[Result], None]
    generation: int
    until_ns: int
    heard_ns: int
    held: deque[Result] = field(default_factory=deque)
    frame: int = 0
    sure_ns: int = 0
    published: bool = False


class CommandsUnderWay:
    """The commands that a gateway has given to the scan and that are not at their end.

    `ring` is the gateway's command ring and `feed` reads the frame ring; `scan` and `recorder` are readers of their
    segments, of which the column `scan` and the columns `DURABLE` are read.
    """

    def __init__(
        self, plan: Plan, ring: RingWriter, feed: FrameFeed, scan: SegmentReader, recorder: SegmentReader
    ) -> None:
        self._plan = plan
        self._feed = feed
        self._ring = ring
        self._scan = scan
        self._recorder = recorder
        self._silence_ns = silence_ns(plan)
        self._asked: dict[int, Asked] = {}
        self._durable = 0

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def held_back(self) -> bool:
        """Whether an acceptance waits for the disk."""
        return any(asked.held for asked in self._asked.values())

    def submit(self, command: Command, tell: Callable[[Result], None], now_ns: int, heard_ns: int = 0) -> bool:
        """Hand a command to the scan; refused at once while none runs. False where too many are under way.

        Stages are told until it expires, or until `heard_ns` where that is later and the scan took it.
        """
        if len(self._asked) >= WAITING_MAX:
            return False
        # One that is starting is not there yet: it begins behind whatever was asked for before it was ready.
        if self._scan.state != ProcessState.READY or not lives(self._scan, now_ns, self._silence_ns):
            tell(Result(0, Stage.REFUSED, now_ns, SCAN_DEAD, DEAD))
            return True
        numbered = replace(command, sequence=self._ring.next_sequence)
        self._ring.append(Kind.COMMAND, 0, now_ns, encode_command(numbered))
        latest_ns = now_ns + LIFE_NS
        until_ns = min(command.expires_ns, latest_ns) if command.expires_ns else latest_ns
        # The generation is read after the command was laid down: a scan that came in between starts behind it.
        self._asked[numbered.sequence] = Asked(
            numbered, tell, self._scan.generation, until_ns, max(until_ns, min(heard_ns, until_ns + LIFE_NS))
        )
        return True

    def turn(self, now_ns: int) -> None:
        """Hear what the scan said since, and tell what may be told now."""
        # The generation before the frames: what a scan that is gone has said is then read before it is judged.
        generation = self._scan.generation
        published = int(self._scan.columns["scan"][SCAN_FRAME]) if self._scan.take() else 0
        if self._scan.generation != generation:
            published = 0
        self._hear(now_ns)
        if self._recorder.take():
            self._durable = max(self._durable, secured(self._recorder.columns))
        for asked in list(self._asked.values()):
            if asked.generation != generation:
                self._replaced(asked, now_ns)
                asked.generation = generation
            elif 0 < asked.frame <= published:
                asked.published = True
            self._tell(asked, now_ns)

    def _hear(self, now_ns: int) -> None:
        for frame, result in self._feed.take():
            asked = self._asked.get(result.sequence)
            if asked is None:
                continue
            if result.stage is Stage.ACCEPTED:
                asked.frame, asked.sure_ns = frame, now_ns + DURABLE_WITHIN_NS
            elif asked.frame:
                # A later scan says this: the one that accepted had come to its end.
                asked.published = True
            asked.held.append(result)

    def _replaced(self, asked: Asked, now_ns: int) -> None:
        """The scan that was asked is gone: close what it left open."""
        number = asked.command.sequence
        if asked.held and asked.held[-1].stage in LAST_STAGES:
            return
        if asked.published:
            if not is_last(self._plan, asked.command, Result(number, Stage.ACCEPTED, now_ns)):
                asked.held.append(Result(number, Stage.TIMED_OUT, now_ns, SCAN_REPLACED, UNSEEN))
            return
        asked.held.clear()
        if asked.frame:
            asked.held.append(Result(number, Stage.TIMED_OUT, now_ns, SCAN_REPLACED, LOST))
        else:
            asked.held.append(Result(number, Stage.REFUSED, now_ns, SCAN_REPLACED, NOT_DONE))

    def _tell(self, asked: Asked, now_ns: int) -> None:
        """Tell every stage that may be told: an acceptance when it is durable or took too long, others after it."""
        number = asked.command.sequence
        over = now_ns >= (asked.heard_ns if asked.published else asked.until_ns)
        while asked.held:
            result = asked.held[0]
            if result.stage is Stage.ACCEPTED:
                if not asked.published:
                    break
                if asked.frame > self._durable:
                    if now_ns < asked.sure_ns and not over:
                        break
                    result = replace(result, code=NOT_DURABLE, text=NOT_ON_DISK)
            asked.held.popleft()
            asked.tell(result)
            if is_last(self._plan, asked.command, result):
                del self._asked[number]
                return
        if over:
            if not asked.frame:
                asked.tell(Result(number, Stage.TIMED_OUT, now_ns, NO_ANSWER, SILENT))
            elif not asked.published:
                asked.tell(Result(number, Stage.TIMED_OUT, now_ns, SCAN_DEAD, STOOD_STILL))
            del self._asked[number]
