"""`/metrics`: who may ask, in which format, and that what is told is the plant; over a real socket."""

import base64
import json
import re
from dataclasses import replace

import pytest

from plantctl.core.metrics_serving import MetricsServing
from plantctl.core.quality import BAD
from plantctl.hmi.dashboards import Dashboards
from plantctl.hmi.describe import description
from plantctl.hmi.users import Users
from plantctl.plan.build import build_path
from tests.exposition_reader import read
from tests.gateway_bench import demo_plan
from tests.page_bench import FLOW, LEVEL, served

OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
PASSWORD = "scrapes every 15 s"


@pytest.fixture(scope="module")
def plan():
    """The plant with a sink by the name `archive`, measured with its points by any program of this machine."""
    serving = MetricsServing(loopback=True, points=("40-*",))
    return replace(demo_plan(), metrics=serving)


def basic(user, password):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def measured(page, **headers):
    status, told, body = await page.ask("GET", "/metrics", **headers)
    assert status == 200, body
    openmetrics = told["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics or told["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(body.decode(), openmetrics), openmetrics


@pytest.mark.parametrize("accept", ["text/plain", OPEN])
def test_what_is_measured_is_the_plant(plan, tmp_path, accept):
    async def situation(page):
        page.scan.writer.live["lateness"][:3] = (5, 3, 2)
        page.scan.set("scan.overruns", 4.0)
        page.publish({FLOW: (0.75, 0), LEVEL: (55.5, int(BAD))})
        found, openmetrics = await measured(page, accept=accept)
        assert openmetrics is (accept == OPEN)
        end = "" if openmetrics else "_total"
        assert found["plantctl_scan_lateness_seconds"].of("_bucket", le="4e-06") == 10
        assert found[f"plantctl_scan_overruns{end}"].of() == 4
        assert found["plantctl_process_up"].of(role="recorder") in (0, 1)
        assert {dict(told)["device"] for _, told in found["plantctl_device_up"].samples} == {
            device.name for device in plan.devices
        }
        assert found["plantctl_link"].of(link="ok") + found["plantctl_link"].of(link="held") == 1
        assert found["plant_value"].of(point=FLOW) == 0.75
        assert found["plant_value"].of(point=LEVEL) == 55.5
        assert found["plant_quality"].of(point=LEVEL) == BAD
        assert not [told for _, told in found["plant_value"].samples if not dict(told)["point"].startswith("40-")]

    served(plan, tmp_path, situation)


def test_alarms_are_counted_by_priority_and_state(plan, tmp_path):
    (kind,) = [place for place, rows in enumerate(plan.kinds) if rows.kind.name == "limit_alarm"]
    records = plan.kinds[kind].rows

    async def situation(page):
        column = page.scan.writer.live["records.limit_alarm"].view(records.dtype)
        column["state"] = 0
        column["state"][0] = 1
        priority = str(int(column["priority"][0] or records["priority"][0]))
        column["priority"] = records["priority"]
        page.publish({})
        counts = (await measured(page))[0]["plantctl_alarms"]
        assert counts.of(priority=priority, state="unack") == 1
        assert sum(counts.samples.values()) == len(records)

    served(plan, tmp_path, situation)


def test_sinks_tell_how_they_are(tmp_path):
    from plantctl.core.feed import SinkPlan, feed_point

    plan = demo_plan()
    rows = {feed_point("archive", what): 1 + n for n, what in enumerate(("state", "lag", "missing", "quarantined"))}
    plan = replace(
        plan,
        sinks=(SinkPlan("archive", "influx"),),
        statistics={**plan.statistics, **rows},
        metrics=MetricsServing(loopback=True),
    )

    async def situation(page):
        page.scan.writer.live["image.v"][1:5] = (3.0, 12.5, 7.0, 2.0)
        page.scan.publish()
        found, _ = await measured(page)
        assert found["plantctl_sink_state"].of(sink="archive", state="unreachable") == 1
        assert found["plantctl_sink_state"].of(sink="archive", state="running") == 0
        assert found["plantctl_sink_lag_seconds"].of(sink="archive") == 12.5
        assert found["plantctl_sink_missing_frames"].of(sink="archive") == 7
        assert found["plantctl_sink_quarantined_records"].of(sink="archive") == 2

    served(plan, tmp_path, situation)


def test_what_the_dashboard_of_the_system_asks_for_is_measured(plan, tmp_path):
    system = json.dumps(Dashboards(description(plan), (), "prometheus").all()["system.json"])
    asked = {name.removesuffix("_bucket") for name in re.findall(r"plantctl_[a-z_]+", system)}

    async def situation(page):
        assert len(asked) > 5
        assert asked - (await measured(page))[0].keys() == set()

    served(plan, tmp_path, situation)


def test_without_a_word_in_the_text_nobody_measures_who_has_no_login(tmp_path):
    async def situation(page):
        Users(page.folder).add("scraper", "viewer", PASSWORD)
        status, headers, _ = await page.ask("GET", "/metrics")
        assert status == 401
        assert headers["www-authenticate"].startswith("Basic ")
        assert (await page.ask("GET", "/metrics", authorization="Basic ???"))[0] == 401
        assert (await page.ask("GET", "/metrics", authorization="Bearer abc"))[0] == 401
        found, _ = await measured(page, **basic("scraper", PASSWORD))
        assert "plant_value" not in found
        for _ in range(3):
            await measured(page, **basic("scraper", PASSWORD))

    served(demo_plan(), tmp_path, situation)


def test_a_password_is_worked_out_once_and_good_no_longer_than_its_user(tmp_path, monkeypatch):
    checks = []
    check = Users.check
    monkeypatch.setattr(Users, "check", lambda *asked: (checks.append(asked[1]), check(*asked))[1])

    async def situation(page):
        users = Users(page.folder)
        users.add("scraper", "viewer", PASSWORD)
        for _ in range(5):
            await measured(page, **basic("scraper", PASSWORD))
        assert checks == ["scraper"]
        users.add("scraper", "viewer", "another password")
        assert (await page.ask("GET", "/metrics", **basic("scraper", PASSWORD)))[0] == 401
        await measured(page, **basic("scraper", "another password"))
        users.remove("scraper")
        users.add("other", "viewer", PASSWORD)
        assert (await page.ask("GET", "/metrics", **basic("scraper", "another password")))[0] == 401

    served(demo_plan(), tmp_path, situation)


def test_passwords_are_not_guessed_by_measuring(tmp_path):
    async def situation(page):
        Users(page.folder).add("scraper", "viewer", PASSWORD)
        told = [(await page.ask("GET", "/metrics", **basic("scraper", f"guess {k}")))[0] for k in range(9)]
        assert told == [401] * 8 + [429]

    served(demo_plan(), tmp_path, situation)


def test_a_session_may_measure_and_another_host_name_may_not(tmp_path):
    async def situation(page):
        await page.log_in()
        await measured(page)
        assert (await page.ask("GET", "/metrics", host="evil.example"))[0] == 421

    served(demo_plan(), tmp_path, situation)


def test_many_who_ask_at_once_get_one_text(plan, tmp_path, monkeypatch):
    import asyncio

    from plantctl.hmi.metrics import PlantMetrics

    made = []
    parts = PlantMetrics.parts
    monkeypatch.setattr(
        PlantMetrics, "parts", lambda self, clients, **how: (made.append(1), parts(self, clients, **how))[1]
    )

    async def situation(page):
        told = await asyncio.gather(*(page.ask("GET", "/metrics") for _ in range(8)))
        assert {status for status, _, _ in told} == {200}
        assert len(made) <= 3

    served(plan, tmp_path, situation)


def test_the_text_of_a_plant_says_who_may_measure_and_what(tmp_path):
    text = (
        "plant: {name: bench, metrics: {anonymous: loopback, points: ['TI-*']}}\n"
        "tasks: {control: 1 s}\ncalculated: {TI-1: 1}\n"
    )
    (tmp_path / "plant.yaml").write_text(text)
    built = build_path(tmp_path, {})
    assert not built.findings, built.findings
    assert built.plan.metrics == MetricsServing(loopback=True, points=("TI-*",))
    (tmp_path / "plant.yaml").write_text(text.replace("TI-*", "TJ-*"))
    (finding,) = build_path(tmp_path, {}).findings
    assert (finding.code, "TJ-*" in finding.what) == ("PC604", True)
