"""Whatever a file holds, reading a plant ends with findings that have places, never with a traceback.

The same sample every time. Who changes the readers looks for new ones with more in each `settings` and
`HYPOTHESIS_PROFILE=explore`.
"""

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.plan.build import build
from plantctl.plan.check import read_plant
from plantctl.plan.render import as_dictionary, render

GOOD = Path(__file__).parents[1] / "cases" / "plan_text" / "whole-plant"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(GOOD.glob("*.*")) if path.suffix != ".txt"}

PIECES = [
    "\t", "\n", "\r", ": ", "-", "- ", "[", "]", "{", "}", '"', "'", ",", "#", "&a ", "*a", "!!int ", "<<: ", "| ",
    "> ", "? ", "---\n", "...\n", "%YAML 1.1\n", "no", "~", "010", "1:30", ".nan", "1e999", "9" * 40, "<cell>", "<x>",
    "{X}", "\x00", "\x85", "\u2028", "\ufeff", "\\u0000", "\\", "é", "雪", "\U0001f600", "a: 1\n", "  ", "40-", "tag",
    "null", "LL", "1oo2", "area: 40\n", "include: [tags.csv]\n", "templates: {}\n", "instances: {cell: []}\n", "when",
    "kind",
]  # fmt: skip
"""Texts that mean something to YAML, to a tag table or to a plant."""


TOKENS = {name: [match.span() for match in re.finditer(r"[\w.+-]+|[^\w\s]", text)] for name, text in FILES.items()}
LINES = {name: [match.span() for match in re.finditer(r".*\n", text)] for name, text in FILES.items()}


@st.composite
def mutated_plants(draw):
    """The good plant with a few texts put in, taken out, doubled or moved: anywhere, words, lines, or its end."""
    files = dict(FILES)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        text = files[name]
        pieces = st.one_of(st.just(""), st.sampled_from(PIECES), st.sampled_from(TOKENS[name]))
        kind = draw(st.sampled_from(["place", "words", "words", "lines", "end"]))
        if kind == "place":
            start = draw(st.integers(0, len(text)))
            end = min(len(text), start + draw(st.integers(0, 30)))
            pieces = st.one_of(st.sampled_from(PIECES), st.text(max_size=3), st.just(text[end : end + 20]))
        elif kind == "words":
            first = draw(st.integers(0, len(TOKENS[name]) - 1))
            last = min(len(TOKENS[name]) - 1, first + draw(st.integers(0, 2)))
            start, end = TOKENS[name][first][0], TOKENS[name][last][1]
        elif kind == "lines":
            start, end = draw(st.sampled_from(LINES[name]))
            pieces = st.sampled_from(["", 2 * text[start:end], text[start:end].partition(":")[0] + ": 1\n"])
        else:
            start, end = draw(st.sampled_from(TOKENS[name]))[draw(st.integers(0, 1))], len(text)
            pieces = st.sampled_from(["", "\n", "\n\n", ": "])
        piece = draw(pieces)
        files[name] = text[:start] + (FILES[name][slice(*piece)] if isinstance(piece, tuple) else piece) + text[end:]
    return files


def reader(files):
    def read(name):
        if name not in files:
            raise FileNotFoundError(name)
        data = files[name]
        return data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")

    return read


def assert_findings_are_sound(reading):
    for finding in reading.findings:
        assert as_dictionary(finding)["code"].startswith("PC")
        for place in (finding.where, *(place for place, _ in finding.also)):
            if place is None:
                continue
            lines = re.split("\r\n|\r|\n", reading.texts[place.file])
            assert 1 <= place.line <= len(lines), finding
            assert 1 <= place.column <= len(lines[place.line - 1]) + 1, finding
            assert place.column_end == 0 or place.column < place.column_end <= len(lines[place.line - 1]) + 2, finding
    shown = render(reading.findings, reading.texts)
    assert bool(shown) == bool(reading.findings)


def test_the_plant_that_is_mutated_is_good():
    assert read_plant("plant.yaml", reader(FILES)).findings == []


@settings(max_examples=150)
@given(mutated_plants())
def test_a_mutated_plant_gives_findings_with_places(files):
    assert_findings_are_sound(build("plant.yaml", reader(files)))


@settings(max_examples=150)
@given(st.binary(max_size=200), st.sampled_from(sorted(FILES)))
def test_any_bytes_in_place_of_a_file(data, name):
    assert_findings_are_sound(read_plant("plant.yaml", reader({**FILES, name: data})))


NAMES = st.sampled_from(
    ["kind", "when", "tag", "force", "pv", "expression", "else", "then", "range", "cell", "40-X", "X"]
)
VALUES = st.recursive(
    st.one_of(
        st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), NAMES, st.just("1 s")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


def as_flow_text(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {as_flow_text(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_flow_text, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)


SECTIONS = [
    "plant", "tasks", "include", "area", "devices", "tags", "loops", "causes", "effects", "chart", "permissives",
    "alarms", "calculated", "blocks", "outputs", "templates", "instances", "sequences",
]  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(SECTIONS), st.dictionaries(NAMES, VALUES, max_size=3) | VALUES, st.sampled_from(["", "area: 40\n"])
)
def test_any_value_in_any_section(section, value, area):
    text = f"{'' if section == 'area' else area}{section}: {as_flow_text(value)}\n"
    assert_findings_are_sound(read_plant("plant.yaml", reader({"plant.yaml": text})))
