"""Access control: a page that anybody could reach is not served."""

from __future__ import annotations

import pytest

from monarq.cli.web.server import open_page
from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import UrlSource, open_redis
from monarq.web import create_app

SOURCE = UrlSource("redis://127.0.0.1:1")


def open_at(host: str, **options: object) -> None:
    given = {"token": None, "user": None, "read_only": False, "allow_host": (), "root_path": "", "port": 0}
    opened = open_page(SOURCE, host=host, **(given | options))  # type: ignore[arg-type]
    opened.listener.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.com", "127.0.0.1.example.com"])
def test_without_a_secret_only_loopback_is_served(host: str) -> None:
    with pytest.raises(SettingsError, match="MONARQ_WEB_TOKEN"):
        open_at(host)
    with pytest.raises(SettingsError, match="MONARQ_WEB_TOKEN"):
        open_at(host, read_only=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_needs_no_secret(host: str) -> None:
    open_at(host)


def test_with_a_secret_all_is_served() -> None:
    open_at("0.0.0.0", token="long-enough")
    open_at("0.0.0.0", user="ann:long-enough")


def test_an_unknown_address() -> None:
    with pytest.raises(SettingsError, match="--host and --port"):
        open_at("192.0.2.1", token="long-enough")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "short"}, "8 or more"),
        ({"token": ""}, "8 or more"),
        ({"user": "ann"}, "NAME:PASSWORD"),
        ({"user": ":long-enough"}, "NAME:PASSWORD"),
        ({"user": "ann:short"}, "NAME:PASSWORD"),
        ({"allowed_hosts": ["example.com"]}, "set a token or a user"),
        ({"allowed_hosts": ["*"]}, "set a token or a user"),
    ],
)
def test_an_unsafe_app_is_not_made(options: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        create_app("redis://127.0.0.1:1", **options)  # type: ignore[arg-type]


def test_a_guarded_app_may_be_reached() -> None:
    create_app("redis://127.0.0.1:1", allowed_hosts=["example.com"], guarded=True)


def test_secrets_are_not_shown() -> None:
    app = create_app("redis://127.0.0.1:1", token="a-secret-token", user="ann:a-secret-password")
    assert "secret" not in repr(vars(app))
    assert "secret" not in repr(app._middleware)


async def test_a_client_that_decodes_responses_is_refused() -> None:
    with pytest.raises(SettingsError, match="decode_responses"):
        create_app(open_redis("redis://127.0.0.1:1", decode_responses=True))
