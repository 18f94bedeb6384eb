"""What each script's header says, against the script, its binding, and the rules that hold for all native scripts."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from monarq.shared.formats.native import keys as spelled
from monarq.shared.formats.native.counters.counters import read_counters, read_series
from monarq.shared.formats.native.counters.rates import read_rates
from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.fleet_script import FleetScript
from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.claim import Claim, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.find import find_results, find_state
from monarq.shared.formats.native.jobs.finish import KEPT_MS, finish
from monarq.shared.formats.native.jobs.look import look, unmark
from monarq.shared.formats.native.jobs.progress import read_progress, report_progress
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.jobs.requeue import requeue, requeue_crashed
from monarq.shared.formats.native.jobs.tick import enqueue_tick
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues import browse as browsing
from monarq.shared.formats.native.queues.browse import browse
from monarq.shared.formats.native.queues.counts import read_counts
from monarq.shared.formats.native.queues.facts import read_facts
from monarq.shared.formats.native.queues.pause import pause
from monarq.shared.formats.native.queues.purge import PurgeBound, purge
from monarq.shared.formats.native.queues.shards import tell_shard
from monarq.shared.formats.native.queues.waiting import read_waiting
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import Shards
from monarq.shared.formats.native.transfer.source import NativeMoveSource
from monarq.shared.formats.native.transfer.target import NativeMoveTarget
from monarq.shared.formats.native.workers.fleet import (
    beat_fleet,
    read_fleet,
    read_overdue,
    read_queues,
    register_queues,
    review_queues,
)
from monarq.shared.formats.native.workers.leases import beat, count_lost, reconcile, recover, retire, tidy
from monarq.shared.formats.native.workers.register_names import register_names
from monarq.shared.formats.native.workers.wake import wake
from monarq.shared.lane import Lane
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.counters import Step
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.scripts import Script
from tests.shared.formats.native.state import INCARNATION, WORKER
from tests.support.moved_jobs import marks_of, moved_jobs

KEYS: Final = NativeKeys("q")  # not the shared one: each call would take the time of the last flush from another test
FOLDER: Final = Path(str(files("monarq.shared.formats.native")))
FILES: Final = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.lua"))
PIECES: Final = [path for path in FILES if path.startswith("include/")]
PATHS: Final = {path.rpartition("/")[2]: path for path in FILES if path not in PIECES}
NAMES: Final = sorted(PATHS)
FLEET: Final = {"beats", "records", "queues"}
KEY_NAMES: Final = {*spelled._SINGLE, *spelled._RINGS, *spelled._BY_LANE, spelled._HELD, *FLEET}

READERS: Final = {
    *("EXISTS", "HEXISTS", "HGET", "HGETALL", "HLEN", "HMGET", "HSCAN", "HSTRLEN", "PTTL", "TIME", "TYPE"),
    *("ZCARD", "ZCOUNT", "ZMSCORE", "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZSCORE"),
}
WRITERS: Final = {
    *("DEL", "HDEL", "HINCRBY", "HSET", "LPUSH", "LTRIM", "PERSIST", "PEXPIRE", "PEXPIREAT", "PUBLISH", "UNLINK"),
    *("ZADD", "ZPOPMIN", "ZREM", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE"),
}

Bind = Callable[[Any, list[str]], Awaitable[object]]


def lease_of(job_id: str) -> Lease:
    return Lease(QueueRef("q", "native"), job_id.encode(), job_id, "i1", "io", b"payload", 0, 0, "", 0, None, 0)


def _claim() -> Claim:
    worker = {"incarnation": INCARNATION, "worker": WORKER, "lease_ms": 1, "max_payload": 1}
    return Claim(**worker, lane_queue="io", number=1, limit=1, shards=2)  # type: ignore[arg-type]


def _enqueue(redis: Any, mode: EnqueueMode, ids: list[str]) -> Awaitable[object]:
    return enqueue(redis, KEYS, "call", Placement(name="f"), mode, [(each, b"payload") for each in ids])


def _finish(redis: Any, ids: list[str], keep_ms: int = KEPT_MS) -> Awaitable[object]:
    ends = [Finish(lease_of(each), True, b"", keep_ms) for each in ids]
    return finish(redis, KEYS, INCARNATION, ends, max_dead=1, lanes={}, with_results=False)


def _requeue(redis: Any, ids: list[str]) -> Awaitable[object]:
    return requeue(redis, KEYS, INCARNATION, [Requeue(lease_of(each), "io") for each in ids])


def _tick() -> Tick:
    return Tick(job_id="a", payload=b"", name="f", lane=Lane.IO, due_ms=1, ttl_ms=0, bar_ms=0, entry="e")


SOURCE: Final = NativeMoveSource(KEYS.tag)
TARGET: Final = NativeMoveTarget(KEYS.tag)

BINDINGS: Final[dict[str, Bind]] = {
    # A call with these jobs, where the script takes jobs.
    "cancel": lambda redis, ids: cancel(redis, KEYS, "a"),
    "browse": lambda redis, ids: browse(redis, KEYS, "queued"),
    "claim": lambda redis, ids: claim(redis, KEYS, _claim()),
    "counters": lambda redis, ids: read_counters(redis, KEYS, 5),
    "counts": lambda redis, ids: read_counts(redis, KEYS),
    "crash": lambda redis, ids: requeue_crashed(redis, KEYS, INCARNATION, [Crash(lease_of(i), "killed") for i in ids]),
    "count_lost": lambda redis, ids: count_lost(redis, KEYS, 3),
    "discard": lambda redis, ids: discard(redis, KEYS, [each.encode() for each in ids]),
    "enqueue": lambda redis, ids: _enqueue(redis, EnqueueMode.NEW, ids),
    "enqueue_checked": lambda redis, ids: _enqueue(redis, EnqueueMode.NAMED, ids),
    "facts": lambda redis, ids: read_facts(redis, KEYS, b"a"),
    "find": lambda redis, ids: find_results(redis, KEYS, ids),
    "finish": _finish,
    "finish_mixed": lambda redis, ids: _finish(redis, ids, 0),
    "fleet_beat": lambda redis, ids: beat_fleet(redis, WORKER, 1, b"{}", ids),
    "fleet_workers": lambda redis, ids: read_fleet(redis),
    "listed_queues": lambda redis, ids: read_queues(redis),
    "look": lambda redis, ids: look(redis, KEYS, "call", 2, "named", "a", b"payload"),
    "overdue": lambda redis, ids: read_overdue(redis),
    "pause": lambda redis, ids: pause(redis, KEYS),
    "progress": lambda redis, ids: report_progress(redis, KEYS, INCARNATION, [(i.encode(), b"i1", b"{}") for i in ids]),
    "promote": lambda redis, ids: promote(redis, KEYS, b"a"),
    "purge": lambda redis, ids: purge(redis, KEYS, "io", "queued", PurgeBound(b"1", b"2")),
    "rates": lambda redis, ids: read_rates(redis, KEYS, 15, 3),
    "reconcile": lambda redis, ids: reconcile(
        redis, KEYS, INCARNATION, (1, 2, 3, 4), [(each.encode(), "i1") for each in ids]
    ),
    "recover": lambda redis, ids: recover(redis, KEYS, INCARNATION, "killed", lease_ms=1),
    "register_names": lambda redis, ids: register_names(redis, KEYS, ids),
    "register_queues": lambda redis, ids: register_queues(redis, ids),
    "reports": lambda redis, ids: read_progress(redis, KEYS, ids),
    "requeue": _requeue,
    "retire": lambda redis, ids: retire(redis, KEYS, INCARNATION),
    "revive": lambda redis, ids: revive(redis, KEYS, [each.encode() for each in ids]),
    "review_queues": lambda redis, ids: review_queues(redis, holding=ids, empty=()),
    "series": lambda redis, ids: read_series(redis, KEYS, "", Step.MINUTE, 3),
    "shards": lambda redis, ids: tell_shard(redis, "q", Shards(2)),
    "state": lambda redis, ids: find_state(redis, KEYS, "a"),
    "unmark": lambda redis, ids: unmark(redis, KEYS, "call"),
    "tidy": lambda redis, ids: tidy(redis, KEYS),
    "tick": lambda redis, ids: enqueue_tick(redis, KEYS, _tick()),
    "waiting": lambda redis, ids: read_waiting(redis, KEYS),
    "wake": lambda redis, ids: wake(redis, KEYS, "io"),
    "begin": lambda redis, ids: SOURCE.begin(redis, TARGET.ref, "run"),
    "take": lambda redis, ids: SOURCE.take(redis, "run", "queued", 0, 10),
    "drop": lambda redis, ids: SOURCE.drop(redis, "run", moved_jobs(*ids)),
    "close": lambda redis, ids: SOURCE.close(redis, "run"),
    "put": lambda redis, ids: TARGET.put(redis, SOURCE.ref, moved_jobs(*ids), 1),
    "forget": lambda redis, ids: TARGET.forget(redis, marks_of(SOURCE.ref, *ids)),
    "marks": lambda redis, ids: TARGET.find_marks(redis, SOURCE.ref),
}
OTHERWISE_CALLED: Final = {
    "beat",  # its binding blocks
    "browse_running",  # behind other commands
}
OF_ALL_JOBS_FIRST: Final = {"finish", "finish_mixed"}
"""Ids lie side by side, and not job by job."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the comment lines at a script's or piece's top say; what a kind of file has none of is ''."""

    title: str
    keys: str
    due: str
    arguments: str
    returns: str
    guarantees: str
    defines: str
    includes: str

    @classmethod
    def of(cls, path: str) -> Header:
        """Reads a header, all of whose parts must be there, in this order, and nothing else."""
        lines = itertools.takewhile(lambda line: line.startswith("--"), source(path).splitlines())
        text = " ".join(line.removeprefix("--").strip() for line in lines)
        name = path.rpartition("/")[2]
        labels = ["DEFINES"] if path in PIECES else ["ARGV", "RETURNS", "GUARANTEES"]
        parts = "".join(rf" {label}  (?P<{label}>.+?)" for label in [*labels, "INCLUDES"])
        found = re.fullmatch(rf"(?P<TITLE>{name}: .+?\.) KEYS  (?P<KEYS>.+?)(?: DUE  (?P<DUE>.+?))?{parts}", text)
        assert found, (
            f"the head of {path}.lua is not `-- {name}: purpose.`, KEYS, {', '.join(labels)}, INCLUDES: {text}"
        )
        of = found.groupdict().get
        return cls(
            of("TITLE") or "",
            of("KEYS") or "",
            of("DUE") or "none",
            of("ARGV") or "none",
            of("RETURNS") or "",
            of("GUARANTEES") or "",
            of("DEFINES") or "none",
            of("INCLUDES") or "",
        )

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
        found = re.search(r"for each (?:job|queue)[^:]*: (.*)", re.sub(r"\([^()]*\)", "", self.arguments))
        return len(split_items(found[1])) if found else 0

    @property
    def codes(self) -> set[int]:
        """The numbers that its reply may be."""
        return {int(code) for code in re.findall(r"(?:^|[ ,])(\d) [(a-z]", self.returns)}


def split_items(listing: str) -> list[str]:
    """The items of a list in words; what follows a colon or a number within an item belongs to it."""
    named = re.sub(r"'[^']*'", "x", listing)
    named = re.sub(r": x for [^,]*, x, or x", "", named)
    named = named.replace("what happened to the process, in a few words", "what happened")
    named = named.replace("event and words", "event, words")
    return named.split(", ")


@cache
def source(path: str) -> str:
    """A file's own text."""
    return (FOLDER / f"{path}.lua").read_text()


def code(path: str) -> str:
    """A file's own text without comments."""
    return re.sub(r"--.*", "", source(path))


def words_of(path: str) -> set[str]:
    """The names that a file uses and has not itself: no fields of tables, and nothing in quotes."""
    text = re.sub(r"'(?:[^'\\]|\\.)*'", "''", code(path))
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", text)) - own_names(text)


def own_names(text: str) -> set[str]:
    """The locals and parameters of a file, wherever in it."""
    found = re.findall(r"local (?:function (\w+)|([\w, ]+?)(?: =|$))", text, re.MULTILINE)
    names = [name for function, several in found for name in (function or several).split(", ")]
    return {*names, *parameters_of(text)}


def parameters_of(text: str) -> set[str]:
    """The parameters of a file's functions."""
    return {name for names in re.findall(r"function[ \w.]*\(([\w, ]*)\)", text) for name in names.split(", ")}


def locals_of(piece: str) -> set[str]:
    """The names that a piece gives to what follows it."""
    found = re.findall(r"^local (?:function (\w+)|([\w, ]+) =)", code(piece), re.MULTILINE)
    return {name for function, names in found for name in (function or names).split(", ")}


def listed(names: str) -> list[str]:
    """What a part of a head lists."""
    return [] if names == "none" else names.split(", ")


def includes_of(path: str) -> list[str]:
    """The pieces that a script or piece names at its head."""
    return [f"include/{name}" for name in listed(Header.of(path).includes)]


def pieces_of(path: str) -> set[str]:
    """All pieces that stand before a script or piece."""
    direct = includes_of(path)
    return {*direct, *(piece for each in direct for piece in pieces_of(each))}


def commands_in(text: str) -> list[tuple[str, str]]:
    """Each call of a Redis command in a script: its name, and what stands behind it."""
    return re.findall(r"redis\.p?call\('(\w+)'(.*)", text)


def load(name: str) -> Script:
    """A script behind its pieces."""
    kind = FleetScript if set(listed(Header.of(PATHS[name]).keys)) & FLEET else NativeScript
    return kind.load(PATHS[name])


@dataclass(slots=True)
class Recorder:
    """Stands in for a client, and keeps what a binding sends."""

    sent: list[Any] = field(default_factory=list)

    async def execute_command(self, *parts: Any) -> Any:
        """Keeps the command's arguments; the reply is none that a binding could read."""
        self.sent = list(parts)
        raise InterruptedError


async def arguments_of(name: str, ids: list[str]) -> list[Any]:
    """ARGV as the binding sends it."""
    recorder = Recorder()
    with pytest.raises(InterruptedError):
        await BINDINGS[name](recorder, ids)
    command, sha, count, *rest = recorder.sent
    script = load(name)
    assert (command, sha) in {("EVALSHA", each.sha) for each in (script, getattr(script, "short", None)) if each}
    return rest[count:]


@pytest.mark.parametrize("path", FILES)
def test_the_head_names_the_pieces_that_are_used_and_no_others(path: str) -> None:
    words = words_of(path)
    assert includes_of(path) == [piece for piece in PIECES if piece != path and words & locals_of(piece)]


@pytest.mark.parametrize("path", FILES)
def test_the_head_names_the_keys_that_are_used_and_no_others(path: str) -> None:
    """It may name those of its pieces, too: what a piece gets now and then only, a script may need each time."""
    header = Header.of(path)
    named = {*listed(header.keys), *listed(header.due)}
    used = {name for name in KEY_NAMES if name.upper() in words_of(path)}
    of_pieces = {name for name in KEY_NAMES for piece in pieces_of(path) if name.upper() in words_of(piece)}
    assert used <= named <= used | of_pieces | {"absent"}


WRITES: Final = re.compile(
    r"call\('(?:DEL|HSET|HDEL|HINCRBY|HSETNX|LPUSH|LTRIM|PEXPIRE|SET|ZADD|ZPOPMIN|ZREM|ZREMRANGEBY\w+)'"
)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_script_that_writes_names_the_key_that_never_exists(name: str) -> None:
    """So that a slot which moves to another node stops it before its first write."""
    script = load(name)
    if isinstance(script, NativeScript) and WRITES.search(script.source):
        assert "absent" in script.key_names


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_s_head_names_what_others_use_of_it_and_nothing_else(piece: str) -> None:
    others = [path for path in FILES if path != piece]
    used = {word for path in others if piece in includes_of(path) for word in words_of(path)}
    assert sorted(listed(Header.of(piece).defines)) == sorted(used & locals_of(piece))


@pytest.mark.parametrize("name", NAMES)
def test_each_piece_comes_once_and_behind_those_that_it_includes(name: str) -> None:
    whole = load(name).source
    heads = {path: source(path).splitlines()[0] for path in (PATHS[name], *PIECES)}
    joined = [path for path, head in heads.items() if head in whole]
    assert {PATHS[name], *(piece for path in joined for piece in includes_of(path))} == set(joined)
    assert all(whole.count(heads[path]) == 1 for path in joined)
    assert all(whole.index(heads[piece]) < whole.index(heads[path]) for path in joined for piece in includes_of(path))


@pytest.mark.parametrize("name", NAMES)
def test_scripts_that_change_nothing_write_nothing(name: str) -> None:
    if re.match(r"it changes nothing(?! but)", Header.of(PATHS[name]).guarantees):
        assert not {command for command, _ in commands_in(load(name).source)} & WRITERS


@pytest.mark.parametrize("path", FILES)
def test_no_script_builds_the_name_of_a_key(path: str) -> None:
    """Each command is on a key that was given: a name of the head, a place in KEYS, or a local with one of these."""
    local_names = {"key", "list", "source", "from", "set"}
    given = {*(name.upper() for name in KEY_NAMES), "KEYS", *parameters_of(code(path)), *local_names}
    for command, rest in commands_in(code(path)):
        if command not in {"TIME", "PUBLISH"}:
            first = re.match(r", (\w+)", rest)
            assert first, f"{command}{rest} names no key"
            assert first[1] in given
            assert not re.match(r", [\w.]+(?:\[[^\]]*\])? \.\.", rest), f"{command}{rest} builds a key"
    assert set(re.findall(r"'(?:arq|monarq)[^']*'", code(path))) <= {"'monarq:n:wake:'"}


@pytest.mark.parametrize("name", sorted(BINDINGS))
async def test_the_header_names_every_argument_that_the_binding_sends(name: str) -> None:
    header = Header.of(PATHS[name])
    if name == "finish_mixed":  # which is not called where there are no jobs: an id, token, result and count of one
        assert len(await arguments_of(name, ["a"])) == header.fixed + 2 + 3 + 2
    elif name not in {"find", "forget", "reports"}:  # which ask nothing of Redis then
        assert len(await arguments_of(name, [])) == header.fixed
    if name not in OF_ALL_JOBS_FIRST:
        counted = 2 * len(set(await counts_of(name)))
        assert len(await arguments_of(name, ["a", "b"])) == header.fixed + counted + 2 * header.stride


async def counts_of(name: str) -> list[Any]:
    """The fields that a call with two jobs counts."""
    arguments = await arguments_of(name, ["a", "b"])
    return arguments[1 : 1 + 2 * int(arguments[0]) : 2] if name == "requeue" else []


@pytest.mark.parametrize("name", NAMES)
def test_the_script_uses_every_argument_that_the_header_names(name: str) -> None:
    header, text = Header.of(PATHS[name]), code(PATHS[name])
    used = {int(at) for at in re.findall(r"ARGV\[(\d+)\]", text)}
    first = re.search(r"FIRST(?:_PLACE)? = (\d+)$", text, re.MULTILINE)
    # Those that a loop reads have no place of their own in the text.
    assert used == set(range(1, header.fixed + 1)) or (used < set(range(1, header.fixed + 1)) and "ARGV[at" in text)
    if first:
        assert int(first[1]) == header.fixed + 1
    for start, stride in re.findall(r"for at = (\d+), #ARGV, (\d+) do", text):
        assert (int(start), int(stride)) == (header.fixed + 1, header.stride)


def test_the_headers_name_the_codes_that_the_bindings_know() -> None:
    assert Header.of("jobs/cancel").codes == set(CancelAnswer)
    assert Header.of("dead/revive").codes == set(Revived)
    assert Header.of("jobs/promote").codes == set(Promoted)


def test_the_browse_s_headers_name_the_fields_that_the_binding_reads() -> None:
    for name, fields in (("browse", browsing._FIELDS), ("browse_running", browsing._RUNNING_FIELDS)):
        _, _, of_job = Header.of(f"queues/{name}").returns.partition("for each job: ")
        assert len(of_job.partition("}")[0].split(", ")) == fields


@pytest.mark.parametrize("path", FILES)
def test_no_script_searches_keys_or_walks_a_queue(path: str) -> None:
    for command, rest in commands_in(code(path)):
        assert command in READERS | WRITERS
        if command == "ZRANGEBYSCORE":
            assert "'LIMIT'" in rest, f"{command}{rest} has no limit"
        if command in {"ZRANGE", "ZREVRANGE"}:
            assert not re.search(r", 0, -1[,)]", rest), f"{command}{rest} has no limit"
        if command == "HGETALL":
            assert re.match(r", (?:LIVE|HELD|key)[,)]", rest), "only hashes that no queue's length grows"


@pytest.mark.parametrize("path", FILES)
def test_the_only_clock_is_redis(path: str) -> None:
    assert "os." not in code(path)
    assert path == "include/clock" or "'TIME'" not in code(path)


def test_no_binding_asks_this_machine_for_the_time() -> None:
    for path in FOLDER.rglob("*/*.py"):
        if path.parent.name in {"jobs", "dead", "queues", "counters"}:
            tree = ast.parse(path.read_text())
            imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert not imported & {"time", "datetime"}, f"{path.name} has a clock of its own"


def test_every_script_has_a_binding() -> None:
    assert sorted([*BINDINGS, *OTHERWISE_CALLED]) == NAMES


def test_the_blocking_bindings_send_what_their_headers_name() -> None:
    sent: list[Any] = []

    class Client:
        def execute_command(self, *parts: Any) -> Any:
            sent.extend(parts)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        beat(Client(), KEYS, INCARNATION, 15_000)
    assert len(sent) - 3 - sent[2] == Header.of("workers/beat").fixed
