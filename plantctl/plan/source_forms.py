"""How a class of the configuration is read: strictly, with short forms, lists of one, and keys left to a plug-in.

Each is an annotation that pydantic asks for its validator; the answers are plain dictionaries, so that the classes
themselves do not import pydantic.
"""

from collections.abc import Callable
from typing import Any, Final


def yaml_key(field_name: str) -> str:
    """The key of a field as it stands in the text: `for` of `for_`."""
    return field_name.rstrip("_")


STRICT: Final[dict[str, Any]] = {"extra": "forbid", "alias_generator": yaml_key}
"""What pydantic reads from each class: unknown keys are errors."""


SHORT_OF: Final = "short form of"
"""Stands in a form's JSON Schema for "like this key of the other form", until the whole schema is put together."""


class Short:
    """A short form: a value that is no mapping stands for a mapping with this one key."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __get_pydantic_core_schema__(self, source: Any, inner: Callable[[Any], Any]) -> dict[str, Any]:
        function = {"type": "no-info", "function": self.unfold}
        return {"type": "function-before", "function": function, "schema": inner(source)}

    def __get_pydantic_json_schema__(self, core_schema: Any, inner: Callable[[Any], Any]) -> dict[str, Any]:
        whole = inner(core_schema["schema"])
        return {"anyOf": [whole, {SHORT_OF: self.key}]}

    def unfold(self, value: object) -> object:
        return value if isinstance(value, dict) else {self.key: value}


def _channels(value: object) -> object:
    return value if isinstance(value, list) else [value]


class OneOrMore:
    """One value, or a list of them; kept as a tuple."""

    def __get_pydantic_core_schema__(self, source: Any, inner: Callable[[Any], Any]) -> dict[str, Any]:
        function = {"type": "no-info", "function": _channels}
        return {"type": "function-before", "function": function, "schema": inner(source)}

    def __get_pydantic_json_schema__(self, core_schema: Any, inner: Callable[[Any], Any]) -> dict[str, Any]:
        several = inner(core_schema["schema"])
        return {"anyOf": [several["items"], several]}


class Rest:
    """Keys that are no fields of the class are folded into its field `settings`: a plug-in knows them."""

    def __init__(self, *own: str) -> None:
        self.own = own

    def __get_pydantic_core_schema__(self, source: Any, follow: Callable[[Any], Any]) -> dict[str, Any]:
        function = {"type": "no-info", "function": self.fold}
        return {"type": "function-before", "function": function, "schema": follow(source)}

    def fold(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        own = {key: value[key] for key in self.own if key in value}
        return {**own, "settings": {key: item for key, item in value.items() if key not in self.own}}
