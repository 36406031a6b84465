"""Reads one YAML file into our own tree of nodes, each with its place in the text.

PyYAML's event stream is read, with its C part where the installation has it; values are resolved by `yaml_scalar`, not
by PyYAML. Whatever could make two readers see two plants is refused: duplicate keys, anchors, aliases, merge keys,
tags, several documents. Size, depth and number of values are bounded, so that no file can exhaust the machine. Findings
are collected; only a break of YAML's own syntax ends the reading of its file.
"""

from typing import Any, Final

import yaml

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.node import Node
from plantctl.plan.yaml_scalar import FORBIDDEN, resolve
from plantctl.plan.yaml_syntax import explain_syntax

DEPTH_MAX: Final = 32
NODES_MAX: Final = 500_000
"""A 10,000-line file has about 30,000 values and keys."""

READER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(file: str, text: str, reader: Any = READER) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of one file, and all findings about it; no tree where nothing usable was read.

    `text` holds no characters that YAML forbids (`source.decode` has seen to that). Never raises for any such text.
    """
    builder = _Builder(file)
    text = text if text.endswith("\n") else text + "\n"  # PyYAML's two readers differ on a last line without its end
    try:
        for event in yaml.parse(text, Loader=reader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        builder.findings.append(explain_syntax(file, text, error))
        return None, builder.findings
    except (yaml.YAMLError, ValueError, OverflowError):  # an escape that names no character, in PyYAML's Python part
        what = "the text cannot be read as YAML"
        builder.findings.append(
            Diagnostic("PC101", what, Place(file, 1, 1), "look for `\\u` or `\\U` in double quotes")
        )
        return None, builder.findings
    return builder.root, builder.findings


class _Builder:
    """Takes events one by one; the open mappings and lists are a stack of our own, so depth costs no recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.findings: list[Diagnostic] = []
        self.count = 0
        self.documents = 0
        self.open: list[Node] = []
        self.keys: list[Node | None] = []

    def take(self, event: Any) -> bool:
        """Adds one event to the tree; false ends the reading (a bound was passed)."""
        if isinstance(event, yaml.ScalarEvent):
            return self._add(self._scalar(event), event)
        if isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            node = self._node("mapping" if is_mapping else "list", event)
            node.column_end = node.column + 1
            if not self._add(node, event):
                return False
            self.open.append(node)
            self.keys.append(None)
            if len(self.open) > DEPTH_MAX:
                return self._stop(event, f"more than {DEPTH_MAX} levels deep", "nest less")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            node = self._node("value", event)
            node.tainted = True
            self._find("PC107", f"the alias `*{event.anchor}` is not taken here", event, _ANCHOR_HINT)
            return self._add(node, None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                return self._stop(event, "a second document begins here", "one file holds one document: take out `---`")
        return True

    def _node(self, kind: Any, event: Any) -> Node:
        start, end = event.start_mark, event.end_mark
        column_end = end.column + 1 if end.line == start.line else 0
        return Node(kind, self.file, start.line + 1, start.column + 1, column_end)

    def _scalar(self, event: Any) -> Node:
        node = self._node("value", event)
        node.text = text = event.value
        node.plain = event.style in ("", None)
        if node.column_end:
            quotes = 0 if node.plain else 2
            if node.column_end - node.column == len(text) + quotes:
                node.text_column = node.column + quotes // 2
        if not node.plain:
            node.value = text
            if node.text_column == 0 and FORBIDDEN.search(text):
                node.tainted = True
                self._find("PC113", "an escape stands for a character that has no place in a plant's text", node)
            return node
        node.value, doubt = resolve(text)
        if doubt is not None:
            node.tainted = True
            self.findings.append(Diagnostic(doubt[0], doubt[1], node.place, doubt[2]))
        return node

    def _add(self, node: Node, event: Any) -> bool:
        self.count += 1
        if self.count > NODES_MAX:
            self.findings.append(Diagnostic("PC112", f"more than {NODES_MAX} values in one file", node.place))
            self.root = None
            return False
        if event is not None:
            self._refuse_decoration(node, event)
        if not self.open:
            self.root = node
            return True
        parent = self.open[-1]
        if parent.kind == "list":
            parent.items.append(node)
            if node.kind == "value" and node.value is None and not node.tainted:
                self._nothing(node, node.place, "an empty item in this list", "write its value, or take the line out")
        else:
            self._add_to_mapping(parent, node)
        return True

    def _add_to_mapping(self, parent: Node, node: Node) -> None:
        key = self.keys[-1]
        if key is None:
            if node.kind != "value":
                self._find("PC111", "a key is a single text, not a list or a mapping", node)
                node.tainted = True
            elif node.plain and node.text == "<<":
                self._find("PC107", "merge keys `<<` are not taken here", node, _ANCHOR_HINT)
                node.tainted = True
            self.keys[-1] = node
            return
        self.keys[-1] = None
        if key.kind != "value":
            parent.tainted = True
            return
        if node.kind == "value" and node.value is None and not node.tainted and len(self.open) > 1:
            self._nothing(node, key.place, f"nothing stands after `{key.text}:`", "write its value, or take it out")
        first = parent.entries.get(key.text)
        if first is None:
            parent.entries[key.text] = (key, node)
            return
        parent.tainted = True
        note = ((first[0].place, "first written here"),)
        self.findings.append(Diagnostic("PC106", f"the key `{key.text}` stands twice", key.place, "keep one", note))

    def _close(self) -> None:
        node = self.open.pop()
        self.keys.pop()
        tainted = node.tainted or any(key.tainted or value.tainted for key, value in node.entries.values())
        node.tainted = tainted or any(item.tainted for item in node.items)

    def _nothing(self, node: Node, where: Place, what: str, hint: str) -> None:
        node.tainted = True
        self.findings.append(Diagnostic("PC109", what, where, hint))

    def _refuse_decoration(self, node: Node, event: Any) -> None:
        if event.anchor is not None:
            self._find("PC107", f"the anchor `&{event.anchor}` is not taken here", node, _ANCHOR_HINT)
            node.tainted = True
        if event.tag is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._find("PC108", f"the tag `{shown}` is not taken here", node, "values have no types but their own form")
            node.tainted = True

    def _find(self, code: str, what: str, at: Any, hint: str = "") -> None:
        node = at if isinstance(at, Node) else self._node("value", at)
        self.findings.append(Diagnostic(code, what, node.place, hint))

    def _stop(self, event: Any, what: str, hint: str) -> bool:
        self._find("PC112", what, event, hint)
        self.root = None
        return False


_ANCHOR_HINT: Final = "what is equal in many places is a template with instances"
