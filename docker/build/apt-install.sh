#!/bin/sh
# Installs Debian packages during a build: apt-install.sh [PACKAGE…]. Run it through with-network.sh. The caches
# belong to the build, not to the image.
set -eu

[ $# -gt 0 ] || exit 0

# The official images delete every downloaded package. That would empty our cache.
rm -f /etc/apt/apt.conf.d/docker-clean

export DEBIAN_FRONTEND=noninteractive
# Fail here if the archive cannot be reached. With old lists, the install would fail with a confusing message.
apt-get update --quiet=2 -o APT::Update::Error-Mode=any
apt-get install --quiet=2 --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
