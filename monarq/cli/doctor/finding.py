"""A finding: one thing that was checked, its state, and what to do if that is not good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
"""ok: nothing to do. warning: works, but may lose jobs or be slow, or lacks something. problem: a worker cannot run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        section: what it is part of, such as "redis".
        subject: what was checked, such as "persistence".
        found: its state.
        level: how good that is.
        advice: what to do; '' if there is nothing to do.
    """

    section: str
    subject: str
    found: str
    level: Level = "ok"
    advice: str = ""


def judge(section: str, subject: str, found: str, *, warns: bool, advice: str) -> Finding:
    """A finding: a warning with this advice if `warns`, else ok."""
    return Finding(section, subject, found, "warning", advice) if warns else Finding(section, subject, found)
