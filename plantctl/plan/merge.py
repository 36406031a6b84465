"""Joins the files of a plant into one tree: section, name, keys; templates unfolded, names completed.

A section may stand in several files; its entries follow each other in the order of the text, an included file in the
place of its `include`. A name that is defined twice is a finding with both places. Only the limits of a tag table and
the guidance of an `alarms:` section are joined into one alarm, key by key.
"""

from plantctl.core.errors import Diagnostic
from plantctl.plan.area import complete, complete_block, full_name
from plantctl.plan.did_you_mean import meant
from plantctl.plan.expand import Instance, Template, read_templates, unfold
from plantctl.plan.expand_display import unfold_rows
from plantctl.plan.node import Node
from plantctl.plan.parameters import fill_parameters
from plantctl.plan.shapes import kind_of
from plantctl.plan.source import SourceSet
from plantctl.plan.source_plant import SECTIONS

_TITLES = ("plant", "area", "include", "parameters", "templates", "instances", *SECTIONS)


class Merged:
    """The one tree. `order` has every (section, name) in the order of the text; `complete` as in `SourcePlant`."""

    def __init__(self) -> None:
        self.root = Node("mapping", "", 1, 1)
        self.order: list[tuple[str, str]] = []
        self.findings: list[Diagnostic] = []
        self.complete = True


def merge(sources: SourceSet) -> Merged:
    """Joins all files. Never raises, whatever the trees hold."""
    merged = Merged()
    merged.complete = sources.complete
    joiner = _Joiner(merged)
    fill_parameters((file.root for file in sources.files if file.root is not None), merged.findings)
    for file in sources.files:
        if file.root is not None:
            joiner.collect_templates(file.root, file.area)
    for file in sources.files:
        if file.root is not None:
            joiner.add_sections(file.root, file.area)
    joiner.complete_blocks()
    joiner.complete_displays()
    return merged


class _Joiner:
    def __init__(self, merged: Merged) -> None:
        self.merged = merged
        self.findings = merged.findings
        self.templates: dict[str, Template] = {}
        self.template_keys: dict[str, Node] = {}
        self.blocks: list[tuple[Node, str]] = []
        self.displays: list[tuple[Node, str]] = []
        self.instances: dict[str, list[Instance]] = {}

    def collect_templates(self, top: Node, area: str) -> None:
        pair = top.entries.get("templates")
        if pair is None:
            return
        found = read_templates(pair[1], area, self.findings)
        for name, template in found.items():
            key = pair[1].entries[name][0]
            if name in self.templates:
                self._twice(f"the template `{name}`", key, self.template_keys[name])
                continue
            self.templates[name] = template
            self.template_keys[name] = key

    def add_sections(self, top: Node, area: str) -> None:
        """Adds what one file, or one instance of a template, holds."""
        for title, (key, node) in top.entries.items():
            if title == "templates":
                continue
            if title == "instances":
                for made, template_area in unfold(node, self.templates, self.findings, self.instances):
                    self.add_sections(made, template_area)
            elif title not in _TITLES:
                if not key.tainted:
                    hint = meant(title, _TITLES) or "the sections are " + ", ".join(_TITLES)
                    self._find("PC210", f"`{title}` is no section of a plant", key, hint)
                self.merged.complete = False
            elif node.kind == "mapping":
                self._add_section(title, key, node, area)
            elif node.value is not None or node.kind == "list":
                if not node.tainted:
                    self._find("PC203", f"`{title}` is a mapping, this is {kind_of(node.plain_value())}", node)
                self.merged.complete = False

    def _add_section(self, title: str, key: Node, node: Node, area: str) -> None:
        _, target = self.merged.root.entries.setdefault(title, (key, _empty_like(node)))
        form = SECTIONS.get(title)
        for name_key, value in node.entries.values():
            name = full_name(name_key.text, area) if form is not None and form.of_tags else name_key.text
            if form is not None and title == "blocks":
                self.blocks.append((value, area))
            elif title == "displays":
                self.displays.append((value, area))
            elif form is not None:
                complete(value, form.form, area)
            first = target.entries.get(name)
            if first is None:
                target.entries[name] = (name_key, value)
                if form is not None:
                    self.merged.order.append((title, name))
            elif title == "alarms" and _is_table(first[1]) != _is_table(value) and value.kind == "mapping":
                self._join_alarm(name, first, value)
            else:
                what = f"the key `{name}`" if title == "plant" else f"`{name}` in `{title}`"
                self._twice(what, name_key, first[0])
                first[1].tainted = True

    def _join_alarm(self, name: str, first: tuple[Node, Node], second: Node) -> None:
        joined = first[1]
        for text, pair in second.entries.items():
            if text in joined.entries:
                self._twice(f"the key `{text}` of the alarm `{name}`", pair[0], joined.entries[text][0])
                joined.tainted = True
            else:
                joined.entries[text] = pair

    def complete_blocks(self) -> None:
        """Completes the tag names among the blocks' own keys, now that every name is known."""
        known = {name for title, name in self.merged.order if SECTIONS[title].of_tags} if self.blocks else set()
        for node, area in self.blocks:
            for text, (_, value) in node.entries.items():
                if text not in ("kind", "task"):
                    complete_block(value, area, known)

    def complete_displays(self) -> None:
        """Writes the rows of matrices, now that every instance is known, and completes what displays name."""
        for node, area in self.displays:
            unfold_rows(node, self.templates, self.instances, self.findings)
            complete(node, SECTIONS["displays"].form, area)

    def _twice(self, what: str, key: Node, first: Node) -> None:
        earlier = tuple((place, f"the first, {note}") for place, note in first.instance)
        also = ((first.place, "first defined here"), *earlier, *key.instance)
        self.findings.append(Diagnostic("PC212", f"{what} is defined twice", key.place, "keep one", also))

    def _find(self, code: str, what: str, node: Node, hint: str = "") -> None:
        self.findings.append(Diagnostic(code, what, node.place, hint, node.instance))


def _is_table(node: Node) -> bool:
    return node.file.endswith(".csv")


def _empty_like(node: Node) -> Node:
    return Node("mapping", node.file, node.line, node.column, node.column_end)
