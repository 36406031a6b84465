"""What points were called, and in which units, when an older plan wrote: its rows may still wait for a sink.

The text of every plan lies beside the log. It has a point's name, its unit and its meaning, not the words of a state;
those are the present plan's where the unit is the same, else there are none.
"""

from plantctl.core.batch import PointLabel, PointLabels
from plantctl.history.reading.names import points_in
from plantctl.log.files import plan_name
from plantctl.log.plan_file import decode_plan
from plantctl.log.rows import PartlyReadable


class OlderLabels:
    """The labels of plans of `log` that are other ones than `labels`, which are those of the plan `now`."""

    def __init__(self, log: PartlyReadable, labels: PointLabels, now: int) -> None:
        self._log = log
        self._labels = labels
        self._known: dict[int, PointLabels] = {0: {}, now: {}}

    def of(self, plan_hash: int) -> PointLabels:
        """The points that the plan called otherwise; none where its text is gone. Raises `OSError`."""
        found = self._known.get(plan_hash)
        if found is None:
            found = self._known[plan_hash] = self._read(plan_hash)
        return found

    def _read(self, plan_hash: int) -> PointLabels:
        try:
            text = decode_plan(self._log.read(plan_name(plan_hash))).text
        except FileNotFoundError:
            return {}
        found: dict[int, PointLabel] = {}
        for was in points_in(text).values():
            label = self._labels.get(was.id)
            if label is None or (label.name, label.unit) == (was.name, was.unit):
                continue
            if label.unit == was.unit:
                found[was.id] = label._replace(name=was.name, text=was.text)
            else:
                found[was.id] = PointLabel(was.name, was.unit, was.text)
        return found
