"""Which task steps what: loops in `control`, protection in `protect`, everything else as fast as the plan goes.

An arbiter that a trip can force, that waits for a release, or that only a person writes, runs with the protection, also
where its request comes from a slower loop: a trip must not wait for the loop's next turn. A slower block reads a faster
one's columns as they are, and the other way round; any other cascade across tasks is refused.
"""

from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.plan.did_you_mean import meant
from plantctl.plan.link_hold import FIELD_GENERATION, GRANTED_GENERATION, HELD
from plantctl.plan.link_split import split_tag
from plantctl.plan.link_tags import ARBITER
from plantctl.plan.network import Network, Path, PointDecl
from plantctl.plan.plan import HISTORY_REMOVED, LOG_SPACE, OVERRUN_TRIP, Task, Writer

SKIP, TRIP, CATCH_UP = "skip", "trip", "catch up"
# So many scans that began late, one after the other, are no chance any more.
TRIP_AFTER = 3
# So many missed scans are made up one after the other; more than that are lost for good.
CATCH_UP_MOST = 3
DEFAULT_TASKS = {"protect": 100_000_000, "control": 1_000_000_000}
PERIOD_MIN_NS = 1_000_000


def read_tasks(net: Network) -> tuple[Task, ...]:
    """The tasks of the plan, fastest first. Every period is a multiple of the fastest one's."""
    periods: dict[str, tuple[int, int]] = {}
    for name, task in net.source.tasks.items():
        path = ("tasks", name)
        try:
            period_ns = parse_duration_ns(str(task.period))
            phase_ns = parse_duration_ns(str(task.phase)) if task.phase is not None else 0
        except UnitError as error:
            net.find("PC401", error.what, path, hint=error.hint)
            continue
        if period_ns < PERIOD_MIN_NS:
            net.find("PC706", f"the period of `{name}` is below 1 ms", path, hint="a scan takes 1 ms or more")
            continue
        periods[name] = (period_ns, phase_ns)
    if not periods:
        periods = {name: (period_ns, 0) for name, period_ns in DEFAULT_TASKS.items()}
    fastest_ns = min(period_ns for period_ns, _ in periods.values())
    tasks = []
    for name, (period_ns, phase_ns) in sorted(periods.items(), key=lambda item: item[1][0]):
        path = ("tasks", name)
        if period_ns % fastest_ns or phase_ns % fastest_ns or phase_ns >= period_ns:
            scan_ms = fastest_ns / 1e6
            what = f"period and phase of `{name}` must be whole scans of {scan_ms:g} ms, the phase below the period"
            net.find("PC707", what, path, hint="choose multiples of the fastest task's period")
            continue
        tasks.append(Task(name, period_ns, period_ns // fastest_ns, phase_ns // fastest_ns))
    return tuple(tasks)


def declare_statistics(net: Network, tasks: tuple[Task, ...]) -> None:
    """Declare the executive's own points: they can be alarmed and used like any other."""
    common = (
        ("scan.execution_us", "us", "longest scan of the last second"),
        ("scan.execution_p50_us", "us", "half of all scans since the start took no longer"),
        ("scan.execution_p99_us", "us", "99 % of all scans since the start took no longer"),
        ("scan.execution_max_us", "us", "longest scan since the start"),
        ("scan.lateness_us", "us", "latest begin of a scan in the last second"),
        ("scan.lateness_p50_us", "us", "half of all scans since the start began no later"),
        ("scan.lateness_p99_us", "us", "99 % of all scans since the start began no later"),
        ("scan.lateness_max_us", "us", "latest begin of a scan since the start"),
        ("scan.overruns", "1", "periods missed since the start"),
        (OVERRUN_TRIP, "1", "1 while too many scans in a row begin late and a task's overrun policy is trip"),
        ("scan.lost_events", "1", "events that found the ring full"),
        ("scan.damaged_messages", "1", "commands and device events that could not be read, since the scan's start"),
        ("scan.non_finite", "1", "block outputs that were not finite"),
        (
            "clock.synchronised",
            "1",
            "1 while UTC follows a reference and was not set lately; uncertain where it is not",
        ),
        ("clock.steps", "1", "how often UTC was set since the start"),
        ("clock.offset_us", "us", "what the time service still has to correct"),
        ("log.durable_utc", "s", "what happened until then survives any loss of power, seconds since 1970 UTC"),
        ("log.failing", "1", "1 while what is recorded does not reach the disk"),
        ("log.lost_frames", "1", "entries overwritten before they could be written to the log"),
        ("log.bytes", "1", "room that the log took when something was last sealed, bytes"),
        ("log.history_bytes", "1", "room that the sealed history took then, bytes"),
        ("log.free", "1", "room that the disk of the record has left, bytes"),
        ("log.lasts", "s", "how long that lasts as it went in the last hour, until the disk is short; 30 days at most"),
        (
            LOG_SPACE,
            "1",
            "1 while the disk is short and old values are given up, 2 while only transitions are recorded",
        ),
        (HISTORY_REMOVED, "1", "files of the history removed since the start, since they were more than is kept"),
    )
    for name, unit, text in common:
        net.declare(PointDecl(name, Writer.EXECUTIVE, name.partition(".")[0], ("tasks",), unit, text=text))
    for name, text in (
        (HELD, "1 while outputs wait for a person's release"),
        (FIELD_GENERATION, "generation of the field process, 0 while it is not alive"),
        (GRANTED_GENERATION, "field generation that may write, 0 for none"),
    ):
        net.declare(PointDecl(name, Writer.EXECUTIVE, "scan", ("tasks",), "1", text=text, whole=True))
    for task in tasks:
        text = f"turns that task {task.name} missed"
        net.declare(PointDecl(f"scan.{task.name}_overruns", Writer.EXECUTIVE, "scan", ("tasks",), "1", text=text))


def overrun_trip_after(net: Network) -> int:
    """After how many late scans in a row the effects trip; 0 for never. Unknown policies are findings."""
    policies = set()
    for name, task in net.source.tasks.items():
        policies.add(task.overrun)
        if task.overrun not in ("", SKIP, TRIP, CATCH_UP):
            hint = "skip, catch up or trip"
            net.find("PC708", f"`{task.overrun}` is no overrun policy", ("tasks", name, "overrun"), hint=hint)
    return TRIP_AFTER if TRIP in policies else 0


def overrun_catch_up(net: Network) -> int:
    """How many missed scans are made up one after the other; 0 where they are skipped."""
    return CATCH_UP_MOST if any(task.overrun == CATCH_UP for task in net.source.tasks.values()) else 0


def protect_task(tasks: tuple[Task, ...]) -> str:
    """The task of trips, permissives and alarms."""
    return next((t.name for t in tasks if t.name == "protect"), tasks[0].name if tasks else "")


def control_task(tasks: tuple[Task, ...]) -> str:
    """The task of loops."""
    return next((t.name for t in tasks if t.name == "control"), tasks[-1].name if tasks else "")


def assign_tasks(net: Network, tasks: tuple[Task, ...]) -> None:
    """Give every node without a task its own, and refuse names that are no tasks."""
    names = [t.name for t in tasks]
    protect, control = protect_task(tasks), control_task(tasks)
    for tag in net.source.loops:
        if tag in net.blocks:
            net.blocks[tag].task = net.blocks[tag].task or control
            if split_tag(tag) in net.blocks:
                net.blocks[split_tag(tag)].task = net.blocks[tag].task
    for node in net.blocks.values():
        if node.kind.name == ARBITER and not node.task:
            above = net.resolve(node.wires[("auto", 0)].point) if ("auto", 0) in node.wires else None
            loop = net.blocks.get(above.owner) if above is not None else None
            asked = loop.task if loop is not None and loop.task in names else protect
            # Tasks stand fastest first. An output that is forced or held is stepped as often as its trip and its loop.
            fast = node.params.get("n_force") or ("hold", 0) in node.wires
            node.task = min(asked, protect, key=names.index) if fast else asked
        node.task = node.task or protect
        if node.task not in names and names:
            _no_task(net, node.task, node.task_path or (*node.path, "task"), names)
    for expression in net.expressions.values():
        owner = net.blocks.get(expression.target_of)
        if expression.task and expression.task not in names and names and owner is None:
            _no_task(net, expression.task, (*expression.path[:-1], "task"), names)
        expression.task = expression.task or (owner.task if owner is not None else protect)


def _no_task(net: Network, task: str, path: Path, names: list[str]) -> None:
    hint = meant(task, names) or f"there are {', '.join(names)}"
    net.find("PC320", f"task `{task}` is not defined", path, hint=hint)


def check_cascades(net: Network, tasks: tuple[Task, ...]) -> None:
    """A cascade stays in its task, except that an arbiter may be faster than the loop above it."""
    every = {task.name: task.every for task in tasks}
    for node in net.blocks.values():
        for field in node.kind.fields:
            wire = node.wires.get((field.name, 0)) if field.role == "cas_in" else None
            point = net.resolve(wire.point) if wire is not None else None
            above = net.blocks.get(point.owner) if point is not None else None
            if wire is None or above is None or above.task == node.task or not {above.task, node.task} <= set(every):
                continue
            slower = every[node.task] > every[above.task]
            if node.kind.name == ARBITER and not slower:
                continue
            what = f"the cascade from `{above.tag}` ({above.task}) to `{node.tag}` ({node.task}) crosses tasks"
            hint = "an output is stepped as often as its loop or oftener" if slower else "give both the same task"
            net.find("PC321", what, wire.path, hint=hint)
