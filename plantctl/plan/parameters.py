"""Puts the plant's parameters in: `parameters: {ph: 8.0}` in one file, `<ph>` wherever the text of any file needs it.

A parameter set is a file like any other (`elements/neodymium.yaml`): which one counts is said by including it. A
parameter stands in angle brackets, as that of a template: where it is the whole value its value takes its place as it
is, inside a longer text its text is put in. Inside a template the template's own parameters go before the plant's.
What was put in keeps its place and, as a note, that of the parameter: findings show both.
"""

from collections.abc import Iterable

from plantctl.core.errors import Diagnostic
from plantctl.plan.expand import PARAMETER, PARAMETER_LENGTH_MAX, PLACEHOLDER
from plantctl.plan.node import Node
from plantctl.plan.yaml_scalar import resolve

SECTION = "parameters"


def fill_parameters(tops: Iterable[Node], findings: list[Diagnostic]) -> None:
    """Read the parameters of all files and put them in everywhere, in place; what stands nowhere is a finding."""
    tops = list(tops)
    values: dict[str, tuple[Node, Node]] = {}
    for top in tops:
        pair = top.entries.pop(SECTION, None)
        if pair is not None:
            _read(pair[1], values, findings)
    filler = _Filler(values, findings)
    for top in tops:
        filler.fill(top, frozenset(values))
    for name, (key, _) in values.items():
        if name not in filler.used and not key.tainted:
            hint = f"write <{name}> where it belongs, or take it out"
            findings.append(
                Diagnostic("PC222", f"the parameter `{name}` is used nowhere in the plant", key.place, hint)
            )


def _read(section: Node, values: dict[str, tuple[Node, Node]], findings: list[Diagnostic]) -> None:
    if section.kind != "mapping":
        if not section.tainted:
            findings.append(Diagnostic("PC220", "`parameters` is a mapping: name, value", section.place, "ph: 8.0"))
        return
    for name, (key, value) in section.entries.items():
        what, where, hint = "", value, ""
        if not PARAMETER.fullmatch(name):
            what, where, hint = "a parameter's name is due here", key, "small letters, digits and `_`"
        elif name in values:
            what, where, hint = f"the parameter `{name}` is given twice", key, "include one parameter set"
        elif value.kind != "value":
            what = f"the parameter `{name}` is a single value"
        elif len(value.text) > PARAMETER_LENGTH_MAX:
            what = f"the parameter `{name}` is longer than {PARAMETER_LENGTH_MAX} characters"
        if what and not (where.tainted and where.kind == "value"):
            also = ((values[name][0].place, "first given here"),) if name in values else ()
            findings.append(Diagnostic("PC226", what, where.place, hint, also))
        key.tainted = key.tainted or bool(what)
        values.setdefault(name, (key, value))


class _Filler:
    """Puts values in below a node; `used` are the names that stood somewhere."""

    def __init__(self, values: dict[str, tuple[Node, Node]], findings: list[Diagnostic]) -> None:
        self.values = values
        self.findings = findings
        self.used: set[str] = set()

    def fill(self, top: Node, names: frozenset[str]) -> None:
        """All keys and values below `top`, those of a template without the names of its `with`."""
        if not names:
            return
        for title, (_, node) in top.entries.items():
            if title != "templates":
                self._node(node, names)
                continue
            for _, template in node.entries.values():
                own = template.entries.get("with")
                with_names = {str(item.value) for item in own[1].items} if own is not None else set()
                self._node(template, names - with_names)

    def _node(self, top: Node, names: frozenset[str]) -> None:
        waiting = [top]
        while waiting:
            node = waiting.pop()
            waiting += node.items
            if node.kind == "value":
                self._value(node, names)
            entries: dict[str, tuple[Node, Node]] = {}
            for key, value in node.entries.values():
                waiting.append(value)
                self._value(key, names)
                if key.text in entries:
                    also = ((entries[key.text][0].place, "first written here"), *key.instance)
                    what = f"the key `{key.text}` stands twice"
                    self.findings.append(Diagnostic("PC106", what, key.place, "keep one", also))
                    node.tainted = True
                    continue
                entries[key.text] = (key, value)
            node.entries = entries

    def _value(self, node: Node, names: frozenset[str]) -> None:
        found = [name for name in dict.fromkeys(PLACEHOLDER.findall(node.text)) if name in names]
        if not found:
            return
        self.used.update(found)
        node.instance = (*node.instance, *((self.values[n][1].place, f"the parameter `{n}`") for n in found))
        whole = PLACEHOLDER.fullmatch(node.text)
        if whole is not None:
            value = self.values[whole[1]][1]
            node.value, node.text, node.plain, node.text_column = value.value, value.text, value.plain, 0
            node.tainted = node.tainted or value.tainted
            return
        node.text = PLACEHOLDER.sub(lambda m: self.values[m[1]][1].text if m[1] in found else m[0], node.text)
        node.value, node.text_column = node.text, 0
        if node.plain:
            node.value, doubt = resolve(node.text)
            if doubt is not None:
                node.tainted = True
                self.findings.append(Diagnostic(doubt[0], doubt[1], node.place, doubt[2], node.instance))
