"""Calls people about alarms that nobody acknowledges: by mail or webhook, step by step, until somebody does.

It follows the alarms of the durable log like any sink; who is to be told what is in `_callout_book`, how in
`_callout_carriers`. What was taken from the log and who was told is kept in one small file before the log hears that
it arrived: a death in between costs a message that comes twice, never one that does not come.

Rules of the file: a person who cannot be reached keeps nobody else waiting; what is wrong with any of them is how the
sink is, so that it can be alarmed.
"""

import asyncio
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from plantctl.core.batch import Batch
from plantctl.core.event import Event, EventKind
from plantctl.sinks._callout_book import BOOK, CallBook, Step, Telling
from plantctl.sinks._callout_carriers import Carrier, Mail, Person, carrier
from plantctl.sinks._callout_text import message
from plantctl.sinks._kept_file import keep
from plantctl.sinks._sink import (
    Seconds,
    Settings,
    SinkError,
    SinkNotAdmitted,
    SinkPlace,
    SinkSettings,
    SinkUnreachable,
    one_or_more,
    seconds,
)

LOOK_S: Final = 1.0
# While what is behind is still being read, an acknowledgement may be the next thing in it.
CATCH_UP_NS: Final = 5_000_000_000
TRY_FIRST_S: Final = 5.0
TRY_MOST_S: Final = 300.0
BOOK_BYTES_MAX: Final = 64 << 20
Name = Annotated[str, Field(min_length=1, max_length=60)]
After = Annotated[float, BeforeValidator(seconds), Field(ge=0.0, le=86_400.0, allow_inf_nan=False)]


class StepSettings(Settings):
    """One step: these people, once nobody has acknowledged for `after`."""

    after: After = 0.0
    to: Annotated[tuple[Name, ...], BeforeValidator(one_or_more), Field(min_length=1)]


class Config(SinkSettings):
    """Who is called about what, and when.

    `tags` are the alarms by their points, `priorities` those that count. `people` are reached by `mail`, over the
    server of that name, or by webhook. `steps` say who is told after how long; `repeat` when they are told again.
    `oldest`: an alarm that came longer ago is not told any more. `test`: everybody gets a test message so often.
    """

    priorities: Annotated[tuple[Annotated[int, Field(ge=1, le=4)], ...], Field(min_length=1)] = (1, 2)
    people: Annotated[dict[Name, Person], Field(min_length=1)]
    steps: Annotated[tuple[StepSettings, ...], Field(min_length=1)]
    mail: Mail | None = None
    repeat: Seconds = 1_800.0
    oldest: Seconds = 43_200.0
    test: Seconds | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        named = {person for step in self.steps for person in step.to}
        if unknown := sorted(named - self.people.keys()):
            raise ValueError(f"`steps` name {', '.join(unknown)}, and `people` do not")
        if unused := sorted(self.people.keys() - named):
            raise ValueError(f"no step calls {', '.join(unused)}")
        if self.mail is None and (by_mail := sorted(name for name, person in self.people.items() if person.mail)):
            raise ValueError(f"{', '.join(by_mail)} are reached by mail: add `mail` with the server")
        if not self.events:
            raise ValueError("a call-out without `events` hears of no alarm")
        return self


class _Reach:
    """One person: what carries messages to them, and when it may be tried again after it failed."""

    def __init__(self, carry: Carrier) -> None:
        self.carry = carry
        self.failures = 0
        self.not_before_ns = 0
        self.complaint = ""


class Sink:
    """Calls the people of one plant. There is no connection: `link` never changes."""

    settings: Config

    def __init__(self, place: SinkPlace, config: Config) -> None:
        self.settings = config
        self.link = 0
        self._place = place
        steps = [Step(round(step.after * 1e9), step.to) for step in config.steps]
        self._book = CallBook(steps, round(config.repeat * 1e9), round(config.oldest * 1e9))
        self._read = False
        self._unkept = False
        self._reach = {
            name: _Reach(carrier(person, config.mail, place.secrets, config.patience))
            for name, person in config.people.items()
        }
        self._calling: asyncio.Task[None] | None = None
        self._fault: SinkError | None = None
        self._not_before_ns = 0

    @property
    def book(self) -> CallBook:
        """Who was told what."""
        return self._book

    @property
    def complaint(self) -> str:
        """What was wrong with messages that were carried all the same, until one goes without; empty for nothing."""
        return "; ".join(f"{name}: {reach.complaint}" for name, reach in self._reach.items() if reach.complaint)

    async def open(self) -> None:
        """Take up what was kept, and begin to call."""
        if not self._read:
            self._take_up()
            self._read = True
        self._not_before_ns = max(self._not_before_ns, self._place.clock.monotonic_ns() + CATCH_UP_NS)
        if self._calling is None:
            self._calling = asyncio.get_running_loop().create_task(self._call(), name=f"calls of {self._place.name}")

    async def close(self) -> None:
        """Stop calling; what is due stays due."""
        if self._calling is not None:
            self._calling.cancel()
            await asyncio.gather(self._calling, return_exceptions=True)
            self._calling = None

    async def write(self, batch: Batch) -> None:
        """Take the alarms of a batch, and tell how the calls fare."""
        if batch.historical:
            self._not_before_ns = self._place.clock.monotonic_ns() + CATCH_UP_NS
        now_ns = self._place.clock.utc_ns()
        for event, frame, place in zip(batch.events, batch.event_sequences, batch.places(), strict=True):
            if self._wants(event):
                self._unkept |= self._book.take(event, (frame, place), now_ns)
        if self._unkept:
            self._keep()
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _wants(self, event: Event) -> bool:
        if event.kind is not EventKind.ALARM or not any(fnmatchcase(event.target, p) for p in self.settings.tags):
            return False
        # An alarm that the plan does not know is told: one too many rather than one too few.
        label = self._place.alarms.get(event.target)
        return label is None or label.priority in self.settings.priorities

    # -- calling

    async def _call(self) -> None:
        while True:
            await self._place.clock.sleep(LOOK_S)
            try:
                await self._round()
            except SinkError as fault:
                self._fault = fault
            except Exception as fault:
                # A mistake of ours must be seen, and must not end the calls of others.
                self._fault = SinkUnreachable(f"{type(fault).__name__}: {fault}")

    async def _round(self) -> None:
        """Tell everybody what they are to be told now, all at the same time."""
        clock = self._place.clock
        if clock.monotonic_ns() < self._not_before_ns:
            return
        now_ns = clock.utc_ns()
        due = self._book.due(now_ns)
        if self.settings.test is not None:
            every_ns = round(self.settings.test * 1e9)
            due = {name: [] for name in self._book.tests(list(self._reach), every_ns, now_ns)} | due
        mono_ns = clock.monotonic_ns()
        people = [name for name in due if name in self._reach and mono_ns >= self._reach[name].not_before_ns]
        faults = await asyncio.gather(*(self._tell(name, due[name], now_ns) for name in people))
        for fault in faults:
            if fault is not None:
                raise fault

    async def _tell(self, name: str, tellings: list[Telling], now_ns: int) -> SinkError | None:
        """Tell one person; what went wrong."""
        reach, clock = self._reach[name], self._place.clock
        said = message(self._place.plant, name, tellings, self._place.alarms, now_ns, self._book.waiting())
        try:
            reach.complaint = await asyncio.to_thread(reach.carry, said, now_ns)
        except SinkError as fault:
            reach.failures += 1
            pause_s = min(TRY_MOST_S, TRY_FIRST_S * 2 ** min(reach.failures - 1, 10))
            reach.not_before_ns = clock.monotonic_ns() + round(pause_s * 1e9)
            return type(fault)(f"{name} cannot be told: {fault.what}")
        reach.failures = reach.not_before_ns = 0
        self._book.told(name, tellings, now_ns)
        # A call proves the way as well as a test does.
        self._book.tested[name] = now_ns
        try:
            self._keep()
        except SinkError as fault:
            return fault
        return None

    # -- keeping

    def _path(self) -> Path:
        if self._place.folder is None:
            raise SinkNotAdmitted("a call-out needs a folder to keep who was told what")
        return self._place.folder / f"{self._place.name}{BOOK}"

    def _take_up(self) -> None:
        path = self._path()
        try:
            if path.stat().st_size > BOOK_BYTES_MAX:
                raise SinkNotAdmitted(f"{path} is no list of calls: it is too long; remove it")
            self._book.decode(path.read_bytes())
        except FileNotFoundError:
            return
        except ValueError as fault:
            # Whoever goes on without it would call everybody again; a person decides.
            raise SinkNotAdmitted(f"{path} cannot be read ({fault}); remove it and calls begin anew") from None
        except OSError as fault:
            raise SinkUnreachable(f"{path} cannot be read: {fault.strerror}") from None

    def _keep(self) -> None:
        """Keep who was told what, whole, on the disk when this returns."""
        self._unkept = True
        try:
            keep(self._path(), self._book.encode())
        except OSError as fault:
            raise SinkUnreachable(f"who was told what cannot be kept: {fault.strerror}") from None
        self._unkept = False
