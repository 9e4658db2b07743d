#!/bin/bash
# Is the role that this container runs well? Says why not, and exits with 1.
# Bash, because it can ask over HTTP by itself: a check that starts Python costs thirty times as much.
set -u

# As old as a heartbeat may be, in seconds. Worker and beat write one every two seconds.
readonly MAX_AGE=10

sick() {
	echo "$1"
	exit 1
}

# PID 1 is "tini -- entrypoint.sh ROLE …": the role needs no other record.
role() {
	local args i
	mapfile -d '' -t args </proc/1/cmdline
	for i in "${!args[@]}"; do
		[[ ${args[i]} == *entrypoint.sh ]] && echo "${args[i + 1]:-web}" && return
	done
}

# connect PORT: opens 3. A server that is started anew, as at every save in development, is given two seconds, at each
# of the two tries.
connect() {
	local _
	for _ in {1..12}; do
		{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && return
		sleep 0.2
	done
	return 1
}

# get PORT PATH: one request. Sets $problem when it fails. HEALTH_HOST is for an application that answers to its own
# names alone.
get() {
	local status
	problem="nothing listens on port $1"
	connect "$1" || return 1
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: healthcheck\r\n\r\n' "$2" "${HEALTH_HOST:-localhost}" >&3
	problem="no answer to GET $2 within 3 seconds"
	read -r -t 3 -u 3 _ status _ || return 1
	problem="GET $2 answered $status"
	[[ $status == [23]?? ]]
}

# Twice, because one slow answer of a busy server is no illness.
http() { # http PORT PATH
	local problem
	get "$@" || get "$@" || sick "$problem"
}

heartbeat() {
	local written
	written=$(stat -c %Y "${HEARTBEAT_FILE:-/tmp/heartbeat}" 2>/dev/null) || sick "no heartbeat yet"
	((EPOCHSECONDS - written <= MAX_AGE)) || sick "the last heartbeat was $((EPOCHSECONDS - written)) seconds ago"
}

case $(role) in
web | frontend) http "${PORT:-8000}" "${HEALTH_PATH:-/healthz}" ;;
flower) http 5555 /healthcheck ;;
worker | beat) heartbeat ;;
# A one-off command is as healthy as it is running.
*) ;;
esac
