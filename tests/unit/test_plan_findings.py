"""Findings are shown with excerpt and caret, in the order of the text, and every code is in the catalogue once."""

import ast
import re
from pathlib import Path

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.codes import CODES, RANGES, reference_page
from plantctl.plan.render import WIDTH_MAX, as_dictionary, in_text_order, render

ROOT = Path(__file__).parents[2]


def test_a_finding_shows_its_line_its_caret_and_what_to_do():
    place = Place("a.yaml", 2, 3, 7)
    finding = Diagnostic("PC201", "`unti` is no key", place, "did you mean `unit`?", ((Place("b.yaml", 1, 1), "here"),))
    shown = render([finding], {"a.yaml": "x:\n\tyunti: z\n", "b.yaml": "b"})
    assert shown == (
        "a.yaml:2:3: PC201 `unti` is no key\n    2 |  yunti: z\n      |   ^^^^\n"
        "  b.yaml:1:1: here\n    1 | b\n      | ^\n  help: did you mean `unit`?\n\n1 finding\n"
    )


def test_a_finding_without_a_place_or_a_text_is_shown_all_the_same():
    findings = [Diagnostic("PC121", "no such file"), Diagnostic("PC501", "x", Place("gone.yaml", 9, 9))]
    assert render(findings, {}) == "PC121 no such file\n\ngone.yaml:9:9: PC501 x\n\n2 findings\n"
    assert render([], {}) == ""


def test_a_long_line_is_cut_around_its_caret():
    text = "a" * 500 + "b" + "c" * 500
    lines = render([Diagnostic("PC101", "x", Place("f", 1, 501, 502))], {"f": text}).splitlines()
    assert len(lines[1]) <= WIDTH_MAX + 8
    assert lines[1][lines[2].index("^")] == "b"


def test_a_terminal_is_not_steered_by_a_file():
    shown = render([Diagnostic("PC113", "x", Place("f", 1, 2, 3))], {"f": "a\x1b[2Jb\u202e"})
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_findings_stand_in_the_order_of_the_text():
    places = [Place("b", 1, 1), Place("a", 2, 5), Place("a", 2, 1), None, Place("z", 1, 1), Place("a", 1, 9)]
    ordered = in_text_order([Diagnostic("PC1", str(n), place) for n, place in enumerate(places)], {"a": "", "b": ""})
    assert [finding.what for finding in ordered] == ["3", "5", "2", "1", "0", "4"]


def test_a_program_gets_the_same_finding():
    finding = Diagnostic("PC201", "x", Place("a", 1, 2, 0), "h", ((None, "note"),))
    assert as_dictionary(finding) == {
        "code": "PC201", "what": "x", "hint": "h", "file": "a", "line": 1, "column": 2, "column_end": None,
        "also": [{"file": None, "line": None, "column": None, "column_end": None, "note": "note"}],
    }  # fmt: skip


def codes_used():
    """Every text constant of the product that is a code, and where it stands."""
    used = {}
    for path in sorted((ROOT / "plantctl").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path.name == "codes.py" or not re.search(r"PC\d{3}", source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if len(text) == 5 and text.startswith("PC") and text[2:].isdigit():
                    used.setdefault(text, set()).add(path.name)
    return used


def test_every_code_in_use_is_in_the_catalogue_and_the_other_way_round():
    used = codes_used()
    assert set(used) - set(CODES) == set(), "name it in plantctl/plan/codes.py"
    assert set(CODES) - set(used) == set(), "a code that nothing gives: take it out"
    assert all(code[:3] in RANGES for code in CODES)


def test_no_code_stands_twice_in_the_catalogue():
    tree = ast.parse((ROOT / "plantctl" / "plan" / "codes.py").read_text(encoding="utf-8"))
    keys = [key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    assert len(keys) == len(set(keys))
    assert len(set(CODES.values())) == len(CODES)


def test_the_reference_page_is_the_catalogue():
    page = (ROOT / "docs" / "reference" / "diagnostics.md").read_text(encoding="utf-8")
    assert page == reference_page(), "python -m plantctl.plan.codes > docs/reference/diagnostics.md"
