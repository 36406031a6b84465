"""What people are told of each alarm when they are called about it, out of the plan."""

from plantctl.core.feed import AlarmLabel
from plantctl.hmi.describe.plan_view import PlanView
from plantctl.hmi.describe.protection import alarms
from plantctl.plan.plan import Plan


def alarm_labels(plan: Plan) -> dict[str, AlarmLabel]:
    """The label of every alarm, by its point; priority and limit are those that the plan starts with."""
    return {
        each["alarm"]: AlarmLabel(
            each["priority"],
            each["text"],
            "" if each["limit"] is None else f"{each['limit']:g} {each['unit']}".rstrip(),
            each["cause"],
            each["consequence"],
            each["response"],
        )
        for each in alarms(PlanView(plan))
    }
