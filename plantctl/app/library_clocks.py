"""Puts the protocol libraries on the plant's clock, so that a server's timers and stamps follow virtual time.

asyncua waits by the loop's timers but reckons by `time.monotonic()`, and stamps by `datetime.now()`. In virtual time
the two drift apart: a subscription of 0.2 s pauses for seconds, without an error. The cure is small: in the modules
listed here the *names* `time` and `datetime` are bound to stand-ins that ask our clock, for as long as the context
lasts. No library is imported, copied or edited; what is not loaded is left alone. pymodbus reckons by the loop alone
and needs nothing.

The list is held against the installed source by a test (tests/wire/test_library_clocks.py), which fails when another
version asks for the time at another place. Left on the machine's time on purpose: certificates, which are made and
expire in the world, and the libraries' command-line tools.

anyio runs work in threads of its own; in a virtual loop they hold the time as executor jobs do.
"""

import asyncio
import datetime
import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Final

from plantctl.core.clock import Clock
from plantctl.core.virtual_loop import VirtualLoop

# Module: the names in it that ask for the time.
ON_PLANT_TIME: Final = {
    "asyncua.client.client": ("time",),
    "asyncua.client.ha.reconciliator": ("time",),
    "asyncua.common.connection": ("datetime",),
    "asyncua.common.statemachine": ("datetime",),
    "asyncua.common.structures104": ("datetime",),
    "asyncua.common.subscription": ("time",),
    "asyncua.common.ua_utils": ("datetime",),
    "asyncua.crypto.security_policies": ("time",),
    "asyncua.observer": ("time",),
    "asyncua.pubsub.utils": ("datetime",),
    "asyncua.server.address_space": ("datetime",),
    "asyncua.server.event_generator": ("datetime",),
    "asyncua.server.history": ("datetime",),
    "asyncua.server.history_sql": ("datetime",),
    "asyncua.server.internal_server": ("datetime",),
    "asyncua.server.internal_session": ("time",),
    "asyncua.server.internal_subscription": ("time",),
    "asyncua.server.server": ("datetime",),
    "asyncua.server.uaprocessor": ("time",),
    "asyncua.ua.uaprotocol_auto": ("datetime",),
    "asyncua.ua.uatypes": ("datetime",),
    "uvicorn.server": ("time",),
    "websockets.legacy.protocol": ("time",),
}

_ANYIO: Final = "anyio._backends._asyncio"
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@contextmanager
def library_clocks(clock: Clock) -> Iterator[None]:
    """Have the loaded protocol libraries take the time from `clock`; their own names are put back at the end.

    Enter it after the libraries were imported and before a server or client is made. Raises RuntimeError where a name
    is not what the list says (another version), where the names are replaced already, and at the end where a listed
    module was loaded in between and so missed it.
    """
    stand_ins = _StandIns(clock)
    with ExitStack() as restore:
        reached = set()
        for module_name, names in ON_PLANT_TIME.items():
            module = sys.modules.get(module_name)
            if module is not None:
                reached.add(module_name)
                for name in names:
                    _replace(restore, module, name, stand_ins.for_name(module, name))
        anyio = sys.modules.get(_ANYIO)
        if anyio is not None and clock.virtual:
            backend = anyio.AsyncIOBackend
            _replace(restore, backend, "run_sync_in_worker_thread", _holding_time(backend.run_sync_in_worker_thread))
        yield
        late = [name for name in ON_PLANT_TIME if name in sys.modules and name not in reached]
        if late:
            raise RuntimeError(f"loaded too late to be put on the plant's clock: {', '.join(late)}; import them first")


def _replace(restore: ExitStack, owner: Any, name: str, stand_in: object) -> None:
    restore.callback(setattr, owner, name, vars(owner)[name])
    setattr(owner, name, stand_in)


class _StandIns:
    """One stand-in for each of the three things a module can mean by `time` or `datetime`."""

    def __init__(self, clock: Clock) -> None:
        now_class = _datetime_class(clock)
        # Keyed by identity: names are bound to the very module or class of the standard library.
        self._of = {
            id(time): _Substitute(time, _time_functions(clock)),
            id(datetime): _Substitute(datetime, {"datetime": now_class}),
            id(datetime.datetime): now_class,
        }

    def for_name(self, module: ModuleType, name: str) -> object:
        stand_in = self._of.get(id(vars(module).get(name)))
        if stand_in is None:
            raise RuntimeError(
                f"{module.__name__}.{name} is not the standard library's: "
                "another version of the library, or its clock is replaced already"
            )
        return stand_in


class _Substitute:
    """A module with some of its names replaced; everything else is the module's own."""

    def __init__(self, module: ModuleType, replaced: dict[str, Any]) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _time_functions(clock: Clock) -> dict[str, Callable[[], float]]:
    return {
        "time": lambda: clock.utc_ns() / 1e9,
        "time_ns": clock.utc_ns,
        "monotonic": lambda: clock.monotonic_ns() / 1e9,
        "monotonic_ns": clock.monotonic_ns,
        "perf_counter": lambda: clock.monotonic_ns() / 1e9,
        "perf_counter_ns": clock.monotonic_ns,
    }


class _LikeDatetime(type):
    """Makes every ordinary datetime an instance, since the library's checks mean those."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime.datetime)


def _datetime_class(clock: Clock) -> type:
    """A `datetime` whose `now` is the clock's. All it makes are ordinary datetimes; plant-local time is UTC."""

    class PlantDatetime(datetime.datetime, metaclass=_LikeDatetime):
        def __new__(cls, *fields: Any, **named: Any) -> Any:
            return datetime.datetime(*fields, **named)

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            utc = _EPOCH + datetime.timedelta(microseconds=clock.utc_ns() // 1000)
            return utc.replace(tzinfo=None) if tz is None else utc.astimezone(tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now()

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    PlantDatetime.__name__ = PlantDatetime.__qualname__ = "datetime"
    return PlantDatetime


def _holding_time(run_in_thread: Callable[..., Any]) -> Any:
    """Anyio's way into a thread, holding virtual time until the thread is done."""

    @functools.wraps(run_in_thread)
    async def holding(_backend: object, *args: Any, **named: Any) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await run_in_thread(*args, **named)
        with loop.holding_time():
            return await run_in_thread(*args, **named)

    return classmethod(holding)
