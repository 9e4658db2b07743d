#!/bin/sh
# Installs Debian packages during a build: apt-install.sh [PACKAGE…]. APT_MIRROR, when it is set,
# stands in for the archive that the image names. The caches belong to the build, not to the image.
set -eu

[ $# -gt 0 ] || exit 0

if [ -n "${APT_MIRROR:-}" ]; then
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -f "$list" ] && sed -i -E "s#https?://[^ ]+/debian/?([[:space:]]|\$)#${APT_MIRROR%/}\1#" "$list"
	done
fi
# The official images throw every downloaded package away, which would empty our cache.
rm -f /etc/apt/apt.conf.d/docker-clean

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
