"""The embedded historian: what the log recorded, sealed into small files, and the questions that can be asked of it.

    files     what the record's files look like
    reading   sealed files, late values and the log behind them as one record, and what can be asked of it
    upkeep    sealing, thinning, retention, inspection, repair, backup
    export    lots side by side, with a manifest

Each knows those above it alone; the last two do not know each other. `plantctl.history.read(...)` gives history as a
data frame.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plantctl.history.reading.data_frame import read as read


def __getattr__(name: str) -> Any:
    if name == "read":
        from plantctl.history.reading.data_frame import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
