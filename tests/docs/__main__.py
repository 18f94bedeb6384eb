"""`python -m tests.docs [PAGE...]`: runs the blocks of all pages, or of these, and counts how they were run.

`--count` runs nothing and prints how each would be run.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Final

from monarq.embedded import EmbeddedRedis
from tests.docs.blocks import pages, read_blocks
from tests.docs.plans import MEANINGS, plan
from tests.support.command import ROOT, environment

LANGUAGES: Final = ("python", "console", "sh", "toml", "yaml", "json", "diff", "mermaid", "text")


def table(ways: Counter[tuple[str, str]]) -> str:
    """The number of blocks by language and way."""
    languages = sorted({language for language, _ in ways}, key=lambda each: (*LANGUAGES, each).index(each))
    rows = [f"{'':10}" + "".join(f"{how:>10}" for how in MEANINGS) + f"{'all':>8}"]
    for language in languages:
        counts = [ways[language, how] for how in MEANINGS]
        rows.append(f"{language or '(none)':10}" + "".join(f"{count:>10}" for count in counts) + f"{sum(counts):>8}")
    totals = [sum(count for (_, way), count in ways.items() if way == how) for how in MEANINGS]
    rows.append(f"{'all':10}" + "".join(f"{count:>10}" for count in totals) + f"{sum(totals):>8}")
    return "\n".join([*rows, "", *(f"{how:9} {text}" for how, text in MEANINGS.items())])


def count(names: list[str]) -> Counter[tuple[str, str]]:
    """How the blocks of some pages are run."""
    return Counter((block.language, plan(block)) for page in names for block in read_blocks(page))


def main(arguments: list[str]) -> int:
    """Runs the command; 1 where a page went wrong."""
    names = [each for each in arguments if not each.startswith("-")] or pages()
    failed = []
    if "--count" not in arguments:
        with EmbeddedRedis() as server:
            for page in [page for page in names if read_blocks(page)]:
                command = [sys.executable, "-m", "tests.docs.page", page]
                ended = subprocess.run(command, cwd=ROOT, env=environment(server.url), stdout=subprocess.DEVNULL)
                print(f"{'failed' if ended.returncode else 'ran':7} {page}", flush=True)
                failed += [page] if ended.returncode else []
    print(table(count(names)))
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
