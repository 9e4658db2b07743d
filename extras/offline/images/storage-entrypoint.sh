#!/bin/sh
# What the official SeaweedFS image promises of its start: the arguments are those of weed, and root
# hands /data to the user seaweed and gives way to it.
set -eu

if [ "$(id -u)" = 0 ]; then
	find /data ! -user seaweed -exec chown seaweed:seaweed '{}' +
	exec setpriv --reuid seaweed --regid seaweed --clear-groups "$0" "$@"
fi
exec weed -logtostderr=true "$@"
