"""The way of a trip through a log, as an investigator reads it afterwards: nothing here has seen the run."""

from dataclasses import dataclass

from plantctl.core.frame import Kind, decode_records, decode_rows
from plantctl.log.reader import read_frames


@dataclass
class Value:
    """One logged value of a tag: when the device said it had it, when it came in, the scan that took it."""

    scan: int
    mono_ns: int
    utc_ns: int
    value: float
    quality: int
    source_ns: int
    receive_ns: int


class LoggedRun:
    """The rows, events and writes of a log, by name."""

    def __init__(self, folder, plan):
        ids = {point.id: point.name for point in plan.points if point.row}
        self.values, self.writes, self.events = {}, {}, []
        for utc_ns, frame in read_frames(folder):
            if frame.kind in (Kind.DELTA, Kind.KEY):
                rows = decode_rows(frame.payload)
                for k, tag in enumerate(rows.tag.tolist()):
                    times = (int(rows.source_ns[k]), int(rows.receive_ns[k])) if k < rows.inputs else (0, 0)
                    found = Value(frame.scan, frame.mono_ns, utc_ns, rows.value[k], int(rows.quality[k]), *times)
                    self.values.setdefault(ids[tag], []).append(found)
            elif frame.kind == Kind.WRITE:
                for record in decode_records(Kind.WRITE, frame.payload):
                    self.writes.setdefault(ids[int(record["tag"])], []).append((frame.scan, record))
            elif frame.kind == Kind.EVENT:
                for record in decode_records(Kind.EVENT, frame.payload):
                    self.events.append((frame.scan, frame.mono_ns, ids.get(int(record["tag"]), ""), record))

    def first(self, name, condition, after_scan=0):
        """The first logged value of a tag for which `condition(value)` holds, from a scan on."""
        return next(v for v in self.values[name] if v.scan >= after_scan and condition(v.value))
