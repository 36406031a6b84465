"""The devices of a plant for a page: what kind, where, and whether their connection is unprotected."""

import re
from typing import Any

from plantctl.core.field import DevicePlan
from plantctl.plan.plan import Plan

_CREDENTIALS = re.compile(r"//[^/@]*@")


def devices(plan: Plan) -> list[dict[str, Any]]:
    """Every device in the order of the text. `insecure` says that its link is to be protected and is not."""
    return [
        {
            "device": device.name,
            "kind": device.kind,
            "insecure": _is_insecure(device),
            "address": _CREDENTIALS.sub("//", device.connect),
            "inputs": len(device.inputs),
            "outputs": len(device.outputs),
        }
        for device in plan.devices
    ]


def _is_insecure(device: DevicePlan) -> bool:
    """Whether the text accepts an unprotected link. A protocol that knows no protection (Modbus) is not told here."""
    security = device.config.get("security")
    return isinstance(security, dict) and security.get("insecure") is True
