# The image of all commands: `worker` by default. Two stages: the final image holds no build products.
# For linux/amd64: one of the packages has wheels for no other platform.
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=1
RUN python -m venv /opt/build && python -m venv /opt/venv
WORKDIR /src
# Every package is one whose hash is in these files (`make lock`), and none runs code of its own to be installed.
# Without the `embedded` extra: a ClickHouse server replaces its half a gigabyte of database.
COPY deploy/image/build.txt deploy/image/requirements.txt deploy/image/
RUN /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement deploy/image/build.txt
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement deploy/image/requirements.txt
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY sinks sinks
COPY streams streams
COPY touchline touchline
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/venv/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/venv/bin/pip check

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
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
EXPOSE 8080 9464 9465 9466
STOPSIGNAL SIGTERM
ENTRYPOINT ["touchline"]
CMD ["worker"]
