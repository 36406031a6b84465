"""What the scripted plant of the browser tests has behind it: the history of its tags and what happened."""

import math
import time
from datetime import datetime


def happened(gateway):
    """GET /api/v1/events."""
    since_ns, why = gateway.begin
    return {
        "since": str(since_ns),
        "quality_since": str(max(since_ns, gateway.quality_ns)),
        "why": why,
        "events": gateway.told[-300:],
    }


def columns(gateway, query):
    """GET /api/v1/history: what `gateway.recorded` has of a tag, `[[seconds ago, value], ...]`; as a trend a plausible
    past, ending at the present value, with one spike and one stretch of bad quality.
    """
    values = gateway.values
    if query.get("agg") in ("raw", "latest"):
        return {"tags": {tag: points_of(gateway, tag, query) for tag in query["tags"].split(",")}}
    ends_s = [
        time.mktime(time.strptime(query[key][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone for key in ("start", "end")
    ]
    points = min(int(query.get("points", 600)), 2000)
    found = {}
    for number, tag in enumerate(query["tags"].split(",")):
        if tag not in values:
            continue
        value = values[tag]
        scale = max(abs(value), 1.0) * 0.004
        step = (ends_s[1] - ends_s[0]) / points
        at = [ends_s[0] + step * i for i in range(points)]
        mean = [value + scale * (math.sin(second / 97 + number) + 0.4 * math.sin(second / 13)) for second in at]
        bad = [0.55 < i / points < 0.58 and number == 0 for i in range(points)]
        found[tag] = {
            "t": [str(int(second * 1e9)) for second in at],
            "mean": mean,
            "min": [each - scale * 0.6 for each in mean],
            "max": [each + scale * (4 if i == points // 3 else 0.6) for i, each in enumerate(mean)],
            "quality": [2 if each else 0 for each in bad],
            "tier": 0,
            "truncated": False,
        }
    return {"tags": found}


def utc_ns(text):
    return int(text) if text.isdigit() else round(datetime.fromisoformat(text).timestamp() * 1e9)


def points_of(gateway, tag, query):
    """The points of a tag in a span with the one in force before it, or that alone which is in force at the end."""
    start_ns, end_ns = (utc_ns(query.get(key, "0")) for key in ("start", "end"))
    recorded = gateway.recorded.get(tag, [[86_400 * 2, gateway.values.get(tag)]])
    told = [(gateway.recorded_ns - round(ago_s * 1e9), value) for ago_s, value in recorded]
    told = [(t, value) for t, value in told if t < end_ns]
    begin = max((k for k, (t, _) in enumerate(told) if t <= start_ns), default=0)
    told = told[-1:] if query["agg"] == "latest" else told[begin:]
    most = int(query.get("points", 600))
    cut = {"truncated": len(told) > most, "end": str(told[most][0] if len(told) > most else end_ns)}
    return {"t": [str(t) for t, _ in told[:most]], "value": [value for _, value in told[:most]]} | cut
