#!/usr/bin/env bats
# What docker/healthcheck.sh does to a role in production that fails its check again and again (END_FROZEN). How it checks
# is in tests/shell/healthcheck.bats.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

setup_file() {
	unshare --map-root-user --fork --pid --mount-proc true 2>/dev/null || skip "no PID namespace can be made here"
	export HEALTHCHECK="$ROOT/docker/healthcheck.sh"
}

setup() {
	load "$ROOT/node_modules/bats-support/load"
	load "$ROOT/node_modules/bats-assert/load"
	export HEARTBEAT_FILE="$BATS_TEST_TMPDIR/heartbeat"
}

# ended NAME=VALUE… ROLE: what becomes of a worker, a shell command, whose check fails three times, 20 seconds apart each.
ended() {
	rm -f "$BATS_TEST_TMPDIR/seen"
	# shellcheck disable=SC2016 # the inner shell expands it
	timeout 15 env FROZEN_FILE="$BATS_TEST_TMPDIR/seen" "${@:1:$#-1}" ROLE="${*: -1}" \
		unshare --map-root-user --fork --kill-child --pid --mount-proc bash -c '
			bash -c "$ROLE" & role=$!
			touch "$HEARTBEAT_FILE"
			[[ ${STARTING:-} ]] || "$HEALTHCHECK"
			[[ ! ${STOPPED:-} ]] || kill -STOP $role
			for number in 1 2 3; do
				printf %s "${SAYS:-}" >"$HEARTBEAT_FILE"
				touch -d "-30 seconds" "$HEARTBEAT_FILE"
				"$HEALTHCHECK"
				[[ ! -s $FROZEN_FILE ]] || { read -r since seen <"$FROZEN_FILE" && echo "$((since - 20)) $seen" >"$FROZEN_FILE"; }
				for moment in {1..5}; do
					kill -0 $role 2>/dev/null || { wait $role; echo "ended with $?"; exit; }
					sleep 0.1
				done
			done
			echo "lives"' tini -- entrypoint.sh worker
}

@test "a frozen role gets TERM and is continued so that it can end, and KILL if it does not" {
	run -0 ended END_FROZEN=true STOPPED=1 'exec sleep 100'
	assert_line 'healthcheck: the role is frozen and gets TERM'
	assert_line 'ended with 143'
	run -0 ended END_FROZEN=true WORKER_STOP_TIMEOUT=5 'trap "" TERM; exec sleep 100'
	assert_line 'healthcheck: the role is frozen and gets KILL'
	assert_line 'ended with 137'
}

@test "a worker that says that it takes no task is unhealthy at once, and is ended although it runs" {
	run -0 ended END_FROZEN=true SAYS=stalls 'while :; do :; done'
	assert_line 'no task is taken, although some wait'
	assert_line 'healthcheck: the role takes no task and gets TERM'
	assert_line 'ended with 143'
}

@test "an unhealthy role that is busy, starting, stopping, without its broker or maybe in a debugger is not ended" {
	run -0 ended END_FROZEN=true SAYS=pauses 'exec sleep 100'
	assert_line lives
	# After TERM it has WORKER_STOP_TIMEOUT and ten seconds more.
	run -0 ended END_FROZEN=true WORKER_STOP_TIMEOUT=60 'trap "" TERM; exec sleep 100'
	assert_line 'healthcheck: the role is frozen and gets TERM'
	assert_line lives
	run -0 ended END_FROZEN=true 'while :; do :; done'
	assert_line lives
	run -0 ended END_FROZEN=true STARTING=1 STOPPED=1 'exec sleep 100'
	assert_line lives
	run -0 ended STOPPED=1 'exec sleep 100'
	assert_line lives
}

@test "an init that is frozen too is continued, so that the container ends" {
	local namespace init
	export FROZEN_FILE=$BATS_TEST_TMPDIR/seen END_FROZEN=true
	unshare --map-root-user --fork --kill-child --pid --mount-proc bash -c 'sleep 100 & wait' tini -- entrypoint.sh worker 3>&- &
	namespace=$!
	inside() { nsenter --target "$init" --user --preserve-credentials --pid --mount "$HEALTHCHECK"; }
	until init=$(pgrep --parent "$namespace") && pgrep --parent "$init" >/dev/null; do kill -0 "$namespace" && sleep 0.1; done
	touch "$HEARTBEAT_FILE"
	run -0 inside
	kill -STOP "$init"
	touch -d '-30 seconds' "$HEARTBEAT_FILE"
	run -1 inside
	read -r _ seen <"$FROZEN_FILE" && echo "$((EPOCHSECONDS - 20)) $seen" >"$FROZEN_FILE"
	# The end of the container may end the check too.
	run inside
	assert_line 'healthcheck: the role is frozen and gets TERM'
	run -0 timeout 5 tail --pid="$namespace" -f /dev/null
}
