"""Block kinds by name: the file name is the registry.

`kind: lag` is `plantctl/blocks/lag.py`; a third party offers a module in the entry-point group `plantctl.blocks`. A
kind's module holds one `Block` class, `step(b, dt)` and, for cascade ports, `back(b, dt)`.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, Literal

from plantctl.core.block import Block, Field, fields
from plantctl.core.plugin import offered

ENTRY_POINT_GROUP = "plantctl.blocks"
HALVES: tuple[Literal["back", "step"], ...] = ("back", "step")


@dataclass(frozen=True, slots=True)
class Kind:
    """One block kind: its name in a configuration, the module that defines it, the class, and its halves."""

    name: str
    module: str
    block: type[Block]
    halves: tuple[str, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every declared field, in order."""
        return fields(self.block)

    def field(self, name: str) -> Field | None:
        """The field called `name`, if there is one."""
        return _by_name(self).get(name)

    def function(self, half: str) -> Callable[[Any, float], None]:
        """The plain function of `half`."""
        function = getattr(importlib.import_module(self.module), half)
        assert isinstance(function, FunctionType)
        return function


@cache
def _by_name(kind: Kind) -> dict[str, Field]:
    return {field.name: field for field in kind.fields}


@cache
def kind_names() -> tuple[str, ...]:
    """The names of all kinds there are, sorted; a name of our own wins over a third party's."""
    ours = {m.name for m in pkgutil.iter_modules(importlib.import_module("plantctl.blocks").__path__)}
    others = {point.name for point in offered(ENTRY_POINT_GROUP)}
    return tuple(sorted(name for name in ours | others if not name.startswith("_")))


@cache
def find_kind(name: str) -> Kind:
    """The kind called `name`. Raises `KeyError` where there is none, `TypeError` where its module is not a block's."""
    if name not in kind_names():
        raise KeyError(name)
    ours = f"plantctl.blocks.{name}"
    if any(m.name == name for m in pkgutil.iter_modules(importlib.import_module("plantctl.blocks").__path__)):
        return kind_of(importlib.import_module(ours), name)
    point = next(p for p in offered(ENTRY_POINT_GROUP) if p.name == name)
    return kind_of(importlib.import_module(point.value), name)


def kind_of(module: ModuleType, name: str) -> Kind:
    """The kind that `module` defines. Raises `TypeError` unless it holds one block class and a `step`."""
    blocks = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Block) and value.__module__ == module.__name__
    ]
    if len(blocks) != 1:
        raise TypeError(f"{module.__name__}: a block file holds one Block class, found {len(blocks)}")
    halves = tuple(half for half in HALVES if isinstance(vars(module).get(half), FunctionType))
    if "step" not in halves:
        raise TypeError(f"{module.__name__}: a block file has a function step(b, dt)")
    return Kind(name, module.__name__, blocks[0], halves)
