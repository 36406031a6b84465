"""What a page needs to know of a plant before the first value comes: said once, the same for everybody, for one plan.

`description(plan)` is the answer of `GET /api/v1/plant`: tags with texts, units and ranges, loops, alarms with their
guidance, the cause-and-effect chart in words, devices, displays. It is worked out of the plan alone (no clock, no
socket, no file), so that it is the plant that runs which is shown, and is plain dictionaries, lists, numbers and texts.
A number that does not exist is None, never NaN, which JSON does not have.
"""

from collections.abc import Sequence
from typing import Any

from plantctl.core.field import DevicePlan
from plantctl.hmi.describe.devices import devices
from plantctl.hmi.describe.displays import displays
from plantctl.hmi.describe.feeds import feeds
from plantctl.hmi.describe.laboratory import laboratory
from plantctl.hmi.describe.loops import loops
from plantctl.hmi.describe.plan_view import PlanView
from plantctl.hmi.describe.protection import alarms, causes, effects, permissives
from plantctl.hmi.describe.tags import tags
from plantctl.plan.plan import Plan

__all__ = ["description"]


def description(plan: Plan, *, time_zone: str = "UTC", reached: Sequence[DevicePlan] | None = None) -> dict[str, Any]:
    """The plant of `plan` for a page; `config` is the plan's hash. The same plan and words give the same answer.

    `time_zone` and `reached`, the devices at the addresses where they are, are the host's to say. The plant is
    simulated where all of its devices are; where only some are, their tags tell it.
    """
    view = PlanView(plan)
    there = plan.devices if reached is None else tuple(reached)
    return {
        "plant": {"name": plan.name, "text": plan.shown.text},
        "config": f"{plan.hash:016x}",
        "simulated": bool(there) and all(device.simulated for device in there),
        "time_zone": time_zone,
        "scan_ms": plan.period_ns / 1e6,
        "tags": tags(view),
        "loops": loops(view),
        "alarms": alarms(view),
        "causes": causes(view),
        "effects": effects(view),
        "permissives": permissives(plan),
        "devices": devices(plan, there),
        "feeds": feeds(plan),
        "laboratory": laboratory(plan),
        "displays": displays(plan),
    }
