"""Unfolds templates: one description, many instances, nothing said twice.

A template names its parameters in `with:` and holds sections of a plant. A parameter stands in angle brackets, in keys
and in values: `"II-4<cell>0"`. Where the placeholder is the whole value, the parameter's value takes its place as it
is (`station: "<station>"` becomes the number 1); inside a longer text its text is put in, as written.

Everything made from a template keeps the template's place and, as a note, the place of its instance: findings show
both. Unknown, missing and unused parameters are findings, each once, at the template or at the instance.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from plantctl.core.errors import Diagnostic
from plantctl.plan.did_you_mean import meant, nearest
from plantctl.plan.node import Node, Note
from plantctl.plan.source_plant import NAMED_SECTIONS
from plantctl.plan.yaml_scalar import resolve

MADE_MAX: Final = 1_000_000
"""Keys and values that all instances together make; bounds what a small file can ask for."""

PARAMETER_LENGTH_MAX: Final = 200

PLACEHOLDER: Final = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")
PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Template:
    """One template: its parameters and its sections, the area of the file that holds it, and its size in pieces."""

    name: str
    parameters: tuple[str, ...]
    sections: dict[str, tuple[Node, Node]]
    area: str
    size: int


def read_templates(section: Node, area: str, findings: list[Diagnostic]) -> dict[str, Template]:
    """The templates of one `templates:` section, with findings about each on its own."""
    templates = {}
    if section.kind != "mapping":
        _find(findings, "PC220", "`templates` is a mapping: name of the template, its content", section)
        return {}
    for name, (key, node) in section.entries.items():
        if node.kind != "mapping":
            _find(findings, "PC220", f"the template `{name}` is no mapping", key, "with: [...] and sections")
            continue
        parameters = _parameters(node, findings)
        sections = {}
        for title, pair in node.entries.items():
            if title == "with":
                continue
            if title not in NAMED_SECTIONS:
                what = f"a template cannot hold `{title}`"
                _find(findings, "PC220", what, pair[0], meant(title, (*NAMED_SECTIONS, "with")))
            elif pair[1].kind != "mapping":
                _find(findings, "PC220", f"`{title}` is a mapping", pair[1])
            else:
                sections[title] = pair
        _check_placeholders(name, node, parameters, findings)
        templates[name] = Template(name, tuple(parameters), sections, area, len(_pieces(node)))
    return templates


def _parameters(template: Node, findings: list[Diagnostic]) -> dict[str, Node]:
    pair = template.entries.get("with")
    if pair is None:
        return {}
    if pair[1].kind != "list":
        _find(findings, "PC220", "`with` is a list of parameter names", pair[1], "with: [cell, station]")
        return {}
    parameters: dict[str, Node] = {}
    for item in pair[1].items:
        name = item.value
        if item.tainted:
            continue
        if not isinstance(name, str) or not PARAMETER.fullmatch(name):
            _find(findings, "PC220", "a parameter's name is due here", item, "small letters, digits and `_`")
        elif name in parameters:
            _find(findings, "PC220", f"the parameter `{name}` stands twice", item, "keep one")
        else:
            parameters[name] = item
    return parameters


def _check_placeholders(name: str, node: Node, parameters: dict[str, Node], findings: list[Diagnostic]) -> None:
    used = set()
    for piece in _pieces(node):
        for parameter in dict.fromkeys(PLACEHOLDER.findall(piece.text)):
            used.add(parameter)
            if parameter not in parameters:
                hint = meant(parameter, parameters) or f"name it in `with` of the template `{name}`"
                _find(findings, "PC221", f"`<{parameter}>` is no parameter of this template", piece, hint)
                piece.tainted = True
    for parameter, item in parameters.items():
        if parameter not in used:
            hint = f"write <{parameter}> where it belongs, or take it out"
            _find(findings, "PC222", f"the parameter `{parameter}` is used nowhere in the template", item, hint)


def _pieces(node: Node) -> list[Node]:
    """All keys, values, lists and mappings below a node."""
    found: list[Node] = []
    open_nodes = [node]
    while open_nodes:
        piece = open_nodes.pop()
        found.append(piece)
        for key, value in reversed(piece.entries.values()):
            open_nodes += [value, key]
        open_nodes += reversed(piece.items)
    return found


Instance = tuple[Node, dict[str, Node]]
"""Where an instance stands, and the values of its parameters."""


def unfold(
    section: Node,
    templates: dict[str, Template],
    findings: list[Diagnostic],
    instances: dict[str, list[Instance]],
) -> list[tuple[Node, str]]:
    """The sections that one `instances:` section makes, in the order of the text, each with its template's area.

    Each instance gives one mapping of sections, as a file would, and is noted in `instances` under its template.
    """
    if section.kind != "mapping":
        _find(findings, "PC220", "`instances` is a mapping: name of the template, list of instances", section)
        return []
    made: list[tuple[Node, str]] = []
    size = 0
    for name, (key, node) in section.entries.items():
        template = templates.get(name)
        if template is None:
            hint = meant(name, templates) or "define it under `templates`"
            _find(findings, "PC223", f"there is no template `{name}`", key, hint)
            continue
        if node.kind != "list":
            _find(findings, "PC220", "a list of instances is due here", node, '[{cell: "01"}, {cell: "02"}]')
            continue
        # Before any is made: a small file must not cost the time of a large plant only to be refused.
        most = (MADE_MAX - size) // max(template.size, 1)
        if len(node.items) > most:
            what = f"the instances make more than {MADE_MAX} keys and values"
            _find(findings, "PC112", what, node.items[most])
            return made
        size += template.size * len(node.items)
        noted = instances.setdefault(name, [])
        for instance in node.items:
            values = _values(template, instance, findings)
            if values is not None:
                noted.append((instance, values))
                made.append((Copy(template, instance, values, findings).sections(), template.area))
    return made


def _values(template: Template, instance: Node, findings: list[Diagnostic]) -> dict[str, Node] | None:
    """The parameters' values of one instance; None when one is missing or wrong."""
    if instance.tainted:
        return None
    if instance.kind != "mapping":
        _find(findings, "PC220", "an instance is a mapping of parameters", instance)
        return None
    before = len(findings)
    for name, (key, value) in instance.entries.items():
        if name not in template.parameters:
            hint = meant(name, template.parameters) or f"it has {', '.join(template.parameters) or 'none'}"
            _find(findings, "PC225", f"`{name}` is no parameter of the template `{template.name}`", key, hint)
        elif value.kind != "value":
            _find(findings, "PC226", f"the parameter `{name}` is a single value", value)
        elif len(value.text) > PARAMETER_LENGTH_MAX:
            what = f"the parameter `{name}` is longer than {PARAMETER_LENGTH_MAX} characters"
            _find(findings, "PC226", what, value)
    unknown = [name for name in instance.entries if name not in template.parameters]
    for name in template.parameters:
        if name not in instance.entries and not any(nearest(other, [name]) for other in unknown):
            _find(
                findings, "PC224", f"the parameter `{name}` is missing in this instance", instance, f"add {name}: ..."
            )
    return {name: pair[1] for name, pair in instance.entries.items()} if len(findings) == before else None


class Copy:
    """Copies a template's sections for one instance."""

    def __init__(self, template: Template, instance: Node, values: dict[str, Node], findings: list[Diagnostic]) -> None:
        self.template = template
        self.values = values
        self.findings = findings
        self.note: tuple[Note, ...] = ((instance.place, f"in this instance of `{template.name}`"),)
        self.top = replace(instance, entries={})

    def sections(self) -> Node:
        """The template's sections, copied."""
        for title, (key, node) in self.template.sections.items():
            self.top.entries[title] = (key, self._node(node))
        return self.top

    def _node(self, node: Node) -> Node:
        if node.kind == "value":
            return self.value(node)
        copy = replace(node, instance=self.note, entries={}, items=[self._node(item) for item in node.items])
        for key, value in node.entries.values():
            new_key = self.key(key)
            if new_key.text in copy.entries:
                also = ((copy.entries[new_key.text][0].place, "first written here"), *self.note)
                what = f"the key `{new_key.text}` stands twice"
                self.findings.append(Diagnostic("PC106", what, new_key.place, "keep one", also))
                copy.tainted = True
                continue
            copy.entries[new_key.text] = (new_key, self._node(value))
        return copy

    def key(self, key: Node) -> Node:
        """The copy of a key, with the parameters put in."""
        text = PLACEHOLDER.sub(self._text_of, key.text)
        if text == key.text:
            return replace(key, instance=self.note)
        return replace(key, instance=self.note, text=text, value=text, text_column=0)

    def value(self, node: Node) -> Node:
        """The copy of a single value; where a placeholder is the whole of it, the parameter's own value."""
        copy = replace(node, instance=self.note)
        whole = PLACEHOLDER.fullmatch(node.text)
        if whole is not None and whole[1] in self.values:
            parameter = self.values[whole[1]]
            copy.value, copy.text, copy.plain, copy.text_column = parameter.value, parameter.text, parameter.plain, 0
            return copy
        text = PLACEHOLDER.sub(self._text_of, node.text)
        if text == node.text:
            return copy
        copy.text, copy.text_column, copy.value = text, 0, text
        if node.plain:
            copy.value, doubt = resolve(text)
            if doubt is not None:
                copy.tainted = True
                self.findings.append(Diagnostic(doubt[0], doubt[1], node.place, doubt[2], self.note))
        return copy

    def _text_of(self, match: "re.Match[str]") -> str:
        value = self.values.get(match[1])
        return match[0] if value is None else value.text


def _find(findings: list[Diagnostic], code: str, what: str, node: Node, hint: str = "") -> None:
    if not (node.tainted and node.kind == "value"):
        findings.append(Diagnostic(code, what, node.place, hint, node.instance))
