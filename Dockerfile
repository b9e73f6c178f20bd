# syntax=docker/dockerfile:1
# The pipeline with its models: a run needs no network. Run it read-only, with volumes for /data and
# /dagster: docker compose up, or see docs/installation.md.
ARG PYTHON=3.12

FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:${PYTHON}-slim-bookworm AS build
# Other extras: docker build --build-arg EXTRAS="--extra multilingual --extra openai"
ARG EXTRAS="--extra multilingual"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/newsclust UV_PYTHON_DOWNLOADS=never
WORKDIR /build
# Packages before the source: a change of the source installs none of them again. All are verified
# by the hashes of uv.lock.
COPY pyproject.toml uv.lock ./
# hadolint ignore=SC2086
RUN --mount=from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-install-project $EXTRAS
COPY README.md LICENSE ./
COPY newsclust_pipeline newsclust_pipeline
# hadolint ignore=SC2086
RUN --mount=from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-editable $EXTRAS

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="newsclust_pipeline" \
      org.opencontainers.image.source="https://github.com/newsclust/newsclust_pipeline" \
      org.opencontainers.image.licenses="Apache-2.0"
# Any other user id works as well if it may write to the volumes.
RUN groupadd --gid 10001 newsclust \
    && useradd --uid 10001 --gid newsclust --no-create-home --shell /usr/sbin/nologin newsclust \
    && install --directory --owner=newsclust --group=newsclust /data /dagster
COPY --from=build /opt/newsclust /opt/newsclust
COPY newsclust_pipeline/dagster.yaml /opt/newsclust/
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/
# numba keeps compiled code beside Dagster's records: the image itself stays read-only.
ENV PATH=/opt/newsclust/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DAGSTER_HOME=/dagster \
    NUMBA_CACHE_DIR=/dagster/numba \
    NEWSCLUST_DATA_DIR=/data
USER 10001:10001
WORKDIR /tmp
VOLUME ["/data", "/dagster"]
EXPOSE 3000
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-m", "newsclust_pipeline.definitions"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:3000/server_info', timeout=8)"]
