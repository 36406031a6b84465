"""An entry of the laboratory's book as it is told over HTTP and at the control socket."""

import math

from plantctl.history.reading.lab_book import LabEntry
from plantctl.hmi.lab_messages import LabEntryTold, LabStepTold
from plantctl.plan.lab import LabTag
from plantctl.plan.plan import Point


def entry_told(entry: LabEntry, lab: LabTag, point: Point) -> LabEntryTold:
    """The entry as it stands, with everything that was said of it; a value that is no number is None."""
    return LabEntryTold(
        entry.name,
        point.name,
        _finite(entry.value),
        "" if point.unit == "1" else point.unit,
        entry.quality,
        entry.state,  # type: ignore[arg-type]  # one of the words by construction
        lab.specification(entry.value),  # type: ignore[arg-type]
        str(entry.utc_ns),
        entry.note.sample,
        entry.note.lot,
        entry.note.comment,
        [
            LabStepTold(
                step.act.word,  # type: ignore[arg-type]
                str(step.utc_ns),
                step.actor,
                _finite(step.value),
                step.note.given,
                step.note.reason or step.note.comment,
            )
            for step in entry.steps
        ],
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
