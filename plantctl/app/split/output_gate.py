"""The gate between the scan's outputs and the devices, and what goes to the devices when the scan is gone.

What the scan wants reaches the devices only while the scan lives and a person has granted it to this very field
process. When a scan that was let through is gone, is another one or stands still, its grant is void at once and the
devices get their fail-safe values, once; then nothing more is written until a person releases again, however soon
the scan is back.

    SHUT   nothing is written                     -> OPEN when the living scan has granted our generation
    OPEN   the scan's wishes are written          -> SHUT when it grants no longer, or when we stood still ourselves
    SAFE   fail-safe values once, then silence    -> OPEN when granted anew: our generation is another one now
    SHUT and OPEN -> SAFE when the scan whose outputs the devices may hold is gone

Rules of the file: times are arguments, nothing waits; whoever is in doubt writes nothing; a wish is never sent across
a time in which nobody looked at the scan, since the process may have been stopped anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.field import OutputColumns, WriteError
from plantctl.core.quality import GOOD

# The scan's heartbeat is one period old before the next one is due; three more and it stands still.
GONE_PERIODS: Final = 4
# The same of ourselves, who look at least once a period. But a busy machine holds us up now and then: below this it is
# no reason to call a person (decision 0032), unless a device may have switched itself off meanwhile.
STANDING_LEAST_NS: Final = 1_000_000_000
# So long ago may the scan have been looked at when something is sent.
LOOK_PERIODS: Final = 2
# A wish that waited for its link longer than this is taken anew.
WISH_LEAST_NS: Final = 1_000_000_000

# A device that refuses its fail-safe value is asked this often, at this pace; then its own watchdog must do.
REFUSALS_MOST: Final = 5
REFUSED_PAUSE_NS: Final = 1_000_000_000
_ASKED_AGAIN: Final = frozenset({WriteError.REFUSED, WriteError.IGNORED})
_RETRIED_BY_RUNNER: Final = frozenset(
    {WriteError.UNREACHABLE, WriteError.PROTOCOL, WriteError.WRONG_DEVICE, WriteError.WITHDRAWN}
)


class Verdict(IntEnum):
    """What may go to the devices."""

    SHUT = 0
    OPEN = 1
    SAFE = 2


@dataclass(frozen=True, slots=True)
class ScanSeen:
    """The scan as its segment shows it: generation (0: none yet), the field generation it grants (0: none), the
    monotonic ns of its last completed scan, and whether it says that it runs, and our plan.
    """

    generation: int
    granted: int
    heartbeat_ns: int
    lives: bool


class Taken(NamedTuple):
    """When wishes were taken, and under which word of the gate."""

    epoch: int
    taken_ns: int


class OutputGate:
    """The gate of one field process. `look` it must, at least once a period.

    `generation` is our own: it begins with the given one and is raised to void what was granted to the earlier one.
    `follows` is the generation of the scan whose outputs the devices may hold, 0 for none; hand in what the field
    process before this one had published. `unfinished` tells that it died while fail-safe values were under way.
    `epoch` counts the words of the gate; `why` says why the last one was spoken. `standing_ns` is how long we may have
    stood still and keep our grant.
    """

    def __init__(self, period_ns: int, generation: int, follows: int = 0, *, unfinished: bool = False) -> None:
        self.generation = generation
        self.follows = follows
        self.verdict = Verdict.SAFE if unfinished else Verdict.SHUT
        self.epoch = 1
        self.why = "fail-safe values were under way" if unfinished else "the field is new"
        self._looked_ns: int | None = None
        self._ends = False
        self._gone_ns = GONE_PERIODS * period_ns
        self.standing_ns = max(GONE_PERIODS * period_ns, STANDING_LEAST_NS)
        self._look_ns = LOOK_PERIODS * period_ns
        self._wish_ns = max(GONE_PERIODS * period_ns, WISH_LEAST_NS)

    def heed_watchdogs(self, watchdogs_ns: Iterable[int]) -> None:
        """Have our grant end before any device has switched itself off for want of us: after half of the shortest of
        these times, ns, for what keeps a device quiet is repeated at least that often. Never within four periods.
        """
        half_ns = min(watchdogs_ns, default=2 * STANDING_LEAST_NS) // 2
        self.standing_ns = max(self._gone_ns, min(STANDING_LEAST_NS, half_ns))

    def look(self, now_ns: int, seen: ScanSeen) -> bool:
        """Look at the scan at the monotonic time `now_ns`; true when the gate has spoken a new word."""
        epoch = self.epoch
        gap_ns = 0 if self._looked_ns is None else now_ns - self._looked_ns
        self._looked_ns = now_ns
        if gap_ns > self.standing_ns:
            self.generation += 1
            verdict = Verdict.SAFE if self.verdict is Verdict.SAFE else Verdict.SHUT
            self._say(verdict, f"the field stood still for {gap_ns / 1e9:.3g} s")
        elif gap_ns > self._look_ns:
            # Too short to lose the grant; but what was taken before is not sent any more.
            self.epoch += 1
        complaint = self._complaint(now_ns, seen)
        if self.follows and (complaint or seen.generation != self.follows):
            self._make_safe(complaint or f"the scan is another one, generation {seen.generation} after {self.follows}")
        elif not complaint and not self._ends and seen.granted == self.generation:
            if self.verdict is not Verdict.OPEN:
                self._say(Verdict.OPEN, f"the scan, generation {seen.generation}, was granted to us, {self.generation}")
            self.follows = seen.generation
        elif self.verdict is Verdict.OPEN:
            self._say(Verdict.SHUT, complaint or "the grant was withdrawn")
        return self.epoch != epoch

    def end(self) -> None:
        """The field ends: what a scan has written is made safe, and nothing is let through any more."""
        self._ends = True
        if self.follows:
            self._make_safe("the field ends")
        elif self.verdict is Verdict.OPEN:
            self._say(Verdict.SHUT, "the field ends")

    def take(self, now_ns: int) -> Taken:
        """To be kept with wishes taken now."""
        return Taken(self.epoch, now_ns)

    def permits(self, taken: Taken, now_ns: int) -> bool:
        """Whether a wish taken then may be sent now. To be asked right before it is."""
        return (
            self.verdict is not Verdict.SHUT
            and taken.epoch == self.epoch
            and self._looked_ns is not None
            and now_ns - self._looked_ns <= self._look_ns
            and now_ns - taken.taken_ns <= self._wish_ns
        )

    def _complaint(self, now_ns: int, seen: ScanSeen) -> str:
        """Why there is no scan; empty where there is one."""
        if not (seen.generation and seen.lives):
            return "the scan is gone"
        age_ns = now_ns - seen.heartbeat_ns
        return f"the scan stands still since {age_ns / 1e9:.3g} s" if age_ns > self._gone_ns else ""

    def _make_safe(self, why: str) -> None:
        self.generation += 1
        self.follows = 0
        self._say(Verdict.SAFE, why)

    def _say(self, verdict: Verdict, why: str) -> None:
        self.verdict = verdict
        self.why = why
        self.epoch += 1


class FailSafe:
    """The fail-safe values on their way to the devices: each is written until it is confirmed, then no more.

    `values` are those of the outputs, NaN where there is none; `devices` the number of each output's device;
    `quiet_ns`, for each device, how long nothing may be asked of it afterwards, so that its own watchdog expires.
    """

    def __init__(self, values: Sequence[float], devices: Sequence[int], quiet_ns: Sequence[int] = ()) -> None:
        self._values = np.array(values, np.float64)
        self._devices = np.array(devices, np.int64)
        self.quiet_ns = tuple(quiet_ns)
        self._pending: set[int] = set()
        self._refusals: dict[int, int] = {}
        self._refused_ns: dict[int, int] = {}
        self._quiet_until_ns: dict[int, int] = {}
        self.given_up: set[int] = set()

    @property
    def unconfirmed(self) -> int:
        """How many outputs have not got their fail-safe value: under way, or given up."""
        return len(self._pending) + len(self.given_up)

    @property
    def pending(self) -> bool:
        """Whether anything is still to be written."""
        return bool(self._pending)

    def begin(self, outputs: OutputColumns, base: int, now_ns: int) -> None:
        """Ask for every fail-safe value with sequences above `base`; all other wishes are void."""
        finite = np.isfinite(self._values)
        outputs.value[finite] = self._values[finite]
        outputs.quality[finite] = GOOD
        outputs.sequence[:] = np.where(finite, base + 1, 0)
        self._pending = {int(row) for row in np.flatnonzero(finite)}
        self.given_up, self._refusals, self._refused_ns, self._quiet_until_ns = set(), {}, {}, {}
        self._hush(now_ns)

    def look(self, outputs: OutputColumns, now_ns: int) -> list[tuple[int, WriteError]]:
        """See what became of them; the rows that a device will not take, each told once."""
        lost: list[tuple[int, WriteError]] = []
        for row in sorted(self._pending):
            if outputs.write_sequence[row] != outputs.sequence[row]:
                continue
            error = WriteError(int(outputs.error[row]))
            if error is WriteError.NONE:
                self._pending.discard(row)
            elif error not in _RETRIED_BY_RUNNER and self._refused(row, error, outputs, now_ns):
                lost.append((row, error))
        if self._pending:
            # The drivers write only while somebody lives who wants it; here that is us.
            outputs.scan_heartbeat_ns = now_ns
        self._hush(now_ns)
        return lost

    def leave(self, now_ns: int) -> None:
        """Nobody may write, and nothing is made safe: the devices' own watchdogs must see it."""
        self.stop()
        self._hush(now_ns)

    def stop(self) -> None:
        """A scan has taken over: nothing of this is wanted any more."""
        self._pending = set()
        self.given_up = set()
        self._quiet_until_ns = {}

    def quiet(self, device: int, now_ns: int) -> bool:
        """Whether this device must not be asked anything now."""
        return now_ns < self._quiet_until_ns.get(device, 0)

    def _refused(self, row: int, error: WriteError, outputs: OutputColumns, now_ns: int) -> bool:
        """Ask again after a pause what may yet be granted; true when there is no more use in it."""
        since_ns = self._refused_ns.setdefault(row, now_ns)
        count = self._refusals.get(row, 0) + 1
        if error not in _ASKED_AGAIN or count >= REFUSALS_MOST:
            self._pending.discard(row)
            self.given_up.add(row)
            outputs.sequence[row] = 0
            return True
        if now_ns - since_ns >= REFUSED_PAUSE_NS:
            self._refusals[row] = count
            del self._refused_ns[row]
            outputs.sequence[row] += 1
        return False

    def _hush(self, now_ns: int) -> None:
        """A device that has got all it gets is left alone from now on."""
        busy = {int(self._devices[row]) for row in self._pending}
        for device, quiet_ns in enumerate(self.quiet_ns):
            if quiet_ns and device not in busy:
                self._quiet_until_ns.setdefault(device, now_ns + quiet_ns)


def published_sequences(sequences: npt.NDArray[np.int64], base: int, verdict: Verdict) -> npt.NDArray[np.int64]:
    """The sequences tried last as the scan numbers its own: 0 for what was tried under an earlier word of the gate,
    and below 0 for our own fail-safe values, which answer no wish of the scan.
    """
    own = np.where(sequences > base, sequences - base, 0)
    return -own if verdict is Verdict.SAFE else own
