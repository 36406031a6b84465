"""The compiler from end to end: the text of a plant in, a plan or every finding out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plantctl.core.errors import Diagnostic
from plantctl.plan.check import ROOT, read_plant
from plantctl.plan.compile import compile_network
from plantctl.plan.graph import order_network
from plantctl.plan.link import link
from plantctl.plan.link_devices import link_devices
from plantctl.plan.plan import Plan
from plantctl.plan.render import in_text_order
from plantctl.plan.resolve import stuck_findings
from plantctl.plan.source import Read, from_folder


@dataclass(frozen=True, slots=True)
class Build:
    """What building gave: the plan if there are no findings, the findings in text order, the texts for excerpts."""

    plan: Plan | None
    findings: list[Diagnostic]
    texts: dict[str, str]


def build(root: str, read: Read, ids: Mapping[str, int] | None = None) -> Build:
    """Build the plant whose root file is `root`. `ids` are the stable ids known so far. Never raises for its text."""
    reading = read_plant(root, read)
    net, tasks = link(reading.plant)
    devices = link_devices(net)
    graph = order_network(net, tasks)
    findings = [*reading.findings, *net.findings, *stuck_findings(net, looped=bool(graph.findings)), *graph.findings]
    if findings:
        return Build(None, in_text_order(findings, reading.texts), reading.texts)
    return Build(compile_network(net, graph, tasks, devices, reading.texts, ids or {}), [], reading.texts)


def build_path(path: Path, ids: Mapping[str, int] | None = None) -> Build:
    """Build the plant at `path`: its root file, or the folder that holds a `plant.yaml`."""
    folder, root = (path, ROOT) if path.is_dir() else (path.parent, path.name)
    return build(root, from_folder(folder), ids)
