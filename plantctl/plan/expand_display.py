"""Writes the rows of a matrix: one for each instance of its template.

`{template: cell, row: "CELL-<cell>", columns: {current: "II-4<cell>0"}}` gets the rows `CELL-01: {current: II-4010}`
and so on, as if an engineer had written them. A row keeps the place of its column and, as a note, that of its instance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from plantctl.core.errors import Diagnostic
from plantctl.plan.did_you_mean import meant
from plantctl.plan.expand import MADE_MAX, PLACEHOLDER, Copy, Instance, Template
from plantctl.plan.node import Node


def unfold_rows(
    display: Node,
    templates: Mapping[str, Template],
    instances: Mapping[str, Sequence[Instance]],
    findings: list[Diagnostic],
) -> None:
    """Add `rows` to a display that names a template, in place. Wrong forms are left for the schema."""
    named, columns = display.entries.get("template"), display.entries.get("columns")
    if named is None or columns is None or columns[1].kind != "mapping" or display.tainted:
        return
    before = len(findings)
    template = templates.get(named[1].text)
    if template is None:
        hint = meant(named[1].text, templates) or "define it under `templates`"
        _find(findings, "PC223", f"there is no template `{named[1].text}`", named[1], hint)
    elif template.name not in instances:
        _find(findings, "PC220", f"`{template.name}` has no instances, so there are no rows", named[1])
    elif "rows" in display.entries:
        what = "`template` and `rows` in one display"
        _find(findings, "PC215", what, display.entries["rows"][0], "the template makes the rows: keep one of them")
    else:
        patterns = _patterns(display, columns[1], template, findings)
        if len(patterns) * len(instances[template.name]) > MADE_MAX:
            _find(findings, "PC112", f"this display has more than {MADE_MAX} cells", columns[0])
        if len(findings) == before:
            rows = _rows(display, patterns, template, instances[template.name], findings)
            display.entries["rows"] = (replace(columns[0], text="rows", value="rows"), rows)
    display.tainted = display.tainted or len(findings) > before


def _patterns(display: Node, columns: Node, template: Template, findings: list[Diagnostic]) -> dict[str, Node]:
    """The tag of each column as it is written, with its placeholders; findings for those that the template lacks."""
    patterns = {}
    for name, (key, node) in columns.entries.items():
        pair = node.entries.get("tag")
        if node.kind == "mapping" and pair is None:
            what = f"the column `{name}` has no `tag`, which a template's rows need"
            _find(findings, "PC215", what, key, 'for example tag: "AI-4<cell>1"')
            continue
        patterns[name] = pair[1] if pair is not None else node
    row = display.entries.get("row")
    for node in (*patterns.values(), *((row[1],) if row is not None else ())):
        for parameter in dict.fromkeys(PLACEHOLDER.findall(node.text)):
            if parameter not in template.parameters:
                hint = meant(parameter, template.parameters) or f"it has {', '.join(template.parameters) or 'none'}"
                what = f"`<{parameter}>` is no parameter of the template `{template.name}`"
                _find(findings, "PC221", what, node, hint)
    return patterns


def _rows(
    display: Node,
    patterns: Mapping[str, Node],
    template: Template,
    instances: Sequence[Instance],
    findings: list[Diagnostic],
) -> Node:
    row_name = display.entries.get("row")
    columns = display.entries["columns"][1]
    rows = replace(columns, entries={}, items=[])
    for instance, values in instances:
        copy = Copy(template, instance, values, findings)
        if row_name is not None:
            key = copy.key(row_name[1])
        else:
            text = " ".join((template.name, *(values[name].text for name in template.parameters[:1])))
            key = replace(display.entries["template"][1], text=text, value=text, instance=copy.note)
        first = rows.entries.get(key.text)
        if first is not None:
            also = (*first[0].instance, *key.instance)
            hint = 'name the rows apart: row: "CELL-<cell>"'
            findings.append(Diagnostic("PC212", f"the row `{key.text}` is made twice", key.place, hint, also))
            continue
        cells = {name: (columns.entries[name][0], copy.value(node)) for name, node in patterns.items()}
        rows.entries[key.text] = (key, replace(columns, entries=cells, instance=copy.note))
    return rows


def _find(findings: list[Diagnostic], code: str, what: str, node: Node, hint: str = "") -> None:
    findings.append(Diagnostic(code, what, node.place, hint, node.instance))
