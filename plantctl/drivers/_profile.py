"""Device profiles, and how a device of the text becomes a plan for its driver.

A profile (config/devices/NAME.yaml) says once and for all what is true of a kind of instrument: its registers or
nodes, their coding and units, what its status words mean, by what it is known, and where that is written down. A device
names a profile, or single tags do, for the instruments behind a gateway. What the text says itself goes before what
the profile says. Units are settled here: the factor from the item's unit to the tag's is worked out exactly, once.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from plantctl.core.errors import PlantctlError
from plantctl.core.field import DevicePlan, FieldEvents, InputColumns, ItemPlan, OutputColumns
from plantctl.core.units import UnitError, convert_exact, parse_unit
from plantctl.drivers._driver import Port
from plantctl.drivers._runner import driver_kinds, load

TAG_NAME: Final = re.compile(r"(?:(?P<area>\d+)-)?(?P<letters>[A-Z]+)[-_](?P<number>\w+)")


class Profile(BaseModel):
    """One kind of instrument. `source` says where its facts come from, `traps` what a driver must survive.

    `device` are settings of a device that names the profile, `station` settings of every item, `items` the data by
    name; `default_item` serves tags that name none. In an item's text `{area}`, `{letters}` and `{number}` stand for
    the parts of the tag's name, or of the name that the tag's `item` gives before a dot: in `40-FI-4013` an item
    `PV` is the same as `FI_4013.PV` or `40-FI-4013.PV`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    kind: str
    what: str
    source: list[str]
    traps: list[str] = []
    device: dict[str, Any] = {}
    station: dict[str, Any] = {}
    items: dict[str, dict[str, Any]]
    default_item: str = ""


class _CoreLoader(yaml.SafeLoader):
    """Reads YAML by its 1.2 core schema: only `true` and `false` are booleans, `ON` is a name, `1:30` a text."""


_AMBIGUOUS: Final = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "timestamp")}
_CoreLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _AMBIGUOUS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), list("tf"))
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)\Z"), list("-+0123456789")
)


def shipped_profiles() -> Path:
    """The folder of the profiles that come with plantctl: in the wheel inside the package, in a checkout beside it."""
    package = Path(__file__).parents[1]
    inside = package / "config" / "devices"
    return inside if inside.is_dir() else package.parent / "config" / "devices"


def profiles_from(*folders: Path) -> Callable[[str], Profile | None]:
    """A function that gives a profile by name, from the first folder that has it; None where none has.

    It raises pydantic's ValidationError or yaml.YAMLError for a file that is not a profile.
    """

    @cache
    def find(name: str) -> Profile | None:
        for folder in folders:
            path = folder / f"{name}.yaml"
            if re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) and path.is_file():
                # A safe loader: it makes plain data only.
                return Profile.model_validate(yaml.load(path.read_text(encoding="utf-8"), _CoreLoader))
        return None

    return find


@dataclass(frozen=True, slots=True)
class TagAddress:
    """What the text says about where a tag's value lives. `row` is its row in the columns, `write` an output.

    `poll` in any form that the driver's `Item` reads; `station` None where the text names none.
    """

    tag: str
    row: int
    unit: str = ""
    item: str = ""
    profile: str = ""
    station: int | None = None
    poll: str | float | None = None
    write: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit: of which tag (empty: of the device itself), at which key, and what to do about it."""

    tag: str
    key: str
    what: str
    hint: str = ""


class _Unfit(Exception):
    def __init__(self, key: str, what: str, hint: str = "") -> None:
        self.problem = (key, what, hint)
        super().__init__(what)


@dataclass(slots=True)
class _Device:
    """What is known of the device while its tags are settled."""

    kind: str
    profile: Profile | None
    profile_of: Callable[[str], Profile | None]
    item_class: Any

    def item(self, address: TagAddress) -> dict[str, Any]:
        """The settings of one item: the profile's, then the tag's own."""
        profile = self.profile
        if address.profile:
            profile = self._named(address.profile)
        found = self._of_profile(profile, address) if profile else None
        if found is None:
            if not address.item:
                raise _Unfit("item", "neither the tag nor a profile says which item it is")
            try:
                found = dict(self.item_class.from_text(address.item))
            except ValueError as fault:
                names = ", ".join(profile.items) if profile else ""
                hint = f"the profile {profile.profile} has {names}" if profile else ""
                raise _Unfit("item", str(fault), hint) from None
        own = {"station": address.station, "poll": address.poll}
        return {**found, **{k: v for k, v in own.items() if v is not None}}

    def _named(self, name: str) -> Profile:
        profile = self.profile_of(name)
        if profile is None:
            raise _Unfit("profile", f"there is no device profile `{name}`")
        if profile.kind != self.kind:
            raise _Unfit("profile", f"the profile `{name}` is for {profile.kind}, the device is {self.kind}")
        return profile

    def _of_profile(self, profile: Profile, address: TagAddress) -> dict[str, Any] | None:
        text = address.item or profile.default_item
        of, _, name = text.rpartition(".")
        match = TAG_NAME.fullmatch(of or address.tag)
        if name not in profile.items or (of and not match):
            close = difflib.get_close_matches(text, profile.items, n=1)
            if close and not any(c in text for c in ' "='):
                what = f"the profile `{profile.profile}` has no item `{text}`"
                raise _Unfit("item", what, f"did you mean `{close[0]}`?")
            return None
        parts = match.groupdict() if match else {}
        if parts and parts["area"] is None:
            parts["area"] = address.tag.partition("-")[0]
        settings = {**profile.station, **profile.items[name], "item": name}
        return {key: _filled(value, parts, address.tag) for key, value in settings.items()}


def _filled(value: Any, parts: Mapping[str, str], tag: str) -> Any:
    """The value with the parts of a tag's name in place of their braces."""
    if isinstance(value, str) and "{" in value:
        if not parts:
            raise _Unfit("item", f"`{tag}` is not a name like 40-FI-4013, which the profile makes the address of")
        for key, part in parts.items():
            value = value.replace(f"{{{key}}}", part)
        return value
    if isinstance(value, dict):
        return {k: _filled(v, parts, tag) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, parts, tag) for v in value]
    return value


def _scaling(item_unit: str, tag_unit: str) -> tuple[float, float]:
    """Factor and offset from the item's unit to the tag's; an item without a unit is in the tag's."""
    if not item_unit or item_unit == tag_unit:
        return 1.0, 0.0
    try:
        source, target = parse_unit(item_unit), parse_unit(tag_unit or "1")
        zero = convert_exact(Fraction(0), source, target)
        one = convert_exact(Fraction(1), source, target)
    except UnitError as fault:
        raise _Unfit("unit", f"the device gives this item in {item_unit}: {fault}", fault.hint) from None
    return float(one - zero), float(zero)


def _kinds_near(kind: str) -> str:
    """The hint for a kind that there is not."""
    close = difflib.get_close_matches(kind, driver_kinds(), n=1)
    return f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(driver_kinds())}"


def assemble(
    order: int,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    tags: Sequence[TagAddress],
    profile_of: Callable[[str], Profile | None],
) -> tuple[DevicePlan | None, list[Problem]]:
    """The plan of one device, or everything that is wrong with it. Never raises for what the text says.

    `order` is the device's number in the plan, `settings` all keys of its section but `kind` (`connect` and `profile`
    among them), `profile_of` gives a profile by name.
    """
    problems: list[Problem] = []
    try:
        module = load(kind)
    except PlantctlError as fault:
        return None, [Problem("", "kind", str(fault), _kinds_near(kind))]
    own = dict(settings)
    connect, wanted = own.pop("connect", None), own.pop("profile", "")
    if not isinstance(connect, str) or not connect:
        problems.append(Problem("", "connect", "the device needs `connect:`, the address it is reached at"))
    device = _Device(kind, None, profile_of, module.Item)
    if wanted:
        try:
            device.profile = device._named(str(wanted))
        except _Unfit as fault:
            problems.append(Problem("", *fault.problem))
    config = {**(device.profile.device if device.profile else {}), **own}
    problems += _invalid("", module.Config, config)
    inputs: list[ItemPlan] = []
    outputs: list[ItemPlan] = []
    for address in tags:
        try:
            item = device.item(address)
            factor, offset = _scaling(str(item.get("unit", "")), address.unit)
        except _Unfit as fault:
            problems.append(Problem(address.tag, *fault.problem))
            continue
        problems += _invalid(address.tag, module.Item, item)
        plan = ItemPlan(address.tag, address.row, address.unit, factor, offset, item)
        (outputs if address.write else inputs).append(plan)
    if problems:
        return None, problems
    whole = DevicePlan(name, kind, str(connect), config, tuple(inputs), tuple(outputs), order)
    return (None, [trial]) if (trial := _tried(whole, module)) else (whole, [])


def _invalid(tag: str, model: type[BaseModel], settings: Mapping[str, Any]) -> list[Problem]:
    """What pydantic finds wrong, in words for people."""
    try:
        model.model_validate(dict(settings))
    except ValidationError as fault:
        found = []
        for error in fault.errors(include_url=False, include_context=False, include_input=False):
            key = ".".join(str(part) for part in error["loc"])
            what = error["msg"].removeprefix("Value error, ")
            if error["type"] == "extra_forbidden":
                what = f"`{key}` is not a key of this driver"
            found.append(Problem(tag, key, what))
        return found
    return []


def _tried(plan: DevicePlan, module: Any) -> Problem | None:
    """Build the driver once without connecting: what contradicts itself between items shows here."""
    rows = 1 + max((i.index for i in (*plan.inputs, *plan.outputs)), default=0)
    # A driver that is never run asks for no time.
    port = Port(plan, InputColumns(rows), OutputColumns(rows), None, FieldEvents())  # type: ignore[arg-type]
    config = module.Config.model_validate(dict(plan.config))
    items = [[module.Item.model_validate(dict(i.config)) for i in part] for part in (plan.inputs, plan.outputs)]
    try:
        module.Driver(port, config, *items)
    except ValueError as fault:
        tag, separator, what = str(fault).partition(": ")
        named = separator and any(tag == i.tag for i in (*plan.inputs, *plan.outputs))
        return Problem(tag, "item", what) if named else Problem("", "", str(fault))
    return None
