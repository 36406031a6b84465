"""Finds every place in an installed library that asks for the time, by reading its source."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

# What asks for the time or waits by it, by the dotted name it has outside the library.
ASKING = {
    *(f"time.{name}" for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")),
    *(f"time.{name}_ns" for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")),
    *(f"time.{name}" for name in ("sleep", "clock_gettime", "localtime", "gmtime", "ctime", "strftime", "asctime")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
}

# Generated sources are long: only what imports either module and says one of the words is taken apart.
_IMPORTS = re.compile(r"^\s*(?:import|from)\s.*\b(?:time|datetime)\b", re.MULTILINE)
_WORDS = re.compile(rf"\.(?:{'|'.join(sorted({what.rpartition('.')[2] for what in ASKING}))})\b|from time import")


def time_uses(package):
    """Sorted `(module, function, what)` of every place in the package's installed source."""
    [folder] = find_spec(package).submodule_search_locations
    uses = set()
    for path in Path(folder).rglob("*.py"):
        parts = path.relative_to(Path(folder).parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = path.read_text(encoding="utf-8")
        if _IMPORTS.search(source) and _WORDS.search(source):
            uses |= {(module, *use) for use in _uses(ast.parse(source))}
    return sorted(uses)


def _uses(tree):
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name: a.name for a in node.names if a.name in ("time", "datetime")}
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    yield from _walk(tree, names, "")


def _walk(node, names, function):
    for child in ast.iter_child_nodes(node):
        inner = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{function}.{child.name}".lstrip(".")
        elif isinstance(child, ast.Attribute | ast.Name):
            what = _dotted(child, names)
            if what in ASKING:
                yield function, what
        yield from _walk(child, names, inner)


def _dotted(node, names):
    """The dotted name outside the library of `a.b.c`, or None where `a` is neither module nor imported from one."""
    tail = []
    while isinstance(node, ast.Attribute):
        tail.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(tail)])
