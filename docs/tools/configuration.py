"""`python -m docs.tools.configuration`: writes docs/reference/configuration.md, every setting as the code has it.

`--check` writes nothing, and exits with 1 where the page is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docs.tools.generated_page import write_or_check
from monarq.shared.settings.setting import Setting
from monarq.shared.settings.table import SECTIONS, SETTINGS

PAGE: Final = Path(__file__).parents[1] / "reference" / "configuration.md"
INTRODUCTION: Final = """# Configuration

A setting has one name. It can be set in these places; later ones win:

1. in `[tool.monarq]` and its sections of the nearest `pyproject.toml`, in the working directory or above;
2. by what a worker runs: an `App`'s `Defaults`, or arq's settings class;
3. in the environment: `MONARQ_…`, and with the section's name `MONARQ_WORKER_…`;
4. by an option of the command, or an argument of `Producer`.

Options of `@job`, of one enqueue or of a `Queue` override all of these for the jobs concerned.

<!-- test: not run: it is no program -->
```toml
[tool.monarq]
redis = "redis://localhost:6379/3"

[tool.monarq.worker]
target = "shop.jobs"
concurrency = 50
timeout = "2m"
```

- An unknown name in `pyproject.toml` is an error, which names the nearest right one.
- Durations are seconds, or text such as `"500ms"`, `"30s"`, `"1h30m"`, `"3d"`; sizes are bytes, or text: `"256MB"`.
- A list is words separated by spaces in the environment, and an option that is repeated.
- Secrets are read from the environment alone: everybody can see a command line, and a file is soon committed.
- `MONARQ_REDIS` is a setting as any other. `REDIS_URL`, which other programs read too, counts where nothing else
  names a Redis.
- `Defaults` has the names that are marked with *D*.

This page is written by `python -m docs.tools.configuration`.
"""
TITLES: Final = {
    "": "All",
    "worker": "`monarq worker`",
    "web": "`monarq web`",
    "testing": "Tests with `monarq.testing`",
}


def page() -> str:
    """The text of the page."""
    return "\n".join([INTRODUCTION, *(line for section in SECTIONS for line in _section(section))]).rstrip() + "\n"


def _section(section: str) -> Iterator[str]:
    yield f"## {TITLES[section]}\n"
    yield f"In `[tool.monarq{section and '.'}{section}]`.\n"
    rows = [_row(setting) for setting in SETTINGS if setting.section == section]
    head = ["| name | values | built in | meaning | option | variable |", "|---|---|---|---|---|---|"]
    yield "\n".join([*head, *rows]) + "\n"


def _row(setting: Setting) -> str:
    name = f"`{setting.name}`" + (" *D*" if setting.in_defaults else "") + (" (secret)" if setting.is_secret else "")
    option = f"`{setting.spelled}`" if setting.option else ""
    cells = (name, setting.kind.form, setting.built_in, setting.meaning, option, f"`{setting.variable}`")
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
