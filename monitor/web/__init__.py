"""The web page: queues, jobs, workers and dead letters in a browser. `monarq.web` is its public API.

`app` assembles it: `pages` has a module for each page, `security` checks each request, `base` is the basis of all
pages, `templates` and `static` are sent to browsers. It needs the extra `web`.
"""
