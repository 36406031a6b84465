"""What of a plant is measured by Prometheus and its like: the controller's own health, and points where asked for.

Names begin with `plantctl_` where they are the controller's, and are `plant_value` and `plant_quality` for points, with
the labels that a database gets from the sink `influx`: one dashboard does for both.
"""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

import numpy as np

from plantctl import __version__
from plantctl.core.block import fields
from plantctl.core.device_statistics import DeviceStatistics, LinkState
from plantctl.core.feed import STATE_WORDS, feed_point
from plantctl.hmi.exposition import Family, Sample, head, histogram, labels, number, written
from plantctl.hmi.live_plant import Snapshot, WatchedPlant
from plantctl.plan.plan import KindRows

LINKS: Final = ("ok", "scan-dead", "scan-replaced", "held")
ALARM_KIND: Final = "limit_alarm"
# So many points are written at a time before others get their turn.
POINTS_AT_ONCE: Final = 500
ERRORS: Final = ("requests", "errors", "connects", "disconnects", "overruns", "writes", "write_errors", "discarded")
TEXTS: Final = {
    "requests": "Telegrams or service calls sent.",
    "errors": "Requests that were not answered properly.",
    "connects": "Connections made.",
    "disconnects": "Connections lost.",
    "overruns": "Read jobs that began more than a period late.",
    "writes": "Writes that the device confirmed.",
    "write_errors": "Writes that it did not.",
    "discarded": "Bytes or values that could not be trusted.",
}


class PlantMetrics:
    """The measurements of one plant; `patterns` are the points that are told beside them."""

    def __init__(self, plant: WatchedPlant, patterns: tuple[str, ...] = ()) -> None:
        self._plant = plant
        plan = plant.plan
        wanted = [p for p in plan.points if p.name and any(fnmatchcase(p.name, pattern) for pattern in patterns)]
        self._rows = [p.row for p in wanted]
        self._point_labels = [
            labels(plant=plan.name, point=p.name, unit="" if p.unit == "1" else p.unit) for p in wanted
        ]
        self._alarms = [place for place, rows in enumerate(plan.kinds) if rows.kind.name == ALARM_KIND]
        self._words = next((_state_words(plan.kinds[place]) for place in self._alarms), ())

    def parts(self, clients: int, *, openmetrics: bool) -> Iterator[str]:
        """The text in parts, each some 500 lines at most, all of one moment: that of the first part."""
        snapshot = self._plant.snapshot()
        rows = np.array(self._rows, np.intp)
        # It may be the plant's own memory, and others take their turn between two parts.
        values, qualities = snapshot.v[rows].tolist(), snapshot.q[rows].tolist()
        families = [*self._of_scan(snapshot), *self._of_processes(), *self._of_devices()]
        families += [*self._of_log(snapshot), *self._of_sinks(snapshot), *self._of_people(snapshot, clients)]
        yield "".join(written(families, openmetrics=openmetrics))
        for name, text, told in (
            ("plant_value", "Value of a point, in its unit; while it is bad, what was known last.", values),
            (
                "plant_quality",
                "Quality of a point: modulo 4 it is 0 good, 1 uncertain, 2 bad; 16384 is in it where it is simulated.",
                qualities,
            ),
        ):
            if told:
                yield head(Family(name, "gauge", text, ()), openmetrics=openmetrics)
            for begin in range(0, len(told), POINTS_AT_ONCE):
                part = slice(begin, begin + POINTS_AT_ONCE)
                pairs = zip(self._point_labels[part], told[part], strict=True)
                # What is not a finite number is no value; its quality says why.
                yield "".join(f"{name}{named} {number(v)}\n" for named, v in pairs if v - v == 0)

    # -- what there is

    def _point(self, snapshot: Snapshot, name: str) -> float:
        row = self._plant.plan.statistics.get(name)
        return float(snapshot.v[row]) if row is not None else 0.0

    def _of_scan(self, snapshot: Snapshot) -> Iterator[Family]:
        plan, pulse, load = self._plant.plan, self._plant.pulse(), self._plant.load()
        said = labels(plant=plan.name, version=__version__, config=f"{plan.hash:016x}")
        yield _gauge(
            "plantctl_plant_info", "The plant, the version of plantctl, the hash of the configuration.", said, 1
        )
        yield _gauge("plantctl_scan_period_seconds", "Period of the fastest task.", "", plan.period_ns / 1e9, "seconds")
        yield _counter("plantctl_scans", "Scans since the plant began.", "", snapshot.scan)
        yield _gauge("plantctl_scan_age_seconds", "Since the scan last lived.", "", pulse.scan_age_ns / 1e9, "seconds")
        yield _gauge(
            "plantctl_field_age_seconds", "Since the field last lived.", "", pulse.field_age_ns / 1e9, "seconds"
        )
        yield Family("plantctl_link", "gauge", "1 for how scan and field are.", _state("link", LINKS, pulse.link))
        edges = [2.0**k / 1e6 for k in range(len(load.lateness) - 1)]
        yield histogram("plantctl_scan_lateness_seconds", "How late scans began.", edges, load.lateness)
        yield histogram("plantctl_scan_execution_seconds", "How long scans took.", edges, load.execution)
        missed = self._point(snapshot, "scan.overruns")
        yield _counter("plantctl_scan_overruns", "Periods missed since the scan process began.", "", missed)
        tasks = [Sample(labels(task=t.name), self._point(snapshot, f"scan.{t.name}_overruns")) for t in plan.tasks]
        yield Family("plantctl_task_overruns", "counter", "Turns that a task missed.", tasks)
        for name, text in (
            ("lost_events", "Events that found the ring full."),
            ("damaged_messages", "Messages of other processes that could not be read."),
            ("non_finite", "Outputs of blocks that were not finite."),
        ):
            yield _counter(f"plantctl_scan_{name}", text, "", self._point(snapshot, f"scan.{name}"))
        synchronised = self._point(snapshot, "clock.synchronised")
        yield _gauge("plantctl_clock_synchronised", "1 while UTC follows a reference.", "", synchronised)

    def _of_processes(self) -> Iterator[Family]:
        told = self._plant.processes()
        named = [labels(role=each["role"]) for each in told]
        up = [Sample(n, each["state"] == "up") for n, each in zip(named, told, strict=True)]
        starts = [Sample(n, each["starts"]) for n, each in zip(named, told, strict=True)]
        given_up = [Sample(n, each["gave_up"]) for n, each in zip(named, told, strict=True)]
        yield Family("plantctl_process_up", "gauge", "1 while the process lives.", up)
        yield Family("plantctl_process_starts", "counter", "How often it was started.", starts)
        yield Family("plantctl_process_given_up", "gauge", "1 where it is not started any more.", given_up)
        wishes = self._plant.realtime()
        wanted = [Sample(labels(name=each["name"]), each["wanted"]) for each in wishes]
        held = [Sample(labels(name=each["name"]), each["held"]) for each in wishes]
        yield Family("plantctl_realtime_wanted", "gauge", "1 where the plant asked the machine for it.", wanted)
        yield Family("plantctl_realtime_held", "gauge", "1 where the machine gave it.", held)

    def _of_devices(self) -> Iterator[Family]:
        now_ns = self._plant.monotonic_ns()
        devices = [(labels(device=d.name), counted) for d, counted in self._plant.device_statistics()]
        states = [
            Sample(labels(device=d.name, state=word), counted.state.word == word)
            for d, counted in self._plant.device_statistics()
            for word in (state.word for state in LinkState)
        ]
        up = [Sample(n, counted.state is LinkState.UP) for n, counted in devices]
        yield Family("plantctl_device_up", "gauge", "1 while the device is connected.", up)
        simulated = [Sample(labels(device=d.name), d.simulated) for d, _ in self._plant.device_statistics()]
        yield Family("plantctl_device_simulated", "gauge", "1 where a simulator stands in for it.", simulated)
        yield Family("plantctl_device_link", "gauge", "1 for how the connection is.", states)
        for name in ERRORS:
            counts = [Sample(n, getattr(counted, name)) for n, counted in devices]
            yield Family(f"plantctl_device_{name}", "counter", TEXTS[name], counts)
        for name, text, seconds in (
            ("latency", "Of the last answer.", lambda c: c.latency_last_ns / 1e9),
            ("latency_max", "Of the slowest answer.", lambda c: c.latency_most_ns / 1e9),
            ("answer_age", "Since the last sign of life.", lambda c: _age_s(c, now_ns)),
        ):
            found = [Sample(n, seconds(c)) for n, c in devices if c.answer_ns]
            yield Family(f"plantctl_device_{name}_seconds", "gauge", text, found, "seconds")

    def _of_log(self, snapshot: Snapshot) -> Iterator[Family]:
        word = self._plant.log()
        yield _gauge("plantctl_log_failing", "1 while what is recorded does not reach the disk.", "", word.failing)
        yield _counter("plantctl_log_frames", "Frames written since the recorder began.", "", word.frames)
        lost = self._point(snapshot, "log.lost_frames")
        yield _counter("plantctl_log_lost_frames", "Frames overwritten before they were written.", "", lost)
        if word.durable_utc_ns:
            lag_s = max(0.0, (self._plant.utc_ns() - word.durable_utc_ns) / 1e9)
            text = "How long ago that was of which nothing can be lost any more."
            yield _gauge("plantctl_log_durable_lag_seconds", text, "", lag_s, "seconds")
        size, sealed = self._point(snapshot, "log.bytes"), self._point(snapshot, "log.history_bytes")
        yield _gauge("plantctl_log_bytes", "Room of the log when last sealed.", "", size, "bytes")
        yield _gauge("plantctl_history_bytes", "Room of the sealed history then.", "", sealed, "bytes")
        removed = self._point(snapshot, "log.history_removed")
        yield _counter("plantctl_history_removed_files", "Files beyond what is kept.", "", removed)

    def _of_sinks(self, snapshot: Snapshot) -> Iterator[Family]:
        sinks = [sink.name for sink in self._plant.plan.sinks]

        def told(what: str) -> list[Sample]:
            return [Sample(labels(sink=name), self._point(snapshot, feed_point(name, what))) for name in sinks]

        states = [
            Sample(labels(sink=name, state=word), self._point(snapshot, feed_point(name, "state")) == place)
            for name in sinks
            for place, word in enumerate(STATE_WORDS)
        ]
        yield Family("plantctl_sink_state", "gauge", "1 for how the sink is.", states)
        yield Family(
            "plantctl_sink_lag_seconds", "gauge", "Age of the newest that has not arrived.", told("lag"), "seconds"
        )
        yield Family("plantctl_sink_missing_frames", "gauge", "Frames still to be sent behind.", told("missing"))
        yield Family("plantctl_sink_quarantined_records", "gauge", "Records set aside.", told("quarantined"))
        yield Family("plantctl_sink_lost_frames", "gauge", "Frames gone before they were sent.", told("lost"))
        yield Family("plantctl_sink_failures", "counter", "Attempts that failed.", told("failures"))

    def _of_people(self, snapshot: Snapshot, clients: int) -> Iterator[Family]:
        plan = self._plant.plan
        yield _gauge("plantctl_page_clients", "Pages that are connected.", "", clients)
        counts, suppressed = self._alarm_counts(snapshot)
        found = [
            Sample(labels(priority=str(priority), state=word), counts[priority, place])
            for priority in sorted({p for p, _ in counts})
            for place, word in enumerate(self._words)
        ]
        yield Family("plantctl_alarms", "gauge", "Alarms by priority (1 is the highest) and state.", found)
        by_design = [Sample(labels(priority=str(p)), n) for p, n in sorted(suppressed.items())]
        yield Family("plantctl_alarms_suppressed", "gauge", "Alarms that do not count, by design.", by_design)
        for name, tags in (("causes", plan.causes), ("effects", plan.effects)):
            tripped = sum(bool(snapshot.v[plan.rows[tag]]) for tag in tags)
            yield _gauge(f"plantctl_{name}_tripped", f"How many {name} of the chart are tripped.", "", tripped)
        yield _gauge("plantctl_outputs_held", "1 while outputs wait for a release.", "", bool(self._plant.hold()))

    def _alarm_counts(self, snapshot: Snapshot) -> tuple[Counter[tuple[int, int]], Counter[int]]:
        counts: Counter[tuple[int, int]] = Counter()
        suppressed: Counter[int] = Counter()
        for place in self._alarms:
            records = snapshot.records[place]
            counts.update(zip(records["priority"].tolist(), records["state"].tolist(), strict=True))
            suppressed.update(dict.fromkeys(records["priority"].tolist(), 0))
            suppressed.update(records["priority"][records["suppressed"] != 0].tolist())
        return counts, suppressed


def _state_words(alarms: KindRows) -> tuple[str, ...]:
    """The words of an alarm's state."""
    return next(tuple(f.declared.words) for f in fields(alarms.kind.block) if f.name == "state")


def _state(label: str, words: tuple[str, ...], now: str) -> list[Sample]:
    return [Sample(labels(**{label: word}), word == now) for word in words]


def _age_s(counted: DeviceStatistics, now_ns: int) -> float:
    return max(0, now_ns - counted.answer_ns) / 1e9


def _gauge(name: str, text: str, named: str, value: float, unit: str = "") -> Family:
    return Family(name, "gauge", text, [Sample(named, value)], unit)


def _counter(name: str, text: str, named: str, value: float) -> Family:
    return Family(name, "counter", text, [Sample(named, value)])
