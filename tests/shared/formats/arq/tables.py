"""All rows of all tables, for those who play them on other Redises than an ordinary one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import ModuleType
from typing import Final

from tests.shared.formats import arq
from tests.shared.formats.arq.rows import Row

_WITH_TABLES: Final = (
    *("cancel", "claim", "counts", "crash", "discard", "enqueue", "finish", "pause", "progress", "promote"),
    *("purge", "recover", "release_claim", "renew", "requeue", "revive", "sweep"),
)


def _rows_of(module: ModuleType) -> list[Row]:
    tables = [value for value in vars(module).values() if isinstance(value, list)]
    return [row for table in tables for row in table if isinstance(row, Row)]


def _rows_for(script: str) -> list[Row]:
    tests = re.compile(rf".+\.test_{script}(_\w+)?")
    found = pkgutil.walk_packages(arq.__path__, f"{arq.__name__}.")
    mine = [module.name for module in found if tests.fullmatch(module.name)]
    return [row for name in mine for row in _rows_of(importlib.import_module(name))]


ENQUEUE: Final = _rows_for("enqueue")
OTHERS: Final = [row for script in _WITH_TABLES if script != "enqueue" for row in _rows_for(script)]
