"""Debian's Prometheus scrapes a plant: it takes the text whole, in the format of its choice, and finds the numbers."""

import asyncio
import json
import subprocess
from contextlib import suppress
from dataclasses import replace

from plantctl.core.clock import RealClock
from plantctl.core.metrics_serving import MetricsServing
from plantctl.hmi.users import Users
from tests.gateway_bench import demo_plan
from tests.interop.databases import Database, running
from tests.page_bench import FLOW, served

CONFIG = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: plantctl
    static_configs: [{{targets: ["{target}"]}}]
    basic_auth: {{username: scraper, password: scrapes-every-second}}
"""


class Prometheus(Database):
    def __init__(self, folder, target):
        super().__init__(folder)
        (folder / "prometheus.yml").write_text(CONFIG.format(target=target))

    def words(self):
        own = {"config.file": "prometheus.yml", "storage.tsdb.path": "data"}
        return [
            "prometheus",
            *(f"--{name}={self.folder}/{path}" for name, path in own.items()),
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def alive(self):
        return "/-/ready"

    def series(self, query):
        told = json.loads(self.ask("/api/v1/query", query=query))
        assert told["status"] == "success"
        return [(each["metric"], float(each["value"][1])) for each in told["data"]["result"]]


def test_prometheus_scrapes_a_plant(tmp_path):
    plan = replace(demo_plan(), metrics=MetricsServing(points=("40-*",)))

    async def scraped(page):
        Users(page.folder).add("scraper", "viewer", "scrapes-every-second")
        page.publish({FLOW: (0.75, 0)})
        await asyncio.to_thread(look, page)

    def look(page):
        clock = RealClock()
        until_ns = clock.monotonic_ns() + 30_000_000_000
        with running(Prometheus, tmp_path / "prometheus", page.host) as server:
            while not (told := server.series(f'plant_value{{point="{FLOW}"}}')):
                for target in json.loads(server.ask("/api/v1/targets"))["data"]["activeTargets"]:
                    assert not target["lastError"], target["lastError"]
                with suppress(subprocess.TimeoutExpired):
                    server.child.wait(0.1)
                assert clock.monotonic_ns() < until_ns
            (target,) = json.loads(server.ask("/api/v1/targets"))["data"]["activeTargets"]
            assert target["health"] == "up"
            assert [value for _, value in told] == [0.75]
            assert told[0][0]["plant"] == plan.name
            devices = {labels["device"] for labels, _ in server.series("plantctl_device_up")}
            assert devices == {device.name for device in plan.devices}
            assert server.series("histogram_quantile(0.99, plantctl_scan_lateness_seconds_bucket)")
            assert sum(value for _, value in server.series("plantctl_alarms"))

    served(plan, tmp_path / "plant", scraped)
