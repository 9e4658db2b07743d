# One image for every role of the application (web, worker, beat, flower, migrate …).
#
#   python ─┬─ deps (+installer) ─┬─ deps-dev ───────────┐
#           │                     └─ source (+frontend) ─┤
#           └─ base ── runtime ──────────────────────────┴─ dev | prod
#
# The arguments come from .env.docker, through compose.yaml, which has the same defaults. Mirrors are secrets, because
# their addresses may contain a password. Proxies are arguments that BuildKit knows and keeps out of the history.

ARG PYTHON_IMAGE=library/python:3.13-slim-trixie
ARG PYTHON_INSTALLER=uv
ARG FRONTEND=none
ARG NODE_IMAGE=library/node:24-trixie-slim

FROM ${PYTHON_IMAGE} AS python
SHELL ["/bin/sh", "-eu", "-c"]
# Not every base image sets this. Without it, programs other than Python print and read ASCII.
ENV LANG=C.UTF-8

# --- base: the interpreter, Debian's run-time packages and the user ---
FROM python AS base
ARG APT_PACKAGES=
ARG APP_UID=1001
ARG APP_GID=1001
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  /build/with-network.sh /build/apt-install.sh tini ${APT_PACKAGES}
  # Byte code of the standard library. Base images have none, and a read-only container would compile it at
  # every start. "|| true": some of its test files do not compile on purpose.
  python3 -m compileall -q -j 0 "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    -x '/(test|tests|idlelib|lib2to3|site-packages|dist-packages)/' || true
  echo "app:x:${APP_GID}:" >> /etc/group
  echo "app:x:${APP_UID}:${APP_GID}::/tmp:/usr/sbin/nologin" >> /etc/passwd
  install -d -o "${APP_UID}" -g "${APP_GID}" /data /var/lib/beat
  install -d /app
EOF

# --- manifest: the files that decide what is installed. If a change leaves them alone, the cache has the next steps. ---
FROM python AS manifest
ARG APP_DIR=app
ARG APP_WORKDIR=.
ARG PYTHON_MANIFEST=requirements.txt
ARG PYTHON_DEV_MANIFEST=
ARG PYTHON_EXTRA_PACKAGES=
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,source=${APP_DIR},target=/source \
    /build/collect-manifests.sh /source /manifest

# --- installer: only the chosen one is built, at the same time as base. A build cannot ask for a password ---
FROM python AS installer-pip
ENV PIP_CACHE_DIR=/cache/pip PIP_NO_INPUT=1

FROM installer-pip AS installer-uv
ARG UV_VERSION=0.13.9
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh uv==${UV_VERSION}

FROM installer-pip AS installer-poetry
ARG POETRY_VERSION=2.5.1
# The plugin exports a lock as requirements, which every index and mirror can serve.
ARG POETRY_EXPORT_VERSION=1.10.1
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh \
      poetry==${POETRY_VERSION} poetry-plugin-export==${POETRY_EXPORT_VERSION}

FROM installer-${PYTHON_INSTALLER} AS installer

# --- deps: the application's packages, in /opt/venv, so that the mounted source does not hide them ---
FROM python AS deps
ARG APT_PACKAGES=
ARG APT_BUILD_PACKAGES=
ARG PREBUILD_COMMAND=
# It has its own caches, because it would wait until base has unlocked the others, and often it installs nothing.
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,id=deps-apt,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=deps-apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror \
    /build/with-network.sh /build/apt-install.sh ${APT_BUILD_PACKAGES} \
      ${APT_BUILD_PACKAGES:+${APT_PACKAGES}} ${PREBUILD_COMMAND:+${APT_PACKAGES}}
COPY --from=installer /opt /opt
# The base image's Python runs the application, so uv must not download another one.
ENV PIP_CACHE_DIR=/cache/pip PIP_NO_INPUT=1 UV_CACHE_DIR=/cache/uv UV_PYTHON_DOWNLOADS=never \
    POETRY_CACHE_DIR=/cache/poetry PATH=$PATH:/opt/uv/bin:/opt/poetry/bin
ARG APP_WORKDIR=.
ARG PYTHON_INSTALLER=uv
ARG PYTHON_MANIFEST=requirements.txt
ARG PYTHON_EXTRAS=
ARG PYTHON_GROUPS=
ARG PYTHON_EXTRA_PACKAGES=
ARG PYTHON_CONSTRAINTS=
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,from=manifest,source=/manifest/prod,target=/app,rw \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url --mount=type=secret,id=build-secrets \
    /build/with-network.sh /build/install-dependencies.sh

FROM deps AS deps-dev
ARG PYTHON_DEV_MANIFEST=
ARG PYTHON_DEV_GROUPS=
ARG PYTHON_DEV_PACKAGES=
ARG DEV_TOOLS="watchfiles==1.3.0 debugpy==1.8.22"
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=bind,from=manifest,source=/manifest/dev,target=/app,rw \
    --mount=type=cache,target=/cache \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url --mount=type=secret,id=build-secrets \
    /build/with-network.sh /build/install-dependencies.sh dev

# --- frontend: files that the application serves; skipped unless FRONTEND=build. They are in /opt/frontend, where the
# mounted source does not hide them, and also below the application if FRONTEND_DIST says so. The target
# frontend-server makes a second image from the same build, for a frontend that is a server ---
FROM scratch AS frontend-none
COPY --from=base /app /app
COPY --from=base /app /opt/frontend

FROM ${NODE_IMAGE} AS frontend-files
ARG FRONTEND_DIR=
ARG FRONTEND_BUILD_COMMAND=
ARG FRONTEND_DIST=dist:static/dist
WORKDIR /frontend
COPY ${FRONTEND_DIR} ./
RUN --mount=type=bind,source=docker/build,target=/build \
    --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=npm-registry --mount=type=secret,id=build-secrets \
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
    END_FROZEN=true \
    HOME=/tmp
COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.sh /usr/local/bin/
COPY --from=frontend-build /opt/frontend /opt/frontend
WORKDIR /opt/frontend
ARG APP_UID=1001
ARG APP_GID=1001
USER ${APP_UID}:${APP_GID}
ENTRYPOINT ["tini", "--", "entrypoint.sh"]
CMD ["frontend"]
HEALTHCHECK --interval=15s --timeout=75s --start-period=60s --start-interval=0.25s --retries=1 \
    CMD ["healthcheck.sh", "watch"]

# --- source: the application with its byte code. Root owns it, so the running application cannot change it ---
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
  if [ -n "${PREBUILD_COMMAND}" ]; then install -d /data && PYTHONPATH=${APP_PYTHONPATH} sh -euc "${PREBUILD_COMMAND}"; fi
  # Under umask 077 only root could read the files in the image.
  chmod -R a+rX /app
  # "|| true": some .py files may be templates that do not compile.
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
COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.sh /usr/local/bin/
COPY --chmod=0644 docker/python /opt/docker
RUN chmod -R a+rX /opt/docker && python3 -m compileall -q /opt/docker
ARG APP_WORKDIR=.
WORKDIR /app/${APP_WORKDIR}
ARG APP_UID=1001
ARG APP_GID=1001
USER ${APP_UID}:${APP_GID}
ENTRYPOINT ["tini", "--", "entrypoint.sh"]
CMD ["web"]
# One check looks many times (docker/healthcheck.sh). The time-out only ends a check that is frozen itself. The interval
# is the pause between two checks: a frozen role is unhealthy within half a minute.
HEALTHCHECK --interval=15s --timeout=75s --start-period=60s --start-interval=0.25s --retries=1 \
    CMD ["healthcheck.sh", "watch"]

FROM runtime AS dev
COPY --from=deps-dev /opt/venv /opt/venv
COPY --from=source /app /app
COPY --from=frontend /opt/frontend /opt/frontend

FROM runtime AS prod
# Lets the health check end a frozen role. In development it must not, because a debugger may be holding the role.
ENV END_FROZEN=true
COPY --from=deps /opt/venv /opt/venv
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
