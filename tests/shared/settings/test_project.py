"""``[tool.monarq]`` of pyproject.toml: which file counts, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import fallback_url, redis_url
from monarq.shared.settings.lookup import chosen, configured
from monarq.shared.settings.project import _project_at, find_project, read_project


def write(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_the_nearest_file_upwards_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "src" / "shop"
    inner.mkdir(parents=True)
    write(tmp_path, '[tool.monarq]\nqueue = "outer"\n[tool.monarq.worker]\ntimeout = "2m"\nconcurrency = 7\n')
    monkeypatch.chdir(inner)
    found = find_project()
    assert (found.get("", "queue"), found.get("worker", "timeout")) == ("outer", "2m")
    assert (found.read("worker", "timeout"), found.read("worker", "concurrency")) == (120.0, 7)
    assert found.read("worker", "lease") is None


def test_a_nearer_file_without_the_table_hides_one_that_is_further_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[tool.monarq]\nqueue = "outer"\n')
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", '[project]\nname = "monarq-user"\n')
    monkeypatch.chdir(tmp_path / "inner")
    assert find_project().values == {}


def test_the_file_of_another_tool_is_not_even_parsed(tmp_path: Path) -> None:
    assert read_project(write(tmp_path, "this is no TOML")).values == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.monarq]\nqueu = 'x'", r"pyproject.toml: \[tool.monarq\] has no setting 'queu'; did you mean 'queue'\?"),
        (
            "[tool.monarq]\nconcurrency = 5",
            r"has no setting 'concurrency'; did you mean \[tool.monarq.worker\] concurrency",
        ),
        ("[tool.monarq]\nworkr = {}", r"has no setting 'workr'; did you mean 'worker'\?"),
        (
            "[tool.monarq.worker]\nredis = 'x'",
            r"has no setting 'redis'; did you mean \[tool.monarq\] redis\?",
        ),
        ("[tool.monarq.worker]\nconcurency = 5", r"has no setting 'concurency'; did you mean 'concurrency'\?"),
        ("[tool.monarq.worker]\nqqq = 5", r"has no setting 'qqq'; docs/reference/configuration.md lists them"),
        ("[tool.monarq.worker]\ntimeout = 'long'", r"\[tool.monarq.worker\] timeout is 'long': give seconds"),
        ("[tool.monarq.worker]\nconcurrency = 0", "concurrency is 0; it must be a whole number of 1 or more"),
        ("[tool.monarq.worker]\nqueues = 'mail'\nretry = true", "retry is True: give a number of retries"),
        ("[tool.monarq.worker]\ntimeout = {a = 1}", "timeout is a table: give duration"),
        ("[tool.monarq]\nworker = 5", r"\[tool.monarq.worker\] is 5: it must be a table"),
        (
            "[tool.monarq]\nsigning_key = 'k'",
            "signing_key is a secret: set .* MONARQ_SIGNING_KEY instead",
        ),
        ("[tool.monarq.web]\ntoken = 'k'", "token is a secret: set the environment variable MONARQ_WEB_TOKEN instead"),
        ("[tool.monarq\n", "pyproject.toml is not valid TOML"),
        ("tool = 5  # for monarq", r"pyproject.toml: \[tool\] is 5: it must be a table"),
        ("[tool.monarq]\nredis_timeout = 0", "redis_timeout is 0: nothing can answer in no time"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_section(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        read_project(write(tmp_path, text))
    assert str(tmp_path) in str(raised.value)


def test_a_file_in_another_encoding_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    for encoding in ("utf-16", "utf-32"):
        path.write_text("[tool.monarq]\nqueue = 'mail'\n", encoding=encoding)
        with pytest.raises(SettingsError, match=r"pyproject.toml is not valid TOML: 'utf-8' codec can't decode"):
            read_project(path)


def test_the_environment_wins_over_the_file_and_an_argument_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONARQ_RETRY_FOR", raising=False)
    assert chosen("", "retry_for") == 10.0
    write(tmp_path, '[tool.monarq]\nretry_for = "1m"\n')
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    assert chosen("", "retry_for") == 60.0
    monkeypatch.setenv("MONARQ_RETRY_FOR", "2m")
    assert chosen("", "retry_for") == 120.0
    assert chosen("", "retry_for", "3m") == 180.0
    monkeypatch.setenv("MONARQ_RETRY_FOR", "soon")
    with pytest.raises(SettingsError, match="the environment variable MONARQ_RETRY_FOR: retry_for is 'soon'"):
        configured("", "retry_for")


def test_which_redis_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "MONARQ_REDIS"):
        monkeypatch.delenv(name, raising=False)
    assert (redis_url(), fallback_url()) == ("redis://localhost:6379", None)
    monkeypatch.setenv("REDIS_URL", "redis://generic")
    assert (redis_url(), fallback_url()) == ("redis://generic", "redis://generic")
    write(tmp_path, '[tool.monarq]\nredis = "redis://project"\n')
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    assert (redis_url(), fallback_url()) == ("redis://project", "redis://project")
    monkeypatch.setenv("MONARQ_REDIS", "redis://own")
    assert redis_url() == "redis://own"
    assert redis_url("redis://argument") == "redis://argument"


def test_a_wrong_url_names_the_setting_that_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONARQ_REDIS", raising=False)
    monkeypatch.setenv("REDIS_URL", "localhost")
    with pytest.raises(
        SettingsError, match=r"^the environment variable REDIS_URL: not a Redis URL: 'localhost' must begin"
    ):
        redis_url()
    write(tmp_path, '[tool.monarq]\nredis = "cache:1"\n')
    _project_at.cache_clear()
    with pytest.raises(
        SettingsError, match=r"pyproject\.toml: \[tool\.monarq\] redis: not a Redis URL: 'cache:1' must"
    ):
        redis_url()
    monkeypatch.setenv("MONARQ_REDIS", "redis://host:secret")
    for given in (None, "redis://host:secret"):  # by a command, which has read the variable itself
        with pytest.raises(SettingsError, match=r"^the environment variable MONARQ_REDIS: ") as raised:
            redis_url(given)
        assert "secret" not in str(raised.value)
    with pytest.raises(SettingsError, match=r"^not a Redis URL"):
        redis_url("here")
