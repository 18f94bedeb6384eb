"""Renders views as HTML: the whole page for a browser that opens it, its live part for the event stream.

Jinja escapes every value (autoescape is on for all templates); nothing marks values as safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from monarq.monitor.text import formatting
from monarq.monitor.web.base.page_request import PageRequest, Value, link
from monarq.monitor.web.security.access import Access
from monarq.shared.text.error_text import brief
from monarq.shared.text.printable import printable, printable_lines
from monarq.shared.version import VERSION

_FILTERS: Final = (
    *("number", "compact", "rate", "percent", "size"),
    *("duration", "age", "ago", "timestamp"),
)

NOTICES: Final = {
    "retried": "put back into the queue",
    "deleted": "deleted",
    "purged": "purged",
    "paused": "The queue is paused: workers start none of its jobs until it is resumed.",
    "resumed": "The queue is resumed.",
    "moving": "The queue stays paused: its jobs are still being moved. Run `monarq queues move` again to finish first.",
    "cancelled": "The job was asked to stop.",
    "cancelled-paused": "The job will end without running once its queue is resumed.",
    "cancelled-ended": "The job has ended without running.",
    "revived": "The job is back in its queue, as if it had never run.",
    "promoted": "The job is due now.",
    "queued": "The job is already due, and waits for a worker.",
    "runs": "The job is already running.",
    "no-payload": "The job cannot be retried: its payload is gone.",
    "nothing": "There was nothing to do: the job has ended or is gone.",
}
"""The notices after a change, by the code in the link, so that no link can make a page show any other text."""


@dataclass(frozen=True, slots=True)
class View:
    """The content of a page, to be rendered.

    Attributes:
        template: the name of its template, without the file extension.
        title: the page's title.
        values: the variables of the template.
        status: the HTTP status of the response.
    """

    template: str
    title: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages of an app have in common.

    Attributes:
        access: who may do what.
        redis: the Redis server's URL without secrets.
        pages: the paths of all pages.
    """

    access: Access
    redis: str
    pages: frozenset[str]


class Renderer:
    """Renders views as HTML."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._templates = _templates()

    def page(self, view: View, request: PageRequest) -> str:
        """The whole page."""
        return self._render(view, request, "layout.html")

    def live(self, view: View, request: PageRequest) -> str:
        """The part that changes while the page is open."""
        return self._render(view, request, "live.html")

    def _render(self, view: View, request: PageRequest, layout: str) -> str:
        def url(path: str, /, **fields: Value) -> str:
            return request.root + link(path, fields)

        variables: dict[str, Any] = {
            "layout": layout,
            "title": view.title,
            "url": url,
            "request": request,
            "root": request.root,
            "access": self._site.access,
            "redis": self._site.redis,
            "pages": self._site.pages,
            "section": "/" + request.path.split("/")[1],
            "version": VERSION,
            "notices": _notices(request),
        }
        html = self._templates.get_template(f"{view.template}.html").render(variables | dict(view.values))
        # A lone surrogate, which JSON may contain, cannot be encoded.
        return html.encode("utf-8", "replace").decode()


@cache
def _templates() -> Environment:
    """The templates; a process compiles them once, however many apps it serves."""
    templates = Environment(
        loader=PackageLoader("monarq.monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update({name: getattr(formatting, name) for name in _FILTERS})
    templates.filters.update(brief=brief, printable=printable, printable_lines=printable_lines)
    return templates


def _notices(request: PageRequest) -> tuple[str, ...]:
    """The notices about the last change, from the code in the link that it redirected to."""
    text = NOTICES.get(request.text("did"))
    if text is None:
        return ()
    if text[0].isupper():
        return (text,)
    count, left = (request.number(name, 0, 0, 10**12) for name in ("n", "left"))
    first = f"{count:,} {'job is' if count == 1 else 'jobs are'} {text}."
    return (first, f"{left:,} could not be: they are alive again, or their payload is gone.") if left else (first,)
