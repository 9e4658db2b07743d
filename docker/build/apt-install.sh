#!/bin/sh
# Installs Debian packages during a build, below with-network.sh: apt-install.sh [PACKAGE…]. The caches
# belong to the build, not to the image.
set -eu

[ $# -gt 0 ] || exit 0

# The official images throw every downloaded package away, which would empty our cache.
rm -f /etc/apt/apt.conf.d/docker-clean

export DEBIAN_FRONTEND=noninteractive
# An archive that is out of reach is an error here: with old lists the install would fail for a stranger reason.
apt-get update --quiet=2 -o APT::Update::Error-Mode=any
apt-get install --quiet=2 --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
