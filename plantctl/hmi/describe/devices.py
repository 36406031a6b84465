"""The devices of a plant for a page: what kind, where, and whether their connection is unprotected."""

import re
from collections.abc import Sequence
from typing import Any

from plantctl.core.field import DevicePlan
from plantctl.plan.plan import Plan

_CREDENTIALS = re.compile(r"//[^/@]*@")


def devices(plan: Plan, reached: Sequence[DevicePlan]) -> list[dict[str, Any]]:
    """Every device in the order of the text. `insecure` says that its link is to be protected and is not.

    `reached` are the same devices, of which one may be reached elsewhere than the text says (`--endpoints`).
    """
    return [_device(device, there) for device, there in zip(plan.devices, reached, strict=True)]


def _device(device: DevicePlan, reached: DevicePlan) -> dict[str, Any]:
    address, configured = (_CREDENTIALS.sub("//", each.connect) for each in (reached, device))
    return {
        "device": device.name,
        "kind": device.kind,
        "insecure": _is_insecure(device),
        "simulated": reached.simulated,
        "address": address,
        "configured": configured if configured != address else None,
        "inputs": len(device.inputs),
        "outputs": len(device.outputs),
    }


def _is_insecure(device: DevicePlan) -> bool:
    """Whether the text accepts an unprotected link. A protocol that knows no protection (Modbus) is not told here."""
    security = device.config.get("security")
    return isinstance(security, dict) and security.get("insecure") is True
