"""Two sinks of the scripted circuit, at work: a database and the people who are called."""

from plantctl.core.feed import FEED_POINTS, STATE_WORDS, feed_point

SINKS = {"archive": "influx", "standby": "callout"}
FEEDS = [
    {"feed": sink, "kind": kind, "points": {what: feed_point(sink, what) for what, *_ in FEED_POINTS}}
    for sink, kind in SINKS.items()
]
VALUES = {feed_point(sink, what): float(what == "state") for sink in SINKS for what, *_ in FEED_POINTS}


def tags():
    """Their points, as a description has them."""
    empty = {
        "low": None,
        "high": None,
        "device": None,
        "item": None,
        "write": None,
        "kind": "system",
        "indicator": None,
    }
    words = {str(number): word for number, word in enumerate(STATE_WORDS)}
    return [
        {
            "tag": feed_point(sink, what),
            "text": text,
            "unit": "" if unit == "1" else unit,
            "decimals": 0 if whole else 1,
        }
        | {"states": words if what == "state" else None}
        | empty
        for sink in SINKS
        for what, unit, text, whole in FEED_POINTS
    ]
