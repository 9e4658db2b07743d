# One image for every role of the application (web, worker, beat, flower, migrate …).
#
#   base ─┬─ installer ─ deps ─┬─ deps-dev ──────────┐
#         │                    └─ source (+frontend) ─┤
#         └─ runtime ─────────────────────────────────┴─ dev | prod
#
# The arguments come from .env.docker by way of compose.yaml; the defaults here are the same. Versions of
# tools that only the build uses stand where they are installed. Mirrors are secrets, because their addresses
# may hold a password; proxies are arguments that BuildKit knows by itself and keeps out of the history.

ARG PYTHON_IMAGE=library/python:3.13-slim-trixie
ARG PYTHON_INSTALLER=uv
ARG FRONTEND=none
ARG NODE_IMAGE=library/node:24-trixie-slim

# --- base: the interpreter, Debian's run-time packages and the user ---
FROM ${PYTHON_IMAGE} AS base
SHELL ["/bin/sh", "-eu", "-c"]
ARG APT_PACKAGES=
ARG APP_UID=1001
ARG APP_GID=1001
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  /build/with-network.sh /build/apt-install.sh tini ${APT_PACKAGES}
  # Byte code of the standard library: images come without, and a read-only container would compile
  # it anew at every start. "|| true": some of its test files are wrong on purpose.
  python3 -m compileall -q -j 0 "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    -x '/(test|tests|idlelib|lib2to3|site-packages|dist-packages)/' || true
  echo "app:x:${APP_GID}:" >> /etc/group
  echo "app:x:${APP_UID}:${APP_GID}::/tmp:/usr/sbin/nologin" >> /etc/passwd
  install -d -o "${APP_UID}" -g "${APP_GID}" /data /var/lib/beat
  install -d /app
EOF

# --- manifest: what decides which packages are installed. This step runs at every change of the source, and as
# long as it copies the same files, what follows is not run again. ---
FROM base AS manifest
ARG APP_DIR=app
ARG PYTHON_MANIFEST=requirements.txt
ARG PYTHON_DEV_MANIFEST=
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,source=${APP_DIR},target=/source \
    /build/collect-manifests.sh /source /manifest

# --- installer: only the one that was chosen is built ---
FROM base AS installer
ARG APT_BUILD_PACKAGES=
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror \
    /build/with-network.sh /build/apt-install.sh ${APT_BUILD_PACKAGES}
# The base image's Python is the one that runs: uv must not fetch another.
ENV PIP_CACHE_DIR=/cache/pip \
    UV_CACHE_DIR=/cache/uv \
    UV_PYTHON_DOWNLOADS=never \
    POETRY_CACHE_DIR=/cache/poetry

FROM installer AS installer-pip

FROM installer AS installer-uv
ARG UV_VERSION=0.13.9
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh uv==${UV_VERSION}

FROM installer AS installer-poetry
ARG POETRY_VERSION=2.5.1
# Writes a lock as requirements, which every index and every mirror can serve.
ARG POETRY_EXPORT_VERSION=1.10.1
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh \
      poetry==${POETRY_VERSION} poetry-plugin-export==${POETRY_EXPORT_VERSION}

# --- deps: the application's packages in /opt/venv, outside the source that development mounts ---
FROM installer-${PYTHON_INSTALLER} AS deps
ARG PYTHON_INSTALLER=uv
ARG PYTHON_MANIFEST=requirements.txt
ARG PYTHON_EXTRAS=
ARG PYTHON_GROUPS=
ARG PYTHON_EXTRA_PACKAGES=
ARG PYTHON_CONSTRAINTS=
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,from=manifest,source=/manifest/prod,target=/manifest \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-dependencies.sh

FROM deps AS deps-dev
ARG PYTHON_DEV_MANIFEST=
ARG PYTHON_DEV_GROUPS=
ARG DEV_TOOLS="watchfiles==1.3.0 debugpy==1.8.22"
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,from=manifest,source=/manifest/dev,target=/manifest \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-dependencies.sh dev

# --- frontend: a build that the application serves; skipped unless FRONTEND=build. It lies in /opt/frontend, outside
# the source that development mounts, and below the application as well if FRONTEND_DIST says so. The target
# frontend-server makes an image of its own of the same build, for one that is a server itself ---
FROM scratch AS frontend-none
WORKDIR /app
WORKDIR /opt/frontend

FROM ${NODE_IMAGE} AS frontend-files
ARG FRONTEND_DIR=
ARG FRONTEND_BUILD_COMMAND=
ARG FRONTEND_DIST=dist:static/dist
WORKDIR /frontend
COPY ${FRONTEND_DIR} ./
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=npm-registry \
    /build/with-network.sh sh -euc "${FRONTEND_BUILD_COMMAND}"
RUN <<EOF
  set -eu
  install -d /out/app /out/opt/frontend
  cp -a "${FRONTEND_DIST%%:*}/." /out/opt/frontend
  chmod -R a+rX /out/opt/frontend
  case ${FRONTEND_DIST} in
  *:*)
    install -d "/out/app/${FRONTEND_DIST#*:}"
    cp -a /out/opt/frontend/. "/out/app/${FRONTEND_DIST#*:}"
    ;;
  esac
EOF

FROM scratch AS frontend-build
COPY --from=frontend-files /out /

FROM frontend-${FRONTEND} AS frontend

FROM ${NODE_IMAGE} AS frontend-server
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror \
    /build/with-network.sh /build/apt-install.sh tini
ENV NODE_ENV=production \
    HOME=/tmp
COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.sh /usr/local/bin/
COPY --from=frontend-build /opt/frontend /opt/frontend
WORKDIR /opt/frontend
ARG APP_UID=1001
ARG APP_GID=1001
USER ${APP_UID}:${APP_GID}
ENTRYPOINT ["tini", "--", "entrypoint.sh"]
CMD ["frontend"]
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=1s --retries=1 \
    CMD ["healthcheck.sh"]

# --- source: the application with its byte code. It belongs to root: what runs cannot change it ---
FROM deps AS source
ARG APP_DIR=app
ARG APP_WORKDIR=.
ARG APP_PYTHONPATH=
ARG PREBUILD_COMMAND=
COPY ${APP_DIR} /app
COPY --from=frontend /app /app
WORKDIR /app/${APP_WORKDIR}
RUN <<EOF
  PATH=/opt/venv/bin:$PATH
  if [ -n "${PREBUILD_COMMAND}" ]; then PYTHONPATH=${APP_PYTHONPATH} sh -euc "${PREBUILD_COMMAND}"; fi
  # A clone made under umask 077 must not end in an image that nobody but root can read.
  chmod -R a+rX /app
  # Not all that ends in .py has to compile (templates of code, say).
  python -m compileall -q /app || true
EOF

FROM source AS source-prod
ARG PROD_EXCLUDE=tests
WORKDIR /app
RUN rm -rf ${PROD_EXCLUDE}

# --- runtime: what dev and prod share ---
FROM base AS runtime
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    FRONTEND_ROOT=/opt/frontend
COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.sh docker/check-secrets.sh /usr/local/bin/
COPY --chmod=0644 docker/python /opt/docker
RUN chmod -R a+rX /opt/docker && python3 -m compileall -q /opt/docker
ARG APP_UID=1001
ARG APP_GID=1001
USER ${APP_UID}:${APP_GID}
ENTRYPOINT ["tini", "--", "entrypoint.sh"]
CMD ["web"]
# Quick to notice a start. Afterwards every check costs a process, so there are few: frozen means
# unhealthy within half a minute. The script itself tries twice.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=1s --retries=1 \
    CMD ["healthcheck.sh"]

FROM runtime AS dev
COPY --from=deps-dev /opt/venv /opt/venv
ARG APP_WORKDIR=.
WORKDIR /app/${APP_WORKDIR}
COPY --from=source /app /app
COPY --from=frontend /opt/frontend /opt/frontend

FROM runtime AS prod
COPY --from=deps /opt/venv /opt/venv
ARG APP_WORKDIR=.
WORKDIR /app/${APP_WORKDIR}
COPY --from=source-prod /app /app
COPY --from=frontend /opt/frontend /opt/frontend
ARG IMAGE_TITLE=app
ARG IMAGE_VERSION=
ARG IMAGE_REVISION=
ARG IMAGE_SOURCE=
LABEL org.opencontainers.image.title=${IMAGE_TITLE} \
      org.opencontainers.image.version=${IMAGE_VERSION} \
      org.opencontainers.image.revision=${IMAGE_REVISION} \
      org.opencontainers.image.source=${IMAGE_SOURCE}
