"""Who takes part, and what pip or npm installs for each. How each is used stands in its file in `benchmarks/peers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Peer:
    """One that takes part.

    Attributes:
        name: its name, and that of its file in `benchmarks/peers`.
        packages: what is installed into its environment; the first is the one whose version is told.
        needs: a command without which it is left out.
        concurrency: jobs at once in each worker process, where it can.
        note: what a reader of the table has to know.
    """

    name: str
    packages: tuple[str, ...] = ()
    needs: str = ""
    concurrency: int = 100
    note: str = ""


ROSTER: Final = (
    Peer("monarq"),
    Peer("arq", ("arq==0.28.0", "hiredis", "uvloop")),
)
