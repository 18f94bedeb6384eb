"""The fields of arq's settings: which attributes are settings, and which look like misspelled ones."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest

from monarq.arq.settings.fields import collect_settings, suggest
from monarq.arq.settings.reader import read_arq_settings
from tests.arq import jobs


async def hook(ctx: dict[Any, Any]) -> None: ...


class Base:
    functions: ClassVar[list[Any]] = [jobs.add]
    max_jobs = 33
    on_startup = hook


def test_misspelled_settings_are_warned_of_and_helpers_are_not(caplog: pytest.LogCaptureFixture) -> None:
    class Settings(Base):
        max_job = 7  # max_jobs is given as well, so this is something else
        keep_results = 60
        redis_setting = None

        async def startup(ctx: dict[Any, Any]) -> None: ...  # noqa: N805 - a helper, used as the hook below

        on_startup = startup
        own_thing = 1

    caplog.set_level(logging.WARNING, logger="arq.worker")
    read_arq_settings(Settings)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "'keep_results' is not a setting and is ignored; did you mean 'keep_result'?" in told[0]
    assert "'redis_setting' is not a setting and is ignored; did you mean 'redis_settings'?" in told[1]


class Attributes:
    queue_name = "mail"
    lease_s = 3.0
    helper = "no setting"


def of_instance() -> object:
    made = Attributes()
    vars(made)["max_jobs"] = 7
    return made


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (Attributes, {"queue_name": "mail", "lease_s": 3.0}),
        (type("Inherits", (Attributes,), {"burst": True}), {"queue_name": "mail", "lease_s": 3.0, "burst": True}),
        (of_instance(), {"queue_name": "mail", "lease_s": 3.0, "max_jobs": 7}),
        ({"queue_name": "mail", "helper": 1, 5: "no name"}, {"queue_name": "mail"}),
    ],
)
def test_settings_of_a_class_an_object_and_a_dict(target: object, found: dict[str, Any]) -> None:
    assert collect_settings(target) == found


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("max_job", "; did you mean 'max_jobs'?"), ("leases_s", "; did you mean 'lease_s'?"), ("xyz", "")],
)
def test_a_suggestion_for_an_unknown_name(name: str, suggestion: str) -> None:
    assert suggest(name) == suggestion
