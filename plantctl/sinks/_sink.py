"""What one kind of sink must be able to do, and what is common to the settings of all.

A sink sends batches somewhere and says whether they arrived. Everything else is the runner's: when to try again, what
to send first, what to leave aside, where to go on after a restart. A sink keeps no queue of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from plantctl.core.batch import Batch, PointLabels
from plantctl.core.clock import Clock
from plantctl.core.errors import PlantctlError
from plantctl.core.feed import AlarmLabel
from plantctl.core.units import UnitError, parse_duration_s


class SinkError(PlantctlError):
    """A batch did not arrive. `what` is for a person."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class SinkUnreachable(SinkError):
    """Nobody knows whether it arrived: try the same batch again, not before `after_s` seconds where the peer said."""

    def __init__(self, what: str, after_s: float | None = None) -> None:
        super().__init__(what)
        self.after_s = after_s


class SinkRejected(SinkError):
    """The peer answered that it will never take this batch as it is.

    `records` are the positions in the batch (transitions before rows) that it named as bad, the rest having arrived;
    empty where it did not say which: then nothing has arrived for sure.
    """

    def __init__(self, what: str, records: Sequence[int] = ()) -> None:
        super().__init__(what)
        self.records = tuple(records)


class SinkNotAdmitted(SinkError):
    """The peer does not let us in: a token, a password, a certificate, a name that is wrong. A person must act; the
    batch is kept and tried again now and then.
    """


def seconds(text: Any) -> Any:
    """A duration in seconds from `200 ms`, `1 s`, `2 min`; numbers pass as seconds, anything else is refused."""
    if not isinstance(text, str):
        return text
    try:
        return parse_duration_s(text)
    except UnitError as fault:
        raise ValueError(f"{fault.what}{f'; {fault.hint}' if fault.hint else ''}") from fault


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0.0, le=86_400.0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The base of everything a sink reads from the configuration: closed and unchangeable."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def one_or_more(value: Any) -> Any:
    """A list as it is, a single text as a list of one."""
    return (value,) if isinstance(value, str) else value


class SinkSettings(Settings):
    """What the runner needs to know of any sink.

    `tags` are the points it gets, by name or with `*` and `?`; by default all. `events` whether it gets transitions.
    `batch` is the most rows it gets at once, `patience` the most seconds one attempt may take, `backoff_first` and
    `backoff_most` the shortest and the longest pause in seconds before the next attempt, `backfill` how many rows a
    second at most are sent from behind while newer ones go first.

    `settle` is for peers that say yes before they have it on disk: what they took within so many seconds before a
    connection is lost is sent again. 0: their yes is as good as their disk.
    """

    tags: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ("*",)
    events: bool = True
    batch: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    patience: Seconds = 10.0
    backoff_first: Seconds = 0.25
    backoff_most: Seconds = 30.0
    settle: Annotated[float, BeforeValidator(seconds), Field(ge=0.0, le=3_600.0, allow_inf_nan=False)] = 0.0
    backfill: Annotated[float, Field(ge=1.0, le=1e7)] = 50_000.0


class CommandGate(Protocol):
    """The way of a command from a peer to the plant's gate, which decides."""

    async def __call__(self, target: str, value: float, actor: str) -> str:
        """Ask for `value` at the point `target` for `actor`; what became of it, in words. Raises CommandRejected."""
        ...


@dataclass(frozen=True, slots=True)
class SinkPlace:
    """Where a sink stands: its own name, the plant's, the labels of points, the clock, the folder with secrets.

    `labels` grows when a plan with more points takes over. `config` is a short text that names the configuration.
    `folder` is where a sink may keep a small file of its own, called after it. `command` takes the commands of peers;
    without it there are none. `alarms` is what a person is told of each alarm, by its point. `recording`
    names the record: frames of another one may have the same numbers.
    """

    name: str
    plant: str
    labels: PointLabels
    clock: Clock
    secrets: Path | None = None
    config: str = ""
    folder: Path | None = None
    command: CommandGate | None = None
    alarms: Mapping[str, AlarmLabel] = field(default_factory=dict)
    recording: str = ""


class Sink(Protocol):
    """One connection to somewhere. Every method may raise a `SinkError`; the runner cancels what takes too long.

    `link` is the number of the connection in use: where it grew, the peer may have died in between, and forgotten what
    it had not settled.
    """

    settings: SinkSettings
    link: int

    async def open(self) -> None:
        """Connect, where there is such a thing. Called again after any failure, behind `close`."""
        ...

    async def write(self, batch: Batch) -> None:
        """Send the batch; return when it has arrived, which is when the peer keeps it over its own restart."""
        ...

    async def close(self) -> None:
        """Let go of the connection, whatever its state; never waits for the peer for long."""
        ...


class AttentiveSink(Sink, Protocol):
    """A sink that is also spoken to."""

    async def attend(self) -> None:
        """Listen to the peer, from `open` on and beside `write`, and act on it; raises `SinkError` when the connection
        is over, which is then to be closed as after a failed write. Never returns.
        """
        ...


class ComplainingSink(Sink, Protocol):
    """A sink that can work and yet not be well: `complaint` says why in words, empty while there is nothing."""

    complaint: str


class SinkModule(Protocol):
    """A file of this folder: the settings of a sink and the sink. `Sink(place, config)` must not raise."""

    Config: Any
    Sink: Any
