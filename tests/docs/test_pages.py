"""Every code block of the documentation runs, or says why it does not."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

import pytest
from redis.asyncio import Redis

from tests.docs.__main__ import count, table
from tests.docs.blocks import MarkError, pages, read_blocks
from tests.docs.blocks import _find as find
from tests.docs.plans import plan
from tests.support.command import ROOT, environment
from tests.support.slowness import in_time


@pytest.mark.parametrize("page", [page for page in pages() if read_blocks(page)])
async def test_every_block_of_a_page_runs(page: str, redis: Redis, redis_url: str) -> None:
    command = (sys.executable, "-m", "tests.docs.page", page)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment(redis_url), stdout=PIPE, stderr=PIPE
    )
    async with in_time(180):
        out, err = await process.communicate()
    await redis.flushall()  # what a page leaves in Redis is not about the code
    assert process.returncode == 0, err.decode()
    done = json.loads(out.splitlines()[-1])
    assert [place for place, _, _ in done] == [block.place for block in read_blocks(page)]


def test_blocks_are_counted_by_how_they_are_run() -> None:
    ways = count(pages())
    print(table(ways))
    assert sum(ways.values()) == sum(len(read_blocks(page)) for page in pages())


def test_a_block_that_nobody_can_run_needs_a_mark() -> None:
    [block] = find("page.md", "```\nsome text\n```\n")
    with pytest.raises(MarkError, match=r"page\.md:1: nobody knows how to run a block of no language"):
        plan(block)
    [block] = find("page.md", "```console\n$ redis-cli ping\n```\n")
    with pytest.raises(MarkError, match="nobody knows how to run 'redis-cli'"):
        plan(block)


def test_a_mark_needs_a_reason() -> None:
    with pytest.raises(MarkError, match=r"page\.md:1: the mark 'not run' needs a reason"):
        list(find("page.md", "<!-- test: not run -->\n```\nsome text\n```\n"))


def test_a_mark_before_no_block_is_refused() -> None:
    with pytest.raises(MarkError, match=r"page\.md:2: a mark stands before no block"):
        list(find("page.md", "<!-- test: fresh -->\nsome text\n"))
