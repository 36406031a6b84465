"""Links devices: the tags of each device become its items, addressed by its profile or by the text, in its driver.

What a device's keys mean is its driver's business: the profile gives defaults, the driver's own `Config` and `Item`
check them, and whatever they find is a finding at the place in the text.
"""

from collections.abc import Mapping

from plantctl.core.field import DevicePlan
from plantctl.drivers._profile import Problem, TagAddress, assemble, profiles_from, shipped_profiles
from plantctl.plan.network import Network, Path
from plantctl.plan.plan import Writer


def link_devices(net: Network) -> tuple[DevicePlan, ...]:
    """The plan of every device that has a tag, in the order of the text; findings for what does not fit."""
    profile_of = profiles_from(shipped_profiles())
    inputs = {p.name: i for i, p in enumerate(p for p in net.points.values() if p.writer is Writer.INPUT)}
    outputs = {name: i for i, name in enumerate(n for n in net.outputs if n in net.points)}
    plans: list[DevicePlan] = []
    for order, (name, device) in enumerate(net.source.devices.items()):
        tags = [*_addresses(net, name, inputs, write=False), *_addresses(net, name, outputs, write=True)]
        plan, problems = assemble(order, name, device.kind, device.settings, tags, profile_of)
        for problem in problems:
            _tell(net, name, problem)
        if plan is not None:
            plans.append(plan)
    return tuple(plans)


def _addresses(net: Network, device: str, numbers: Mapping[str, int], *, write: bool) -> list[TagAddress]:
    found = []
    for tag, number in numbers.items():
        text = net.source.tags[tag]
        if text.device == device:
            station = None if text.station is None else int(text.station)
            poll = None if text.poll is None else str(text.poll)
            found.append(
                TagAddress(
                    tag, number, text.unit or "1", text.item, text.profile, station, None if write else poll, write
                )
            )
    return found


def _tell(net: Network, device: str, problem: Problem) -> None:
    keys: Path = tuple(problem.key.split(".")) if problem.key else ()
    path: Path = ("tags", problem.tag, *keys) if problem.tag else ("devices", device, *keys)
    what = f"{problem.tag or device}: {problem.what}"
    net.find("PC602" if problem.tag else "PC601", what, path, hint=problem.hint)
