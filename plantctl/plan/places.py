"""Finds the place in the text of any value of the plant, by the path of its keys.

The path is written with the keys of the configuration and the positions in its lists:
`of("loops", "40-AIC-4212", "limits", "out", 0)`. Where the path goes deeper than the text, a finding still has a
place: the value in a short form (`control: 1 s` at `period`), else the key below which something is missing.
"""

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.node import Node, Note

Step = str | int


class Places:
    """The places of one plant's text. `root` is the merged tree: section -> name -> keys."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def node(self, *path: Step) -> Node | None:
        """The piece of text at a path, None when the text does not reach so far."""
        found, depth = self._deepest(path)
        return found[1] if depth == len(path) else None

    def of(self, *path: Step, key: bool = False) -> Place | None:
        """The place of the value at a path, or of its key; None only when not even the section is in the text."""
        (key_node, value), depth = self._deepest(path)
        if depth == 0:
            return None
        missing_below = depth < len(path) and value.kind != "value"
        return key_node.place if key or missing_below else value.place

    def inside(self, *path: Step, start: int, end: int) -> Place | None:
        """The place of characters `start` to `end` of the text at a path, for carets inside an expression.

        Counted in the completed text, as the plant holds it; the area put before a name is taken out again.
        """
        node = self.node(*path)
        return self.of(*path) if node is None else node.inside(start, end)

    def also(self, *path: Step) -> tuple[Note, ...]:
        """The further places that belong to a path: the instance for which a template was unfolded."""
        (key_node, value), depth = self._deepest(path)
        return (value.instance or key_node.instance) if depth else ()

    def find(self, code: str, what: str, *path: Step, key: bool = False, hint: str = "") -> Diagnostic:
        """A finding at a path, with the instance's place where a template made it."""
        return Diagnostic(code, what, self.of(*path, key=key), hint, self.also(*path))

    def _deepest(self, path: tuple[Step, ...]) -> tuple[tuple[Node, Node], int]:
        pair = (self._root, self._root)
        for depth, step in enumerate(path):
            node = pair[1]
            if isinstance(step, str) and step in node.entries:
                pair = node.entries[step]
            elif isinstance(step, int) and 0 <= step < len(node.items):
                pair = (node.items[step], node.items[step])
            else:
                return pair, depth
        return pair, len(path)
