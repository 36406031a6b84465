"""Every simulated unit: its form, its manual page, its situations. Units are found by their files; no list is kept."""

import ast
from pathlib import Path

import pytest

from simulators.unit import load_kind
from tests.model.unit_rig import bench, play, run_file

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "units"
KINDS = sorted(p.stem for p in (ROOT / "simulators" / "units").glob("[a-z]*.py"))
SITUATIONS = sorted(CASES.glob("*/*.yaml"))
PARAGRAPHS = ("First step", "Bad input", "Limits", "Source", "Situation")
NODES = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Expr),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.Attribute, ast.Subscript, ast.Name),
    *(ast.Constant, ast.Tuple, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)


@pytest.mark.parametrize("path", SITUATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_situation(path):
    assert run_file(path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_unit_has_a_situation_and_a_manual_page(kind):
    loaded = load_kind(kind)
    page = loaded.module.__doc__ or ""
    assert [word for word in PARAGRAPHS if f"\n{word}" not in page] == []
    assert f"tests/cases/units/{kind}/" in page, "the manual page names the folder of its situations"
    assert list((CASES / kind).glob("*.yaml")), f"no situation in tests/cases/units/{kind}/"
    assert [name for name, field in loaded.fields.items() if not field.text] == [], "say what it is, with its unit"


def test_no_situation_without_its_unit():
    assert sorted({path.parent.name for path in SITUATIONS}) == KINDS


def breaches(text):
    """What a unit file does that compiled code must not do."""
    found = []
    for top in ast.parse(text).body:
        if isinstance(top, ast.Import | ast.ImportFrom):
            names = [top.module or ""] if isinstance(top, ast.ImportFrom) else [alias.name for alias in top.names]
            found += [f"imports {name}" for name in names if name != "math" and not name.startswith("simulators.")]
        if not isinstance(top, ast.FunctionDef):
            continue
        for node in (n for statement in top.body for n in ast.walk(statement)):
            if not isinstance(node, NODES):
                found.append(f"{node.lineno}: {type(node).__name__} is not in the language of units")
            if isinstance(node, ast.Pow):
                found.append(f"{top.lineno}: a power in {top.name}: write x * x, or math.pow")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_unit_file_keeps_to_what_compiles_with_the_same_bits(kind):
    assert breaches((ROOT / "simulators" / "units" / f"{kind}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import random", "imports random"),
        ("def advance(u, dt):\n    u.x = u.x ** 2", "a power"),
        ("def advance(u, dt):\n    while u.x: u.x -= 1", "2: While"),
        ("def advance(u, dt):\n    u.x = [1.0]", "2: List"),
        ("def advance(u, dt):\n    try: u.x = 1.0\n    finally: u.x = 2.0", "2: Try"),
    ],
)
def test_a_breach_is_found(text, said):
    assert any(said in breach for breach in breaches(text))


@pytest.mark.parametrize("kind", KINDS)
def test_unit_survives_a_bench_of_defaults(kind):
    """No hold-up, no flow, no input: nothing raises and every number stays finite."""
    plant = bench(kind, {})
    plant.run(2.0)
    assert abs(plant.snapshot()).max() < 1e12


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"set": {"brine": 1.0}}, "no field brine; there are: .*inlet"),
        ({"set": {"inlet[water]": 1.0}}, r"no component water; there are: liquid"),
        ({"set": {"inlet": [1.0, 2.0]}}, "step 1: inlet takes one number or 7"),
        ({"sets": {"inlet": 1.0}}, "no key of a step sets; there are: set, run_s, expect"),
    ],
)
def test_a_situation_with_a_wrong_word_says_which_there_are(step, said):
    with pytest.raises(AssertionError, match=said):
        play(bench("acid_loop", {}), {"steps": [step]})
