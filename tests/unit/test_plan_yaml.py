"""One YAML file becomes a tree with places, or findings in plain words, the same with both of PyYAML's readers."""

import pytest
import yaml

from plantctl.plan.check import read_plant
from plantctl.plan.parse import DEPTH_MAX, parse_yaml
from plantctl.plan.render import render
from plantctl.plan.source import FILE_BYTES_MAX, decode
from plantctl.plan.yaml_scalar import resolve

READERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]


def tree(text, reader=READERS[-1]):
    root, findings = parse_yaml("f.yaml", text, reader)
    assert findings == []
    return root


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("0", 0), ("-17", -17), ("+3", 3), ("0x1F", 31), ("9007199254740992", 2**53),
        ("1.5", 1.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1000.0), ("1.2E-3", 0.0012), ("01.5", 1.5),
        ("8.0 pH", "8.0 pH"), ("nothing", "nothing"), ("node", "node"), ("1oo2", "1oo2"), ("100 ms", "100 ms"),
        ("-", "-"), (".", "."), ("1.2.3", "1.2.3"), ("opc.tcp://a:1", "opc.tcp://a:1"), ("10:00 h", "10:00 h"),
    ],
)  # fmt: skip
def test_a_plain_text_that_all_readers_take_alike(text, value):
    found, doubt = resolve(text)
    assert doubt is None
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [(word, "PC104") for word in ("no", "No", "NO", "n", "N", "yes", "y", "Y", "on", "ON", "Off", "True", "FALSE")]
    + [(word, "PC105") for word in ("010", "-007", "00", "1:30", "12:30:45", "190:20:30.15", "1_000", "1_0.5", "0b101")]
    + [(word, "PC105") for word in ("0o17", "0X1F", "0x_1", "2024-01-31", "2024-01-31T10:00:00Z")]
    + [(word, "PC109") for word in ("~", "null", "Null", "NULL")]
    + [(word, "PC110") for word in (".inf", "-.Inf", ".NaN", "1e999", "9007199254740993", "9" * 5000)],
)
def test_a_plain_text_that_readers_take_differently(text, code):
    value, doubt = resolve(text)
    assert value == text
    assert doubt is not None
    assert doubt[0] == code


@pytest.mark.parametrize("reader", READERS)
def test_every_key_and_value_knows_its_place(reader):
    text = 'tags:\n  FI-1: {unit: m3/h, "range": [0, \'9 "\']}\n  é: "a\\tb"\nlong: one\n  two\n'
    root = tree(text, reader)
    key, tag = root.entries["tags"][1].entries["FI-1"]
    assert (key.place.line, key.place.column, key.place.column_end) == (2, 3, 7)
    ends = tag.entries["range"][1]
    assert (ends.kind, ends.place.column, ends.items[0].value, ends.items[1].value) == ("list", 31, 0, '9 "')
    assert (ends.items[1].column, ends.items[1].text_column) == (35, 36), "the text begins behind the quote"
    escaped = root.entries["tags"][1].entries["é"][1]
    assert (escaped.value, escaped.text_column) == ("a\tb", 0), "columns inside an escaped text cannot be counted"
    assert root.entries["long"][1].value == "one two"
    assert root.entries["long"][1].place.column_end == 0


BROKEN = [
    "a: b: c\n", "a: [1, 2\nb: 3\n", "a:\n\tb: 1\n", "a: 'x\n", "a: @x\n", "a: b\n c: d\n", "a:\n  - 1\n b: 2\n",
    "a: {b: 1\n", "%\n", "- a\nb: c\n", 'a: "\\q"\n', "a: b\n---\nc: d\n", "a: ]\n", "a: |x\n", "a: `x\n", "a: 1\nb\n",
    "  a: 1\n b: 2\n", "a:\n  b: 1\n\tc: 2\n", 'a: "x" y\n', "a: - b\n", "[" * 2000, "key value\nb: 1\n",
    "a: {b:1, c\n",
    "a: &x 1\nb: *x\n", "a: *x\n", "<<: {a: 1}\n", "? [a]\n: b\n", "a: !!python/object:os.system x\n", "a: 1\na: 2\n",
    "a: ~\nb: {c: }\n", "- 1\n-\n", "a: !x {b: &y [1]}\n", "no: 1\n", 'a: "\\x00"\n',
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_both_readers_say_the_same(text):
    answers = [parse_yaml("f.yaml", text, reader) for reader in READERS]
    assert answers[0][1] == answers[-1][1]
    root, findings = answers[0]
    assert findings
    assert root is None or root.tainted
    for finding in findings:
        assert "yaml" not in finding.what.lower() or finding.code in ("PC101", "PC108")


@pytest.mark.parametrize("text", ['a: "\\ud800"', 'a: "\\U00110000"', 'a: "\\0"', '"\\x1b": 1'])
@pytest.mark.parametrize("reader", READERS)
def test_an_escape_cannot_bring_in_what_is_refused_plain(text, reader):
    assert [finding.code for finding in parse_yaml("f.yaml", text, reader)[1]] in (["PC101"], ["PC113"])


def test_a_bomb_of_aliases_stays_small():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    root, findings = parse_yaml("f.yaml", "\n".join(lines))
    assert {finding.code for finding in findings} == {"PC107"}
    assert root is not None
    assert len(root.entries["a11"][1].items) == 10
    assert not root.entries["a11"][1].items[0].items, "an alias is never followed"


def test_the_depth_has_a_limit():
    assert tree("[" * DEPTH_MAX + "]" * DEPTH_MAX).kind == "list"
    root, findings = parse_yaml("f.yaml", "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))
    assert (root, [finding.code for finding in findings]) == (None, ["PC112"])


def test_the_number_of_values_has_a_limit(monkeypatch):
    monkeypatch.setattr("plantctl.plan.parse.NODES_MAX", 10)
    root, findings = parse_yaml("f.yaml", "a: [1, 2, 3, 4, 5, 6, 7, 8, 9]")
    assert (root, [finding.code for finding in findings]) == (None, ["PC112"])


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a: \xff\n", "PC113", 1, 4),
        ("a: 1\r\nb: é\x07\n".encode(), "PC113", 2, 5),
        ("a: x\u2028b: y\n".encode(), "PC113", 1, 5),
        (b"\xef\xbb\xbfa: \x00", "PC113", 1, 4),
        (b" \n\n", "PC114", 1, 1),
        (b"", "PC114", 1, 1),
        (b"\xff\xfea\x00", "PC113", 1, 1),
        (b"#" * (FILE_BYTES_MAX + 1), "PC112", 1, 1),
    ],
)
def test_bytes_that_are_no_text(data, code, line, column):
    text, finding = decode("f.yaml", data)
    assert text is None
    assert (finding.code, finding.where.line, finding.where.column) == (code, line, column)


def test_a_file_in_another_encoding_is_shown_with_its_line():
    files = {"plant.yaml": b"include: [t.yaml]", "t.yaml": b"tags:\n  TI-1: {unit: \xb0C}\n"}
    reading = read_plant("plant.yaml", files.__getitem__)
    shown = render(reading.findings, reading.texts)
    assert "t.yaml:2:16: PC113 the byte 0xb0 is no UTF-8 text" in shown
    assert "TI-1: {unit: \ufffdC}" in shown


def test_a_byte_order_mark_is_dropped():
    assert decode("f.yaml", b"\xef\xbb\xbfa: 1\n") == ("a: 1\n", None)
