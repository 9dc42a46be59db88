# The image of all commands: `worker` by default. Two stages: the final image holds no build products.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY sinks sinks
COPY streams streams
COPY touchline touchline
# Without the `embedded` extra: a ClickHouse server replaces its half a gigabyte of database.
RUN /opt/venv/bin/pip install .

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="touchline" \
      org.opencontainers.image.description="Customer journeys from touchpoints: Kafka, Faust, ClickHouse" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
RUN groupadd --gid 10001 touchline \
    && useradd --uid 10001 --gid touchline --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin touchline
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    # Nobody outside the container reaches its loopback.
    TOUCHLINE_METRICS_HOST=0.0.0.0
# By number, so that Kubernetes sees that the user is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464 9465
STOPSIGNAL SIGTERM
ENTRYPOINT ["touchline"]
CMD ["worker"]
