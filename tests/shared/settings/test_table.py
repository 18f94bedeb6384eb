"""The table of settings and what is made of it: the defaults of the code, and the options of the commands."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest

from monarq.cli.web.command import web
from monarq.cli.worker.command import worker
from monarq.shared.payloads.codec import Codecs
from monarq.shared.settings.setting import Setting
from monarq.shared.settings.table import SETTINGS
from monarq.workers.config.named_settings import ATTRIBUTES, by_attribute
from monarq.workers.config.settings import WorkerSettings

OF_WORKERS = [row for row in SETTINGS if row.in_defaults]
WITHOUT_NUMBER = {"cpu_memory": None, "max_burst_jobs": -1, "max_tries": None, "retry": None}


@pytest.mark.parametrize("row", OF_WORKERS, ids=lambda row: row.name)
def test_the_built_in_value_is_that_of_the_code(row: Setting) -> None:
    found = getattr(WorkerSettings(), ATTRIBUTES.get(row.name, row.name))
    if row.name in WITHOUT_NUMBER:
        assert found == WITHOUT_NUMBER[row.name]
    else:
        assert found == row.read(row.built_in)


def test_every_name_leads_to_an_attribute_of_the_settings() -> None:
    attributes = {field.name for field in fields(WorkerSettings)}
    assert {ATTRIBUTES.get(row.name, row.name) for row in OF_WORKERS} <= attributes
    assert by_attribute({"timeout": "2m", "allow_pickle": True, "max_payload": "1KB"}) == {
        "timeout_s": 120.0,
        "allow_pickle": True,
        "max_payload": 1024,
    }
    assert WorkerSettings().max_payload == next(row for row in SETTINGS if row.name == "max_payload").read("8MB")
    assert not Codecs().allow_pickle


@pytest.mark.parametrize(("command", "section"), [(worker, "worker"), (web, "web")])
def test_every_setting_has_its_option_and_variable_and_no_secret_has_one(command: click.Command, section: str) -> None:
    options = {parameter.name: parameter for parameter in command.params}
    rows = [row for row in SETTINGS if row.section == section]
    assert {row.name for row in rows if row.is_secret}.isdisjoint(options)
    for row in rows:
        if not row.is_secret:
            assert options[row.name].envvar == row.variable
    spelled = {name for parameter in command.params for name in parameter.opts}
    assert {row.spelled for row in rows if row.option.startswith("-")} <= spelled
    assert {"--token", "--user"}.isdisjoint(spelled)


def test_options_that_are_no_settings_are_few_and_known() -> None:
    known = {row.name for row in SETTINGS}
    others = {parameter.name for command in (worker, web) for parameter in command.params} - known
    assert others == {"check", "watch", "verbose", "version"}
