"""Every block file keeps the rules of the form, and every rule finds its breach."""

import pytest

from tests.arch.block_rules import breaches
from tests.arch.tidy import ROOT

BLOCKS = [path for path in sorted((ROOT / "plantctl" / "blocks").glob("*.py")) if not path.name.startswith("_")]

MODEL = '''"""A lag.

First scan   y starts at u.
Bad input    y holds.
Limits       none.
Reference    a book.
Situation    tests/cases/blocks/lag/
"""

import math

from plantctl.core.block import Block, CasIn, In, Out, Param, State, Tracked, bad, param, port

TABLE = ((0, 1), (1, 0))


class Lag(Block):
    """One row is one lag."""

    u: In = port("any", "input")
    sp: CasIn = port("any", "request")
    y: Out = port("u", "output")
    tau: Param[float] = param("s", "time constant", above=0.0, default=1.0)
    hold: Param[float] = param("s", "hold", minimum=0.0, default=1.0)
    setpoint: Tracked[float]
    k: State[float]


def step(b: Lag, dt: float) -> None:
    """Forward."""
    if bad(b.u):
        return
    b.y.v = b.u.v * share(dt, b.tau)
    LINE


def share(dt: float, tau: float) -> float:
    """Share."""
    return math.exp(-dt / tau)
'''


def with_line(line):
    """The model block with one more line in its step."""
    return MODEL.replace("LINE", line)


@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: path.stem)
def test_every_block_keeps_the_rules(path):
    findings = breaches(path.stem, path.read_text(encoding="utf-8"))
    assert not findings, "\n" + "\n".join(f"{path.relative_to(ROOT)}:{finding}" for finding in findings)


@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: path.stem)
def test_every_block_has_its_situations(path):
    folder = ROOT / "tests" / "cases" / "blocks" / path.stem
    assert list(folder.glob("**/plant.yaml")), f"{folder.relative_to(ROOT)} holds no situation"


@pytest.mark.parametrize(
    "line",
    [
        "b.y.q = b.u.q",
        "b.k = 1.0 / b.tau",
        "b.k = 1.0 / (b.tau + b.hold)",
        "b.k = 1.0 / b.hold if b.hold > 0.0 else 0.0",
        "b.k = 1.0 / max(b.k, 1e-6)",
        "lag = b.hold / b.tau\n    b.k = 1.0 / (lag + dt)",
        "b.setpoint = 1.0",
        "b.sp.used = 1.0",
        "b.k = float(TABLE[int(b.k)][0])",
        "for n in range(3):\n        b.k += n",
        "b.k = math.pow(2.0, 1.7) + 2.0**1.7",
    ],
)
def test_the_model_and_what_is_allowed_pass(line):
    assert breaches("lag", with_line(line)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import numpy", "imports math"),
        ("from plantctl.core.block import fields", "__all__"),
        ("while b.k > 0.0:\n        b.k -= 1.0", "While"),
        ("try:\n        b.k = 1.0\n    finally:\n        b.k = 0.0", "Try"),
        ("b.k = len([1, 2])", "List"),
        ("b.k = len({1: 2})", "Dict"),
        ("b.k = len(f'{b.k}')", "JoinedStr"),
        ("assert b.k > 0.0", "Assert"),
        ("b.k = (lambda x: x)(b.k)", "Lambda"),
        ("print(b.k)", "print()"),
        ("b.k = round(b.k, ndigits=2)", "keywords"),
        ("for n in (1, 2):\n        b.k += n", "range"),
        ("b.u.v = 1.0", "that side of the port"),
        ("b.sp.v = 1.0", "that side of the port"),
        ("b.tau = 1.0", "not a state"),
        ("b.y = b.y", "not a state"),
        ("b.k = b.sp.v", "never asked"),
        ("b.k = b.k**2", "x * x"),
        ("b.k = b.k // b.hold", "// and %"),
        ("b.k = 1.0 / b.hold", "may be 0"),
        ("lag = b.k\n    b.k = 1.0 / (lag + dt)", "may be 0"),
        ("b.k /= b.k", "may be 0"),
        ("b.k = share(dt, b.hold)", "may be 0"),
        ("def inner() -> None:\n        return", "FunctionDef"),
        ("b.k", "without effect"),
    ],
)
def test_a_breach_is_found(line, said):
    found = breaches("lag", with_line(line))
    assert any(said in finding for finding in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Bad input ", "Bad inputs", "Bad input"),
        ("tests/cases/blocks/lag/", "tests/cases/blocks/other/", "situations"),
        ("def step(b: Lag, dt: float)", "def step(row: Lag, dt: float)", "step(b, dt)"),
        ("TABLE = ((0, 1), (1, 0))", "TABLE = [0, 1]", "constants"),
        ("    k: State[float]", "    k: State[float]\n\n    def gain(self) -> float:\n        return 1.0", "declares"),
        ("def share", "@staticmethod\ndef share", "decorator"),
    ],
)
def test_a_breach_of_the_frame_is_found(old, new, said):
    text = with_line("b.k = 1.0").replace(old, new)
    found = breaches("lag", text)
    assert any(said in finding for finding in found), found
