#!/bin/sh
# What the official Valkey image promises of its start: flags alone are flags of the server, and a
# server that root starts runs as the user valkey.
set -eu

case ${1:-} in -* | *.conf) set -- valkey-server "$@" ;; esac
if [ "$1" = valkey-server ] && [ "$(id -u)" = 0 ]; then
	find . ! -user valkey -exec chown valkey '{}' +
	exec setpriv --reuid valkey --regid valkey --clear-groups "$0" "$@"
fi
# The image has protected mode compiled out: who may connect is Docker's network's affair.
[ "$*" != valkey-server ] || set -- "$@" --protected-mode no
exec "$@"
