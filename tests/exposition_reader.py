"""A strict reader of what Prometheus takes: text 0.0.4 and OpenMetrics 1.0, written from their specifications.

`read(text, openmetrics)` gives `{family: Family}`; whatever the specification forbids is an AssertionError.
"""

import math
import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|Inf)|NaN")
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@dataclass
class Family:
    kind: str
    help: str = ""
    unit: str = ""
    samples: dict = field(default_factory=dict)  # (name, labels as a sorted tuple) -> number

    def of(self, suffix="", **labels):
        """The one sample with these labels, and maybe more."""
        wanted = set(labels.items())
        (value,) = [v for (name, told), v in self.samples.items() if name.endswith(suffix) and wanted <= set(told)]
        return value


def unescaped(text, also=""):
    """A text without its escapes; a lone or unknown one is forbidden."""
    told, rest = "", text
    while rest:
        sign, rest = rest[0], rest[1:]
        assert sign != '"' or '"' not in also, text
        if sign == "\\":
            code, rest = rest[:1], rest[1:]
            assert code in [*"\\n", *also], text
            sign = "\n" if code == "n" else code
        told += sign
    return told


def labels_of(text):
    """The labels in braces, and what follows."""
    found = {}
    while not text.startswith("}"):
        label = LABEL.match(text)
        assert label, text
        assert not label[0].startswith("__"), text
        quoted = re.match(r'="((?:[^"\\\n]|\\.)*)"', text[label.end() :])
        assert quoted, text
        assert label[0] not in found
        found[label[0]] = unescaped(quoted[1], '"')
        text = text[label.end() + quoted.end() :]
        assert text[0] in ",}", text
        text = text.removeprefix(",")
    return tuple(sorted(found.items())), text[1:]


def read(text, openmetrics):
    """Every family by its name."""
    assert text.endswith("\n")
    lines = text.split("\n")[:-1]
    if openmetrics:
        assert lines.pop() == "# EOF"
    families, now = {}, None
    for line in lines:
        assert line not in ("", " "), "an empty line"
        assert not line.startswith(" "), line
        if line.startswith("#"):
            mark, word, name, *rest = line.split(" ", 3)
            assert mark == "#"
            assert NAME.fullmatch(name)
            if word == "TYPE":
                assert name not in families, f"{name} twice"
                assert rest[0] in ("counter", "gauge", "histogram")
                assert not openmetrics or rest[0] != "counter" or not name.endswith("_total")
                now = name
                families[name] = Family(rest[0])
            else:
                assert name == now, line
                assert not families[name].samples, line
                if word == "HELP":
                    assert not families[name].help
                    assert rest
                    families[name].help = unescaped(rest[0], '"' if openmetrics else "")
                else:
                    assert openmetrics
                    assert word == "UNIT"
                    assert name.endswith(f"_{rest[0]}")
                    families[name].unit = rest[0]
            continue
        name = NAME.match(line)[0]
        family, rest = families[now], line[len(name) :]
        told, rest = labels_of(rest[1:]) if rest.startswith("{") else ((), rest)
        counted = ("_total",) if openmetrics else ("",)
        assert name.removeprefix(now) in SUFFIXES.get(family.kind, counted), line
        assert name.startswith(now), line
        assert rest[0] == " ", line
        assert NUMBER.fullmatch(rest[1:]), line
        assert (name, told) not in family.samples, line
        family.samples[name, told] = float(rest[1:].replace("Inf", "inf"))
    for name, family in families.items():
        check(name, family)
    return families


def check(name, family):
    """What holds of a family as a whole."""
    assert family.help, name
    assert family.samples, name
    if family.kind == "counter":
        assert all(v >= 0 and math.isfinite(v) for v in family.samples.values())
    if family.kind == "histogram":
        series = {}
        for (_, named), value in family.samples.items():
            told = dict(named)
            edge = float(told.pop("le").replace("Inf", "inf"))
            series.setdefault(tuple(told.items()), []).append((edge, value))
        for found in series.values():
            assert found == sorted(found)
            assert found[-1][0] == math.inf
            assert [v for _, v in found] == sorted(v for _, v in found)
