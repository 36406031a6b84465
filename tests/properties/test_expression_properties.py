"""Random expressions against a second opinion.

The trees are drawn here, with units that mostly fit. `Opinion` says from the tree alone, in plain Python floats and
fractions and with its own bookkeeping of dimensions and quality, what has to come out, or that the expression must be
refused. The product compiles the text and runs it interpreted and compiled; all three agree to the bit.
"""

import math
import random
import struct

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from plantctl.plan.expression import ExpressionRefused, parse_expression, references
from tests.expression_opinion import DIMENSIONS, TAGS, TARGETS, UNIT_OF, Mismatch, Opinion, Value, settled
from tests.expression_runs import BEFORE, compiled, outcome


def shown(node):
    kind, *rest = node
    match kind:
        case "tag" | "switch":
            return f"{{{rest[0]}}}"
        case "literal":
            text, unit = rest
            return text if unit is None else f"{text} [{unit[0]}]"
        case "sum" | "product" | "compare" | "both":
            return f"({shown(rest[1])} {rest[0]} {shown(rest[2])})"
        case "power":
            return f"({shown(rest[0])}) ^ {rest[1]}"
        case "not":
            return f"(not {shown(rest[0])})"
        case "asked":
            return f"{rest[0]}({{{rest[1]}}})"
        case "one":
            return f"{rest[0]}({shown(rest[1])})"
        case "extreme":
            return f"{rest[0]}({', '.join(map(shown, rest[1:]))})"
    return f"{kind}({', '.join(map(shown, rest))})"


def number(draw, dimension, depth):
    """A number that mostly is of `dimension`."""
    if draw.randrange(60) == 0:
        dimension = draw.choice(["A", "V", ""])  # a slip
    tags = [name for name, (_, d, _) in TAGS.items() if d == dimension]
    if depth == 0 or draw.randrange(5) == 0:
        if draw.randrange(2):
            return ("tag", draw.choice(tags))
        text = draw.choice(["0", "1", "0.24", "3", "12.5", "1e-3", "7e5", "0.1"])
        if text == "0" or (dimension == "" and draw.randrange(2)):
            return ("literal", text, None)
        name, factor = draw.choice(UNIT_OF[dimension])
        return ("literal", text, (name, dimension, factor))

    def part(of=dimension):
        return number(draw, of, depth - 1)

    form = draw.choice(["sum", "product", "ratio", "power", "extreme", "clip", "where", "one", "function"])
    if form == "sum":
        return ("sum", draw.choice("+-"), part(), part())
    if form == "product":
        return ("product", "*", part(), part(""))
    if form == "ratio":
        other = draw.choice(["A", "V", ""])
        return ("product", "*", ("product", "/", part(other), part(other)), part())
    if form == "power" and dimension == "":
        return ("power", part(), draw.choice([2, 3, 7, -1, -2]))
    if form == "extreme":
        return ("extreme", draw.choice(["min", "max", "mean"]), *(part() for _ in range(draw.randrange(2, 5))))
    if form == "clip":
        return ("clip", part(), part(), part())
    if form == "where":
        return ("where", condition(draw, depth - 1), part(), part())
    if form == "function" and dimension == "":
        return ("one", draw.choice(["exp", "log", "log10", "floor", "round", "sqrt", "sign"]), part())
    if form == "function":
        base = part()
        return ("one", "sqrt", ("product", "*", base, base))
    return ("one", draw.choice(["abs", "-"]), part())


def condition(draw, depth):
    """A condition."""
    form = draw.choice(["compare", "compare", "both", "not", "asked", "switch"])
    if form == "compare" or depth == 0:
        dimension = draw.choice(["A", "V", ""])
        sides = [number(draw, dimension, max(0, depth - 1)) for _ in range(2)]
        return ("compare", draw.choice(["<", "<=", ">", ">=", "==", "!="]), *sides)
    if form == "both":
        return ("both", draw.choice(["and", "or"]), condition(draw, depth - 1), condition(draw, depth - 1))
    if form == "not":
        return ("not", condition(draw, depth - 1))
    if form == "asked":
        return ("asked", draw.choice(["good", "bad"]), draw.choice(sorted(TAGS)))
    return ("switch", draw.choice(["XI-1", "XI-2"]))


ODD = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e308, -1e29, 1e30, 0.5, -2.5, 4503599627370497.0]


def image(draw):
    """A value and a quality for every tag; half of them ordinary."""
    forms = [lambda: draw.uniform(-1e3, 1e3), lambda: draw.uniform(-10, 10), lambda: float(draw.randrange(-5, 6))]
    forms += [lambda: draw.choice(ODD)]
    return {name: (draw.choice(forms)(), draw.choice([0, 0, 0, draw.randrange(0x10000)])) for name in TAGS}


def word_of(quality):
    return quality[0] | quality[1] | quality[2]


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_a_random_expression_gives_what_a_second_opinion_says(seed):
    # drawn from the seed, not piece by piece: a hundred times as many expressions in the same time
    draw = random.Random(seed)
    for _ in range(25):
        goal = draw.choice(["A", "V", "", "condition"])
        node = condition(draw, 3) if goal == "condition" else number(draw, goal, 3)
        compare(node, goal, [image(draw) for _ in range(3)])


def compare(node, goal, several):
    """Both opinions about one expression, for several images."""
    text = shown(node)
    kind = "condition" if goal == "condition" else "number"
    target, factor = TARGETS[goal]
    units = {name: unit for name, (unit, _, _) in TAGS.items()}
    try:
        expected = [Opinion(inputs).of(node) for inputs in several]
        if kind == "number" and not expected[0].free and expected[0].dimension != DIMENSIONS[goal]:
            raise Mismatch
    except Mismatch:
        event("refused")
        with pytest.raises(ExpressionRefused) as caught:
            compiled(text, units, target, kind)
        assert caught.value.errors
        return
    event("computed")
    program = compiled(text, units, target, kind)
    for inputs, wanted in zip(several, expected, strict=True):
        if isinstance(wanted, Value):
            value = wanted.in_factor(factor)
            quality = settled(value, wanted.quality)
        else:
            value, quality = float(wanted[0]), wanted[1]
        got, word = outcome(program, inputs)
        stands = value if math.isfinite(value) else BEFORE
        assert struct.pack("<d", got) == struct.pack("<d", stands), (text, inputs)
        assert word == word_of(quality), (text, inputs)


PIECES = [
    "{II-1}",
    "{XI-1}",
    "{",
    "}",
    "[A]",
    "[",
    "]",
    "5",
    "0.5",
    "1e9",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "(",
    ")",
    ",",
]
PIECES += ["<", ">=", "==", "=", "and", "or", "not", "min", "where", "good", "kelvin", "F", "pi", "xyz", "%", "&&", " "]


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
    | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
    | st.text(max_size=40)
)
def test_any_text_compiles_or_is_refused_with_places_inside_it(text):
    names = [name for name, _ in references(parse_expression(text))]
    units = dict.fromkeys(names, "1") | {"II-1": "A"}
    for kind in ("number", "condition"):
        try:
            program = compiled(text, units, None, kind)
        except ExpressionRefused as refusal:
            faults = refusal.errors
        else:
            event("compiled")
            outcome(program, dict.fromkeys([*names, "II-1"], (1.0, 0)), modes=("interpreted",))
            continue
        assert faults
        assert all(0 <= fault.span[0] <= fault.span[1] <= len(text) for fault in faults)
