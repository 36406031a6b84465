"""Two sinks of the scripted circuit, at work: a database and the people who are called; and alarms that are about the
feeds and the record themselves.
"""

from plantctl.core.feed import FEED_POINTS, STATE_WORDS, feed_point

SINKS = {"archive": "influx", "standby": "callout"}
FEEDS = [
    {"feed": sink, "kind": kind, "points": {what: feed_point(sink, what) for what, *_ in FEED_POINTS}}
    for sink, kind in SINKS.items()
]
VALUES = {feed_point(sink, what): float(what == "state") for sink in SINKS for what, *_ in FEED_POINTS}
VALUES |= {"log.lasts": 2_592_000.0}
# Point, side, limit, unit, priority, text, cause, consequence, response, time.
ALARMS = (
    ("feed.archive.lag", "high", 60.0, "s", 3, "the database falls behind", "the network or the database",
     "what is new is in the log alone", "look whether the database answers", 3600),
    ("log.lasts", "low", 28_800.0, "s", 3, "the disk of the record fills", "something fills the disk",
     "old values are given up", "look what fills the disk", 28_800),
)  # fmt: skip


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
    lasts = {"tag": "log.lasts", "text": "how long the disk lasts", "unit": "s", "decimals": 0, "states": None}
    return [lasts | empty] + [
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


def alarms():
    """Those about the feeds and the record, as a description has them."""
    keys = ("tag", "side", "limit", "unit", "priority", "text", "cause", "consequence", "response", "time_s")
    return [
        dict(zip(keys, alarm, strict=True))
        | {"alarm": (name := f"{alarm[0]}.{alarm[1]}"), "arm": None}
        | {"points": {"state": name, "ack": f"{name}.ack", "suppressed": f"{name}.suppressed"}}
        for alarm in ALARMS
    ]
