"""The house rules that a machine can check, one function a rule.

Each rule takes a file's path inside the repository and its text, and gives the findings as `path:line: what, and what
instead`. `test_tidy.py` runs every rule over every file, and over one bad text each, so that none of them can sleep.
Formatting, imports and missing docstrings are ruff's, types are mypy's, who may import whom is import-linter's.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FUNCTION_LINES = 70
SOURCES = ("plantctl/", "simulators/", "tests/", "benchmarks/")
NOT_OURS = {".git", ".venv", "build", "dist", "__pycache__", ".state", "node_modules", "vendor"}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".csv",
    ".txt",
    ".sh",
    ".cfg",
    ".json",
    ".service",
    ".html",
    ".js",
    ".css",
}
TEXT_NAMES = {"Makefile", "NOTICE", "LICENSE", ".gitignore", "run", "Dockerfile"}


def files() -> Iterator[Path]:
    """Every text file of the repository, generated folders left out, in order."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if any(part in NOT_OURS or part.endswith(("_cache", ".egg-info")) or part == ".hypothesis" for part in parts):
            continue
        if path.is_file() and (path.suffix in TEXT or path.name in TEXT_NAMES):
            yield path


# ---- size


def long_files(path: str, text: str) -> Iterator[str]:
    """A Python file longer than a reader keeps in mind."""
    lines = text.count("\n")
    if path.endswith(".py") and lines > FILE_LINES:
        yield f"{path}:{lines}: {lines} lines, at most {FILE_LINES}: split it by subject"


def long_functions(path: str, text: str) -> Iterator[str]:
    """A function longer than a page, docstring and decorators included."""
    for node in walk(path, text):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}"


# ---- words

BANNED_WORDS = {
    "manager": "name what it does",
    "handler": "name what it does with what",
    "helper": "name what it gives",
    "helpers": "name the subject",
    "util": "name the subject",
    "utils": "name the subject",
    "value2": "name the second value",
    "controlsystemobject": "name the thing",
}
BANNED_NAMES = {
    "process": "says either a plant or a child: say which",
    "device_data": "say which data",
    "tmp": "name it",
}
# Names that a library's interface demands of us.
FOREIGN = {"call_exception_handler", "set_exception_handler", "get_exception_handler", "default_exception_handler"}
FOREIGN |= {"add_signal_handler", "remove_signal_handler"}


def banned_words(path: str, text: str) -> Iterator[str]:
    """A name that says nothing: in a definition, an argument, a variable, a file or a folder."""
    for part in PurePosixPath(path).parts:
        yield from (f"{path}:1: {complaint}" for complaint in complaints(part.split(".")[0]) if part != "process")
    for node in walk(path, text):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        else:
            continue
        yield from (f"{path}:{node.lineno}: {complaint}" for complaint in complaints(name))


@cache
def complaints(name: str) -> tuple[str, ...]:
    """What is wrong with one name, word by word; `FlowManager` and `flow_manager` are the same words."""
    return () if name in FOREIGN else tuple(_complaints(name))


def _complaints(name: str) -> Iterator[str]:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    for word in sorted({word.lower() for word in (*words, name.replace("_", ""))} & BANNED_WORDS.keys()):
        yield f"'{name}': not '{word}', {BANNED_WORDS[word]}"
    if name in BANNED_NAMES:
        yield f"'{name}': {BANNED_NAMES[name]}"


# ---- calls

# call: (what instead, folders or files where it may stand). Reading the time and sleeping in plantctl and simulators
# is ruff's (pyproject.toml, banned-api), since an editor shows it at once.
BANNED_CALLS = {
    "eval": ("expressions compile to bytecode", ()),
    "exec": (
        "only the loader runs text, and only text that it wrote",
        ("plantctl/plan/load.py", "tests/arch/block_rules.py", "tests/notebook_bench.py"),
    ),
    "asyncio.create_task": ("use a task group, or let app/ own the task", ("plantctl/app/", "tests/")),
    "asyncio.ensure_future": ("use a task group, or let app/ own the task", ()),
    "asyncio.get_event_loop": ("the loop is handed down", ()),
    "os.fork": ("app/ makes processes", ()),
    "os.system": ("use subprocess with a list", ()),
    "os.kill": ("app/ ends processes, by their number", ("plantctl/app/", "tests/", "plantctl/cli/")),
    "time.sleep": (
        "wait for the clock or for an event",
        # A screen and a start-up wait at a person's pace; nothing of the plant hangs on them. The scan has no loop.
        (
            "plantctl/core/clock.py",
            "plantctl/app/split/deadline.py",
            "plantctl/cli/top.py",
            "plantctl/cli/tour.py",
            "plantctl/cli/demo.py",
        ),
    ),
    "asyncio.sleep": (
        "wait for the clock or for an event",
        ("plantctl/core/clock.py", "plantctl/core/virtual_loop.py", "tests/unit/test_clock"),
    ),
    "pytest.skip": ("a test runs or is not there", ()),
    "pytest.xfail": ("a test passes or is not there", ()),
    "pytest.importorskip": ("what a test needs is in the lock", ()),
    "pytest.mark.skip": ("a test runs or is not there", ()),
    "pytest.mark.skipif": ("a test runs or is not there", ()),
    "pytest.mark.xfail": ("a test passes or is not there", ()),
    "unittest.skip": ("a test runs or is not there", ()),
    "multiprocessing.shared_memory": ("the death of a reader unlinks it: use a memfd", ()),
}


def banned_calls(path: str, text: str) -> Iterator[str]:
    """A call or reference that the architecture forbids at this place."""
    imported: dict[str, str] = {}
    for node in walk(path, text):
        if isinstance(node, ast.Import):
            imported |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in walk(path, text):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            head, _, rest = dotted(node).partition(".")
            name = ".".join(filter(None, (imported.get(head, head), rest)))
        elif isinstance(node, ast.ImportFrom):
            name = next(
                (f"{node.module}.{a.name}" for a in node.names if f"{node.module}.{a.name}" in BANNED_CALLS), ""
            )
        else:
            continue
        instead, where = BANNED_CALLS.get(name, ("", ()))
        if instead and not path.startswith(where or ("\0",)):
            yield f"{path}:{node.lineno}: {name}: {instead}"


# ---- text

LATER = re.compile(r"\b(" + "TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b(?!\(#\d+\))")
REGISTRIES = ("py" + "pi", "python" + "hosted", "np" + "mjs", "npmjs" + ".org", "deb." + "debian", "crates" + ".io")
HOST = re.compile(r"(?:https?://|\b)[\w.-]*\b(?:" + "|".join(map(re.escape, REGISTRIES)) + r")(?:\.org|\.com|\.net)\b")
MACHINE = re.compile(r"(?<![\w.<$}/-])/(?:ho" + r"me/\w|ro" + r"ot/|wo" + r"rk/|Us" + r"ers/\w)|\b[A-Z]:\\")


def todo_without_issue(path: str, text: str) -> Iterator[str]:
    """A promise that nobody keeps, since no issue stands beside it in the form `(#12)`."""
    yield from search(path, text, LATER, "say which issue, as in (#12), or do it")


def registry_host(path: str, text: str) -> Iterator[str]:
    """The host of a package registry: where packages come from is the reader's own setting."""
    yield from search(path, text, HOST, "name no registry host")


def machine_path(path: str, text: str) -> Iterator[str]:
    """An absolute path of somebody's machine."""
    yield from search(path, text, MACHINE, "no path of a machine: make it relative, or take it from a setting")


def search(path: str, text: str, pattern: re.Pattern[str], instead: str) -> Iterator[str]:
    """Findings of a pattern, line by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := pattern.search(line):
            yield f"{path}:{number}: '{found[0]}': {instead}"


# ---- links

FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def broken_links(path: str, text: str) -> Iterator[str]:
    """A link in a document to a file or a heading that is not there; links to other sites are not followed."""
    if not path.endswith(".md"):
        return
    prose = FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        for target in LINK.findall(line):
            if re.match(r"[a-z][a-z+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (ROOT / path).parent / name if name else ROOT / path
            if not file.exists():
                yield f"{path}:{number}: {target}: no such file"
            elif anchor and file.suffix == ".md" and anchor not in headings(file.read_text(encoding="utf-8")):
                yield f"{path}:{number}: {target}: no such heading"


def headings(text: str) -> set[str]:
    """The anchors of a document's headings, as the usual sites make them."""
    titles = re.findall(r"^#+\s+(.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def dotted(node: ast.AST) -> str:
    """`a.b.c` for that chain of attributes; empty for anything else."""
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return node.id if isinstance(node, ast.Name) else ""


@cache
def walk(path: str, text: str) -> tuple[ast.AST, ...]:
    """Every node of a Python file of ours; nothing for any other file."""
    if path.endswith(".py") and path.startswith(SOURCES):
        return tuple(ast.walk(ast.parse(text, filename=path)))
    return ()


RULES = (
    long_files,
    long_functions,
    banned_words,
    banned_calls,
    todo_without_issue,
    registry_host,
    machine_path,
    broken_links,
)
