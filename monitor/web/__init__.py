"""The web page: queues, jobs, workers and dead letters in a browser. `monarq.web` has what others may use of it.

`app` puts it together: `pages` has a module for each page, `security` checks each request, `base` is what pages are
built on, `templates` and `static` are what a browser gets. It needs the extra `web`.
"""
