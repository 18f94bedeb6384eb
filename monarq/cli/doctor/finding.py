"""A finding: one thing that was looked at, how it is, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
"""ok: nothing to do. warning: works, and can lose jobs, be slow, or lacks something. problem: a worker cannot work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        section: what it is part of, such as "redis".
        subject: what was looked at, such as "persistence".
        found: how it is.
        level: how well that is.
        advice: what to do; '' where there is nothing to do.
    """

    section: str
    subject: str
    found: str
    level: Level = "ok"
    advice: str = ""


def judge(section: str, subject: str, found: str, *, warns: bool, advice: str) -> Finding:
    """A finding that is a warning with this advice, or else fine."""
    return Finding(section, subject, found, "warning", advice) if warns else Finding(section, subject, found)
