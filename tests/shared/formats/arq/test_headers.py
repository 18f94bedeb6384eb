"""What each script's header says, against the script, its binding, and the rules that hold for all scripts."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.counters import rates
from monarq.shared.formats.arq.counters.counters import read_counters, read_series
from monarq.shared.formats.arq.counters.rates import read_rates
from monarq.shared.formats.arq.keys import lua_keys
from monarq.shared.formats.arq.queues import browse as browsing
from monarq.shared.formats.arq.queues import counts as counting
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.formats.arq.transfer.source import ArqMoveSource
from monarq.shared.formats.arq.transfer.target import ArqMoveTarget
from monarq.shared.formats.arq.workers.renew import renew
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.counters import Step
from monarq.shared.protocol.enqueue import Enqueued
from tests.shared.formats.arq import admin_calls, calls
from tests.shared.formats.arq.rows import Call, Scene
from tests.support.moved_jobs import marks_of, moved_jobs
from tests.support.queue_state import KEYS

GROUP_FIELDS: Final = int(
    re.findall(r"^local GROUP_FIELDS = (\d+)", ArqScript.load("jobs/finish").source, re.MULTILINE)[0]
)
FOLDER: Final = Path(str(files("monarq.shared.formats.arq")))
FILES: Final = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.lua"))
PIECES: Final = [path for path in FILES if path.startswith("include/")]
PATHS: Final = {path.rpartition("/")[2]: path for path in FILES if path not in PIECES}
NAMES: Final = sorted(PATHS)

SOURCE: Final = ArqMoveSource(KEYS.queue)
TARGET: Final = ArqMoveTarget(KEYS.queue)

BINDINGS: Final[dict[str, Callable[[list[str]], Call]]] = {
    # A call with these jobs, where the script takes jobs.
    "cancel": lambda ids: admin_calls.call_cancel(),
    "rates": lambda ids: lambda scene: read_rates(scene.redis, KEYS, 15, 3),
    "browse": lambda ids: admin_calls.call_browse(),
    "claim": lambda ids: calls.call_claim(),
    "counts": lambda ids: admin_calls.call_counts(),
    "crash": lambda ids: calls.call_crash(*((job_id, "t1") for job_id in ids)),
    "discard": lambda ids: admin_calls.call_discard(*ids),
    "enqueue": lambda ids: calls.call_enqueue(dict.fromkeys(ids, "payload")),
    "finish": lambda ids: calls.call_finish(*map(calls.ending, ids)),
    "release_claim": lambda ids: calls.call_release_claim(),
    "register_names": lambda ids: calls.call_register_names(*ids),
    "pause": lambda ids: admin_calls.call_pause(),
    "promote": lambda ids: admin_calls.call_promote(),
    "purge": lambda ids: admin_calls.call_purge(),
    "progress": lambda ids: calls.call_progress(*((job_id, "t1", "{}") for job_id in ids)),
    "recover": lambda ids: calls.call_recover(),
    "requeue": lambda ids: calls.call_requeue(*map(calls.Back, ids)),
    "deregister": lambda ids: calls.call_deregister(),
    "revive": lambda ids: admin_calls.call_revive(*ids),
    "series": lambda ids: lambda scene: read_series(scene.redis, KEYS, "", Step.MINUTE, 3),
    "counters": lambda ids: lambda scene: read_counters(scene.redis, KEYS, 5),
    "waiting": lambda ids: admin_calls.call_waiting(),
    "sweep": lambda ids: calls.call_sweep(),
    "wake": lambda ids: calls.call_wake(),
    "begin": lambda ids: lambda scene: SOURCE.begin(scene.redis, TARGET.ref, "run"),
    "take": lambda ids: lambda scene: SOURCE.take(scene.redis, "run", "io", 0, 10),
    "drop": lambda ids: lambda scene: SOURCE.drop(scene.redis, "run", moved_jobs(*ids)),
    "release": lambda ids: lambda scene: SOURCE.release(scene.redis, "run", moved_jobs(*ids)),
    "close": lambda ids: lambda scene: SOURCE.close(scene.redis, "run"),
    "put": lambda ids: lambda scene: TARGET.put(scene.redis, SOURCE.ref, moved_jobs(*ids), 1),
    "forget": lambda ids: lambda scene: TARGET.forget(scene.redis, marks_of(SOURCE.ref, *ids)),
    "marks": lambda ids: lambda scene: TARGET.find_marks(scene.redis, SOURCE.ref),
}
"""renew's binding blocks, and is played with its own stand-in."""

READERS: Final = {
    "EXISTS",
    "GETRANGE",
    "HGET",
    "HGETALL",
    "HLEN",
    "HMGET",
    "LLEN",
    "LRANGE",
    "MGET",
    "PTTL",
    "STRLEN",
    "TIME",
    "TYPE",
}
ZSET_READERS: Final = {"ZCARD", "ZCOUNT", "ZRANGE", "ZRANGEBYSCORE", "ZRANK", "ZSCORE"}
KEY_NAMES: Final = {"QUEUE", "BASE", *re.findall(r"^local (\w+) = (?:BASE|')", lua_keys(), re.MULTILINE)} - {
    "DEFAULT_QUEUE",  # compared with QUEUE, and never a key itself
    "LEASED_DIGITS",
}
WRITERS: Final = {
    *("DEL", "HDEL", "HINCRBY", "HSET", "LPUSH", "LTRIM", "MSET", "MSETNX", "PERSIST", "PEXPIRE", "PUBLISH", "RPUSH"),
    *("SET", "UNLINK", "ZADD", "ZREM"),
}
DROPS_OLD: Final = {"ZREMRANGEBYSCORE"}
SIDE_BY_SIDE: Final = {"finish": 3}
"""Scripts whose ids lie side by side, and not job by job: how many arguments they get for a job."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the comment lines at a script's top say."""

    title: str
    keys: str
    arguments: str
    returns: str
    guarantees: str
    includes: str

    @classmethod
    def of(cls, name: str) -> Header:
        """Reads a script's header, all of whose parts must be there, in this order, and nothing else."""
        return cls(*parts_of_head(PATHS[name], "KEYS", "ARGV", "RETURNS", "GUARANTEES", "INCLUDES"))

    @property
    def fixed(self) -> int:
        """How many numbered arguments it names."""
        count = 0
        while re.search(rf"(?:^|\s){count + 1} [a-z]\w+", self.arguments):
            count += 1
        return count

    @property
    def stride(self) -> int:
        """How many arguments it names for each job."""
        return _items_after("for each job:", self.arguments)

    @property
    def codes(self) -> set[int]:
        """The numbers that its reply may be."""
        return {int(code) for code in re.findall(r"(?:^|[ ,])(\d) [(a-z]", self.returns)}


def _items_after(mark: str, text: str) -> int:
    without_asides = re.sub(r"\([^()]*\)", "", text.partition(mark)[2].partition("}")[0])
    return len(without_asides.split(",")) if without_asides else 0


def parts_of_head(path: str, *labels: str) -> list[str]:
    """The title of a script or piece, and what its head says behind each of the labels."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), source(path).splitlines())
    text = " ".join(line.removeprefix("--").strip() for line in lines)
    name = path.rpartition("/")[2]
    found = re.fullmatch(rf"({name}: [^.]+\.)" + "".join(rf" {label}  (.+?)" for label in labels), text)
    assert found, f"the head of {path}.lua is not `-- {name}: purpose.`, {', '.join(labels)}: {text}"
    return list(found.groups())


@cache
def source(path: str) -> str:
    """A file's own text."""
    return (FOLDER / f"{path}.lua").read_text()


def code(path: str) -> str:
    """A file's own text without comments."""
    return re.sub(r"--.*", "", source(path))


def words_of(path: str) -> set[str]:
    """The names that a file uses: no fields of tables, and nothing in quotes."""
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", re.sub(r"'(?:[^'\\]|\\.)*'", "''", code(path))))


def locals_of(piece: str) -> set[str]:
    """The names that a piece gives to what follows it."""
    found = re.findall(r"^local (?:function (\w+)|([\w, ]+) =)", code(piece), re.MULTILINE)
    return {name.strip() for function, names in found for name in (function or names).split(",")}


def listed(names: str) -> list[str]:
    """What a part of a head lists."""
    return [] if names == "none" else names.split(", ")


@dataclass(slots=True)
class Recorder:
    """Stands in for a client, and keeps what a binding sends."""

    sent: list[Any] = field(default_factory=list)

    async def execute_command(self, *parts: Any) -> Any:
        """Keeps the command's arguments; the reply is none that a binding could read."""
        self.sent = list(parts)
        raise InterruptedError

    def execute_blocking(self, *parts: Any) -> Any:
        """The same for a blocking client."""
        self.sent = list(parts)
        return []


async def arguments_of(name: str, ids: list[str]) -> list[Any]:
    """ARGV as the binding sends it."""
    recorder = Recorder()
    if name == "renew":
        client: Any = type("Client", (), {"execute_command": staticmethod(recorder.execute_blocking)})
        renew(client, KEYS, "w1", 15_000, b"{}", [calls.lease_of(job_id) for job_id in ids])
    else:
        client = recorder
        with pytest.raises(InterruptedError):
            await BINDINGS[name](ids)(Scene(client, 0))
    command, sha, count, *rest = recorder.sent
    assert (command, sha, count, rest[:3]) == ("EVALSHA", ArqScript.load(PATHS[name]).sha, 3, KEYS.script_keys)
    return rest[3:]


def commands_in(text: str) -> list[tuple[str, str]]:
    """Each call of a Redis command in a script: its name, and what stands behind it."""
    return re.findall(r"redis\.p?call\('(\w+)'(.*)", text)


@dataclass(frozen=True, slots=True)
class PieceHeader:
    """What the comment lines at a piece's top say."""

    title: str
    keys: str
    defines: str
    includes: str

    @classmethod
    def of(cls, path: str) -> PieceHeader:
        """Reads a piece's header, as `Header.of` does a script's."""
        return cls(*parts_of_head(path, "KEYS", "DEFINES", "INCLUDES"))


def header_of(path: str) -> Header | PieceHeader:
    """The header of a script or piece."""
    return PieceHeader.of(path) if path in PIECES else Header.of(path.rpartition("/")[2])


def includes_of(path: str) -> list[str]:
    """The pieces that a script or piece names at its head."""
    return [f"include/{name}" for name in listed(header_of(path).includes)]


@pytest.mark.parametrize("path", FILES)
def test_the_head_names_the_pieces_that_are_used_and_no_others(path: str) -> None:
    words = words_of(path)
    assert includes_of(path) == [piece for piece in PIECES if piece != path and words & locals_of(piece)]


@pytest.mark.parametrize("path", FILES)
def test_the_head_names_the_keys_that_are_used_and_no_others(path: str) -> None:
    assert sorted(listed(header_of(path).keys)) == sorted(words_of(path) & KEY_NAMES)


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_s_head_names_what_others_use_of_it_and_nothing_else(piece: str) -> None:
    others = [path for path in FILES if path != piece]
    used = {word for path in others if piece in includes_of(path) for word in words_of(path)}
    assert sorted(listed(PieceHeader.of(piece).defines)) == sorted(used & locals_of(piece))


@pytest.mark.parametrize("name", NAMES)
def test_each_piece_comes_once_and_behind_those_that_it_includes(name: str) -> None:
    whole = ArqScript.load(PATHS[name]).source
    heads = {path: source(path).splitlines()[0] for path in (PATHS[name], *PIECES)}
    joined = [path for path, head in heads.items() if head in whole]
    needed = {piece for path in joined for piece in includes_of(path)}
    assert {PATHS[name], *needed} == set(joined)
    assert all(whole.count(heads[path]) == 1 for path in joined)
    assert all(whole.index(heads[piece]) < whole.index(heads[path]) for path in joined for piece in includes_of(path))


@pytest.mark.parametrize(
    "name", [name for name in NAMES if Header.of(name).guarantees.startswith("it changes nothing")]
)
def test_scripts_that_change_nothing_write_nothing(name: str) -> None:
    assert not {command for command, _ in commands_in(code(PATHS[name]))} & (WRITERS | DROPS_OLD)


@pytest.mark.parametrize("name", NAMES)
async def test_the_header_names_every_argument_that_the_binding_sends(name: str) -> None:
    header = Header.of(name)
    if name != "forget":  # which asks nothing of Redis then
        assert len(await arguments_of(name, [])) == header.fixed
    of_groups = GROUP_FIELDS if "groups" in header.arguments else 0
    stride = SIDE_BY_SIDE.get(name, header.stride)
    assert len(await arguments_of(name, ["a", "b"])) == header.fixed + of_groups + 2 * stride


@pytest.mark.parametrize("name", NAMES)
def test_the_script_uses_every_argument_that_the_header_names(name: str) -> None:
    header, text = Header.of(name), code(PATHS[name])
    assert {int(at) for at in re.findall(r"ARGV\[(\d+)\]", text)} == set(range(1, header.fixed + 1))
    strides = re.findall(r"STRIDE(?:, FIRST_GROUP)? = (\d+)", text)
    strides += re.findall(r"for at = (?:\d+|FIRST_JOB), #ARGV, (\d+) do", text)
    assert set(strides) == ({str(header.stride)} if header.stride else set())
    first = re.findall(r"owned\((\d+),", text) + re.findall(r"for at = (\d+), #ARGV", text)
    first += re.findall(r"(?:STRIDE, FIRST_GROUP = \d+,|local FIRST_GROUP =|local FIRST_JOB =) (\d+)", text)
    assert set(first) == ({str(header.fixed + 1)} if header.stride or name in SIDE_BY_SIDE else set())


def test_the_headers_name_the_codes_that_the_bindings_know() -> None:
    assert Header.of("enqueue").codes == set(Enqueued)
    assert Header.of("cancel").codes == set(CancelAnswer) - {CancelAnswer.ENDED}
    assert Header.of("revive").codes == set(Revived)
    assert Header.of("promote").codes == set(Promoted)


async def test_the_claim_s_header_names_the_lists_of_its_reply(redis: Redis) -> None:
    scene = Scene(redis, 0)
    await calls.call_enqueue({"a": "payload"})(scene)
    arguments = await arguments_of("claim", [])
    reply = await ArqScript.load("jobs/claim").run_on(redis, KEYS, arguments)
    named = Header.of("claim").returns.partition("}")[0].replace(": id and score of each", "")
    assert len(named.split(", ")) == len(reply)


def test_the_browse_s_header_names_the_fields_that_the_binding_reads() -> None:
    assert _items_after("for each job:", Header.of("browse").returns) == browsing._FIELDS


async def test_the_counts_header_names_the_fields_of_its_reply(redis: Redis) -> None:
    returns = Header.of("counts").returns
    reply = await ArqScript.load("queues/counts").run_on(redis, KEYS, ())
    assert _items_after("{", re.sub(r"\{", "{ ", returns)) == len(reply)
    assert f"({counting._SECONDS})" in returns
    assert f"for back = 1, {counting._SECONDS} do" in code(PATHS["counts"])


async def test_the_rates_header_names_the_counts_of_a_step(redis: Redis) -> None:
    returns = Header.of("rates").returns
    assert _items_after("oldest first:", returns) == len(rates.FIELDS)
    assert f"({rates._SECONDS})" in returns
    assert f"for back = 1, {rates._SECONDS} do" in code(PATHS["rates"])
    assert len((await ArqScript.load("counters/rates").run_on(redis, KEYS, (15, 3)))[3]) == len(rates.FIELDS)


@pytest.mark.parametrize("path", FILES)
def test_no_script_searches_keys_or_walks_a_queue(path: str) -> None:
    for command, rest in commands_in(code(path)):
        assert command in READERS | ZSET_READERS | WRITERS | DROPS_OLD
        if command in {"ZRANGE", "ZRANGEBYSCORE"}:
            has_limit = "'LIMIT'" in rest or "math.min(at + CHUNK, stop) - 1" in rest
            assert has_limit or re.search(r", 0, \d{1,3}[,)]", rest), f"{command}{rest} has no limit"
        if command in DROPS_OLD:
            assert rest.startswith((", WORKERS,", ", KNOWN_NAMES,", ", MARKS,")), (
                "only lists that no queue's length grows"
            )
        if command == "HGETALL":
            assert re.match(r", LEASES|, key\)", rest), "only hashes that no queue's length grows: leases and counters"


@pytest.mark.parametrize("path", FILES)
def test_every_key_is_named_by_keys_py(path: str) -> None:
    """The rows' `read_state` finds what is written; here, that no script spells a key of its own."""
    named = set(re.findall(r"^local (\w+) =", lua_keys(), re.MULTILINE)) | {"QUEUE", "BASE"}
    local_names = {"key", "list", "queue", "second", "source"}
    lists = {"gone", "names", "payloads", "runs", "prefixed"}
    for command, rest in commands_in(code(path)):
        if command == "TIME":
            continue
        first = re.match(r", (?:unpack\()?(\w+)", rest)
        assert first, f"{command}{rest} names no key"
        assert first[1] in named | local_names | lists
    assert not re.search(r"'(?:arq|monarq):", code(path))


@pytest.mark.parametrize("path", FILES)
def test_the_only_clock_is_redis(path: str) -> None:
    assert "os." not in code(path)
    assert path == "include/clock" or "'TIME'" not in code(path)


def test_no_binding_asks_this_machine_for_the_time() -> None:
    bindings = [path for path in FOLDER.rglob("*.py") if "ArqScript.load(" in path.read_text()]
    assert bindings
    for path in bindings:
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & {"time", "datetime"}, f"{path.name} has a clock of its own"


def test_every_script_has_a_binding_and_a_row_of_its_own() -> None:
    assert sorted([*BINDINGS, "renew"]) == NAMES
