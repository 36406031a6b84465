"""The rules of a function block's file, read from its syntax tree.

A block file is compiled and interpreted with the same bits, is read by control engineers, and must neither raise nor
allocate in a scan. So it uses a closed list of the language. What cannot be read from the text (values, dt, hostile
inputs) is the property test's.
"""

import ast
import inspect
import types
from collections.abc import Iterator

from plantctl.core import block as vocabulary
from plantctl.core.block import Block, Field, fields

SECTIONS = ("First scan", "Bad input", "Limits", "Reference", "Situation")
BUILTINS = {"abs", "min", "max", "range", "len", "int", "float", "bool"}
NODES = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.If, ast.For),
    *(ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp),
    *(ast.Call, ast.Attribute, ast.Subscript, ast.Name, ast.Constant, ast.Tuple),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
OWN_STATE = {"state", "watched", "shown", "tracked"}
WRITABLE = {"out": {"v", "q"}, "cas_out": {"v", "q"}, "cas_in": {"used", "status"}, "in": set()}


def breaches(name: str, text: str) -> list[str]:
    """Every breach in the source `text` of the block kind `name`, as `line: what`."""
    return [f"{line}: {what}" for line, what in sorted(set(_File(name, text).find()))]


class _File:
    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree = ast.parse(text)
        self.functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        self.imported: set[str] = set()
        self.fields = self.declared(text)

    def declared(self, text: str) -> dict[str, Field]:
        module = types.ModuleType("block_under_test")
        exec(compile(text, self.name, "exec"), vars(module))
        classes = [v for v in vars(module).values() if inspect.isclass(v) and issubclass(v, Block) and v is not Block]
        return {field.name: field for cls in classes for field in fields(cls)}

    def find(self) -> Iterator[tuple[int, str]]:
        """Every finding, rule by rule."""
        yield from self.manual()
        yield from self.imports()
        yield from self.top_level()
        for function in self.functions.values():
            for statement in function.body:
                for node in ast.walk(statement):
                    yield from self.node(node)
            yield from self.arithmetic(function)
        yield from self.unasked_ports()

    def manual(self) -> Iterator[tuple[int, str]]:
        text = ast.get_docstring(self.tree) or ""
        starts = {line.strip() for line in text.splitlines()}
        for section in SECTIONS:
            if not any(line.startswith(section + "  ") or line == section for line in starts):
                yield 1, f"the manual has no line '{section}'"
        if f"tests/cases/blocks/{self.name}/" not in text:
            yield 1, f"the manual does not name its situations, tests/cases/blocks/{self.name}/"

    def imports(self) -> Iterator[tuple[int, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                if [(alias.name, alias.asname) for alias in node.names] != [("math", None)]:
                    yield node.lineno, "a block imports math and plantctl.core.block only"
            elif isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                if node.module != "plantctl.core.block" or not names <= set(vocabulary.__all__):
                    yield node.lineno, "a block imports math and names of plantctl.core.block.__all__ only"
                self.imported |= names

    def top_level(self) -> Iterator[tuple[int, str]]:
        classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        if len(classes) != 1 or "step" not in self.functions:
            yield 1, "a block file holds one class and a function step(b, dt)"
        for node in self.tree.body[1:]:
            if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef):
                continue
            if isinstance(node, ast.FunctionDef):
                if node.decorator_list:
                    yield node.lineno, "a function of a block has no decorator"
                if node.name in ("step", "back") and [arg.arg for arg in node.args.args] != ["b", "dt"]:
                    yield node.lineno, f"a half is {node.name}(b, dt)"
            elif not (isinstance(node, ast.Assign | ast.AnnAssign) and constant(node.value)):
                yield node.lineno, "beside class and functions only constants stand here: numbers and tuples"
        for node in ast.walk(classes[0]) if classes else ():
            if isinstance(node, ast.FunctionDef):
                yield node.lineno, "a block's class declares and does nothing"

    def node(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.FunctionDef) or not isinstance(node, NODES):
            yield line, f"{type(node).__name__} is not in the language of blocks"
        elif isinstance(node, ast.Constant) and not isinstance(node.value, int | float | None):
            if not isinstance(node.value, str):
                yield line, f"a {type(node.value).__name__} is not in the language of blocks"
        elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call):
            if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
                yield line, "a statement without effect"
        elif isinstance(node, ast.Call):
            yield from self.call(node)
        elif isinstance(node, ast.For):
            if not (isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range") or node.orelse:
                yield line, "loops are `for k in range(...)`"
        elif isinstance(node, ast.Attribute | ast.Name | ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield from self.assignment(node)

    def call(self, node: ast.Call) -> Iterator[tuple[int, str]]:
        name = ast.unparse(node.func)
        if node.keywords:
            yield node.lineno, "calls in blocks take positions, not keywords"
        if name not in BUILTINS | self.imported | self.functions.keys() and not name.startswith("math."):
            yield node.lineno, f"{name}() is not in the language of blocks"

    def assignment(self, node: ast.Attribute | ast.Name | ast.Subscript) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.Name):
            return
        path = ast.unparse(strip_index(node)).split(".")
        field = self.fields.get(path[1]) if path[0] == "b" and len(path) > 1 else None
        if field is None:
            yield node.lineno, f"{ast.unparse(node)} is assigned: only fields of b are"
        elif len(path) == 2 and field.role not in OWN_STATE:
            yield node.lineno, f"{ast.unparse(node)} is assigned: it is not a state of the block"
        elif len(path) == 3 and path[2] not in WRITABLE.get(field.role, set()):
            yield node.lineno, f"{ast.unparse(node)} is assigned: that side of the port is not the block's"

    def unasked_ports(self) -> Iterator[tuple[int, str]]:
        asked = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "bad":
                asked |= {ast.unparse(strip_index(argument)) for argument in node.args}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr == "v" and isinstance(node.ctx, ast.Load):
                port = ast.unparse(strip_index(node.value))
                field = self.fields.get(port.removeprefix("b."))
                if field is not None and field.role in ("in", "cas_in") and port not in asked:
                    yield node.lineno, f"{port}.v is used, and bad({port}) never asked"

    def arithmetic(self, function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
        for node in ast.walk(function):
            if isinstance(node, ast.BinOp | ast.AugAssign):
                right = node.right if isinstance(node, ast.BinOp) else node.value
                if isinstance(node.op, ast.Pow) and isinstance(right, ast.Constant) and float(right.value).is_integer():
                    yield node.lineno, "write x * x: a power with a whole number differs between the two ways to run"
                elif isinstance(node.op, ast.FloorDiv | ast.Mod) and not self.positive(right, function):
                    yield node.lineno, f"{ast.unparse(right)} may be 0: // and % need a divisor of at least 1"
                elif isinstance(node.op, ast.Div) and not self.safe(right, function, node.lineno):
                    yield node.lineno, f"{ast.unparse(right)} may be 0: declare it above=0, or ask before"

    def safe(self, divisor: ast.expr, function: ast.FunctionDef, line: int) -> bool:
        """Whether a divisor is positive by declaration, or some `if` above it in the function asked for it."""
        if self.positive(divisor, function):
            return True
        text = ast.unparse(divisor)
        asked = [n for n in ast.walk(function) if isinstance(n, ast.If | ast.IfExp) and n.lineno <= line]
        return any(text in {ast.unparse(part) for part in ast.walk(node.test)} for node in asked)

    def positive(self, node: ast.expr, function: ast.FunctionDef) -> bool:
        """Whether an expression is above 0 by what is declared."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int | float) and node.value > 0
        if isinstance(node, ast.Attribute):
            field = self.fields.get(ast.unparse(node).removeprefix("b."))
            declared = field.declared if field is not None and field.role in ("param", "tracked") else None
            if declared is None:
                return False
            return (declared.above is not None and declared.above >= 0) or (declared.minimum or 0) > 0
        if isinstance(node, ast.Name):
            return node.id == "dt" or self.global_positive(node.id) or self.argument_positive(node.id, function)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            return self.positive(node.left, function) and self.positive(node.right, function)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = (node.left, node.right)
            return any(self.positive(s, function) for s in sides) and all(self.not_negative(s, function) for s in sides)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "max":
            return any(self.positive(argument, function) for argument in node.args)
        return False

    def not_negative(self, node: ast.expr, function: ast.FunctionDef) -> bool:
        """Whether an expression is 0 or above by what is declared, local names included."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.Add):
            return self.not_negative(node.left, function) and self.not_negative(node.right, function)
        if isinstance(node, ast.Name):
            given = [
                n.value
                for n in ast.walk(function)
                if isinstance(n, ast.Assign) and node.id in map(ast.unparse, n.targets)
            ]
            if given:
                return all(self.not_negative(value, function) for value in given)
        field = self.fields.get(ast.unparse(node).removeprefix("b."))
        declared = field is not None and field.declared.minimum is not None and field.declared.minimum >= 0
        return declared or self.positive(node, function)

    def global_positive(self, name: str) -> bool:
        values = [
            node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
        ]
        return bool(values) and isinstance(values[0], ast.Constant) and float(values[0].value) > 0

    def argument_positive(self, name: str, function: ast.FunctionDef) -> bool:
        """Whether every call of `function` in the file gives something above 0 for its argument `name`."""
        names = [argument.arg for argument in function.args.args]
        if name not in names or function.name in ("step", "back"):
            return False
        calls = [
            (caller, node)
            for caller in self.functions.values()
            for node in ast.walk(caller)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == function.name and caller is not function
        ]
        place = names.index(name)
        return bool(calls) and all(
            self.safe(c.args[place], caller, c.lineno) for caller, c in calls if len(c.args) > place
        )


def strip_index(node: ast.expr) -> ast.expr:
    """`b.x[k].v` as `b.x.v`."""
    if isinstance(node, ast.Subscript):
        return strip_index(node.value)
    if isinstance(node, ast.Attribute):
        return ast.Attribute(strip_index(node.value), node.attr, node.ctx)
    return node


def constant(node: ast.AST | None) -> bool:
    """Whether an expression is a number, a tuple of them, or arithmetic over constants."""
    allowed = (ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.Name, ast.operator, ast.unaryop, ast.expr_context)
    return node is not None and all(isinstance(part, allowed) for part in ast.walk(node))
