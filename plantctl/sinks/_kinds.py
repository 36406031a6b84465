"""Which kinds of sinks there are: a file of this folder is a kind, and others come through entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from pydantic import ValidationError

from plantctl.core.plugin import load_plugin, plugin_kinds
from plantctl.sinks._sink import SinkSettings

PACKAGE: Final = "plantctl.sinks"


def sink_kinds() -> list[str]:
    """The kinds there are, sorted."""
    return plugin_kinds(PACKAGE)


def load(kind: str) -> ModuleType:
    """The sink of this kind. Raises PlantctlError when there is none."""
    return load_plugin(PACKAGE, kind, "sink")


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
