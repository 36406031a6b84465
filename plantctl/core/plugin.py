"""The file name is the registry: a file of a folder is a kind, and others come through entry points.

Nobody lists drivers or sinks anywhere. A kind is imported when it is first named, and imports its own libraries when it
connects.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import TYPE_CHECKING

from plantctl.core.errors import PlantctlError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints


def plugin_kinds(package: str) -> list[str]:
    """The kinds there are: the files of the folder and the entry points of others (group `package`), sorted."""
    ours = {module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)}
    others = {point.name for point in offered(package)}
    return sorted(name for name in ours | others if not name.startswith("_"))


def load_plugin(package: str, kind: str, what: str) -> ModuleType:
    """The file called `kind` in the folder of `package`, else the entry point of that name in the group `package`.

    Raises PlantctlError where there is none; `what` is how a person calls such a thing.
    """
    if kind.isidentifier() and not kind.startswith("_"):
        name = f"{package}.{kind}"
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        for point in offered(package):
            if point.name == kind:
                module: ModuleType = point.load()
                return module
    raise PlantctlError(f"there is no {what} of the kind `{kind}`")


def offered(group: str) -> "EntryPoints":
    """What others offer in an entry-point group. Most processes never ask; to import what reads it takes 20 ms."""
    from importlib.metadata import entry_points

    return entry_points(group=group)
