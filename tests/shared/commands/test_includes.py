"""How the loader joins a script and the pieces that it includes."""

from __future__ import annotations

from pathlib import Path

import pytest

from monarq.shared.redis import scripts
from monarq.shared.redis.scripts import Script

NONE = "-- INCLUDES  none"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scripts in place of the real one; its files have names of their own, as what is read is kept."""
    (tmp_path / "include").mkdir()
    monkeypatch.setattr(scripts, "_FOLDER", tmp_path)
    return tmp_path


def write(folder: Path, **texts: str) -> None:
    """Writes scripts, and pieces by names that begin with `piece`."""
    for name, text in texts.items():
        (folder / ("include" if name.startswith("piece") else ".") / f"{name}.lua").write_text(text)


def test_pieces_come_once_each_behind_what_they_need_and_before_the_script(folder: Path) -> None:
    write(
        folder,
        joined="-- INCLUDES  piece_top, piece_low\nlast",
        piece_top="-- INCLUDES  piece_low\nsecond",
        piece_low=f"{NONE}\nfirst",
        piece_unused=f"{NONE}\nnever",
    )
    lines = Script.load("joined").source.splitlines()
    assert [line for line in lines if not line.startswith(("--", "local ")) and line] == ["first", "second", "last"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"wrong_name": "-- INCLUDES  piece_missing"},
            "wrong_name.lua includes 'piece_missing', but there is no include/piece_missing.lua",
        ),
        (
            {"wrong_below": "-- INCLUDES  piece_wrong", "piece_wrong": "-- INCLUDES  piece_absent"},
            "include/piece_wrong.lua includes 'piece_absent', but there is no include/piece_absent.lua",
        ),
        ({"silent": "return 1"}, "silent.lua names no pieces: its head needs a line `-- INCLUDES"),
        (
            {
                "circle": "-- INCLUDES  piece_one",
                "piece_one": "-- INCLUDES  piece_two",
                "piece_two": "-- INCLUDES  piece_one",
            },
            "include/piece_one.lua includes itself: circle -> include/piece_one -> include/piece_two",
        ),
    ],
    ids=["no such piece", "no such piece below", "no line", "a circle"],
)
def test_what_cannot_be_joined_is_named(folder: Path, texts: dict[str, str], message: str) -> None:
    write(folder, **texts)
    with pytest.raises(ValueError, match=message):
        Script.load(next(iter(texts)))
