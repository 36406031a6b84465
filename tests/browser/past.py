"""What the scripted plant of the browser tests has behind it: the history of its tags and what happened."""

import math
import time
from datetime import datetime
from itertools import pairwise


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
    """GET /api/v1/history: what `gateway.recorded` has of a tag, `[[seconds ago, value], ...]`, as a trend by the
    minute; of another tag a plausible past, ending at the present value, with one spike and one stretch of bad quality.
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
        if tag in gateway.recorded:
            found[tag] = minutes(gateway, tag, *ends_s)
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


def minutes(gateway, tag, start_s, end_s):
    """The trend of a tag that held what was recorded, in spans of a minute."""
    told = [(gateway.recorded_ns / 1e9 - ago_s, value) for ago_s, value in gateway.recorded[tag]]
    rows = []
    for begin_s in range(int(start_s) // 60 * 60, int(end_s), 60):
        inside = [(t_s, value) for t_s, value in told if begin_s < t_s < begin_s + 60]
        first = [value for t_s, value in told if t_s <= begin_s][-1]
        held = [(begin_s, first), *inside, (begin_s + 60, None)]
        mean = sum(value * (until[0] - t_s) for (t_s, value), until in pairwise(held)) / 60
        seen = [value for _, value in held[:-1]]
        rows.append((str(begin_s * 10**9), min(seen), max(seen), mean, first, seen[-1], 0, len(inside), 1.0))
    keys = ("t", "min", "max", "mean", "first", "last", "quality", "count", "known")
    columns_ = dict(zip(keys, map(list, zip(*rows, strict=True)), strict=True))
    return columns_ | {"width": str(60 * 10**9), "tier": "1min", "truncated": False}


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
