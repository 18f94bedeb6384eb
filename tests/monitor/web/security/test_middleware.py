"""The security middleware: every route is behind the same checks."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest
from redis.asyncio import Redis
from starlette.routing import Mount, Route

from monarq.monitor.web.routes import make_pages
from monarq.monitor.web.security.access import COOKIE
from monarq.monitor.web.security.middleware import OPEN
from monarq.web import WebApp
from tests.monitor.web.site import TOKEN, USER, page

NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def every_route(app: WebApp) -> Iterator[tuple[str, str]]:
    """Each method and path that the app answers."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/page.css"
            yield "GET", f"{route.path}/icon.svg"
            continue
        assert isinstance(route, Route)
        for method in sorted(route.methods or ()):
            yield method, route.path


async def test_without_a_token_every_route_is_refused(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        for method, path in every_route(site.app):
            answer = await site.client.request(method, path, headers=site.origin if method == "POST" else None)
            assert (answer.status_code == 401) is (path not in OPEN or (method, path) == ("POST", "/login")), path
            if path not in OPEN:
                assert "arq:queue" not in answer.text


async def test_what_is_open_shows_no_data(redis: Redis) -> None:
    assert {"/login", "/static/login.css", "/static/icon.svg"} == OPEN
    async with page(redis, token=TOKEN) as site:
        answer = await site.client.get("/login")
        assert "redis" not in answer.text
        assert "127.0.0.1:" not in answer.text


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong-token-of-the-tests",
        "Bearer",
        f"Basic {TOKEN}",
        f"Digest {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \xe9\xe8",
        "Basic %%%",
        "Basic " + base64.b64encode(b"ann:wrong-password").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_a_wrong_secret_is_refused(redis: Redis, authorization: str) -> None:
    async with page(redis, token=TOKEN, user=USER) as site:
        answer = await site.client.get("/", headers={"authorization": authorization.encode("latin-1")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer, Basic realm="monarq"'


async def test_a_right_secret_is_let_in(redis: Redis) -> None:
    async with page(redis, token=TOKEN, user=USER) as site:
        for authorization in (f"Bearer {TOKEN}", "Basic " + base64.b64encode(USER.encode()).decode()):
            await site.text("/", headers={"authorization": authorization})


async def test_a_person_logs_in_and_out(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        answer = await site.client.get("/dead?name=a%2Fb", headers={"accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fdead%3Fname%3Da%252Fb"
        login = answer.headers["location"]
        assert (await site.post(login, data={"token": "wrong-token"})).status_code == 401
        answer = await site.post(login, data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/dead?name=a%2Fb")
        cookie = answer.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/", "max-age="))
        assert TOKEN not in cookie
        await site.text("/dead")
        assert (await site.post("/logout")).status_code == 303
        assert (await site.client.get("/dead")).status_code == 401


@pytest.mark.parametrize("secrets", [{"token": "another-token-it-is"}, {"user": "ben:another-password"}])
async def test_a_session_ends_with_its_secret(redis: Redis, secrets: dict[str, str]) -> None:
    async with page(redis, token=TOKEN) as site:
        await site.post("/login", data={"token": TOKEN})
        session = site.client.cookies[COOKIE]
        await site.text("/")
    async with page(redis, **secrets) as other:
        assert (await other.client.get("/", headers={"cookie": f"{COOKIE}={session}"})).status_code == 401


@pytest.mark.parametrize("session", ["", "1", "99999999999.", "99999999999." + "0" * 64, "x.y", "é.é", '"', "a=b;;"])
async def test_a_made_up_session_is_refused(redis: Redis, session: str) -> None:
    async with page(redis, token=TOKEN) as site:
        answer = await site.client.get("/", headers={"cookie": f"{COOKIE}={session}".encode()})
        assert answer.status_code == 401


async def test_a_login_leads_to_no_other_site(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        for there in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "/\t/evil.example", "evil"):
            answer = await site.post("/login", params={"next": there}, data={"token": TOKEN})
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), there


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "", "["]
)
async def test_an_unexpected_host_is_refused(redis: Redis, host: str) -> None:
    async with page(redis) as site:
        for method, path in every_route(site.app):
            answer = await site.client.request(method, path, headers={"host": host, **site.origin})
            assert answer.status_code in {400, 403}, path  # uvicorn itself refuses an empty one


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080", "queue.example.com", "localhost."]
)
async def test_an_expected_host_is_answered(redis: Redis, host: str) -> None:
    async with page(redis, token=TOKEN, allowed_hosts=["queue.example.com"]) as site:
        await site.text("/login", headers={"host": host})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_no_other_origin_changes_anything(redis: Redis, headers: dict[str, str]) -> None:
    async with page(redis) as site:
        for method, path in every_route(site.app):
            if method == "POST":
                answer = await site.client.post(path, headers=headers)
                assert answer.status_code == 403, (path, answer.text)


async def test_a_program_with_a_token_needs_no_origin(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert (await site.client.post("/dead/retry", headers=bearer)).status_code == 303
        # A browser that carries it for another site is refused all the same.
        for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert (await site.client.post("/dead/retry", headers=bearer | foreign)).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        "Bearer wrong-token",
        "bearer x",
        "Bearer",
        "Bearer " + "x" * 64,
        "Basic " + base64.b64encode(b"ann:wrong").decode(),
    ],
)
async def test_a_good_cookie_does_not_make_up_for_a_wrong_secret(redis: Redis, wrong: str) -> None:
    async with page(redis, token=TOKEN, user=USER) as site:
        await site.post("/login", data={"token": TOKEN})
        await site.text("/dead")
        for method, path in every_route(site.app):
            for foreign in ({}, {"origin": "https://evil.example"}, site.origin):
                answer = await site.client.request(method, path, headers={"authorization": wrong} | foreign)
                assert answer.status_code in {401, 403, 429}, (method, path, foreign)


@pytest.mark.parametrize("secrets", [{"token": TOKEN}, {"user": USER}])
async def test_no_header_spares_a_cookie_the_origin(redis: Redis, secrets: dict[str, str]) -> None:
    async with page(redis, **secrets) as site:
        name, _, password = USER.partition(":")
        answer = await site.post("/login", data={"token": TOKEN, "name": name, "password": password})
        assert answer.status_code == 303
        for authorization in ("Bearer wrong-token", "Basic eA==", "Digest x", "Negotiate x"):
            answer = await site.client.post("/dead/retry", headers={"authorization": authorization})
            assert answer.status_code in {401, 403}, authorization
        # What a proxy in front of the page asks for is none of its business.
        await site.text("/dead", headers={"authorization": "Negotiate x"})


async def test_no_other_site_reads(redis: Redis) -> None:
    async with page(redis) as site:
        for method, path in every_route(site.app):
            if method == "GET":
                for kind in ("script", "image", "iframe", "empty"):
                    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": kind}
                    assert (await site.client.get(path, headers=headers)).status_code == 403, (path, kind)
        # But a person may follow a link.
        await site.text("/", headers={"sec-fetch-site": "cross-site", **NAVIGATION})


async def test_get_changes_nothing(redis: Redis) -> None:
    async with page(redis) as site:
        for method, path in every_route(site.app):
            if method == "POST" and path != "/login":
                # Where a page asks whether it is meant, the same path shows that page.
                assert (await site.client.get(path)).status_code == (200 if path in make_pages() else 405), path


async def test_a_read_only_page_changes_nothing(redis: Redis) -> None:
    async with page(redis, read_only=True) as site:
        for method, path in every_route(site.app):
            if method == "POST" and path not in {"/login", "/logout"}:
                assert (await site.post(path)).status_code == 403, path


async def test_headers_are_strict_everywhere(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        paths = ["/", "/dead", "/nowhere", "/static/page.css", "/static/nowhere", "/static/../app.py", "/login"]
        answers = [await site.client.get(path, headers=bearer) for path in paths]
        answers += [await site.client.get("/"), await site.client.get("/", headers={"host": "evil.example"})]
        for answer in answers:
            check_headers(answer)
            assert "style=" not in answer.text
            assert "onclick" not in answer.text


def check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] in {"no-store", "private, no-cache"}
    assert "server" not in answer.headers


async def test_files_outside_are_not_served(redis: Redis) -> None:
    async with page(redis) as site:
        for path in ("/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/", "/static"):
            assert (await site.client.get(path)).status_code in {404, 405, 307}, path
