#!/bin/sh
# What the official Node image promises of its start: what is no command is an option or a script of node.
set -eu

case ${1:-} in
-*) set -- node "$@" ;;
*) command -v "${1:-}" >/dev/null || set -- node "$@" ;;
esac
exec "$@"
