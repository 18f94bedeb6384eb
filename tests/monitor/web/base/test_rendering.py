"""Rendering: a whole page around its live part, every value escaped, and notices by their codes alone."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from jinja2 import UndefinedError

from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import NOTICES, Renderer, Site, View
from monarq.monitor.web.security.access import Access
from tests.monitor.web.site import TOKEN

PAGES = frozenset({"/", "/dead", "/jobs"})
MEAN = "<script>alert('&\"')</script>"


def renderer(**access: Any) -> Renderer:
    return Renderer(Site(Access(**access), f"redis://{MEAN}", PAGES))


def request(query: str = "", path: str = "/dead", root: str = "") -> PageRequest:
    return PageRequest.parse(path, query, root)


def view(what: str = "letter", back: str = "/dead", title: str = "Dead") -> View:
    return View("gone", title, {"what": what, "back": back})


def notices(query: str) -> list[str]:
    """The notices that a page shows."""
    said = re.search(r'<div class="said" role="status">(.*?)</div>', renderer().page(view(), request(query)))
    return [] if said is None else [unescape(line) for line in re.findall(r"<p>(.*?)</p>", said[1])]


def test_the_live_part_is_in_the_page_as_it_is_streamed() -> None:
    live, page = renderer().live(view(), request()), renderer().page(view(), request())
    assert "No such letter" in live
    assert "<html" not in live
    assert f'<div id="live">{live.strip()}' in page
    assert page.lstrip().startswith("<!doctype html>")


def test_every_value_is_escaped() -> None:
    shown = renderer().page(view(MEAN, "/dead", MEAN), request())
    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert(&#39;&amp;&#34;&#39;)&lt;/script&gt;") == 3, "what, title and server"


@pytest.mark.parametrize("what", ["\ud800", "a\udcff", "zwölf €"])
def test_a_page_can_be_sent_whatever_it_shows(what: str) -> None:
    for html in (renderer().live(view(what), request()), renderer().page(view(what), request())):
        assert html.encode()
        assert ("zwölf €" in html) == (what == "zwölf €")


def test_a_variable_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="what"):
        renderer().live(View("gone", "Dead", {"back": "/"}), request())


@pytest.mark.parametrize("root", ["", "/queue"])
def test_links_are_below_the_prefix(root: str) -> None:
    page = renderer().page(view(), request(root=root))
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert f"{root}/dead" in links
    assert [link for link in links if not link.startswith((f"{root}/", "#"))] == []
    assert f'data-root="{root}"' in page


def test_only_pages_that_are_there_are_linked_and_the_open_one_is_marked() -> None:
    page = renderer().page(view(), request(path="/dead/confirm"))
    nav = page[page.index("<nav") : page.index("</nav>")]
    assert re.findall(r'href="([^"]*)"', nav) == ["/", "/jobs", "/dead"]
    assert re.findall(r'href="([^"]*)"[^>]*aria-current="page"', nav) == ["/dead"]


@pytest.mark.parametrize(
    ("access", "is_read_only", "has_logout"),
    [({}, False, False), ({"read_only": True}, True, False), ({"token": TOKEN}, False, True)],
)
def test_what_the_access_allows(access: dict[str, Any], is_read_only: bool, has_logout: bool) -> None:
    page = renderer(**access).page(view(), request())
    assert (" · read-only" in page, "Log out" in page) == (is_read_only, has_logout)
    assert TOKEN not in page


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", []),
        ("did=invented", []),
        ("did=<b>bold</b>", []),
        ("did=deleted&n=1", ["1 job is deleted."]),
        ("did=deleted&n=0", ["0 jobs are deleted."]),
        ("did=purged&n=1234567", ["1,234,567 jobs are purged."]),
        ("did=purged&n=many", ["0 jobs are purged."]),
        (
            "did=retried&n=2&left=1000",
            [
                "2 jobs are put back into the queue.",
                "1,000 could not be: they are alive again, or their payload is gone.",
            ],
        ),
        ("did=paused&n=7&left=7", [NOTICES["paused"]]),
    ],
)
def test_notices(query: str, lines: list[str]) -> None:
    assert notices(query) == lines


@pytest.mark.parametrize("code", NOTICES)
def test_each_notice_is_a_sentence(code: str) -> None:
    [line] = notices(f"did={code}&n=3")
    assert line.endswith(".")
    assert NOTICES[code] in line


def test_the_live_part_has_no_notices() -> None:
    assert NOTICES["resumed"] not in renderer().live(view(), request("did=resumed"))
