"""The page mounted in another app, below a prefix: links, files, forms and live updates stay below it."""

from __future__ import annotations

import re

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from monarq.web import create_app
from tests.monitor.web.dead_letters import write_dead_letter
from tests.monitor.web.site import TOKEN, served, stream
from tests.support.slowness import in_time


async def test_mounted_under_a_prefix(redis: Redis) -> None:
    await write_dead_letter(redis, b"ann", name="mail.send")
    mounted = create_app(redis, token=TOKEN)
    host = Starlette(routes=[Route("/", lambda _: PlainTextResponse("host")), Mount("/admin/queue", mounted)])
    server = uvicorn.Server(uvicorn.Config(host, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    async with served(host, server) as site:
        answer = await site.client.get("/admin/queue/dead?name=m", headers={"accept": "text/html"})
        assert answer.headers["location"] == "/admin/queue/login?next=%2Fdead%3Fname%3Dm"
        answer = await site.post(answer.headers["location"], data={"token": TOKEN})
        assert answer.headers["location"] == "/admin/queue/dead?name=m"
        assert "path=/admin/queue" in answer.headers["set-cookie"].lower()
        for path in ("/", "/dead", "/jobs/job?queue=arq:queue&id=ann", "/dead/confirm"):
            html = await site.text("/admin/queue" + path)
            links = re.findall(r'(?:href|src|action)="([^"]*)"', html)
            assert len(links) > 5
            assert all(link.startswith(("/admin/queue/", "#")) for link in links), links
            for link in {link for link in links if "static" in link}:
                await site.text(link)
        async with in_time(10), stream(site, "/dead", "/admin/queue") as news:
            html = await anext(news)
            assert "mail.send" in html
            assert "/admin/queue/jobs/job?" in html
        answer = await site.post("/admin/queue/dead/delete?queue=arq:queue&id=ann")
        assert answer.headers["location"] == "/admin/queue/dead?did=deleted&n=1"
        assert (await site.client.get("/")).text == "host"
        await mounted.aclose()
