"""The text of a plan that is kept beside its log."""

from plantctl.plan.plan import Plan


def plan_text(plan: Plan) -> str:
    """What is kept beside a log: the points with their ids, then every source, so that an old log stays readable."""
    lines = [f"plant {plan.name}", f"hash {plan.hash:016x}", "", "points: id, name, unit, meaning"]
    lines += [f"{p.id}\t{p.name}\t{p.unit}\t{p.text}" for p in plan.points if p.name]
    for name, text in plan.sources.items():
        lines += ["", f"file {name}", text]
    return "\n".join(lines) + "\n"
