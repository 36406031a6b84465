"""Runs a compiled plan over files of inputs and commands: what `plantctl exec` does once its arguments are read."""

import argparse

from plantctl.cli.exit_code import FINDINGS, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.findings import show_findings
from plantctl.cli.plant_text import read_plant
from plantctl.cli.run_inputs import InputRefused, read_commands, read_inputs
from plantctl.cli.run_table import recordable, write_run
from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.plan.did_you_mean import meant
from plantctl.plan.plan import Plan
from plantctl.scan.executive import Executive
from plantctl.scan.offline import run_offline

INTERPRETED_LIMIT = 1_000_000


def run(arguments: argparse.Namespace) -> int:
    """Carry out `exec`; the exit code."""
    built = read_plant(arguments.plant)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    plan = built.plan
    if arguments.log is None and (arguments.inputs is None or arguments.until is None):
        return fail(USAGE, "exec needs --inputs IN.csv and --until TIME, or --from LOG")
    if arguments.log is None and arguments.run is not None:
        return fail(USAGE, "--run names a run of a log: it needs --from LOG")
    try:
        until_ns = None if arguments.until is None else parse_duration_ns(arguments.until)
    except UnitError as error:
        return fail(USAGE, f"--until: {error}")
    columns = list(plan.default_columns)
    if arguments.record is not None:
        columns = [name.strip() for name in arguments.record.split(",") if name.strip()]
        unknown = [name for name in columns if not recordable(plan, name)]
        if unknown:
            near = meant(unknown[0], (*plan.rows, *plan.addresses))
            return fail(USAGE, f"--record: `{unknown[0]}` is not a tag of this plant{'; ' + near if near else ''}")
    if arguments.log is not None:
        from plantctl.cli.replay import replay_log

        return replay_log(plan, arguments, columns, until_ns)
    assert until_ns is not None
    try:
        samples = read_inputs(plan, arguments.inputs)
        commands = read_commands(arguments.commands) if arguments.commands else []
    except InputRefused as error:
        return fail(UNKNOWN_INPUT, str(error))
    executive = Executive(plan, compiled=_compiled(arguments, plan, until_ns), ages=arguments.ages)
    scans = run_offline(plan, executive, samples, commands, until_ns)
    try:
        write_run(plan, executive, scans, columns, arguments)
    except OSError as error:
        return fail(USAGE, f"cannot write the result: {error}")
    return 0


def _compiled(arguments: argparse.Namespace, plan: Plan, until_ns: int) -> bool:
    if arguments.interpreted or arguments.compiled:
        return bool(arguments.compiled)
    rows = sum(len(k.rows) for k in plan.kinds) + len(plan.expressions)
    return rows * (until_ns // plan.period_ns + 1) >= INTERPRETED_LIMIT
