"""Which kinds of sinks there are: a file of this folder is a kind, and others come through entry points."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType

from pydantic import ValidationError

from plantctl.core.errors import PlantctlError
from plantctl.sinks._sink import SinkSettings


def sink_kinds() -> list[str]:
    """The kinds there are: the files of this folder and the entry points of others, sorted."""
    ours = {module.name for module in pkgutil.iter_modules(importlib.import_module(__package__).__path__)}
    others = {point.name for point in entry_points(group="plantctl.sinks")}
    return sorted(name for name in ours | others if not name.startswith("_"))


def load(kind: str) -> ModuleType:
    """The sink of this kind: the file of that name in this folder, else an entry point of `plantctl.sinks`.

    Raises PlantctlError when there is none. Imports no protocol library: sinks do that when they connect.
    """
    if kind.isidentifier() and not kind.startswith("_"):
        name = f"{__package__}.{kind}"
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        for point in entry_points(group="plantctl.sinks"):
            if point.name == kind:
                module: ModuleType = point.load()
                return module
    raise PlantctlError(f"there is no sink of the kind `{kind}`")


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with a sink's settings: where (keys and places), what, and how to mend it.

    `keys` are those the sink knows where an unknown one was given.
    """

    path: tuple[str | int, ...]
    what: str
    hint: str = ""
    keys: tuple[str, ...] = ()


def read_settings(kind: str, settings: Mapping[str, object]) -> tuple[SinkSettings | None, list[Misfit]]:
    """The settings of a sink as its kind reads them, or everything that is wrong with them. Never raises for a text.

    Raises PlantctlError where there is no such kind.
    """
    form = load(kind).Config
    try:
        config: SinkSettings = form.model_validate(dict(settings))
        return config, []
    except ValidationError as fault:
        return None, [_misfit(error, tuple(form.model_fields)) for error in fault.errors(include_url=False)]


def _misfit(error: Mapping[str, object], keys: tuple[str, ...]) -> Misfit:
    location = error["loc"]
    assert isinstance(location, tuple)
    what = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return Misfit(location, f"`{location[-1]}` is not a key of this sink", keys=keys)
    if error["type"] == "missing":
        return Misfit(location[:-1], f"`{location[-1]}` is missing", f"add `{location[-1]}: ...`")
    return Misfit(location, f"`{location[-1]}`: {what}" if location else what)
