"""The link step: every section of the text becomes nodes and wires, every name is resolved, every number converted."""

from plantctl.plan.link_blocks import check_alarm_order, link_alarms, link_blocks, link_calculated
from plantctl.plan.link_cascades import link_cascades
from plantctl.plan.link_displays import link_shown
from plantctl.plan.link_hold import link_hold
from plantctl.plan.link_lab import link_lab
from plantctl.plan.link_loops import check_loop_limits, fill_schedules, link_loops
from plantctl.plan.link_protection import link_protection
from plantctl.plan.link_recording import link_recording
from plantctl.plan.link_sinks import declare_feeds, link_sinks
from plantctl.plan.link_tags import add_arbiters, check_outputs_section, link_tags, rising
from plantctl.plan.network import Network
from plantctl.plan.plan import Task
from plantctl.plan.resolve import check_wires, meet_wires, resolve_expressions
from plantctl.plan.source_plant import SourcePlant
from plantctl.plan.tasks import (
    assign_tasks,
    check_cascades,
    declare_statistics,
    overrun_trip_after,
    protect_task,
    read_tasks,
)
from plantctl.plan.units_of_block import check_output_unit, convert_settings


def link(source: SourcePlant) -> tuple[Network, tuple[Task, ...]]:
    """Link a plant. The network holds the findings; with any of them it must not be compiled."""
    net = Network(source)
    tasks = read_tasks(net)
    protect = protect_task(tasks)
    declare_statistics(net, tasks)
    declare_feeds(net)
    link_tags(net)
    link_calculated(net)
    link_blocks(net)
    add_arbiters(net)
    link_hold(net)
    link_loops(net)
    link_protection(net, protect, overrun_trips=overrun_trip_after(net) > 0)
    link_alarms(net, protect)
    link_cascades(net)
    check_outputs_section(net)
    _refuse_not_built(net)
    _settle_written_tags(net)
    meet_wires(net)
    resolve_expressions(net)
    for node in net.blocks.values():
        check_output_unit(net, node)
        convert_settings(net, node)
    fill_schedules(net)
    check_wires(net)
    check_alarm_order(net)
    check_loop_limits(net)
    assign_tasks(net, tasks)
    check_cascades(net, tasks)
    link_lab(net)
    net.shown = link_shown(net)
    link_sinks(net)
    link_recording(net)
    net.tell_unknown()
    return net, tasks


def _refuse_not_built(net: Network) -> None:
    """A section that would do nothing is a finding: silence would look like success."""
    for name in net.source.sequences:
        what = "sequences are not built yet"
        net.find("PC333", what, ("sequences", name), key=True, hint="take the section out")


def _settle_written_tags(net: Network) -> None:
    """A point that has a tag of its own takes the tag's unit and range."""
    for name, tag in net.source.tags.items():
        point = net.points.get(name)
        if point is None or not tag.unit:
            continue
        unit = net.unit(tag.unit, ("tags", name, "unit"))
        point.unit = point.unit or (tag.unit if unit is not None else "")
        if point.low != point.low:
            ends = rising(net, f"range of `{name}`", tag.range, unit, ("tags", name, "range"))
            point.low, point.high = ends or (point.low, point.high)
