# The worker's image. `docker compose up` builds it; see docker-compose.yml.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY monarq monarq
COPY producer producer
COPY workers workers
COPY shared shared
COPY monitor monitor
COPY examples examples
# web: the page and the ports; arq: settings written for arq; testing: `monarq demo`, which needs a server of its own.
RUN python -m venv /opt/monarq && /opt/monarq/bin/pip install --no-cache-dir '.[web,arq,testing]'

FROM python:3.11-slim
COPY --from=build /opt/monarq /opt/monarq
# Your own jobs go here instead of the examples.
WORKDIR /app
COPY examples examples
RUN useradd --uid 10001 --no-create-home --no-log-init monarq
USER monarq
ENV PATH=/opt/monarq/bin:$PATH PYTHONUNBUFFERED=1
# The supervisor is right as PID 1: it forwards signals and reaps orphans.
ENTRYPOINT ["monarq"]
CMD ["worker", "examples.jobs"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["monarq", "worker", "--check", "examples.jobs"]
STOPSIGNAL SIGTERM
