"""The pages about sinks say what the settings are: every key has its row, and every example is one that is accepted."""

import re

import pytest
import yaml

from plantctl.sinks._kinds import load
from plantctl.sinks._sink import SinkSettings
from tests.arch.tidy import ROOT

PAGE = ROOT / "docs" / "reference" / "sinks.md"
EXAMPLES = re.compile(r"```yaml\n(sinks:\n.*?)```", re.DOTALL)


def sections():
    """The page's parts, by the kind of sink that begins their heading; what all have in common is ``."""
    parts = re.split(r"^## (\w+).*$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def rows_of(part):
    """The keys that have a row in a table of a part."""
    return {key for row in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}


def test_every_key_of_all_sinks_has_its_row():
    assert set(SinkSettings.model_fields) - rows_of(sections()[""]) == set()


@pytest.mark.parametrize("kind", ["influx", "callout"])
def test_every_key_of_a_kind_has_its_row(kind):
    common = set(SinkSettings.model_fields)
    assert set(load(kind).Config.model_fields) - common - rows_of(sections()[kind]) == set()


@pytest.mark.parametrize("page", [PAGE, ROOT / "deploy" / "databases" / "README.md"], ids=lambda path: path.name)
def test_every_example_is_accepted(page):
    examples = EXAMPLES.findall(page.read_text(encoding="utf-8"))
    assert examples
    for example in examples:
        for name, section in yaml.safe_load(example)["sinks"].items():
            load(section.pop("kind")).Config(**section)
            assert name
