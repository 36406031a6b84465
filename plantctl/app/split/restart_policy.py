"""When a process that died is started again, and when that stops making sense. Pure: times are arguments.

One death may be chance: the process is back at once. Deaths that follow are waited for longer and longer. Too many
within a minute are no chance any more: a process that the plant cannot do without ends the whole plant in order, since
a plant whose control comes and goes is worse than one in its safe state; any other one rests and is then tried again.
After a minute of health all is forgotten.
"""

from dataclasses import dataclass, field
from typing import Final

SECOND_NS: Final = 1_000_000_000
_DOUBLINGS_MAX: Final = 40  # more than any limit needs; a number that grows for years must not be shifted by


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """More than `deaths` within `window_ns` are too many. Waits are 0, then `first_ns`, doubled up to `longest_ns`.

    `rest_ns` is the rest of a process that died too often; `healthy_ns` how long one must run to be forgiven.
    """

    deaths: int = 5
    window_ns: int = 60 * SECOND_NS
    first_ns: int = SECOND_NS // 10
    longest_ns: int = 30 * SECOND_NS
    rest_ns: int = 30 * SECOND_NS
    healthy_ns: int = 60 * SECOND_NS


@dataclass(slots=True)
class RestartPolicy:
    """The deaths of one process. `essential`: the plant cannot do without it.

    `gave_up` holds from the moment it died too often until it has been healthy for long enough.
    """

    essential: bool
    limits: RestartLimits = RestartLimits()
    gave_up: bool = False
    _deaths_ns: list[int] = field(default_factory=list)
    _in_a_row: int = 0

    def died(self, now_ns: int) -> int | None:
        """The process died at `now_ns` (monotonic): the instant to start it again, None where the plant must end."""
        limits = self.limits
        recent = [t for t in self._deaths_ns if t > now_ns - limits.window_ns]
        self._deaths_ns = [*recent[-limits.deaths :], now_ns]
        self._in_a_row += 1
        if len(self._deaths_ns) > limits.deaths:
            self.gave_up = True
            return None if self.essential else now_ns + limits.rest_ns
        if self._in_a_row == 1:
            return now_ns
        return now_ns + min(limits.first_ns << min(self._in_a_row - 2, _DOUBLINGS_MAX), limits.longest_ns)

    def ran(self, since_ns: int, now_ns: int) -> None:
        """The process has run and been ready since `since_ns`: for long enough, and its deaths are forgotten."""
        if self._in_a_row and now_ns - since_ns >= self.limits.healthy_ns:
            self._deaths_ns, self._in_a_row, self.gave_up = [], 0, False
