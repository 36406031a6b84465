"""What is asked of the laboratory's book over HTTP and at the control socket, and what it answers.

Times are UTC in ns since 1970, as text. Read strictly, as all messages of a client.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from plantctl.hmi.messages import VALID_MS_MAX, Nanoseconds

LAB_VALID_MS: Final = 10_000
Short = Annotated[str, Meta(max_length=60)]
Line = Annotated[str, Meta(max_length=200)]
Valid = Annotated[int, Meta(ge=1, le=VALID_MS_MAX)]
Key = Annotated[str, Meta(max_length=100)]


class LabAsked(Struct, tag_field="do", forbid_unknown_fields=True, kw_only=True):
    """What is done about a laboratory value. `idem`: the same key acts once; `valid_ms`: it expires so long after it
    arrived.
    """

    idem: Key = ""
    valid_ms: Valid = LAB_VALID_MS


class LabEnter(LabAsked, tag="enter", kw_only=True):
    """Enter what was found in a sample: `value` in `unit` (empty: the tag's), `sampled` when the sample was taken, as
    RFC 3339 or UTC ns; the number of the sample, or its lot, or both.
    """

    tag: Line
    value: float
    sampled: Short
    unit: Short = ""
    sample: Short = ""
    lot: Short = ""
    comment: Line = ""


class LabSign(LabAsked, tag="sign", kw_only=True):
    """Sign an entry that another person made."""

    entry: Short
    comment: Line = ""


class LabCorrect(LabAsked, tag="correct", kw_only=True):
    """Give an entry another value; the one before stays in the book."""

    entry: Short
    value: float
    reason: Line
    unit: Short = ""


class LabWithdraw(LabAsked, tag="withdraw", kw_only=True):
    """Withdraw an entry: it counts as never made, and stays in the book."""

    entry: Short
    reason: Line


LabRequest = LabEnter | LabSign | LabCorrect | LabWithdraw


class LabStepTold(Struct):
    """What was said of an entry: when, by whom, the value after it (null: none), and as it was given."""

    do: Literal["entered", "signed", "corrected", "withdrawn"]
    t: Nanoseconds
    actor: str
    value: float | None
    given: str
    why: str


class LabEntryTold(Struct):
    """An entry of the laboratory's book as it stands, and everything that was said of it, oldest first."""

    entry: str
    tag: str
    value: float | None
    unit: str
    quality: int
    state: Literal["signed", "unsigned", "withdrawn"]
    specification: Literal["", "below", "above"]
    sampled: Nanoseconds
    sample: str
    lot: str
    comment: str
    steps: list[LabStepTold]


class LabBookTold(Struct):
    """Entries, the newest sample first."""

    entries: list[LabEntryTold]
