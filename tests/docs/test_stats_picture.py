"""The picture of `monarq stats`, made from real jobs in a second instead of minutes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command import ROOT


def test_it_shows_what_the_command_shows(tmp_path: Path) -> None:
    picture = tmp_path / "stats.svg"
    command = [sys.executable, "-m", "docs.tools.stats_picture", str(picture), "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    drawn = picture.read_text()
    assert all(words in drawn for words in ("2&#160;workers", "cancelled", "fetch", "wait&#160;p95"))
    assert re.findall(r"https?://[^\s\"]+", drawn) == ["http://www.w3.org/2000/svg"]
