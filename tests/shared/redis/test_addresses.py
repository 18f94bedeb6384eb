"""Addresses: every form of a URL is read whole, what is wrong is refused with its reason, and no secret is shown."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import AddressKind, Credentials, RedisAddress, parse_address

NOBODY = Credentials()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", RedisAddress("redis", AddressKind.SERVER, nodes=(("localhost", 6379),))),
        ("redis://:7000", RedisAddress("redis", AddressKind.SERVER, nodes=(("localhost", 7000),))),
        (
            "redis://us%40er:p%2F%3a@Host:7000/3?socket_timeout=1&ssl_ca_certs=/a%20b&socket_timeout=2#part",
            RedisAddress(
                "redis",
                AddressKind.SERVER,
                nodes=(("host", 7000),),
                db=3,
                credentials=Credentials("us@er", "p/:"),
                options=(("socket_timeout", "1"), ("ssl_ca_certs", "/a b")),
            ),
        ),
        (
            "REDISS://:p@ss:word@[::1]?db=2",
            RedisAddress(
                "rediss",
                AddressKind.SERVER,
                tls=True,
                nodes=(("::1", 6379),),
                db=2,
                credentials=Credentials(None, "p@ss:word"),
            ),
        ),
        (" \tredis://h:1/2\r\n", RedisAddress("redis", AddressKind.SERVER, nodes=(("h", 1),), db=2)),
        ("valkey://h/", RedisAddress("valkey", AddressKind.SERVER, nodes=(("h", 6379),))),
        ("valkeys://h", RedisAddress("valkeys", AddressKind.SERVER, tls=True, nodes=(("h", 6379),))),
        (
            "unix://me:pw@/run/my%20redis.sock?db=1",
            RedisAddress(
                "unix", AddressKind.UNIX, path="/run/my redis.sock", db=1, credentials=Credentials("me", "pw")
            ),
        ),
        (
            "redis+sentinel://me:pw@a,[fe80::1]:7001,b/my%2Fname/4?client_name=c&sentinel_username=y&sentinel_password=%26&sentinel_x=z",
            RedisAddress(
                "redis+sentinel",
                AddressKind.SENTINEL,
                nodes=(("a", 26379), ("fe80::1", 7001), ("b", 26379)),
                service="my/name",
                db=4,
                credentials=Credentials("me", "pw"),
                sentinel_credentials=Credentials("y", "&"),
                options=(("client_name", "c"),),
                sentinel_options=(("x", "z"),),
            ),
        ),
        (
            "rediss+cluster://:pw@a:1,b",
            RedisAddress(
                "rediss+cluster",
                AddressKind.CLUSTER,
                tls=True,
                nodes=(("a", 1), ("b", 6379)),
                credentials=Credentials(None, "pw"),
            ),
        ),
        ("valkey+cluster://a/0", RedisAddress("valkey+cluster", AddressKind.CLUSTER, nodes=(("a", 6379),))),
    ],
)
def test_what_a_url_says(url: str, address: RedisAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://secret@host", r"not a Redis URL: it must begin with redis://.*, not http://"),
        ("redis+sentinels://secret@host/n", r"did you mean redis\+sentinel://"),
        ("sentinel://secret@host/n", r"did you mean redis\+sentinel://"),
        ("secret:secret@host:6379", "it must begin with redis://"),
        ("localhost", r"'localhost' must begin with redis://.*; did you mean redis://localhost\?"),
        ("cache.local:6379/1", r"did you mean redis://cache\.local:6379/1\?"),
        ("secret@host:6379", "it must begin with redis://"),
        ("secret host://x", "it must begin with redis://"),
        ("redis://host:70000", "port that is not a number from 1 to 65535"),
        ("redis://host:0", "port that is not a number from 1 to 65535"),
        ("redis://:secret/more@host", "an @ after its hosts; in a user or password, write"),
        ("redis+sentinel://user:123/secret@host:26379", "an @ after its hosts"),
        ("redis://user:123#secret@host", "an @ after its hosts"),
        ("redis://user:?secret=1@host:6379/0", "an @ after its hosts"),
        ("rediss://user:1?ssl_cert_reqs=secret@host", "an @ after its hosts"),
        ("redis://::1", "put an IPv6 address in brackets"),
        ("redis://[secret]:1", "without an IPv6 address in them"),
        ("redis://[::1]secret", "without an IPv6 address in them"),
        ("redis://a b", "the Redis URL contains whitespace, such as a space or a newline"),
        ("redis://127.0.0. 1:7480", "the Redis URL contains whitespace"),
        ("redis://a%20b:1", "the Redis URL contains whitespace"),
        ("redis://secret:secret@a:1\nredis://secret@b:1", "the Redis URL contains whitespace"),
        ("redis+cluster://a:7601, b:7602", "host 2 of the Redis URL contains whitespace"),
        ("redis+sentinel://a:1 ,b:2/n", "host 1 of the Redis URL contains whitespace"),
        ("redis://a:1/1 2", "database of the Redis URL contains whitespace"),
        ("redis+sentinel://a:1,/n", "host 2 of the Redis URL has no host name"),
        ("redis://host/secret", "the database of the Redis URL must be a number"),
        ("redis://host?db=-1", "the database of the Redis URL must be a number"),
        ("redis://host/0/1", "the database of the Redis URL must be a number"),
        ("redis://a,b", r"several hosts must begin with redis\+sentinel:// or redis\+cluster://"),
        ("redis+sentinel://a", "needs the service that they monitor"),
        ("redis+sentinel://a//1", "needs the service that they monitor"),
        ("redis+sentinel://a/name/x", "the database of the Redis URL must be a number"),
        ("redis+sentinel:///name", "host 1 of the Redis URL has no host name"),
        ("redis+sentinel://a,,b/name", "host 2 of the Redis URL has no host name"),
        ("redis+cluster://a:1,:2", "host 2 of the Redis URL has no host name"),
        ("redis+cluster://a:1,b:secret", "host 2 of the Redis URL has a port"),
        ("redis+cluster://a/1", "a Redis Cluster has only database 0"),
        ("redis+cluster://a?db=1", "a Redis Cluster has only database 0"),
        ("unix://run/redis.sock", "needs its full path"),
        ("unix://", "needs its full path"),
    ],
)
def test_what_is_wrong_is_named(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        parse_address(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis+sentinel://u:secret@A,[::1]:1/my%2Fname/0?sentinel_password=secret", "a:26379,[::1]:1/my%2Fname"),
        ("valkeys+sentinel://secret:secret@a:1/name/2?ssl_password=secret", "a:1/name/2"),
        ("redis+cluster://secret@a,b:1", "a:6379,b:1"),
    ],
)
def test_no_secret_is_shown(url: str, shown: str) -> None:
    address = parse_address(url)
    assert address.shown == f"{url.partition(':')[0]}://{shown}"
    assert parse_address(address.shown).nodes == address.nodes
    assert "secret" not in repr(address)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
HOSTS = st.from_regex(r"[a-z0-9-]+(\.[a-z0-9]+)*", fullmatch=True) | st.ip_addresses(v=6).map(str)


@given(
    kind=st.sampled_from([AddressKind.SENTINEL, AddressKind.CLUSTER]),
    nodes=st.lists(st.tuples(HOSTS, st.integers(1, 65535)), min_size=1),
    users=st.lists(TEXT, min_size=4, max_size=4),
    service=TEXT,
    db=st.integers(0, 99),
)
def test_what_was_encoded_is_read(
    kind: AddressKind, nodes: list[tuple[str, int]], users: list[str], service: str, db: int
) -> None:
    hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in nodes)
    encoded = [quote(text, safe="") for text in users]
    url = f"redis+{kind.value}://{encoded[0]}:{encoded[1]}@{hosts}"
    if kind is AddressKind.SENTINEL:
        url += f"/{quote(service, safe='')}/{db}?sentinel_username={encoded[2]}&sentinel_password={encoded[3]}"
    address = parse_address(url)
    assert (address.kind, address.nodes) == (kind, tuple(nodes))
    assert address.credentials == Credentials(users[0], users[1])
    if kind is AddressKind.SENTINEL:
        assert (address.service, address.db) == (service, db)
        assert address.sentinel_credentials == Credentials(users[2], users[3])


@given(st.text() | st.text(alphabet=":/?#@,[]%+.0a").map("redis+sentinel://".__add__))
def test_any_text_is_read_or_refused(url: str) -> None:
    with suppress(SettingsError):
        parse_address(url)
