# For mirrors.bats: a registry, what makes its passwords and certificates, and Python for the mirrors.
ARG PYTHON_IMAGE=python:3.13-slim-trixie
FROM ${PYTHON_IMAGE}
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror \
    /build/with-network.sh /build/apt-install.sh apache2-utils docker-registry openssl
