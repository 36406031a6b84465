"""What a person or a program may ask of the scan, and what the scan answers.

Every command carries who, why, until when, and a key: the same key gives the same result and is applied once. The
scan accepts or refuses; an accepted write is then sent by the field and verified by the named read-back.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the table of commands: what it is called, what its target and value are, who may give it."""

    name: str
    target: str
    value: str
    role: str
    meaning: str


VERBS: Final = (
    Verb("set", "tag or LOOP.sp", "number", "operator", "write a manual value or a set-point"),
    Verb("mode", "loop", "man auto cas rcas rout trk oos", "operator", "ask for a mode"),
    Verb("output", "loop", "number", "operator", "set a loop's output; the loop must be in man"),
    Verb("tune", "loop.parameter", "number", "engineer", "change a parameter, bumpless"),
    Verb("ack", "alarm or tag", "", "operator", "acknowledge an alarm"),
    Verb("shelve", "alarm", "minutes", "operator", "take an alarm away for a time"),
    Verb("unshelve", "alarm", "", "operator", "bring a shelved alarm back"),
    Verb(
        "reset", "group, effect or alarm", "", "operator", "release a trip whose causes are clear; end a latched alarm"
    ),
    Verb("bypass", "cause channel", "minutes", "engineer", "take a channel out of a vote for a time"),
    Verb("unbypass", "cause channel", "", "engineer", "bring a channel back"),
    Verb("force", "point", "number", "engineer", "put a value in the place of a point's"),
    Verb("unforce", "point", "", "engineer", "end a force"),
    Verb("start", "sequence", "", "operator", "start"),
    Verb("hold", "sequence", "", "operator", "hold"),
    Verb("restart", "sequence", "", "operator", "restart after hold"),
    Verb("stop", "sequence", "", "operator", "stop"),
    Verb("abort", "sequence", "", "operator", "abort"),
    Verb("pause", "sequence", "", "operator", "pause"),
    Verb("resume", "sequence", "", "operator", "resume after pause"),
    Verb("answer", "sequence", "text", "operator", "answer a question of a sequence"),
    Verb("suppress", "alarm", "", "engineer", "suppress by design"),
    Verb("unsuppress", "alarm", "", "engineer", "end suppression"),
    Verb("oos", "alarm", "", "engineer", "out of service"),
    Verb("rts", "alarm", "", "engineer", "return to service"),
    Verb("release", "plant", "", "operator", "release outputs after a restart"),
)
VERB_NAMES: Final = tuple(verb.name for verb in VERBS)


class Stage(IntEnum):
    """Where a command stands; the number in a result frame. Each stage is told once, with its time."""

    QUEUED = 0
    ACCEPTED = 1
    REFUSED = 2
    SENT = 3
    VERIFIED = 4
    MISMATCH = 5
    TIMED_OUT = 6
    SUPERSEDED = 7
    EXPIRED = 8

    @property
    def word(self) -> str:
        """The stage as shown to people."""
        return self.name.lower().replace("_", "-")


# Behind one of these nothing follows. An acceptance is the last stage of a command that no read-back verifies.
LAST_STAGES: Final = frozenset(
    (Stage.REFUSED, Stage.VERIFIED, Stage.MISMATCH, Stage.TIMED_OUT, Stage.SUPERSEDED, Stage.EXPIRED)
)


@dataclass(frozen=True, slots=True)
class Command:
    """One request. `value` is the text as given (empty where the verb has none); `expires_ns` is monotonic, 0 never;
    `sequence` is given by whoever queues it, rising by 1. `expect` is what the target is thought to be, a number, a
    mode's word or `nan`: where it is something else by then, the scan refuses; empty: whatever it is.
    """

    verb: str
    target: str
    value: str = ""
    actor: str = ""
    reason: str = ""
    key: str = ""
    expires_ns: int = 0
    sequence: int = 0
    expect: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One stage of one command. `code` is a stable word for programs, `text` is for the person; `mono_ns` is when."""

    sequence: int
    stage: Stage
    mono_ns: int
    code: str = ""
    text: str = ""


# Codes of refusals: stable words that programs may compare.
NOT_IN_THIS_PLAN: Final = "not-in-this-plan"
UNKNOWN_TARGET: Final = "unknown-target"
NOT_WRITABLE: Final = "not-writable"
BAD_VALUE: Final = "bad-value"
OUT_OF_RANGE: Final = "out-of-range"
WRONG_MODE: Final = "wrong-mode"
NOT_PERMITTED: Final = "not-permitted"
TRIPPED: Final = "tripped"
CAUSE_ACTIVE: Final = "cause-active"
NOT_ACTIVE: Final = "not-active"
EXPIRED: Final = "expired"
TOO_MANY: Final = "too-many"
EXPECT_MISMATCH: Final = "expect-mismatch"
NO_PERMISSION: Final = "no-permission"  # of the gateway: the scan knows no roles
NO_REASON: Final = "no-reason"  # of the gateway: what is written with a reason was given without

# Codes of a gateway, where the scan is a process of its own.
SCAN_DEAD: Final = "scan-dead"
SCAN_REPLACED: Final = "scan-replaced"
NOT_DURABLE: Final = "not-durable"
NO_ANSWER: Final = "no-answer"
