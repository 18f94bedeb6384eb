"""The guide's tests are run, by pytest as its readers run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import read_blocks
from tests.testing.test_plugin import ONE_LOOP_A_TEST, run_pytest_in


@pytest.mark.timeout(120)
def test_every_test_of_the_guide_passes(tmp_path: Path) -> None:
    files = {block.file: block.text for block in read_blocks("docs/testing.md") if block.file is not None}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = run_pytest_in(tmp_path, "-o", "asyncio_mode=auto", *ONE_LOOP_A_TEST, "-W", "error")
    tests = sum(text.count("def test_") for text in files.values())
    assert tests >= 14
    assert f"{tests} passed" in found
