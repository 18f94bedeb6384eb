"""Hooks of mkdocs: what makes pages that are written for the repository work as a site too.

- README.md is the first page, and the other pages at the top of the repository are pages of the site.
- A link to a file outside of docs/ leads to a page that shows the file; one to a folder, to a list of its files.
- A diagram of states is shown as a table, since drawing it in the browser would need a program from elsewhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = "docs/"

TOP_PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages outside of docs/, and their names in the site."""

LANGUAGES: Final = {
    ".py": "python",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".toml": "toml",
    ".html": "html",
    ".md": "markdown",
}
_LINK: Final = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=\))")
_FENCE: Final = re.compile(r"^ *(```|~~~)")
_ARROW: Final = re.compile(r"^\s*(\S+) --> (\S+): (.*)$")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages at the top of the repository, and a page for each file outside of docs/ that a page links to."""
    for name, page in TOP_PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    for path in sorted(_linked_outside()):
        files.append(File.generated(config, _source_page(path), content=_show(path)))
    files.append(File.generated(config, "decisions/index.md", content=_list_of_decisions()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrites links and diagrams of a page."""
    at = page.file.src_uri
    if at.startswith("source/"):
        return markdown
    source = next((name for name, top in TOP_PAGES.items() if top == at), DOCS + at)
    return _tables_for_diagrams("\n".join(_rewrite(line, source, at) for line in _with_fences(markdown)))


class _Code(str):
    """A line inside of a fenced block."""


def _with_fences(markdown: str) -> Iterator[str]:
    inside = False
    for line in markdown.split("\n"):
        fence = bool(_FENCE.match(line))
        yield _Code(line) if inside or fence else line
        inside ^= fence


def _rewrite(line: str, source: str, at: str) -> str:
    if isinstance(line, _Code):
        return line
    return _LINK.sub(lambda found: _site_link(found[1], source, at) + (found[2] or ""), line)


def _site_link(target: str, source: str, at: str) -> str:
    """Where a link of the repository leads in the site.

    Args:
        target: the link, without its anchor.
        source: the page's path in the repository.
        at: the page's path in the site.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in TOP_PAGES:
        found = TOP_PAGES[path]
    elif path == "docs/decisions":
        found = "decisions/index.md"
    elif path.startswith(DOCS):
        found = path.removeprefix(DOCS)
    else:
        found = _source_page(path)
    return posixpath.relpath(found, posixpath.dirname(at) or ".")


def _linked_outside() -> set[str]:
    """The files and folders outside of docs/ that pages link to, from the top of the repository."""
    found: set[str] = set()
    pages = [*TOP_PAGES, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for line in _with_fences((ROOT / page).read_text()):
            if isinstance(line, _Code):
                continue
            for target, _ in _LINK.findall(line):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
                if path not in TOP_PAGES and not path.startswith("docs/") and (ROOT / path).exists():
                    found.add(path)
    return found | {file for path in found if (ROOT / path).is_dir() for file in _files(path)}


def _files(folder: str) -> list[str]:
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def _source_page(path: str) -> str:
    return f"source/{path}/index.md" if (ROOT / path).is_dir() else f"source/{path}.md"


def _show(path: str) -> str:
    """A page with the text of a file, or with the names of a folder's files."""
    if (ROOT / path).is_dir():
        rows = [f"- [{name.removeprefix(path + '/')}]({name.removeprefix(path + '/')}.md)" for name in _files(path)]
        return "\n".join([f"# {path}/", "", *rows, ""])
    suffix = PurePosixPath(path).suffix
    text = (ROOT / path).read_text()
    return f"# {path}\n\n````{LANGUAGES.get(suffix, 'text')}\n{text.rstrip()}\n````\n"


def _tables_for_diagrams(markdown: str) -> str:
    return re.sub(r"^```mermaid\n(.*?)^```$", lambda found: _table(found[1]), markdown, flags=re.MULTILINE | re.DOTALL)


def _table(diagram: str) -> str:
    arrows = [found for line in diagram.splitlines() if (found := _ARROW.match(line))]
    rows = [f"| {_state(each[1], 'new')} | {_state(each[2], 'gone')} | {each[3]} |" for each in arrows]
    return "\n".join(["| from | to | by |", "|---|---|---|", *rows])


def _state(name: str, end: str) -> str:
    return f"({end})" if name == "[*]" else name


def _list_of_decisions() -> str:
    pages = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    titles = [(page.name, page.read_text().split("\n", 1)[0].removeprefix("# ")) for page in pages]
    return "\n".join(["# Decisions", "", *(f"- [{title}]({name})" for name, title in titles), ""])
