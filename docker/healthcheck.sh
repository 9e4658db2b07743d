#!/bin/bash
# Checks the role that this container runs. If it is not healthy, prints why and exits with 1.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   until the role is well, up to 5 seconds; after a good watch until it is sick, up to a minute
#
# This is bash, because bash can speak HTTP: a check that starts Python costs thirty times as much. Docker uses "watch",
# because starting a check costs the engine twenty times as much as one look.
set -u

# How old a heartbeat may be, in seconds. A worker writes one every two seconds, beat every five.
readonly MAX_AGE=10

# A sick role without any progress for FROZEN_AFTER seconds is frozen. It then gets GRACE seconds to stop by itself.
readonly FROZEN_AFTER=12 GRACE=$((${WORKER_STOP_TIMEOUT:-20} + 10))

# Made at the first success. While the role is sick, it holds a time and the progress at that time, or TERM. Kubernetes
# keeps /dev/shm for the next container, so the name has the start of process 1 in it (field 22).
read -r -a process_one </proc/1/stat
readonly SEEN=${FROZEN_FILE:-/dev/shm/healthcheck.$HOSTNAME.${process_one[21]}}

# This file exists between two watches if the first one ended well.
readonly WELL=$SEEN.well

# pause SECONDS: waits without a sleep, which would count as a process of the role.
pause() { read -r -t "$1" _ <> <(:) || true; }

# sick WHY [STATE]: prints WHY and fails. STATE, if given, counts in place of the progress of the processes.
sick() {
	echo "$1"
	[[ -z ${END_FROZEN:-} ]] || end_frozen "${2:-}"
	exit 1
}

# Sets $progress to the time that all threads of the role have run, in nanoseconds. Init is left out, because it wakes
# up even when the role cannot.
measure() {
	local process name run
	progress=0
	for process in /proc/[0-9]*; do
		read -r name <"$process/comm"
		case ${process#/proc/}:$name in 1:* | *:healthcheck.sh | *:tini) continue ;; esac
		for run in "$process"/task/*/schedstat; do
			read -r run _ <"$run" && ((progress += run))
		done
	done 2>/dev/null
}

# Ends a role that was well and is now frozen; the restart policy starts it again. A role that starts, is busy, or waits
# for its broker makes progress. Process 1 cannot be killed from here, so its child is killed: init then exits.
end_frozen() {
	local progress=$1 since seen main signal=TERM patience=$FROZEN_AFTER
	[[ -e $SEEN ]] || return
	read -r since seen <"$SEEN"
	[[ -n $progress ]] || measure
	if [[ $seen == TERM ]]; then
		signal=KILL patience=$GRACE
	elif [[ $seen != "$progress" || $seen == 0 ]]; then
		echo "$EPOCHSECONDS $progress" >"$SEEN"
		return
	fi
	((EPOCHSECONDS - since >= patience)) || return
	echo "$EPOCHSECONDS TERM" >"$SEEN"
	echo "healthcheck: the role ${progress/#[0-9]*/is frozen} and gets $signal" | tee -a /proc/1/fd/2
	read -r main _ </proc/1/task/1/children
	kill -s "$signal" "$main"
	# A stopped process handles TERM only when it continues. -1 is every process but the first.
	kill -s CONT -- -1 1
}

# PID 1 is "tini -- entrypoint.sh ROLE …", so the role need not be stored anywhere. A platform may repeat entrypoint.sh;
# the last one counts.
role() {
	local args i found=
	mapfile -d '' -t args </proc/1/cmdline
	for i in "${!args[@]}"; do
		[[ ${args[i]} != *entrypoint.sh ]] || found=${args[i + 1]:-web}
	done
	echo "$found"
}

# connect PORT: opens file descriptor 3. In development the server restarts at every save, so this waits.
connect() {
	local _
	for _ in {1..10}; do
		{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && return
		pause 0.2
	done
	return 1
}

# ask PORT PATH: prints the status of the answer. HEALTH_HOST is for an application that accepts only its own names.
ask() {
	local status _
	connect "$1" || { echo refused && return; }
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: healthcheck\r\n\r\n' "$2" "${HEALTH_HOST:-localhost}" >&3
	read -r -u 3 _ status _
	echo "$status"
}

# get PORT PATH: sends one request, and sets $problem when that fails. The time includes connecting, which takes minutes
# when the queue of a frozen server is full.
get() {
	local status=''
	read -r -t 3 status < <(ask "$@")
	{ kill $! && wait $!; } 2>/dev/null
	case $status in
	[23]??) return 0 ;;
	refused) problem="nothing listens on port $1" ;;
	'') problem="no answer to GET $2 within 3 seconds" ;;
	*) problem="GET $2 answered $status" ;;
	esac
	return 1
}

# Two attempts, because a busy server may be slow once.
http() { # http PORT PATH
	local problem
	get "$@" || get "$@" || sick "$problem"
}

heartbeat() {
	local file=${HEARTBEAT_FILE:-/tmp/heartbeat} written
	written=$(stat -c %Y "$file" 2>/dev/null) || { END_FROZEN='' && sick "no heartbeat yet"; }
	# A connected worker writes this if it has no task in hand and takes none. It makes progress, so a state is given.
	[[ $(<"$file") != stalls ]] || sick 'no task is taken, although some wait' 'takes no task'
	((EPOCHSECONDS - written > MAX_AGE)) || return 0
	# A worker that stops, or waits for its broker, has written that. It is not ended, because its tasks go on.
	[[ ! -s $file ]] || END_FROZEN=
	sick "the last heartbeat was $((EPOCHSECONDS - written)) seconds ago"
}

look() {
	case $(role) in
	web | frontend) http "${PORT:-8000}" "${HEALTH_PATH:-/healthz}" ;;
	flower)
		local prefix=${FLOWER_URL_PREFIX:-}
		prefix=${prefix#/}
		http 5555 "${prefix:+/${prefix%/}}/healthcheck"
		;;
	worker | beat) heartbeat ;;
	# A one-off command is healthy while it runs.
	*) ;;
	esac
	[[ -z ${END_FROZEN:-} ]] || : >"$SEEN"
}

# Docker learns the result only when a watch ends. So a watch that finds the role well again ends at once.
watch() {
	local said
	if [[ -e $WELL ]]; then
		rm "$WELL"
		while (look) || exit 1; do
			((SECONDS < 45)) || break
			pause 15
		done
	else
		until said=$(look); do
			((SECONDS < 5)) || { echo "$said" && exit 1; }
			pause 0.25
		done
	fi
	: >"$WELL"
}

if [[ ${1:-} == watch ]]; then watch; else look; fi
