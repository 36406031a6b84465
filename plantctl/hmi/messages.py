"""Every message between a page and the plant: the WebSocket's and the bodies of HTTP. The reference is made from here.

`t` and source times are UTC in ns since 1970, as text, since they do not fit into the numbers of a browser. A value is
null where it is no finite number. A quality is the 16-bit word. Messages of a client are read strictly: a name that is
not here, or another type, is refused.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from plantctl.core.command import VERB_NAMES, Stage
from plantctl.core.event import EventKind

VERSION: Final = 1
TEXT_LENGTH_MAX: Final = 500
VALID_MS_MAX: Final = 60_000
VALID_MS: Final = 3_000

Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
Number = Annotated[int, Meta(ge=0)]
Identity = Annotated[int, Meta(ge=0, le=2**53)]
Nanoseconds = Annotated[str, Meta(pattern="^[0-9]+$", description="UTC, ns since 1970, as text")]
Link = Literal["ok", "scan-dead", "scan-replaced", "held"]
Why = Literal["slow-client", "too-old", "other-epoch"]
Beginning = Literal["hours", "record", "many", "unread"]
Role = Literal["viewer", "operator"]
DeviceLink = Literal["down", "connecting", "up", "wrong-device", "not-admitted"]
# A device: name, its link, and for how many ms it has not answered (null: not since the field process began).
DeviceTold = tuple[str, DeviceLink, Number | None]
# A place of a value: number, value (null: no finite number), quality word, source time (0: none was told).
PointValue = tuple[int, float | None, int, str | int]


class ServerMessage(Struct, tag_field="type"):
    """A message of the server."""


class Hello(ServerMessage, tag="hello"):
    """First, and again when another epoch begins. `hb_ms`: how often `hb` comes; without one for 2 s nothing on the
    page is to be believed. `epoch`: sequences count within one; each gateway and each scan begins another.
    """

    v: int
    server: str
    epoch: str
    hb_ms: int
    config: str
    user: str
    role: Role
    seq: Number


class Invalid(Struct):
    """A name of a subscription that means nothing, and why."""

    tag: str
    why: str


class SubOk(ServerMessage, tag="sub_ok"):
    """The answer to `sub`: which number stands for which name. `snap`, missed deltas, or `gap` and `snap` follow."""

    id: Identity
    map: dict[str, str]
    invalid: list[Invalid]


class Snap(ServerMessage, tag="snap"):
    """Every point of the subscription as it is after the delta `seq`."""

    seq: Number
    t: Nanoseconds
    v: list[PointValue]


class Delta(ServerMessage, tag="delta"):
    """What changed, at most once a scan and ten times a second. `seq` rises by 1; an empty one says that none did."""

    seq: Number
    t: Nanoseconds
    v: list[PointValue]


class Hb(ServerMessage, tag="hb"):
    """A sign of life. `seq`: of the last delta. `link`: whether the scan is there and its outputs reach the devices."""

    seq: Number
    t: Nanoseconds
    scan_age_ms: Number
    field_age_ms: Number
    link: Link


class Devices(ServerMessage, tag="devices"):
    """How each device is reached: name, link, and for how many ms it has not answered (null: not since the field
    process began). With every second sign of life, to who has a subscription, and after `sub`.
    """

    t: Nanoseconds
    v: list[DeviceTold]


class Gap(ServerMessage, tag="gap"):
    """The deltas `from` to `to` will not come; a `snap` follows. Transitions are lost only with `too-old`, and with
    `other-epoch` where the old epoch is of a gateway that is gone: `GET /api/v1/events` has them.
    """

    from_: Number = field(name="from")
    to: Number
    why: Why


class Happening(ServerMessage, tag="event"):
    """A transition, never left out. It comes before the delta `seq`; `n` counts those of the epoch, rising by 1."""

    seq: Number
    n: Number
    t: Nanoseconds
    kind: str
    target: str
    old: str
    new: str
    actor: str
    reason: str
    text: str


class StageTold(ServerMessage, tag="stage"):
    """A stage of the command `id`, never left out. `old`: what the target was when the command came; `readback`: what
    the device says, with `verified`, `mismatch` and `timed-out`.
    """

    id: Identity
    stage: str
    code: str
    detail: str
    t: Nanoseconds
    old: float | None = None
    readback: float | None = None


class Refusal(ServerMessage, tag="error"):
    """A message of the client that could not be understood or taken; `id` is the message's where it had one."""

    id: int | None
    code: str
    detail: str


class ClientMessage(Struct, tag_field="type", forbid_unknown_fields=True):
    """A message of the client."""


class Resume(Struct, forbid_unknown_fields=True):
    """What the client had last: epoch, the `seq` of its last delta, and the `n` of its last event where it had one."""

    epoch: Text
    seq: Number
    n: Number | None = None


class Sub(ClientMessage, tag="sub"):
    """What to be told of: names, or patterns with `*`, `?` and `[...]`. It takes the place of an earlier one."""

    id: Identity
    tags: list[str]
    resume: Resume | None = None


class Expect(Struct, forbid_unknown_fields=True):
    """What the target is thought to be: the scan refuses the command, `expect-mismatch`, where it is not."""

    value: float | Text | None


class CommandAsked(ClientMessage, tag="command"):
    """A command. `valid_ms`: it expires so long after it was given; `seq`: the newest delta that the person had seen,
    so that a command that was on its way for longer is not carried out; `idem`: the same key acts once.
    """

    id: Identity
    command: Text
    target: Text
    value: float | bool | Text | None = None
    expect: Expect | None = None
    reason: Text = ""
    valid_ms: Annotated[int, Meta(ge=1, le=VALID_MS_MAX)] = VALID_MS
    idem: Annotated[str, Meta(max_length=100)] = ""
    seq: Number | None = None
    dry_run: bool = False


class TokenLogin(Struct, forbid_unknown_fields=True):
    """A session for the token that the first start printed; `name` is who will be the actor of the commands."""

    token: Text
    name: Annotated[str, Meta(max_length=60)] = ""


class UserLogin(Struct, forbid_unknown_fields=True):
    """A session for a user."""

    user: Annotated[str, Meta(max_length=60)]
    password: Annotated[str, Meta(max_length=200)]


class SessionTold(Struct):
    """Who the session belongs to, and what that person may do."""

    user: str
    role: Role


class PastEvent(Struct):
    """A transition that has happened, told as `event` tells one that happens."""

    t: Nanoseconds
    kind: str
    target: str
    old: str
    new: str
    actor: str
    reason: str
    text: str


class Events(Struct):
    """The newest transitions, oldest first: all from `since` on. Why it begins there: `hours`, it was not looked
    farther back; `record`, the record begins there; `many`, no more are kept; `unread`, the record could not be read.
    Changes of quality go first where they are too many: they are all there from `quality_since` on.
    """

    since: Nanoseconds
    quality_since: Nanoseconds
    why: Beginning
    events: list[PastEvent]


class Problem(Struct, omit_defaults=True):
    """What went wrong with a request (RFC 9457); `code` is a word for programs, `field` the part of the request that is
    meant, where it is one part.
    """

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"
    field: str = ""


SERVER_MESSAGES: Final[tuple[type[ServerMessage], ...]] = (
    Hello,
    SubOk,
    Snap,
    Delta,
    Hb,
    Devices,
    Gap,
    Happening,
    StageTold,
    Refusal,
)
CLIENT_MESSAGES: Final[tuple[type[ClientMessage], ...]] = (Sub, CommandAsked)
STAGES: Final = tuple(stage.word for stage in Stage)
KINDS: Final = tuple(kind.word for kind in EventKind)
VERBS: Final = VERB_NAMES

_encoder: Final = msgspec.json.Encoder()
_from_client: Final[msgspec.json.Decoder[Sub | CommandAsked]] = msgspec.json.Decoder(Sub | CommandAsked)


def encode(message: Any) -> str:
    """A message as it is sent."""
    return _encoder.encode(message).decode()


def decode(text: str | bytes) -> Sub | CommandAsked:
    """A message of a client. Raises `msgspec.MsgspecError` (`ValueError`) where it is none, with the place and why."""
    return _from_client.decode(text)
