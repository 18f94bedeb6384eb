"""Two queues of one name: their links lead to the one that is meant, and nothing confuses them."""

from __future__ import annotations

import re

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.metrics.endpoint import Exporter, read_known
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.queues import arq_queue
from tests.support.workers import put

pytestmark = OF_ARQ

NATIVE = QueueRef("mail", "native")


@pytest.fixture(autouse=True)
async def twins(redis: Redis) -> None:
    """A queue of each format with the same name."""
    await put(redis, "send", job_id="of-native", queue=NATIVE)
    await put(redis, "send", job_id="of-arq", queue=QueueKeys.of("mail"))


async def test_the_list_links_to_both(site: Site) -> None:
    html = await site.text("/queues")
    assert "/jobs?queue=mail&amp;state=queued" in html
    assert "/jobs?queue=mail&amp;format=arq&amp;state=queued" in html
    assert "mail (arq)" in html


async def test_a_link_leads_to_its_queue(site: Site) -> None:
    of_native, of_arq = await site.text("/jobs?queue=mail"), await site.text("/jobs?queue=mail&format=arq")
    assert ("of-native" in of_native, "of-arq" in of_native) == (True, False)
    assert ("of-native" in of_arq, "of-arq" in of_arq) == (False, True)
    assert '<option value="arq" selected>' in of_arq
    for path in ("/", "/dead", "/cron", "/workers", "/queues/purge"):
        await site.text(f"{path}?queue=mail&format=arq")
    assert "Purge mail (arq)" in await site.text("/queues/purge?queue=mail&format=arq")


async def test_a_change_is_made_to_the_queue_of_the_link(redis: Redis, site: Site) -> None:
    await site.post("/queues/pause?queue=mail&format=arq")
    assert await admin.paused_since_ms(redis, arq_queue("mail"))
    assert await admin.paused_since_ms(redis, NATIVE) is None
    answer = await site.post("/jobs/cancel?queue=mail&format=arq&id=of-arq")
    assert answer.headers["location"] == "/jobs/job?queue=mail&format=arq&id=of-arq&did=cancelled-paused"
    await site.post("/queues/purge?queue=mail")
    assert "of-arq" in await site.text("/jobs?queue=mail&format=arq")
    assert "of-native" not in await site.text("/jobs?queue=mail")


async def test_two_queues_of_one_name_differ_in_a_label_of_each_metric(redis: Redis) -> None:
    body, _ = await Exporter(lambda: read_known(redis)).scrape("")
    lines = [line.rpartition(" ")[0] for line in body.decode().splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))
    assert 'monarq_queue_jobs{format="arq",queue="mail",state="queued"}' in lines
    assert 'monarq_queue_jobs{format="native",queue="mail",state="queued"}' in lines


async def test_a_queue_keeps_its_labels_when_a_namesake_goes(redis: Redis) -> None:
    await admin.purge(redis, arq_queue("mail"))
    await redis.delete("monarq:queues")
    body, _ = await Exporter(lambda: read_known(redis)).scrape("")
    told = set(re.findall(r'format="\w+",queue="[^"]*"', body.decode()))
    assert told == {'format="native",queue="mail"'}
