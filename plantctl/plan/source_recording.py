"""`record:` of a tag and `recording:` of the plant: what of a point goes into the history (`core.recording`)."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from plantctl.plan.shapes import Duration, Quantity, Text
from plantctl.plan.source_forms import STRICT, OneOrMore


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`record: none`, or `record: {swinging_door: 0.02 K, at_least: 10 min}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    keep: Literal["", "scanned", "none"] = ""
    dead_band: Quantity | None = None
    swinging_door: Quantity | None = None
    at_least: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`recording:` of the plant: a list of rules like `{points: "40-*", dead_band: 0.02 K}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    points: Annotated[tuple[Text, ...], OneOrMore()]
    keep: Literal["", "scanned", "none"] = ""
    dead_band: Quantity | None = None
    swinging_door: Quantity | None = None
    at_least: Duration | None = None
