"""What a page shows becomes HTML: the whole page for a browser that opens it, its live part for the stream.

Every value is escaped by Jinja (autoescape is on for all templates), whoever wrote it; nothing marks values as safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from monarq.monitor.text import formatting
from monarq.monitor.web.base.page_request import Asked, Value, link
from monarq.monitor.web.security.access import Access
from monarq.shared.text.error_text import brief
from monarq.shared.text.printable import printable, printable_lines
from monarq.shared.version import VERSION

_FILTERS: Final = (
    *("number", "compact", "rate", "percent", "size"),
    *("duration", "age", "ago", "moment"),
)

SAID: Final = {
    "retried": "put back into the queue",
    "deleted": "deleted",
    "purged": "purged",
    "paused": "The queue is paused: nothing is claimed from it until it is resumed.",
    "resumed": "The queue is resumed.",
    "cancelled": "The job is asked to stop.",
    "cancelled-paused": "The job will be ended without being run as soon as its queue is resumed.",
    "revived": "The job waits in its queue again, as if it had never run.",
    "promoted": "The job is due now.",
    "queued": "The job waits already.",
    "runs": "The job runs already.",
    "no-payload": "The job cannot be run again: its payload was gone before it died.",
    "nothing": "There was nothing to do: it has ended, or is gone.",
}
"""What a page says after something was changed, by the code in its link: so no link can make it say anything else."""


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows.

    Attributes:
        template: the name of its template, without ending.
        title: of the page.
        values: what the template asks for.
        status: of the answer.
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
        redis: the server, fit for people.
        pages: the paths of all pages.
    """

    access: Access
    redis: str
    pages: frozenset[str]


class Renderer:
    """Makes HTML of views."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._templates = _templates()

    def page(self, view: View, asked: Asked) -> str:
        """The whole page."""
        return self._render(view, asked, "layout.html")

    def live(self, view: View, asked: Asked) -> str:
        """The part that changes while one looks at it."""
        return self._render(view, asked, "live.html")

    def _render(self, view: View, asked: Asked, layout: str) -> str:
        def url(path: str, /, **fields: Value) -> str:
            return asked.root + link(path, fields)

        given: dict[str, Any] = {
            "layout": layout,
            "title": view.title,
            "url": url,
            "asked": asked,
            "root": asked.root,
            "access": self._site.access,
            "redis": self._site.redis,
            "pages": self._site.pages,
            "section": "/" + asked.path.split("/")[1],
            "version": VERSION,
            "said": _said(asked),
        }
        html = self._templates.get_template(f"{view.template}.html").render(given | dict(view.values))
        # Half a character, as JSON may hold, can be sent to nobody.
        return html.encode("utf-8", "replace").decode()


@cache
def _templates() -> Environment:
    """The templates, which a process compiles once, however many apps it serves."""
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


def _said(asked: Asked) -> tuple[str, ...]:
    """What the last change came to, from the link that it led to."""
    text = SAID.get(asked.text("did"))
    if text is None:
        return ()
    if text[0].isupper():
        return (text,)
    count, left = (asked.number(name, 0, 0, 10**12) for name in ("n", "left"))
    first = f"{count:,} {'job is' if count == 1 else 'jobs are'} {text}."
    return (first, f"{left:,} could not be: alive again, or the payload was gone.") if left else (first,)
