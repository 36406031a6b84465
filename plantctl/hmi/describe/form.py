"""The form of a plant's description, key by key: what the answer of `GET /api/v1/plant` holds and what it means.

One table a kind of entry; the OpenAPI document, the reference page and the test that a description has exactly these
keys are made of it. Types are those of JSON; a `?` says that the value may be null.
"""

from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]
Table = Mapping[str, tuple[str, str]]

TEXTS: Final = "list of text"
POINTS: Final = "points"

FORMS: Final[Mapping[str, Table]] = {
    "description": {
        "plant": ("head", "which plant"),
        "config": ("text", "hash of the configuration, 16 hexadecimal digits"),
        "simulated": ("flag", "whether simulators stand in for all devices"),
        "time_zone": ("text", "in which times are shown; all times of the interface are UTC"),
        "scan_ms": ("number", "period of the fastest task, ms"),
        "tags": ("list of tag", "every point, in the order of its row"),
        "loops": ("list of loop", "in the order of the text, as all that follow"),
        "alarms": ("list of alarm", "one for each limit"),
        "causes": ("list of cause", "rows of the cause-and-effect chart"),
        "effects": ("list of effect", "its columns"),
        "permissives": ("list of permissive", "what must be true before an output may start"),
        "devices": ("list of device", "what the plant is connected to"),
        "feeds": ("list of feed", "the sinks that its data goes to"),
        "laboratory": ("list of laboratory tag", "whose values people enter, with the time of their sample"),
        "displays": ("list of display", "what is looked at together; made up where the text has none"),
    },
    "head": {"name": ("text", "of the plant"), "text": ("text", "what it is; may be empty")},
    "tag": {
        "id": ("integer", "stable number of the point, the same in every version of the plant's text"),
        "tag": ("text", "full name"),
        "text": ("text", "what it is; may be empty"),
        "unit": ("text", "empty for a plain number"),
        "low": ("number?", "lower end of the range, in the unit"),
        "high": ("number?", "upper end"),
        "decimals": ("integer", "how many are shown"),
        "kind": (
            "input output calculated block system",
            "who writes it; `block`: a point of a loop, an alarm and so on",
        ),
        "device": ("text?", "of an input or output"),
        "item": ("text?", "the device's own name for it"),
        "system": ("text?", "`sis`: belongs to the safety system, read only"),
        "stale_after_ms": ("number?", "older is uncertain, twice that bad; null: it does not age"),
        "states": ("words?", "what its whole numbers mean: number as text -> word"),
        "write": ("write?", "how a person's write is asked back; null: no person writes it"),
        "asked_by": ("text?", "of an output: the loop or calculation that asks for it; null: commands only"),
        "indicator": ("indicator?", "where it is normal, alarms and trips; null: nothing is known of that"),
    },
    "write": {
        "class": ("direct confirm confirm-reason", "at once; after old and new were confirmed; with a reason as well"),
        "confirm_beyond": ("number?", "a `direct` write that changes more than this, in the unit, is confirmed too"),
    },
    "indicator": {
        "normal": ("pair?", "[low, high] between the alarms, the range's end where there is none; null: no alarms"),
        "alarms": ("list of alarm limit", "as the plan starts with them"),
        "setpoints": (TEXTS, "the points of the set-points of loops that hold the value"),
        "trips": ("list of trip limit", "of causes that compare the value with a number"),
    },
    "alarm limit": {
        "alarm": ("text", "its point"),
        "side": ("low high", "on which side of the limit it alarms"),
        "limit": ("number", "in the tag's unit"),
        "priority": ("integer", "1 is the highest"),
    },
    "trip limit": {
        "cause": ("text", "of the chart"),
        "side": ("low high", "on which side of the limit it trips"),
        "limit": ("number", "in the tag's unit"),
        "armed": ("flag", "whether it counts only while another condition holds"),
    },
    "loop": {
        "loop": ("text", "its tag, whose point is the output that it asks for"),
        "text": ("text", "what it does"),
        "pv": ("text", "what is controlled"),
        "out": ("text", "what it writes: an output, the loop below, or the point of what splits it"),
        "outputs": (TEXTS, "what it works on in the end, through the loops below; two where it is split"),
        "unit": ("text", "of PV and set-point"),
        "out_unit": ("text", "of the output"),
        "sp_low": ("number?", "lower limit of the set-point, else of the PV's range"),
        "sp_high": ("number?", "upper limit"),
        "out_low": ("number?", "lower limit of the output"),
        "out_high": ("number?", "upper limit"),
        "modes": ("list of text", "what a person may ask for"),
        "direct": ("flag", "whether more PV means more output"),
        "points": (POINTS, "by part: `sp`, `op`, `mode`, `target`, `p`, `i`, `d`, `ff` and so on"),
        "interlocks": (TEXTS, "causes that take its output away or scale it"),
    },
    "alarm": {
        "alarm": ("text", "its point, whose number is its state"),
        "tag": ("text", "what is watched"),
        "limit": ("number?", "in the unit, as the plan starts with it"),
        "side": ("low high", "on which side of the limit it alarms"),
        "unit": ("text", "of the limit"),
        "priority": ("integer", "1 is the highest"),
        "text": ("text", "what has happened"),
        "cause": ("text", "likely reason"),
        "consequence": ("text", "what happens next"),
        "response": ("text", "what to do"),
        "time_s": ("number?", "how long there is to act, s"),
        "latched": ("flag", "whether it stays until a person resets it"),
        "on_delay_s": ("number?", "how long beyond the limit before it comes, s"),
        "arm": ("text?", "it counts only while this holds, as the text has it; null: always"),
        "points": (POINTS, "by part: `state`, `active`, `ack`, `suppressed`, `bad_input` and so on"),
    },
    "cause": {
        "cause": ("text", "its point, 1 while it is tripped"),
        "text": ("text", "what has happened"),
        "when": ("text", "its conditions as the text has them, with `|` between channels"),
        "channels": (TEXTS, "the conditions one by one"),
        "arm": ("text?", "it counts only while this holds"),
        "clear": ("text?", "a reset is possible once this holds; null: once the condition does not"),
        "tags": (TEXTS, "what the conditions look at"),
        "delay_s": ("number?", "how long before it trips, s"),
        "bad_delay_s": ("number?", "how long its value may be unknown before it trips, s"),
        "vote": ("text", "how many channels of how many: `2oo3`"),
        "mirrors": ("text?", "the system that executes the row itself"),
        "effects": (TEXTS, "what it trips"),
        "points": (
            POINTS,
            "by part: `tripped`, `demand`, `first_out`, `bad_input`; 1 while it holds: `when`, `arm`, `clear`",
        ),
    },
    "effect": {
        "effect": ("text", "its point, 1 while it is tripped"),
        "text": ("text", "what it does"),
        "group": ("text", "what a reset releases together"),
        "outputs": ("numbers", "output -> value that it is forced to, in its unit"),
        "scales": ("numbers", "output -> share that is left of it, 0 to below 1"),
        "demands": (TEXTS, "causes that trip it, and effects that it takes over from"),
        "points": (POINTS, "by part: `tripped`, `active`, `failed`, `first`, `reset`"),
    },
    "permissive": {
        "output": ("text", "which must not start otherwise"),
        "point": ("text", "1 while all conditions hold"),
        "conditions": ("list of condition", "each for itself"),
    },
    "condition": {
        "text": ("text", "what a refusal says"),
        "when": ("text", "as the text has it"),
        "point": ("text", "1 while it holds"),
    },
    "device": {
        "device": ("text", "its name"),
        "kind": ("text", "of its driver"),
        "insecure": ("flag", "whether its connection could be protected and is not"),
        "simulated": ("flag", "whether a simulator stands in for it, whose values are marked"),
        "address": ("text", "where it is reached, without credentials"),
        "configured": (
            "text?",
            "the address of the plant's text, where another one is used (`--endpoints`); else null",
        ),
        "inputs": ("integer", "how many tags it gives"),
        "outputs": ("integer", "how many it takes"),
    },
    "feed": {
        "feed": ("text", "name of the sink"),
        "kind": ("text", "what it is: `influx`, `mqtt` and so on"),
        "points": (POINTS, "by part: `state`, `lag`, `missing`, `quarantined`, `lost`, `failures`"),
    },
    "laboratory tag": {
        "tag": ("text", "one of the tags, whose range is what is plausible"),
        "method": ("text", "how it is found; may be empty"),
        "low": ("number?", "lower specification limit, in the tag's unit"),
        "high": ("number?", "upper one"),
        "signatures": ("integer", "2: another person than the one who gave the value signs it, else 1"),
        "within_s": ("number", "older samples are refused, s"),
    },
    "display": {
        "display": ("text", "its name"),
        "kind": ("overview matrix", "groups, or rows and columns"),
        "text": ("text", "heading"),
        "groups": ("list of group", "of an overview only"),
        "rows": ("list of row", "of a matrix only"),
        "columns": ("list of column", "of a matrix only"),
    },
    "group": {"text": ("text", "heading"), "items": ("list of item", "in the order of the text")},
    "item": {
        "tag": ("text", "either this"),
        "loop": ("text", "or this"),
        "show": ("indicator value state valve pump", "how"),
    },
    "row": {"row": ("text", "its name"), "tags": ("names", "column -> tag")},
    "column": {
        "column": ("text", "its name, the key of each row's tags"),
        "text": ("text", "heading"),
        "unit": ("text", "of all its tags"),
        "deviation": ("number?", "how far a row may be from the middle of all before it is marked"),
    },
}
_OPTIONAL: Final = {
    ("display", "groups"),
    ("display", "rows"),
    ("display", "columns"),
    ("item", "tag"),
    ("item", "loop"),
}
_SIMPLE: Final[Mapping[str, Json]] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "pair": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
    "words": {"type": "object", "additionalProperties": {"type": "string"}},
    "names": {"type": "object", "additionalProperties": {"type": "string"}},
    "points": {"type": "object", "additionalProperties": {"type": "string"}},
    "numbers": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
}


def schemas(prefix: str = "#/components/schemas/") -> dict[str, Json]:
    """The JSON Schema of every kind of entry by its name (`PlantTag`), references beginning with `prefix`."""
    return {_name(form): _schema(form, table, prefix) for form, table in FORMS.items()}


def _name(form: str) -> str:
    return "Plant" + form.title().replace(" ", "")


def _schema(form: str, table: Table, prefix: str) -> Json:
    return {
        "type": "object",
        "properties": {key: {**_type(kind, prefix), "description": words} for key, (kind, words) in table.items()},
        "required": [key for key in table if (form, key) not in _OPTIONAL],
        "additionalProperties": False,
    }


def _type(kind: str, prefix: str) -> Json:
    if kind.endswith("?"):
        return {"anyOf": [_type(kind[:-1], prefix), {"type": "null"}]}
    if kind.startswith("list of "):
        return {"type": "array", "items": _type(kind.removeprefix("list of "), prefix)}
    if kind in _SIMPLE:
        return dict(_SIMPLE[kind])
    if kind in FORMS:
        return {"allOf": [{"$ref": prefix + _name(kind)}]}
    return {"type": "string", "enum": kind.split()}


def reference_tables() -> str:
    """The tables of `docs/reference/plant-description.md`."""
    lines = []
    for form, table in FORMS.items():
        lines += [f"### {form}", "", "| key | value | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{key}` | {_told(kind)} | {words} |" for key, (kind, words) in table.items()]
        lines.append("")
    return "\n".join(lines)


def _told(kind: str) -> str:
    bare = kind.removesuffix("?")
    of = bare.removeprefix("list of ")
    if of in FORMS:
        told = bare.removesuffix(of) + f"[{of}](#{of.replace(' ', '-')})"
    elif bare in _SIMPLE or of in _SIMPLE:
        told = bare
    else:
        told = " ".join(f"`{word}`" for word in bare.split())
    return told + (", or null" if kind.endswith("?") else "")
