"""The sinks of a plant for a page: what kind each is, and the points that tell how it is."""

from typing import Any

from plantctl.core.feed import FEED_POINTS, feed_point
from plantctl.plan.plan import Plan


def feeds(plan: Plan) -> list[dict[str, Any]]:
    """Every sink in the order of the plan. Its settings are not told: addresses and accounts are nobody's business."""
    return [
        {
            "feed": sink.name,
            "kind": sink.kind,
            "points": {what: feed_point(sink.name, what) for what, *_ in FEED_POINTS},
        }
        for sink in plan.sinks
    ]
