"""The catalogue of findings: each code with its one meaning. A code never changes its meaning and is never used again.

Ranges: 1xx reading and YAML, 2xx forms and templates, 3xx references and names, 4xx units and expressions, 5xx order
and compilation, 6xx devices and items, 7xx limits and ranges. `docs/reference/diagnostics.md` is made from here
(`python -m plantctl.plan.codes`).
"""

from typing import Final

CODES: Final[dict[str, str]] = {
    "PC101": "The text is not YAML.",
    "PC102": "A tab stands in the indentation.",
    "PC103": "A quote or a bracket is not closed.",
    "PC104": "A plain word (`no`, `on`, `y`, `True` ...) that some readers take for a boolean.",
    "PC105": "A plain number, time or date (`010`, `1:30`, `1_000` ...) that readers take differently.",
    "PC106": "A key, or a row of a table, stands twice.",
    "PC107": "Anchors, aliases and merge keys are not taken; templates do their work.",
    "PC108": "YAML tags (`!!...`) are not taken.",
    "PC109": "A key or a list item without a value.",
    "PC110": "A number that is not finite, or too large to be exact.",
    "PC111": "A key that is not a single text.",
    "PC112": "Too much: bytes, depth, values, instances, or several documents in one file.",
    "PC113": "A byte or a character that has no place in a text.",
    "PC114": "A file without content, or without sections.",
    "PC120": "A malformed `include`.",
    "PC121": "An included file cannot be read.",
    "PC122": "A file is included twice, includes itself, or an included file includes others.",
    "PC130": "The header of a tag table is wrong.",
    "PC131": "A row of a tag table has too few or too many cells.",
    "PC132": "Broken quoting in a tag table.",
    "PC133": "A row of a tag table without a tag.",
    "PC134": "A range in a tag table with one end.",
    "PC200": "A value does not fit its place.",
    "PC201": "An unknown key.",
    "PC202": "A key is missing.",
    "PC203": "A value of the wrong kind: a text, a number, a list or a mapping is due.",
    "PC204": "A malformed quantity.",
    "PC205": "A malformed duration.",
    "PC206": "A malformed expression.",
    "PC207": "A malformed name.",
    "PC208": "A word that is none of those allowed here.",
    "PC210": "An unknown section.",
    "PC212": "A name is defined twice.",
    "PC214": "A malformed area.",
    "PC215": "Keys that must stand together, or exclude each other.",
    "PC220": "A malformed template or list of instances.",
    "PC221": "A placeholder that is no parameter of its template.",
    "PC222": "A parameter that its template does not use.",
    "PC223": "Instances of a template that does not exist.",
    "PC224": "A parameter is missing in an instance.",
    "PC225": "An instance gives a parameter that the template does not have.",
    "PC226": "A parameter that is not a single value of modest length.",
    "PC301": "A point with two writers, or a name that two entries claim.",
    "PC302": "A name that leads nowhere.",
    "PC303": "A block kind that does not exist.",
    "PC304": "A block without a parameter that it needs.",
    "PC305": "A tag that is written to, but is not declared with `access: write`.",
    "PC306": "A setting that the block kind does not have.",
    "PC307": "More wires than the port takes.",
    "PC308": "A malformed wire.",
    "PC309": "A block without an input that it needs.",
    "PC310": "A tag of a safety instrumented system is written to.",
    "PC311": "A loop of a kind that is no controller.",
    "PC312": "A loop without limits of its output.",
    "PC313": "A vote that does not fit the number of its channels.",
    "PC314": "A kind of effect that is not built yet.",
    "PC315": "An effect that does nothing.",
    "PC316": "A verification without exactly one thing to verify.",
    "PC317": "More causes, effects or permissives than one block takes.",
    "PC318": "A cause without effect, or an effect without cause.",
    "PC319": "Effects that demand different values of one output without a rank.",
    "PC320": "A task that is not defined.",
    "PC321": "A cascade across tasks.",
    "PC322": "A request that two blocks would answer.",
    "PC323": "A reaction to a bad PV that is not built yet.",
    "PC324": "A name that is reserved for the executive.",
    "PC325": "A read-back that cannot be compared with what is written.",
    "PC326": "An alarm without priority, cause, consequence or response.",
    "PC327": "A loop that cannot start in the mode asked for.",
    "PC328": "A cascade that leads back to the same loop.",
    "PC329": "Steps for a bad PV in an order that the controller does not have.",
    "PC330": "A time behind a condition where nothing counts it.",
    "PC331": "A delay for bad quality where a vote decides at once.",
    "PC332": "Effects that call each other in a ring.",
    "PC333": "A section that is not built yet.",
    "PC334": "An effect that waits without a longest time.",
    "PC335": "A laboratory tag that something else writes.",
    "PC336": "A recording policy for points that are none, or no measurements.",
    "PC401": "A malformed expression or duration.",
    "PC402": "An unknown unit.",
    "PC403": "A quantity whose unit is missing, unknown or of another dimension.",
    "PC404": "A unit that cannot be derived here.",
    "PC405": "A wire between ports of different units.",
    "PC406": "An output in another unit than its block computes in.",
    "PC407": "Tags of different units in one column of a display.",
    "PC411": "An expression whose units do not fit together.",
    "PC501": "An algebraic loop.",
    "PC601": "A device that its driver cannot use as it is described.",
    "PC602": "A tag that its device cannot serve as it is described.",
    "PC603": "A sink that its kind cannot use as it is described.",
    "PC604": "A pattern of a sink that meets no point.",
    "PC701": "A number outside what its parameter allows.",
    "PC702": "A range or limits that do not rise.",
    "PC703": "Alarm limits in the wrong order.",
    "PC704": "An alarm limit outside the tag's range.",
    "PC705": "A set-point outside its limits.",
    "PC706": "A task with too short a period.",
    "PC707": "A period or a phase that is no whole number of scans.",
    "PC708": "An overrun policy that does not exist.",
    "PC709": "A delay for bad quality that is not below half of the process safety time.",
    "PC710": "A forced, first or fail-safe value outside the limits of its output.",
    "PC711": "A flat line that is looked for above the tag's range only.",
    "PC712": "An indicator for a tag without a range.",
    "PC713": "A state that the tag cannot have.",
    "PC714": "An output that cannot be scaled: below 0, or forced by the same effect.",
    "PC715": "A table of a scheduled gain that is no table: counts, order, shares.",
    "PC716": "A split range that is none: not two outputs, or a part without width.",
    "PC717": "A laboratory tag without a range, or with limits outside it.",
    "PC718": "A tolerance of the history that is not above 0.",
}

RANGES: Final[dict[str, str]] = {
    "PC1": "Reading: files, YAML, tag tables",
    "PC2": "Forms: keys, values, templates",
    "PC3": "References and names",
    "PC4": "Units and expressions",
    "PC5": "Order and compilation",
    "PC6": "Devices, items and sinks",
    "PC7": "Limits and ranges",
}


def reference_page() -> str:
    """The page `docs/reference/diagnostics.md`."""
    lines = [
        "# Findings of `plantctl check`",
        "",
        "Every finding has a code that never changes its meaning. This page is made from `plantctl/plan/codes.py`.",
    ]
    for prefix, title in RANGES.items():
        codes = [code for code in sorted(CODES) if code.startswith(prefix)]
        if codes:
            lines += ["", f"## {title}", "", "| code | meaning |", "| --- | --- |"]
            lines += [f"| {code} | {CODES[code]} |" for code in codes]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference_page(), end="")
