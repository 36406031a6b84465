"""`plantctl dashboards PLANT --out FOLDER`: dashboards for Grafana, out of the plant's text."""

import argparse
import json
from pathlib import Path

from plantctl.cli.exit_code import DONE, FINDINGS
from plantctl.cli.plant_text import add_plant_text, read_plant

PROVIDER = """\
apiVersion: 1
providers:
  - name: plantctl
    folder: plantctl
    type: file
    disableDeletion: false
    allowUiUpdates: false
    options: {path: FOLDER}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write them")
    how = "what Grafana asks: a database with InfluxQL, or one with PromQL (default: influx)"
    parser.add_argument("--source", choices=("influx", "prometheus"), default="influx", help=how)
    how = "that of the sink `influx` (default: plant)"
    parser.add_argument("--measurement", default="plant", metavar="NAME", help=how)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code. Raises `OSError` where a file cannot be written."""
    from plantctl.cli.findings import show_findings
    from plantctl.hmi.dashboards import Dashboards
    from plantctl.hmi.describe import description

    built = read_plant(arguments.plant)
    plan = built.plan
    if plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    sinks = [sink.name for sink in plan.sinks]
    found = Dashboards(description(plan), sinks, arguments.source, arguments.measurement).all()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for name, dashboard in found.items():
        (out / name).write_text(json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    provider = PROVIDER.replace("FOLDER", json.dumps(str(out.resolve())))
    (out / "provider.yaml").write_text(provider, encoding="utf-8")
    print(f"{len(found)} dashboards in {out}; provider.yaml is for Grafana's provisioning/dashboards")
    return DONE
