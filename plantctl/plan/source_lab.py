"""`lab:` of a tag: a value that the laboratory finds in a sample and enters later, with the time of the sample."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from plantctl.plan.shapes import Duration, Quantity, Text
from plantctl.plan.source_forms import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """`lab:` of a tag, whose `range` is what is plausible: nothing outside it is taken."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    method: Text = ""
    limits: tuple[Quantity, Quantity] | None = None
    signatures: Literal["one", "two"] = "one"
    within: Duration = "3 d"
