"""What becomes of a page's command: who may give it, until when it counts, and every stage told to its client.

Whether the plant takes it is the scan's to decide. What is decided here is what only the server can know: the person
behind the session, and how old a command may be that was on its way. A client cannot tell when it was given, since no
clock of a browser is to be trusted; but it tells which delta the person had seen last, and this process knows whether
it itself stood still, with commands waiting before its door. The older of the two counts. Nothing is kept for later:
what comes too late is answered as expired.
"""

import logging
import math
from collections.abc import Callable
from typing import Final

from plantctl.core import command as codes
from plantctl.core.command import VERBS, Command, Result, Stage
from plantctl.hmi.change_ring import ChangeRing
from plantctl.hmi.describe.plan_view import PlanView
from plantctl.hmi.describe.writes import WITH_REASON, write_classes
from plantctl.hmi.live_plant import WatchedPlant, is_last
from plantctl.hmi.messages import CommandAsked, StageTold
from plantctl.hmi.sessions import Session
from plantctl.scan.gate import PLANT
from plantctl.scan.targets import targets

# For so long after its expiry the stages of a command are still told: a ramp and a read-back take their time.
HEARD_NS: Final = 120_000_000_000
# A turn of this process is due every 0.1 s at least; between two that are farther apart it stood still.
STILL_NS: Final = 400_000_000
# For so long after it stood still whatever arrives may have waited since before.
DOUBT_NS: Final = 1_000_000_000
UNDER_WAY_MAX: Final = 16
# What lets go of a trip, of a latched alarm or of held outputs is done for a reason, whatever it is given to.
REASONED: Final = frozenset({"reset", "release"})
# Verbs that write the value whose class is described; the mode of a loop has a class of its own.
WRITES: Final = frozenset({"set", "output"})

OPERATOR: Final = frozenset(verb.name for verb in VERBS if verb.role == "operator")
KNOWN: Final = frozenset(verb.name for verb in VERBS)
DRY: Final = "dry run: person, command and target are right; whether the plant takes it is the scan's to say"
LATE: Final = "the command was on its way for longer than it counts: it was not carried out"
TOO_MANY: Final = "too many commands are under way; wait for their end"


class StandStill:
    """Notes when this process stood still: `turn` is to be called in every turn."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._since_ns = 0
        self._until_ns: int | None = None

    def turn(self, now_ns: int) -> None:
        """A turn of this process, at `now_ns`."""
        self._look(now_ns)
        self._last_ns = now_ns

    def given_ns(self, now_ns: int) -> int:
        """The earliest instant at which what arrives at `now_ns` may have been sent."""
        self._look(now_ns)
        return self._since_ns if self._until_ns is not None and now_ns < self._until_ns else now_ns

    def _look(self, now_ns: int) -> None:
        if self._last_ns is not None and now_ns - self._last_ns > STILL_NS:
            doubted = self._until_ns is not None and self._last_ns < self._until_ns
            self._since_ns = self._since_ns if doubted else self._last_ns
            self._until_ns = now_ns + DOUBT_NS
            self._last_ns = now_ns


class Gate:
    """The way of commands from the clients of one server to one plant."""

    def __init__(self, plant: WatchedPlant, ring: ChangeRing, still: StandStill) -> None:
        self._plant = plant
        self._ring = ring
        self._still = still
        self._log = logging.getLogger("plantctl")
        self._read_back = {o.tag: o.read_back for o in plant.plan.outputs if o.read_back}
        self._targets: dict[str, frozenset[str]] = {}
        rows = plant.plan.rows
        classes = write_classes(PlanView(plant.plan))
        self._careful = frozenset(rows[name] for name, write in classes.items() if write["class"] == WITH_REASON)

    def give(
        self, asked: CommandAsked, session: Session, seen_ns: int | None, tell: Callable[[StageTold, bool], None]
    ) -> None:
        """Give a command of `session`; `tell` hears every stage, and whether it is the last.

        `seen_ns`: when the delta that the client named was sent (monotonic); None where it named none.
        """
        plant = self._plant
        now_ns = plant.monotonic_ns()
        old = self._value(asked.target)

        def told(stage: Stage, code: str = "", detail: str = "", readback: float | None = None, *, last: bool) -> None:
            at_ns = str(plant.utc_ns())
            tell(StageTold(asked.id, stage.word, code, detail, at_ns, old, readback), last)

        given_ns = min(self._still.given_ns(now_ns), now_ns if seen_ns is None else seen_ns)
        expires_ns = given_ns + asked.valid_ms * 1_000_000
        refusal = self._refused(asked, session)
        if refusal is not None:
            self._log.warning("%s %s of %s is refused: %s", asked.command, asked.target, session.user, refusal[1])
            told(Stage.REFUSED, *refusal, last=True)
            return
        if expires_ns <= now_ns:
            self._log.warning("%s %s of %s came too late", asked.command, asked.target, session.user)
            told(Stage.EXPIRED, codes.EXPIRED, LATE, last=True)
            return
        if asked.dry_run:
            told(Stage.ACCEPTED, "dry-run", DRY, last=True)
            return
        command = Command(
            asked.command,
            asked.target,
            _written(asked.value),
            f"{session.user} ({session.role})",
            asked.reason,
            f"{session.user}/{asked.idem}" if asked.idem else "",
            expires_ns,
            expect="" if asked.expect is None else _expected(asked.expect.value),
        )

        def heard(result: Result) -> None:
            last = is_last(plant.plan, command, result)
            verified = result.stage in (Stage.VERIFIED, Stage.MISMATCH, Stage.TIMED_OUT)
            readback = self._at(self._read_back.get(command.target, 0)) if verified else None
            told(result.stage, result.code, result.text, readback, last=last)

        told(Stage.QUEUED, last=False)
        if not plant.submit(command, heard, expires_ns + HEARD_NS):
            told(Stage.REFUSED, codes.TOO_MANY, TOO_MANY, last=True)

    def _refused(self, asked: CommandAsked, session: Session) -> tuple[str, str] | None:
        """Why a command cannot even be given to the scan: code and sentence."""
        texts = (asked.target, asked.reason, asked.idem, asked.value if isinstance(asked.value, str) else "")
        if asked.command not in KNOWN:
            return codes.BAD_VALUE, f"there is no command `{asked.command}`"
        if session.role != "operator":
            return codes.NO_PERMISSION, f"a {session.role} may look, but not act"
        if asked.command not in OPERATOR:
            return codes.NO_PERMISSION, f"`{asked.command}` is for engineers, at the machine itself: plantctl command"
        if not all(text.isprintable() for text in texts):
            return codes.BAD_VALUE, "a command's texts are of one line each"
        if isinstance(asked.value, float) and not math.isfinite(asked.value):
            return codes.BAD_VALUE, "a value is a finite number"
        if not asked.reason.strip() and self.wants_reason(asked.command, asked.target):
            return (
                codes.NO_REASON,
                f"`{asked.command}` of `{asked.target}` is given with a reason, and this one has none",
            )
        if asked.dry_run and asked.target not in self._known(asked.command):
            return codes.UNKNOWN_TARGET, f"`{asked.target}` is nothing that {asked.command} can be given to"
        return None

    def wants_reason(self, verb: str, target: str) -> bool:
        """Whether a command is journalled with a reason. A tag is known by its row, since it may have two names."""
        of_class = verb in WRITES and self._plant.plan.rows.get(target) in self._careful
        return of_class or verb in REASONED

    def _known(self, verb: str) -> frozenset[str]:
        found = self._targets.get(verb)
        if found is None:
            names = (PLANT,) if verb == "release" else targets(self._plant.plan, verb)
            found = self._targets[verb] = frozenset(names)
        return found

    def _value(self, target: str) -> float | None:
        rows = self._plant.plan.rows
        return self._at(rows.get(f"{target}.mode", rows.get(target, 0)))

    def _at(self, row: int) -> float | None:
        """What a row is now; None for row 0 and for what is no finite number."""
        value = float(self._ring.value[row])
        return value if row and math.isfinite(value) else None


def _written(value: float | bool | str | None) -> str:
    """A value as the command line would write it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return "" if value is None else value


def _expected(value: float | str | None) -> str:
    """What the target is thought to be, as the scan compares it; `nan` stands for no number."""
    return "nan" if value is None else value if isinstance(value, str) else repr(value)
