"""The form of a configuration as a JSON Schema, so that an editor completes keys and shows what they mean.

It is made of the very classes that check a plant's text, of the ports and parameters of the block kinds and of the
settings of the drivers; it knows one file at a time, so names, units and whatever spans files stay with
`plantctl check`, the one judge: a text that the schema refuses is refused by `check` too, never the other way round.

Draft 07, since that is what editors read best. Inside a template any value may also be a placeholder (`<cell>`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plantctl.core.units import known_units
from plantctl.drivers._profile import shipped_profiles
from plantctl.drivers._runner import driver_kinds
from plantctl.drivers._runner import load as load_driver
from plantctl.plan.kind import Kind, find_kind, kind_names
from plantctl.plan.link_blocks import is_setting, key_of
from plantctl.plan.schema import form_schema
from plantctl.plan.source_forms import SHORT_OF
from plantctl.plan.source_plant import NAMED_SECTIONS, SECTIONS
from plantctl.plan.words import key_words
from plantctl.sinks._kinds import load as load_sink
from plantctl.sinks._kinds import sink_kinds

Json = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
PLACEHOLDER: Final[Json] = {"type": "string", "pattern": "<[A-Za-z_][A-Za-z0-9_]*>"}
_IN_TEMPLATE: Final = "InTemplate"
_LEAF: Final = ("type", "enum", "const")


def plant_schema() -> Json:
    """The schema of one file of a plant, the root or an included one; the same text each time."""
    definitions: Json = {}
    sections = {title: _section(title, definitions) for title in ("plant", *SECTIONS)}
    _complete(sections, definitions)
    inside = {title: _in_template(sections[title]) for title in NAMED_SECTIONS}
    for name in list(definitions):
        definitions[name + _IN_TEMPLATE] = _in_template(definitions[name])
        # A parameter of the plant may stand in any value; keys are as they are.
        definitions[name] = _in_template(definitions[name], keys=False)
    sections = {title: _in_template(section, keys=False) for title, section in sections.items()}
    parameters = {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}}
    template = {"type": "object", "properties": {"with": parameters, **inside}, "additionalProperties": False}
    instance = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    heads: Json = {
        "area": {"description": "what stands before tag names without an area", **_either("integer", "string")},
        "include": {
            "description": "further files of the plant, relative to this one",
            "type": "array",
            "items": {"type": "string"},
        },
        "parameters": {
            "description": "values put in wherever the text of any file has their name in angle brackets",
            **_mapping({"type": ["string", "number", "boolean"]}),
        },
        "templates": {"description": "what is equal many times", **_mapping(template)},
        "instances": {
            "description": "the parameters of each instance of a template",
            **_mapping({"type": "array", "items": instance}),
        },
    }
    return {
        "$schema": DRAFT,
        "title": "plantctl plant",
        "description": "One file of a plant. `plantctl check` finds what spans files, and says what was meant.",
        "type": "object",
        "properties": {**heads, **sections},
        "additionalProperties": False,
        "definitions": dict(sorted(definitions.items())),
    }


def _either(*types: str) -> Json:
    return {"type": list(types)}


def _mapping(entry: Json) -> Json:
    """A section: a mapping of names, or nothing at all."""
    return {"type": ["object", "null"], "additionalProperties": entry}


def _section(title: str, definitions: Json) -> Json:
    whole = form_schema(title)
    for name, form in whole.pop("$defs", {}).items():
        definitions[name] = _plain(form)
    if title == "plant":
        return dict(_plain(whole))
    return {"description": SECTIONS[title].words, **_mapping(_plain(whole))}


def _plain(schema: Any) -> Any:
    """A schema as pydantic made it, in the words of a configuration: no null, no defaults that say nothing."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _plain(value) for key, value in schema.items() if key not in ("title", "default", "properties")}
    if schema.get("default") not in (None, "", {}, []):
        found["default"] = schema["default"]
    if "$ref" in found:
        found["$ref"] = found["$ref"].replace("#/$defs/", "#/definitions/")
    if "enum" in found:
        found["enum"] = [word for word in found["enum"] if word != ""]
    if "prefixItems" in found:
        found["items"], found["additionalItems"] = found.pop("prefixItems"), False
    if "patternProperties" in found:
        found.setdefault("additionalProperties", False)
    if "properties" in schema:
        _add_keys(found, schema)
    return _choice(found) if "anyOf" in found else found


def _add_keys(found: Json, schema: Json) -> None:
    """The keys of a form with what they mean; keys that belong to a plug-in stay open."""
    form, words = schema.get("title", ""), key_words()
    keys = {key: _plain(value) for key, value in schema["properties"].items() if key != "settings"}
    for key, value in keys.items():
        meaning = words.get((form, key))
        keys[key] = {"description": meaning, **value} if meaning and "$ref" not in value else value
        if meaning and "$ref" in value:
            keys[key] = {"description": meaning, "allOf": [value]}  # draft 07 reads nothing beside a reference
    if "settings" in schema["properties"]:
        found["additionalProperties"] = True
    found["properties"] = keys


def _choice(found: Json) -> Json:
    """`anyOf` without null, without the mark of a short form, and without itself where one choice is left."""
    choices = [choice for choice in found.pop("anyOf") if choice != {"type": "null"}]
    for number, choice in enumerate(choices):
        if SHORT_OF in choice:
            choices[number] = {"short": choice[SHORT_OF]}
    if len(choices) == 1:
        return {**choices[0], **found}
    return {**found, "anyOf": choices}


def _complete(sections: Json, definitions: Json) -> None:
    """Fill in short forms, and what only plug-ins know: kinds, ports, parameters, settings, units, profiles."""
    for part in _parts([*sections.values(), *definitions.values()]):
        short = next((c for c in part.get("anyOf", ()) if "short" in c), None)
        if short is not None:
            form = part["anyOf"][0]
            form = definitions[form["$ref"].rpartition("/")[2]] if "$ref" in form else form
            part["anyOf"][part["anyOf"].index(short)] = form["properties"][short["short"]]
    blocks = {name: _block_keys(find_kind(name)) for name in kind_names()}
    drivers = {name: _driver_keys(name) for name in driver_kinds()}
    sinks = {name: _sink_keys(name) for name in sink_kinds()}
    for title, kinds in (("blocks", blocks), ("devices", drivers), ("sinks", sinks)):
        entry = sections[title]["additionalProperties"]
        own = entry["properties"]
        own["kind"]["examples"] = list(kinds)
        entry["allOf"] = [
            {
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": {"properties": {**dict.fromkeys(own, True), **keys}, "additionalProperties": False},
            }
            for name, keys in kinds.items()
        ]
    tag = sections["tags"]["additionalProperties"]["properties"]
    tag["unit"]["examples"] = sorted(known_units())
    tag["profile"]["examples"] = drivers_profiles = sorted(path.stem for path in shipped_profiles().glob("*.yaml"))
    for keys in drivers.values():
        keys["profile"]["examples"] = drivers_profiles


def _parts(schema: Any) -> Iterator[Json]:
    """Every mapping of a schema, inner ones first."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inner:
        yield from _parts(part)
    if isinstance(schema, dict):
        yield schema


def _block_keys(kind: Kind) -> Json:
    """What a block of this kind may be given: its inputs to wire, its parameters, each with its unit."""
    keys: Json = {"unit": {"description": "of its output, where it has one of its own"}}
    for field in kind.fields:
        if is_setting(field):
            unit = f" ({field.declared.unit})" if field.declared.unit not in ("", "1", "any") else ""
            what = "input: " if field.is_port else ""
            said: Json = {"description": f"{what}{field.declared.doc}{unit}"}
            if field.declared.words:
                said["examples"] = list(field.declared.words)
            keys[key_of(field.name)] = keys[field.name] = said
    return keys


def _driver_keys(name: str) -> Json:
    """The settings of a driver; what their values may be is the driver's to check."""
    config: Mapping[str, Any] = load_driver(name).Config.model_json_schema()
    keys: Json = {
        "connect": {"description": "the address it is reached at", "type": "string"},
        "profile": {"description": "register map of the device, a file of config/devices", "type": "string"},
    }
    for key, form in config["properties"].items():
        keys[key] = _setting(form, f"of the driver `{name}`")
    return keys


def _sink_keys(name: str) -> Json:
    """The settings of a sink; what their values may be is the sink's to check."""
    config: Mapping[str, Any] = load_sink(name).Config.model_json_schema()
    return {key: _setting(form, f"of the sink `{name}`") for key, form in config["properties"].items()}


def _setting(form: Json, what: str) -> Json:
    """A setting of a plug-in: what it is, and its value where the text says nothing."""
    default = {"default": form["default"]} if form.get("default") not in (None, "", {}, []) else {}
    return {**default, "description": form.get("description", what)}


def _in_template(schema: Any, *, keys: bool = True) -> Any:
    """A schema in which any single value may also hold a placeholder, and with `keys` so may keys."""
    if isinstance(schema, list):
        return [_in_template(part, keys=keys) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "enum" in schema and not keys:
        return schema  # an editor is to offer the words
    if "if" in schema:
        return {
            **schema,
            "then": {**schema["then"], "properties": _in_template_each(schema["then"]["properties"], keys)},
        }
    if "$ref" in schema:
        return {"$ref": schema["$ref"] + (_IN_TEMPLATE if keys else "")}
    found = {key: value if key == "properties" else _in_template(value, keys=keys) for key, value in schema.items()}
    for key in ("examples", "required", "enum", "const", "type"):
        if key in schema:
            found[key] = schema[key]
    if "properties" in schema:
        found["properties"] = _in_template_each(schema["properties"], keys)
    if "patternProperties" in found and not keys:
        found["patternProperties"] = _in_template_each(schema["patternProperties"], keys)
        if "propertyNames" in schema:
            found["propertyNames"] = schema["propertyNames"]
    elif "patternProperties" in found:
        (found["additionalProperties"],) = found.pop("patternProperties").values()
        found.pop("propertyNames", None)
    is_single = any(key in schema for key in _LEAF) and schema.get("type") not in (
        "object",
        "array",
        ["object", "null"],
    )
    if not is_single:
        return found
    said = {key: found.pop(key) for key in ("description", "default", "examples") if key in found}
    return {**said, "anyOf": [found, PLACEHOLDER]}


def _in_template_each(properties: Json, keys: bool) -> Json:
    return {key: _in_template(value, keys=keys) for key, value in properties.items()}
