"""What the scripted plant of the browser tests has behind it: the history of its tags and what happened."""

import math
import time


def happened(gateway):
    """GET /api/v1/events."""
    since_ns, why = gateway.begin
    return {"since": str(since_ns), "why": why, "events": gateway.told[-300:]}


def columns(values, query):
    """GET /api/v1/history: a plausible past of each tag, ending at its present value, with one spike and one stretch of
    bad quality.
    """
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
