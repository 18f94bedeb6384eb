"""Flask: a blocking producer for each application, which connects when it is first used and is closed at exit.

queue = Monarq(app)                     or: queue = Monarq(), and later queue.init_app(app)
queue = Monarq(app, app=shop)           with the Redis, the queue and the middleware of a `monarq.App`
queue.producer.enqueue(send, "a@b")
"""

from __future__ import annotations

from typing import Any, Final

from monarq.shared.extras import missing_package

if missing := missing_package("flask", "monarq.flask"):
    raise missing

from flask import Flask, current_app, has_app_context

from monarq.app.app import App
from monarq.producer import ProducerMisusedError, SyncProducer
from monarq.producer.per_process import ProcessProducer
from monarq.producer.sync import yield_to_sandbox
from monarq.shared.errors import SettingsError

__all__ = ["Monarq"]

_KEY: Final = "monarq"


class Monarq:
    """monarq in Flask applications.

    The application's config may have ``MONARQ_REDIS``, the URL of the Redis (default: REDIS_URL, else localhost), and
    ``MONARQ_QUEUE``, the queue of jobs that name none (default: "default").

    Args:
        flask_app: the Flask application. Default: those that are given to `init_app`.
        app: monarq's `App`, whose `sync_producer` is then used: with its Redis, queue and middleware, unless config or
            options override them. Default: none.
        options: more settings of the producer; see `SyncProducer`.

    Raises:
        SettingsError: `app` is not an `App`.
    """

    def __init__(self, flask_app: Flask | None = None, *, app: App | None = None, **options: Any) -> None:
        if app is not None and not isinstance(app, App):
            raise SettingsError(f"app is {app!r}: give a monarq.App here, and Flask's application first")
        self._options = options
        self._app = flask_app
        self._of = app
        if flask_app is not None:
            self.init_app(flask_app)

    def init_app(self, app: Flask) -> None:
        """Gives an application its producer."""
        app.extensions[_KEY] = ProcessProducer(lambda: self._make(app))

    @property
    def producer(self) -> SyncProducer:
        """The producer of the current application, else of the one given to the constructor.

        Any number of threads may use it. A process forked by the server gets its own.

        Raises:
            ProducerMisusedError: there is no current application, or `init_app` was not called with it.
            SettingsError: the application's config has an invalid value.
        """
        app = current_app if has_app_context() else self._app
        if app is None:
            raise ProducerMisusedError(
                "there is no current application: use the producer in a request or in `with app.app_context():`, or"
                " create Monarq(app) with the application"
            )
        if _KEY not in app.extensions:
            raise ProducerMisusedError(f"the application {app.name!r} has no producer: call init_app(app) with it")
        found: ProcessProducer = app.extensions[_KEY]
        return found.get()

    def _make(self, app: Flask) -> SyncProducer:
        options = dict(self._options)
        options.setdefault("url", app.config.get("MONARQ_REDIS"))
        if queue := app.config.get("MONARQ_QUEUE"):
            options.setdefault("queue", queue)
        made = SyncProducer(**options) if self._of is None else self._of.sync_producer(**options)
        yield_to_sandbox(made, options["url"])
        return made
