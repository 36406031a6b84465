"""Checks every entry of a plant against the classes of `source_plant` and builds them; all findings at once.

Each entry is checked on its own, so one wrong tag costs neither the others nor their findings. pydantic does the
checking and knows nothing of the text; here its answers become findings with a place: an unknown key points at the key,
a wrong value at the value, a missing key at the key above it. What follows from a finding of the reader (a value that
could not be read) is not reported again.
"""

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from plantctl.core.errors import Diagnostic
from plantctl.plan.area import EXECUTIVE, keys_of
from plantctl.plan.did_you_mean import meant, nearest
from plantctl.plan.merge import Merged
from plantctl.plan.node import Node
from plantctl.plan.places import Places, Step
from plantctl.plan.shapes import Name, Reference, ShapeError, kind_of
from plantctl.plan.source_display import Display
from plantctl.plan.source_opcua import OpcuaServer
from plantctl.plan.source_plant import SECTIONS, Alarm, BadPv, Loop, PlantHead, SourcePlant, Tag
from plantctl.plan.source_recording import Record, Recording

_KEYS_SHOWN: Final = 24
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_Fault = tuple[str, str, tuple[Step, ...], str]
"""Code, what, path below the entry, hint."""


def check_sections(merged: Merged) -> tuple[SourcePlant, list[Diagnostic]]:
    """The plant's sections as values, and all findings. Entries with findings are left out and named in `broken`."""
    checker = _Checker(merged)
    head = checker.head()
    sections: dict[str, dict[str, Any]] = {title: {} for title in SECTIONS}
    for title, name in merged.order:
        entry = checker.entry(title, name)
        if entry is not None:
            sections[title][name] = entry
    order = tuple((title, name) for title, name in merged.order if name in sections.get(title, ()))
    broken = frozenset(merged.order) - frozenset(order)
    plant = SourcePlant(
        places=checker.places, plant=head, order=order, broken=broken, complete=merged.complete, **sections
    )
    return plant, checker.findings


@cache
def _adapter(title: str) -> TypeAdapter[Any]:
    return TypeAdapter(PlantHead if title == "plant" else SECTIONS[title].form)


def form_schema(title: str) -> dict[str, Any]:
    """The JSON Schema of one entry of a section (`plant` for the head), as pydantic makes it."""
    return _adapter(title).json_schema()


_NAME: Final[TypeAdapter[str]] = TypeAdapter(Name)
_REFERENCE: Final[TypeAdapter[str]] = TypeAdapter(Reference)


class _Checker:
    def __init__(self, merged: Merged) -> None:
        self.root = merged.root
        self.complete = merged.complete
        self.places = Places(merged.root)
        self.findings: list[Diagnostic] = []

    def head(self) -> PlantHead | None:
        pair = self.root.entries.get("plant")
        if pair is None:
            return None
        value = self._validated("plant", pair[1], ("plant",), PlantHead)
        if not isinstance(value, PlantHead):
            return None
        if value.opcua_server is not None:
            for code, what, path, hint in _opcua_rules(value.opcua_server):
                self.findings.append(self.places.find(code, what, "plant", "opcua_server", *path, hint=hint))
        for place, rule in enumerate(value.recording):
            for code, what, path, hint in _record_rules(rule, ("recording", place)):
                self.findings.append(self.places.find(code, what, "plant", *path, hint=hint))
        return value

    def entry(self, title: str, name: str) -> Any:
        """One entry as an object of its class; None when it has findings, its own or the reader's."""
        key, node = self.root.entries[title][1].entries[name]
        before = len(self.findings)
        if not key.tainted:
            self._check_name(title, name)
        value = self._validated(title, node, (title, name), SECTIONS[title].form)
        if value is not None:
            for code, what, path, hint in _rules(value, self.complete):
                self.findings.append(self.places.find(code, what, title, name, *path, hint=hint))
        return value if len(self.findings) == before and not (key.tainted or node.tainted) else None

    def _check_name(self, title: str, name: str) -> None:
        try:
            form = _REFERENCE if title == "alarms" and name.startswith(EXECUTIVE) else _NAME
            form.validate_python(self.root.entries[title][1].entries[name][0].text)
        except ValidationError as error:
            fault = error.errors()[0].get("ctx", {}).get("error")
            if isinstance(fault, ShapeError):
                self.findings.append(self.places.find(fault.code, fault.what, title, name, key=True, hint=fault.hint))

    def _validated(self, title: str, node: Node, path: tuple[Step, ...], form: Any) -> Any:
        try:
            return _adapter(title).validate_python(node.plain_value())
        except ValidationError as error:
            faults = error.errors(include_url=False)
            for fault in faults:
                if not (fault["type"] == "missing" and _is_mistyped(fault, faults)):
                    self._report(path, form, fault)
            return None

    def _report(self, path: tuple[Step, ...], form: Any, fault: Any) -> None:
        location = tuple(step for step in fault["loc"] if step != "settings" or fault["type"] != "missing")
        at_key = fault["type"] == "unexpected_keyword_argument"
        if location and location[-1] == "[key]":
            location, at_key = location[:-1], True
        whole = (*path, *location)
        node = self.places.node(*whole) or self.places.node(*whole[:-1])  # the key of a short form is not in the text
        if node is not None and node.tainted and node.kind == "value":
            return
        if at_key and self._key_is_tainted(whole):
            return
        code, what, hint = _translate(fault, whole, form, location)
        at_key = at_key or (fault["type"] == "missing" and self.places.node(*whole) is None)
        self.findings.append(self.places.find(code, what, *whole, key=at_key, hint=hint))

    def _key_is_tainted(self, path: tuple[Step, ...]) -> bool:
        parent = self.places.node(*path[:-1])
        pair = parent.entries.get(str(path[-1])) if parent is not None else None
        return pair is not None and pair[0].tainted


def _is_mistyped(missing: Any, faults: Any) -> bool:
    """Whether the missing key stands there with a typing mistake, which is reported already."""
    above, key = missing["loc"][:-1], missing["loc"][-1]
    unknown = [fault["loc"] for fault in faults if fault["type"] == "unexpected_keyword_argument"]
    return isinstance(key, str) and any(loc[:-1] == above and nearest(str(loc[-1]), [key]) for loc in unknown)


def _owner(path: tuple[Step, ...]) -> str:
    """What a key at a path belongs to: `a tag`, or the key above it."""
    if isinstance(path[-2], int):
        return f"an item of `{path[-3]}`"
    return SECTIONS[str(path[0])].words if len(path) == 3 and path[0] in SECTIONS else f"`{path[-2]}`"


def _this(owner: str) -> str:
    """The pointing form: `this tag` of `a tag`."""
    return owner if owner.startswith("`") else "this " + owner.split(" ", 1)[1]


def _translate(fault: Any, path: tuple[Step, ...], form: Any, location: tuple[Step, ...]) -> tuple[str, str, str]:
    """Code, what and hint of one of pydantic's findings, in the words of a configuration."""
    kind, value = fault["type"], fault["input"]
    error = fault.get("ctx", {}).get("error")
    if isinstance(error, ShapeError):
        return error.code, error.what, error.hint
    if kind == "unexpected_keyword_argument":
        keys = _known_keys(form, location[:-1])
        key = str(path[-1])
        hint = meant(key, keys) or ("the keys are " + ", ".join(keys) if len(keys) <= _KEYS_SHOWN else "")
        return "PC201", f"`{key}` is no key of {_owner(path)}", hint
    if kind == "missing" and isinstance(path[-1], int):
        return "PC203", "two values are due here: [low, high]", ""
    if kind == "missing":
        return "PC202", f"`{path[-1]}` is missing in {_this(_owner(path))}", f"add `{path[-1]}: ...`"
    if kind == "literal_error":
        words = [word.strip("'") for word in fault["ctx"]["expected"].replace(" or ", ", ").split(", ") if word != "''"]
        shown = f"`{value}`" if isinstance(value, str | int | float) else kind_of(value)
        hint = meant(value, words) if isinstance(value, str) else ""
        return "PC208", f"{shown} is none of {', '.join(words)}", hint
    if kind in ("too_long", "too_short"):
        return "PC203", f"two values are due here, these are {fault['ctx']['actual_length']}", "[low, high]"
    if kind in ("tuple_type", "list_type"):
        hint = "[AIC-4212, {tag: LI-4211, show: value}]" if "groups" in path else "[low, high]"
        return "PC203", f"a list is due here, this is {kind_of(value)}", hint
    if kind in ("dataclass_type", "dict_type"):
        keys = _known_keys(form, location)
        return "PC203", f"a mapping is due here, this is {kind_of(value)}", _keys_hint(keys)
    return "PC200", f"this does not fit here: {fault['msg']}", ""


def _keys_hint(keys: tuple[str, ...]) -> str:
    return f"its keys are {', '.join(keys)}" if keys and len(keys) <= _KEYS_SHOWN else ""


def _known_keys(form: Any, location: tuple[Step, ...]) -> tuple[str, ...]:
    """The keys that the class at a location below `form` knows; empty where there is no class."""
    for step in location:
        found = _class_of(form)
        if found is not None and step in keys_of(found):
            form = keys_of(found)[str(step)]
        elif get_origin(_bare(form)) is dict:
            form = get_args(_bare(form))[1]
        elif get_origin(_bare(form)) is tuple and isinstance(step, int):
            form = get_args(_bare(form))[0]
        else:
            return ()
    found = _class_of(form)
    return tuple(keys_of(found)) if found is not None else ()


def _class_of(form: Any) -> type | None:
    bare = _bare(form)
    return bare if isinstance(bare, type) and is_dataclass(bare) else None


def _bare(form: Any) -> Any:
    """A type without its annotations and without None."""
    if get_origin(form) is Annotated:
        return _bare(get_args(form)[0])
    choices = [argument for argument in get_args(form) if argument is not NoneType]
    if len(choices) == 1 and len(get_args(form)) == 2:
        return _bare(choices[0])
    return form


def _rules(entry: object, complete: bool) -> Iterator[_Fault]:
    """What the keys of one entry must be together; what needs other entries is the link's business."""
    if isinstance(entry, Alarm):
        limits = (entry.low_low, entry.low, entry.high, entry.high_high)
        if complete and all(limit is None for limit in limits):
            yield "PC215", "this alarm has no limit", (), "one of low_low, low, high, high_high"
    elif isinstance(entry, Tag) and entry.record is not None:
        yield from _record_rules(entry.record, ("record",))
    elif isinstance(entry, Display):
        yield from _display_rules(entry)
    elif isinstance(entry, Loop):
        if bool(entry.out) == bool(entry.split):
            what = "`out` and `split` in one loop" if entry.out else "this loop moves nothing"
            yield "PC215", what, (), "out: TAG; or split: {TV-1: [50 %, 0 %], JV-1: [50 %, 100 %]}"
        if entry.on_bad_pv is not None:
            yield from _bad_pv_rules(entry.on_bad_pv, ("on_bad_pv",))


def _record_rules(said: Record | Recording, path: tuple[Step, ...]) -> Iterator[_Fault]:
    given = [key for key in ("keep", "dead_band", "swinging_door") if getattr(said, key) not in (None, "")]
    hint = "one of keep: scanned, keep: none, dead_band, swinging_door"
    if len(given) != 1:
        yield "PC215", f"{' and '.join(given)} in one policy" if given else "this policy says nothing", path, hint
    elif given == ["keep"] and said.at_least is not None:
        yield "PC215", "`at_least` is for a tolerance", (*path, "at_least"), "take it out"


def _opcua_rules(server: OpcuaServer) -> Iterator[_Fault]:
    if server.insecure and server.listen not in _LOOPBACK:
        what = "an open server that other machines can reach"
        yield "PC215", what, ("insecure",), "leave `listen` out, or protect it: docs/how-to/connect-over-opcua.md"
    if not server.insecure and not server.policies:
        yield "PC215", "no policy is spoken, so nobody can connect", ("policies",), "leave the key out"
    if server.sessions > server.connections:
        yield "PC215", "more sessions than connections", ("sessions",), "a session is a connection that has logged in"


def _display_rules(display: Display) -> Iterator[_Fault]:
    if bool(display.groups) == bool(display.columns):
        what = "`groups` and `columns` in one display" if display.groups else "this display shows nothing"
        yield "PC215", what, (), "an overview has `groups`, a matrix has `columns`"
    if display.columns and not (display.template or display.rows):
        yield "PC215", "this matrix has no rows", ("columns",), "template: cell; or rows: {CELL-01: {current: II-4010}}"
    for name, column in display.columns.items():
        if column.tag and not display.template:
            hint = "name the tags under `rows`, or give the display a `template`"
            yield "PC215", "a tag for every row, without a template", ("columns", name, "tag"), hint


def _bad_pv_rules(step: BadPv, path: tuple[Step, ...]) -> Iterator[_Fault]:
    given = [key for key in ("switch_to", "hold", "manual") if getattr(step, key) not in (None, "")]
    if len(given) != 1:
        what = "this step does nothing" if not given else f"{' and '.join(given)} in one step"
        yield "PC215", what, path, "one of switch_to, hold, manual; `else` and `then` go on from there"
    if step.else_ is not None:
        yield from _bad_pv_rules(step.else_, (*path, "else"))
    if step.then is not None:
        yield from _bad_pv_rules(step.then, (*path, "then"))
