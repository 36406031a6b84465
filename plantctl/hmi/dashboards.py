"""Dashboards for Grafana, out of what a page is told of a plant: one for each display, each loop, and the system.

They ask for the names that the sink `influx` writes (docs/reference/sinks.md) or, as PromQL, those that VictoriaMetrics
makes of them and that `/metrics` has. The same plant gives the same dashboards, to the byte. The data source is a
variable of each dashboard, so that they can be provisioned as they are.

Rules of the file: pure. Source: Grafana 10, JSON model of dashboards (schema 39); InfluxQL 1.8; PromQL 2.42.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

Source = Literal["influx", "prometheus"]
Json = dict[str, Any]
SOURCES: Final[tuple[Source, ...]] = ("influx", "prometheus")
SCHEMA: Final = 39
WIDTH: Final = 24
KINDS: Final[Mapping[Source, str]] = {"influx": "influxdb", "prometheus": "prometheus"}
DATA_SOURCE: Final = "${source}"
# Units that Grafana has a name for; others are written behind the number as they are.
UNITS: Final = {"degC": "celsius", "%": "percent", "V": "volt", "A": "amp", "s": "s", "bar": "pressurebar", "W": "watt"}
SERIES_MAX: Final = 40
# What the system's panels show: heading, unit, points of the record, expressions over what `/metrics` measures.
SYSTEM: Final = (
    (
        "Lateness and execution, 99 %",
        "µs",
        ("scan.lateness_p99_us", "scan.execution_p99_us"),
        (
            "histogram_quantile(0.99, rate(plantctl_scan_lateness_seconds_bucket[5m])) * 1e6",
            "histogram_quantile(0.99, rate(plantctl_scan_execution_seconds_bucket[5m])) * 1e6",
        ),
    ),
    ("Overruns", "none", ("scan.overruns",), ("plantctl_scan_overruns_total",)),
    ("Record fails", "none", ("log.failing",), ("plantctl_log_failing",)),
    (
        "Room of log and history",
        "bytes",
        ("log.bytes", "log.history_bytes"),
        ("plantctl_log_bytes", "plantctl_history_bytes"),
    ),
    ("Processes", "none", (), ("plantctl_process_up",)),
    ("Devices", "none", (), ("plantctl_device_up",)),
    ("Alarms", "none", (), ("plantctl_alarms",)),
)
FEEDS: Final = (
    ("lag", "s", "plantctl_sink_lag_seconds"),
    ("missing", "none", "plantctl_sink_missing_frames"),
    ("quarantined", "none", "plantctl_sink_quarantined_records"),
    ("lost", "none", "plantctl_sink_lost_frames"),
    ("failures", "none", "plantctl_sink_failures_total"),
)


class Dashboards:
    """The dashboards of one plant. `told` is `describe.description(plan)`, `sinks` the names of its sinks.

    `measurement` is that of the sink `influx`.
    """

    def __init__(
        self, told: Mapping[str, Any], sinks: Sequence[str], source: Source, measurement: str = "plant"
    ) -> None:
        self._told = told
        self._plant: str = told["plant"]["name"]
        self._sinks = sinks
        self._source = source
        self._measurement = measurement
        self._tags = {tag["tag"]: tag for tag in told["tags"]}
        self._loops = {loop["loop"]: loop for loop in told["loops"]}

    def all(self) -> dict[str, Json]:
        """Every dashboard by the name of its file."""
        found = {f"display-{_slug(each['display'])}.json": self._display(each) for each in self._told["displays"]}
        found |= {f"loop-{_slug(name)}.json": self._loop(loop) for name, loop in self._loops.items()}
        return found | {"system.json": self._system()}

    # -- dashboards

    def _display(self, display: Mapping[str, Any]) -> Json:
        panels = []
        for group in display.get("groups", ()):
            names = list(dict.fromkeys(self._shown(item) for item in group["items"]))
            for unit in dict.fromkeys(self._unit(name) for name in names):
                same = [name for name in names if self._unit(name) == unit]
                for begin in range(0, len(same), SERIES_MAX):
                    heading = f"{group['text']} [{unit}]" if unit else group["text"]
                    panels.append(self._trend(heading, same[begin : begin + SERIES_MAX], unit))
        for column in display.get("columns", ()):
            names = [row["tags"][column["column"]] for row in display["rows"] if column["column"] in row["tags"]]
            panels.append(self._trend(column["text"] or column["column"], names[:SERIES_MAX], column["unit"]))
        title = display["text"] or display["display"]
        return self._dashboard(f"display {display['display']}", title, panels, self._alarms())

    def _loop(self, loop: Mapping[str, Any]) -> Json:
        name, points = loop["loop"], loop["points"]
        panels = [
            self._trend(f"{name}: PV and set-point", [loop["pv"], points["sp"]], loop["unit"]),
            self._trend(f"{name}: output", [points.get("op", name)], loop["out_unit"]),
            self._states(f"{name}: mode", points["mode"]),
        ]
        of_loop = [a for a in self._told["alarms"] if a["tag"] == loop["pv"]]
        return self._dashboard(f"loop {name}", f"{name} {loop['text']}".rstrip(), panels, of_loop)

    def _system(self) -> Json:
        panels = []
        for heading, unit, points, expressions in SYSTEM:
            asked = expressions if self._source == "prometheus" else [self._of_point(p) for p in points]
            if asked:
                names = points if self._source == "influx" else [""] * len(asked)
                panels.append(self._panel("timeseries", heading, unit, zip(names, asked, strict=True)))
        for what, unit, expression in FEEDS:
            if self._sinks:
                influx = [(name, self._of_point(f"feed.{name}.{what}")) for name in self._sinks]
                asked_of = influx if self._source == "influx" else [("", expression)]
                panels.append(self._panel("timeseries", f"Sinks: {what}", unit, asked_of))
        return self._dashboard("system", "System", panels, self._alarms())

    def _dashboard(self, key: str, title: str, panels: list[Json], alarms: Sequence[Mapping[str, Any]]) -> Json:
        for number, panel in enumerate(panels):
            half = WIDTH // 2
            panel |= {"id": number + 1, "gridPos": {"h": 8, "w": half, "x": number % 2 * half, "y": number // 2 * 8}}
        kind = KINDS[self._source]
        variable = {"name": "source", "type": "datasource", "query": kind, "label": "Data source", "hide": 0}
        return {
            "uid": "p" + hashlib.sha256(f"{self._plant} {key}".encode()).hexdigest()[:24],
            "title": f"{self._plant}: {title}",
            "tags": ["plantctl", self._plant],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": False,
            "timezone": "browser",
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": [variable]},
            "annotations": {"list": [self._annotation(alarms)] if alarms else []},
            "panels": panels,
        }

    # -- panels

    def _trend(self, heading: str, names: Sequence[str], unit: str) -> Json:
        asked = [(name, self._of_point(name, measured=self._is_measured(name))) for name in names]
        return self._panel("timeseries", heading, unit, asked)

    def _states(self, heading: str, name: str) -> Json:
        panel = self._panel("state-timeline", heading, "", [(name, self._of_point(name))])
        words = self._tags[name]["states"] or {}
        options = {number: {"text": word} for number, word in sorted(words.items())}
        panel["fieldConfig"]["defaults"]["mappings"] = [{"type": "value", "options": options}] if options else []
        return panel

    def _panel(self, kind: str, heading: str, unit: str, asked: Iterable[tuple[str, str]]) -> Json:
        shown = UNITS.get(unit, unit if unit in ("none", "bytes") else f"suffix: {unit}" if unit else "none")
        return {
            "type": kind,
            "title": heading,
            "datasource": self._data_source(),
            "fieldConfig": {"defaults": {"unit": shown}, "overrides": []},
            "options": {},
            "targets": [self._target(n, name, query) for n, (name, query) in enumerate(asked)],
        }

    def _target(self, number: int, name: str, query: str) -> Json:
        target: Json = {"refId": _reference(number), "datasource": self._data_source()}
        if self._source == "prometheus":
            return target | {"expr": query, "legendFormat": name or "__auto"}
        return target | {"query": query, "rawQuery": True, "resultFormat": "time_series", "alias": name}

    def _data_source(self) -> Json:
        return {"type": KINDS[self._source], "uid": DATA_SOURCE}

    # -- queries

    def _of_point(self, name: str, *, measured: bool = False) -> str:
        """The values of a point: of what is `measured` means of good ones, with gaps; of others what was in force."""
        if self._source == "prometheus":
            where = f'{{plant="{_quoted(self._plant)}",point="{_quoted(name)}"}}'
            value = f"plant_value{where}"
            return f"{value} and on (plant, point) (plant_quality{where} % 4 == 0)" if measured else value
        which = f"\"plant\" = '{_told(self._plant)}' AND \"point\" = '{_told(name)}'"
        how, only, fill = ("mean", ' AND "quality" & 3 = 0', "none") if measured else ("last", "", "previous")
        return (
            f'SELECT {how}("value") FROM "{self._measurement}" WHERE {which}{only} AND $timeFilter '
            f"GROUP BY time($__interval) fill({fill})"
        )

    def _annotation(self, alarms: Sequence[Mapping[str, Any]]) -> Json:
        """Alarms where they came: for the record its transitions, else where an alarm waits for somebody."""
        tags = "|".join(dict.fromkeys(_pattern(a["alarm"].rpartition(".")[0]) for a in alarms))
        common = {"name": "Alarms", "enable": True, "iconColor": "red", "datasource": self._data_source()}
        if self._source == "prometheus":
            # A backslash in a string of PromQL is two.
            points = "|".join(dict.fromkeys(_pattern(a["alarm"]) for a in alarms)).replace("\\", "\\\\")
            expr = f'plant_value{{plant="{_quoted(self._plant)}",point=~"{points}"}} == 1'
            return common | {"expr": expr, "step": "10s", "titleFormat": "{{point}}", "textFormat": "alarm"}
        query = (
            f'SELECT "new", "new_word", "target" FROM "{self._measurement}_event" WHERE "kind" = \'alarm\' '
            f'AND "plant" = \'{_told(self._plant)}\' AND "target" =~ /^({tags})[.]/ AND $timeFilter'
        )
        return common | {"query": query, "textColumn": "new_word", "titleColumn": "target", "tagsColumn": "target"}

    # -- the plant

    def _alarms(self) -> list[Mapping[str, Any]]:
        """Those that a dashboard of much shows: the two highest priorities."""
        return [alarm for alarm in self._told["alarms"] if alarm["priority"] <= 2]

    def _shown(self, item: Mapping[str, Any]) -> str:
        loop = item.get("loop")
        return str(self._loops[loop]["pv"] if loop else item["tag"])

    def _unit(self, name: str) -> str:
        return str(self._tags[name]["unit"])

    def _is_measured(self, name: str) -> bool:
        tag = self._tags[name]
        return tag["kind"] in ("input", "calculated") and not tag["states"]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)


def _reference(number: int) -> str:
    """A, B, ... Z, AA, AB and so on."""
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else _reference(number // 26 - 1) + letter


def _pattern(name: str) -> str:
    """A name in a regular expression; brackets, since not every dialect takes a backslash in the same way."""
    return "".join(
        sign if sign.isalnum() or sign in "-_" else f"[{sign}]" if sign not in "^\\" else "." for sign in name
    )


def _quoted(text: str) -> str:
    """A text in a string of PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _told(text: str) -> str:
    """A text in a string of InfluxQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
