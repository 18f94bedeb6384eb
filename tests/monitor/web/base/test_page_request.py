"""A page request keeps ids as Redis holds them, and links to it lead back to it."""

from __future__ import annotations

import pytest

from monarq.monitor.web.base.page_request import MOST_FIELDS, PageRequest, link


@pytest.mark.parametrize("raw_id", [b"plain", b"a/b c&d=e?f#g", "zwölf €".encode(), b"\xff\x00\n", b"%41"])
def test_a_link_keeps_an_id(raw_id: bytes) -> None:
    path, _, query = link("/jobs/job", {"queue": "q", "id": raw_id, "did": None}).partition("?")
    request = PageRequest.parse(path, query)
    assert (request.path, request.raw("id"), request.text("queue")) == ("/jobs/job", raw_id, "q")
    assert "did" not in request.fields


def test_equal_requests_have_equal_urls() -> None:
    one, other = (PageRequest.parse("/dead", query, "/queue") for query in ("b=2&a=1", "a=1&b=2"))
    assert one.url == other.url == "/queue/dead?a=1&b=2"
    assert one.with_fields(a=None, c="3") == "/queue/dead?b=2&c=3"


def test_too_many_fields_count_as_none() -> None:
    query = "&".join(f"f{number}=1" for number in range(MOST_FIELDS + 1))
    assert PageRequest.parse("/", query).fields == {}


@pytest.mark.parametrize(
    ("query", "number"),
    [("n=7", 7), ("n=99", 10), ("n=0", 1), ("n=-3", 5), ("n=x", 5), ("n=" + "9" * 19, 5), ("", 5), ("n=2&n=3", 3)],
)
def test_numbers_are_bounded(query: str, number: int) -> None:
    assert PageRequest.parse("/", query).number("n", 5, 1, 10) == number


@pytest.mark.parametrize(("query", "choice"), [("act=delete", "delete"), ("act=drop", "retry"), ("", "retry")])
def test_one_of_some_choices(query: str, choice: str) -> None:
    assert PageRequest.parse("/", query).one_of("act", "retry", "delete") == choice
