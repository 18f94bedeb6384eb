"""Login limits: guessing a secret is slow, and slows down nobody else."""

from __future__ import annotations

import base64

import httpx
import pytest
from redis.asyncio import Redis

from monarq.monitor.web.security.login_limits import FORGET_S, FREE, LONGEST_S, MOST, LoginLimits
from tests.monitor.web.site import TOKEN, USER, Site, page

RIGHT = {"authorization": f"Bearer {TOKEN}"}
WRONG = {
    "form": {},
    "bearer": {"authorization": "Bearer wrong-token"},
    "basic": {"authorization": "Basic " + base64.b64encode(b"ann:wrong-password").decode()},
}


async def guess(site: Site, way: str, address: str = "192.0.2.1") -> httpx.Response:
    """A wrong secret, by way of a proxy on this machine that says whom it stands for."""
    headers = WRONG[way] | {"x-forwarded-for": address}
    if way == "form":
        return await site.client.post("/login", headers=site.origin | headers, data={"token": "wrong-token"})
    return await site.client.get("/login" if way == "basic" else "/metrics", headers=headers)


@pytest.mark.parametrize("way", WRONG)
async def test_after_a_few_wrong_ones_an_address_waits(redis: Redis, way: str) -> None:
    async with page(redis, token=TOKEN, user=USER) as site:
        # One more than are free, whose answer is the last that is given at once.
        assert {(await guess(site, way)).status_code for _ in range(FREE + 1)} == {401}
        answer = await guess(site, way)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "1 s" in answer.text
        # Even the right one, or else guessing would not be slower; and by no other way.
        there = {"x-forwarded-for": "192.0.2.1"}
        assert (await site.client.get("/metrics", headers=RIGHT | there)).status_code == 429
        form = await site.client.post("/login", headers=site.origin | there, data={"token": TOKEN})
        assert form.status_code == 429
        # Others are not concerned.
        elsewhere = {"x-forwarded-for": "192.0.2.2"}
        await site.text("/metrics", headers=RIGHT | elsewhere)
        assert (await guess(site, way, "192.0.2.3")).status_code == 401


async def test_a_session_goes_on_while_its_address_waits(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        assert (await site.post("/login", data={"token": TOKEN})).status_code == 303
        for _ in range(FREE + 2):
            await site.client.get("/metrics", headers=WRONG["bearer"])
        await site.text("/queues")


class Clock:
    """A clock that is set by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_each_wrong_one_doubles_the_wait() -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    waits = []
    for _ in range(FREE + 9):
        limits.record_failure("192.0.2.1")
        waits.append(limits.wait_s("192.0.2.1"))
        clock.now_s += waits[-1]
        assert limits.wait_s("192.0.2.1") == 0
    assert waits == [0] * FREE + [1, 2, 4, 8, 16, 32, LONGEST_S, LONGEST_S, LONGEST_S]
    clock.now_s += FORGET_S + 1
    limits.record_failure("192.0.2.1")
    assert limits.wait_s("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
        ("testclient", "testclient", True),
    ],
)
def test_an_ipv6_network_is_one_address(one: str, other: str, is_same: bool) -> None:
    limits = LoginLimits()
    for _ in range(FREE + 1):
        limits.record_failure(one)
    assert bool(limits.wait_s(other)) is is_same


def test_no_more_than_so_many_addresses_are_remembered() -> None:
    limits = LoginLimits()
    for number in range(MOST + 10):
        limits.record_failure(f"10.0.{number // 256}.{number % 256}")
    assert len(limits._failures) == MOST
