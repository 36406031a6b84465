"""Dashboards of the demo: the same to the byte, in the form that Grafana reads, each point one that there is.

`PLANTCTL_WRITE_GOLDEN=1` writes what they ask (tests/cases/dashboards/*.txt) anew.
"""

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest

from plantctl.cli.main import main
from plantctl.hmi.dashboards import SOURCES, Dashboards, _pattern, _reference
from plantctl.hmi.describe import description
from plantctl.plan.build import build_path

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "cases" / "dashboards"
# What Grafana reads of a dashboard, of a panel, of a question: key, kind, whether it must be there.
DASHBOARD = {
    "uid": str,
    "title": str,
    "tags": list,
    "schemaVersion": int,
    "version": int,
    "editable": bool,
    "timezone": str,
    "refresh": str,
    "time": dict,
    "templating": dict,
    "annotations": dict,
    "panels": list,
}
PANEL = {
    "id": int,
    "type": str,
    "title": str,
    "gridPos": dict,
    "datasource": dict,
    "fieldConfig": dict,
    "options": dict,
    "targets": list,
}
TARGET = {
    "influx": {"refId": str, "datasource": dict, "query": str, "rawQuery": bool, "resultFormat": str, "alias": str},
    "prometheus": {"refId": str, "datasource": dict, "expr": str, "legendFormat": str},
}


@cache
def told():
    return description(build_path(ROOT / "config" / "demo", {}).plan)


def made(source):
    return Dashboards(told(), ("archive",), source).all()


def fits(value, form):
    assert {key: type(each) for key, each in value.items()} == form


@pytest.mark.parametrize("source", SOURCES)
def test_every_dashboard_has_the_form_that_grafana_reads(source):
    found = made(source)
    assert len({each["uid"] for each in found.values()}) == len(found)
    for name, dashboard in found.items():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+\.json", name)
        fits(dashboard, DASHBOARD)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard["uid"])
        assert dashboard["panels"]
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
        places = set()
        for panel in dashboard["panels"]:
            fits(panel, PANEL)
            at = panel["gridPos"]
            assert 0 <= at["x"] <= at["x"] + at["w"] <= 24
            assert (at["x"], at["y"]) not in places
            places.add((at["x"], at["y"]))
            assert panel["targets"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
            for target in panel["targets"]:
                fits(target, TARGET[source])


@pytest.mark.parametrize("source", SOURCES)
def test_what_they_ask_is_what_was_reviewed(source):
    key = "query" if source == "influx" else "expr"
    lines = []
    for name, dashboard in made(source).items():
        lines.append(f"{name}: {dashboard['title']}")
        for panel in dashboard["panels"]:
            lines.append(f"  {panel['type']} {panel['title']} ({panel['fieldConfig']['defaults']['unit']})")
            lines += [f"    {target[key]}" for target in panel["targets"]]
        lines += [f"  annotation {each[key]}" for each in dashboard["annotations"]["list"]]
    text = "\n".join(lines) + "\n"
    golden = GOLDEN / f"{source}.txt"
    if os.environ.get("PLANTCTL_WRITE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("source", SOURCES)
def test_every_point_that_is_asked_for_is_one_of_the_plant(source):
    known = {tag["tag"] for tag in told()["tags"]}
    pattern = r"\"point\" = '([^']*)'" if source == "influx" else r'point="([^"]*)"'
    asked = set(re.findall(pattern, json.dumps(made(source)).replace('\\"', '"')))
    assert len(asked) > 50
    assert {name for name in asked if not name.startswith("feed.")} <= known


def test_every_loop_has_pv_set_point_output_and_mode():
    found = made("influx")
    assert len([name for name in found if name.startswith("loop-")]) == len(told()["loops"])
    for loop in told()["loops"]:
        text = json.dumps(found[f"loop-{loop['loop']}.json"])
        for point in (loop["pv"], loop["points"]["sp"], loop["points"]["mode"]):
            assert f"'{point}'" in text


def test_the_command_writes_the_same_files_each_time(tmp_path, capsys):
    for folder in ("a", "b"):
        assert main(["dashboards", str(ROOT / "config" / "demo"), "--out", str(tmp_path / folder)]) == 0
    capsys.readouterr()
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "provider.yaml" in names
    assert "system.json" in names
    for name in names:
        if name.endswith(".json"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
            assert json.loads((tmp_path / "a" / name).read_text())


def test_a_plant_with_errors_gets_none(tmp_path, capsys):
    (tmp_path / "plant.yaml").write_text("plant: {nam: x}\n")
    assert main(["dashboards", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    capsys.readouterr()


def test_names_with_signs_of_the_languages_are_told_as_they_are():
    hostile = "a.b\\c\"d'e{f}^|*"
    assert re.fullmatch(_pattern(hostile), hostile)
    tag = told()["tags"][0] | {"tag": hostile, "unit": "", "kind": "input"}
    plant = told() | {"tags": [tag], "loops": [], "alarms": [], "plant": {"name": 'o\'hara "2"', "text": ""}}
    plant["displays"] = [{"display": "x/../y", "text": "", "groups": [{"text": "g", "items": [{"tag": hostile}]}]}]
    for source, said in (("influx", "'a.b\\\\c\"d\\'e{f}^|*'"), ("prometheus", '"a.b\\\\c\\"d\'e{f}^|*"')):
        found = Dashboards(plant, (), source).all()
        (name,) = [name for name in found if name.startswith("display-")]
        assert "/" not in name
        (target,) = found[name]["panels"][0]["targets"]
        assert said in (target.get("query") or target["expr"])


def test_questions_are_lettered_like_columns_of_a_sheet():
    assert [_reference(n) for n in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]
