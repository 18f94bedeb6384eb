"""The Grafana dashboard and the alert rules ask for nothing but what /metrics tells.

`promtool check rules docs/alerts.yml` checks the rules' grammar, where there is a promtool.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from redis.asyncio import Redis

from monarq.monitor.metrics.endpoint import Exporter, read_known
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.workers.supervisor.pool_metrics import PoolCollector
from monarq.workers.supervisor.pool_state import PoolState
from tests.support.formats import OF_ARQ
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

DOCS: Final = Path(__file__).parents[3] / "docs"
OF_PROMETHEUS: Final = {"le", "instance", "exported_job"}
"""Labels that Prometheus itself gives; `exported_job` is our `job` where it was scraped without honor_labels."""


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
    return found


def dashboard_queries() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$queue", "x")
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def alert_queries() -> list[str]:
    rules = (DOCS / "alerts.yml").read_text()
    found = re.findall(r"^ +expr: (?:\|\n((?: {10,}.*\n)+)|(.+)\n)", rules, re.MULTILINE)
    assert len(found) == len(re.findall(r"- alert:", rules)) > 5
    return [block or line for block, line in found]


def labels_in(query: str) -> set[str]:
    """The labels that a query groups by, joins by, or asks for."""
    grouped = re.findall(r"(?:by|on|without) \(([^)]*)\)", query)
    asked = re.findall(r"(\w+)(?:=~|!=|!~|=)\"", query)
    return {label.strip() for labels in grouped for label in labels.split(",")} | set(asked)


@pytest.fixture
async def told(redis: Redis, redis_url: str) -> dict[str, set[str]]:
    """By name of each sample in /metrics, its labels."""
    async with running(make_worker(redis_url, jobs.ALL)):
        await put(redis, jobs.plus, 1, 1, job_id="one")
        async with in_time(20):
            # The worker's record comes from a thread of its own, which may be later than its first job.
            while await redis.zcard(DEFAULT_QUEUE) or not (await read_known(redis)).workers:
                await asyncio.sleep(0.02)
        exporter = Exporter(lambda: read_known(redis), lambda: [PoolCollector(PoolState(False, ()))])
        body, _ = await exporter.scrape("")
    return {sample.name: set(sample.labels) for family in parse(body.decode()) for sample in family.samples}


async def test_every_queried_metric_and_label_exists(told: dict[str, set[str]]) -> None:
    for query in [*dashboard_queries(), *alert_queries()]:
        metrics = re.findall(r"\bmonarq_\w+", query)
        assert metrics, f"{query} asks for nothing of monarq's"
        for metric in metrics:
            assert metric in told, f"{query} asks for {metric}, which is not told"
        known = {label for metric in metrics for label in told[metric]} | OF_PROMETHEUS
        assert labels_in(query) <= known, f"{query} asks for labels that are not told"


async def test_every_queried_state_exists(redis: Redis, told: dict[str, set[str]]) -> None:
    body, _ = await Exporter(lambda: read_known(redis)).scrape("")
    states = set(re.findall(r'state="(\w+)"', body.decode()))
    for query in [*dashboard_queries(), *alert_queries()]:
        for asked in re.findall(r'state=~?"([^"]+)"', query):
            assert set(asked.split("|")) <= states


def test_the_dashboard_is_valid_for_grafana() -> None:
    """Its shape; the types of @grafana/schema 10.4 say the same of all its fields."""
    found = dashboard()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(found)
    ids = [panel["id"] for panel in found["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (column, line)
            for column in range(place["x"], place["x"] + place["w"])
            for line in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["refId"] for target in panel["targets"]] == [chr(65 + at) for at in range(len(panel["targets"]))]
    assert [variable["name"] for variable in found["templating"]["list"]] == ["datasource", "queue"]
