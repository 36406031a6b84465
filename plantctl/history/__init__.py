"""The embedded historian: what the log recorded, sealed into small files, and the questions that can be asked of it.

`plantctl.history.read(...)` gives it as a data frame (`data_frame`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plantctl.history.data_frame import read as read


def __getattr__(name: str) -> Any:
    if name == "read":
        from plantctl.history.data_frame import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
