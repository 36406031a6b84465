"""The how-to pages about completion and displays, taken from the page and run as a reader would have them."""

import json
import re
from pathlib import Path

import fastjsonschema

from plantctl.cli.main import main
from plantctl.hmi.describe import description
from plantctl.plan.build import build
from plantctl.plan.parse import parse_yaml
from plantctl.plan.source import from_texts

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
SHOW = (PAGES / "show-a-plant.md").read_text(encoding="utf-8")
COMPLETE = (PAGES / "edit-with-completion.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", SHOW, re.S))


def shown():
    built = build("plant.yaml", from_texts(FILES))
    assert built.plan is not None, built.findings
    return description(built.plan)


def test_the_displays_of_the_page_are_shown_as_it_says():
    overview, cells = shown()["displays"]
    shows = [item["show"] for group in overview["groups"] for item in group["items"]]
    assert shows == ["indicator", "pump", "indicator", "value"]
    assert [row["row"] for row in cells["rows"]] == ["CELL-01", "CELL-02"]
    assert [column["deviation"] for column in cells["columns"]] == [2.0, 0.5, None]


def test_the_writes_of_the_page_are_asked_back_as_it_says():
    write = {tag["tag"]: tag["write"] for tag in shown()["tags"]}
    assert write["40-SC-4216"] == {"class": "direct", "confirm_beyond": 10.0}
    assert write["40-HS-4216"]["class"] == "confirm-reason"
    assert write["40-AY-4215"]["class"] == "confirm"


def test_the_first_line_names_the_file_that_the_command_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\nplantctl (.*?)\n```", COMPLETE)
    assert main(command.split()) == 0
    (text,) = re.findall(r"```yaml\n(.*?)```", COMPLETE, re.S)
    name = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)[1]
    judge = fastjsonschema.compile(json.loads((tmp_path / name).read_text(encoding="utf-8")))
    judge(parse_yaml("plant.yaml", text)[0].plain_value())
    (settings,) = re.findall(r"```json\n(.*?)```", COMPLETE, re.S)
    assert list(json.loads(settings)["yaml.schemas"]) == [name]
