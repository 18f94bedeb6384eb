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

A setting has the same name everywhere. It can be set in these places; later ones win:

1. in `[tool.monarq]` and its sections in the nearest `pyproject.toml`, in the working directory or above;
2. by the target that a worker runs: an `App`'s `Defaults`, or arq's settings class;
3. in the environment: `MONARQ_…`, or with the section's name, `MONARQ_WORKER_…`;
4. by an option of the command, or an argument of `Producer`.

Options of `@job`, of one enqueue or of a `Queue` override all of these for the jobs concerned.

<!-- test: not run: it is not a program -->
```toml
[tool.monarq]
redis = "redis://localhost:6379/3"

[tool.monarq.worker]
target = "shop.jobs"
concurrency = 50
timeout = "2m"
```

- An unknown name in `pyproject.toml` is an error that suggests the closest valid name.
- Durations are numbers of seconds, or text such as `"500ms"`, `"30s"`, `"1h30m"`, `"3d"`. Sizes are numbers of bytes,
  or text such as `"256MB"`.
- In the environment, separate the items of a list by spaces. On the command line, repeat the option.
- Secrets are read only from the environment: anyone on the machine can see a command line, and files are easily
  committed by mistake.
- `MONARQ_REDIS` is a setting like any other. `REDIS_URL`, which other programs read too, is used only if nothing else
  names a Redis.
- `Defaults` accepts the names that are marked with *D*.

This page is written by `python -m docs.tools.configuration`.
"""
TITLES: Final = {
    "": "General",
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
    head = ["| name | values | default | meaning | option | variable |", "|---|---|---|---|---|---|"]
    yield "\n".join([*head, *rows]) + "\n"


def _row(setting: Setting) -> str:
    name = f"`{setting.name}`" + (" *D*" if setting.in_defaults else "") + (" (secret)" if setting.is_secret else "")
    option = f"`{setting.spelled}`" if setting.option else ""
    cells = (name, setting.kind.form, setting.built_in, setting.meaning, option, f"`{setting.variable}`")
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
