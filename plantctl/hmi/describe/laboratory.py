"""The laboratory tags of a plant for a page: how each is found, what is specified, who signs, how old it may be."""

from typing import Any

from plantctl.hmi.describe.plan_view import number
from plantctl.plan.plan import Plan


def laboratory(plan: Plan) -> list[dict[str, Any]]:
    """Every laboratory tag in the order of the plan; what is plausible is the range of the tag itself."""
    return [
        {
            "tag": lab.tag,
            "method": lab.method,
            "low": number(lab.low),
            "high": number(lab.high),
            "signatures": 2 if lab.two else 1,
            "within_s": lab.within_ns / 1e9,
        }
        for lab in plan.lab.values()
    ]
