"""What was answered to each command's key: whoever repeats a command, not knowing whether it arrived, gets the first
answer again, and nothing happens twice. Also from the scan process that follows one which died.

Kept are the answers of ten minutes, 4,096 at most. Each goes into a ring beside the scan's columns, where the next scan
process finds it. It counts there only if the scan that gave it was published: what a scan did that nobody has seen is
not done, and a command repeated after it acts.
"""

from collections import OrderedDict
from typing import Final

from plantctl.core.command import Command, Result
from plantctl.core.errors import LogDamaged
from plantctl.core.frame import Kind
from plantctl.core.message import decode_answer, encode_answer
from plantctl.core.ring import RingReader, RingWriter

KEYS_KEPT: Final = 4096
KEY_LIFE_NS: Final = 600_000_000_000


class Answers:
    """The first answers by key; `ring` takes each of them, without one they are forgotten with this process."""

    def __init__(self, ring: RingWriter | None = None) -> None:
        self._ring = ring
        self._first: OrderedDict[str, Result] = OrderedDict()
        self._before: set[str] = set()

    def known(self, command: Command, now_ns: int) -> Result | None:
        """The first answer to a command of this key, while it counts; none to a command without a key."""
        first = self._first.get(command.key) if command.key else None
        return first if first is not None and now_ns - first.mono_ns < KEY_LIFE_NS else None

    def from_before(self, command: Command, now_ns: int) -> bool:
        """Whether a scan process before this one has answered it."""
        return command.key in self._before and self.known(command, now_ns) is not None

    def keep(self, command: Command, result: Result) -> None:
        """Remember the first answer to a command, where it has a key."""
        if command.key:
            self._keep(command.key, result)
            self._before.discard(command.key)
            if self._ring is not None:
                self._ring.append(Kind.RESULT, 0, result.mono_ns, encode_answer(command.key, result))

    def recall(self, ring: RingReader, until_ns: int) -> int:
        """Know what was answered before until `until_ns`, the last published scan; how many. What is damaged is not."""
        while ring.waiting:
            try:
                frame = ring.read()
                if frame is None:
                    break
                key, result = decode_answer(frame.payload)
            except LogDamaged:
                continue
            if result.mono_ns <= until_ns:
                self._keep(key, result)
        self._before = set(self._first)
        return len(self._before)

    def _keep(self, key: str, result: Result) -> None:
        self._first[key] = result
        self._first.move_to_end(key)
        while len(self._first) > KEYS_KEPT:
            self._before.discard(self._first.popitem(last=False)[0])
