"""The examples of the expressions page are run with the values of the page."""

import re
from pathlib import Path

import pytest

from plantctl.core.units import parse_quantity
from plantctl.plan.expression_syntax import CONSTANTS, FUNCTIONS
from tests.expression_runs import compiled, outcome

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
VALUES = re.findall(r"([A-Z]+-\d+) = ([^,\n]+)", PAGE.split("<!-- values -->")[1].split("<!-- end -->")[0])
EXAMPLES = re.findall(
    r"^\| `(.+)` \| `(.+)` \| (.+) \|$", PAGE.split("<!-- examples")[1].split("<!-- end -->")[0], re.M
)


@pytest.mark.parametrize(("text", "unit", "result"), EXAMPLES)
def test_an_example_gives_what_the_page_says(text, unit, result):
    given = {name: parse_quantity(quantity) for name, quantity in VALUES}
    program = compiled(text, {name: value[1].symbol for name, value in given.items()}, unit)
    value, quality = outcome(program, {name: (value[0], 0) for name, value in given.items()}, modes=["interpreted"])
    assert f"{value:.7g}" == result
    assert quality == 0


def test_the_page_shows_every_function_and_constant():
    assert len(EXAMPLES) == 10
    shown = set(re.findall(r"`(\w+)\(", PAGE)) | set(re.findall(r"`(\w+)`", PAGE))
    assert set(FUNCTIONS) | set(CONSTANTS) <= shown
