# Shared by the tests of docker/entrypoint.sh, without a container: every program that a role starts is a fake that
# prints how it was called. Each test runs under every shell of this machine, and all of them have to agree.

# The repository.
ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

setup_file() {
	# The script itself, but with a virtual environment and certificates that the tests can fill.
	export ENTRYPOINT="$BATS_FILE_TMPDIR/entrypoint.sh" VENV="$BATS_FILE_TMPDIR/venv"
	export SYSTEM_CA="$BATS_FILE_TMPDIR/system.pem" BUNDLE="$BATS_FILE_TMPDIR/bundle.pem"
	sed "s#/opt/venv\b#$VENV#; s#=/etc/ssl/certs/ca-certificates.crt#=$SYSTEM_CA#; s#=/tmp/ca-bundle.pem#=$BUNDLE#" \
		"$ROOT/docker/entrypoint.sh" >"$ENTRYPOINT"
	export FAKES="$BATS_FILE_TMPDIR/bin"
	mkdir "$FAKES"
	# The fake prints its name and its arguments, quoted for a shell, and the variables that $SHOW names.
	cat >"$FAKES/fake" <<-'FAKE'
		#!/bin/bash
		printf '%q ' "${0##*/}" "$@" | sed 's/ $/\n/'
		for name in ${SHOW:-}; do printf '%s=%s\n' "$name" "${!name-(not set)}"; done
		[[ -z ${SHOW_PID:-} ]] || echo "pid $$"
	FAKE
	chmod +x "$FAKES/fake"
	local name
	for name in gunicorn uvicorn celery python tool; do ln -s fake "$FAKES/$name"; done
}

setup() {
	load "$ROOT/node_modules/bats-support/load"
	load "$ROOT/node_modules/bats-assert/load"
	shells=(sh)
	local shell
	for shell in dash 'busybox sh' 'bash --posix'; do
		! command -v "${shell%% *}" >/dev/null || shells+=("$shell")
	done
}

# entrypoint [NAME=VALUE…] [ROLE [ARGUMENT…]]: runs it with only these settings. Fails with 99 if a shell behaves
# differently from the first one.
entrypoint() {
	local settings=() shell name status expected=''
	while [[ ${1:-} == [A-Z]*=* ]]; do
		settings+=("$1")
		shift
	done
	for shell in "${shells[@]}"; do
		name=$BATS_TEST_TMPDIR/${shell// /-}
		status=0
		# shellcheck disable=SC2086 # "busybox sh" is two words
		env -i PATH="$FAKES:$PATH" "${settings[@]}" $shell "$ENTRYPOINT" "$@" >"$name.out" 2>"$name.err" || status=$?
		echo "$status" >"$name.status"
		expected=${expected:-$name}
		if ! diff "$expected.status" "$name.status" || ! diff "$expected.out" "$name.out" || ! diff "$expected.err" "$name.err"; then
			echo "$shell disagrees with ${expected##*/}"
			return 99
		fi
	done
	cat "$expected.out"
	cat "$expected.err" >&2
	return "$status"
}

# refuses CODE SENTENCE SETTINGS-AND-ROLE…: expects that nothing is started, and that only the sentence is printed.
refuses() {
	local code=$1 sentence=$2
	shift 2
	run --separate-stderr -"$code" entrypoint "$@"
	assert_output ''
	assert_equal "$stderr" "entrypoint: $sentence"
}

# with_secrets COMMAND…: runs it with a /run/secrets of its own, filled from $BATS_TEST_TMPDIR/secrets.
with_secrets() {
	# shellcheck disable=SC2016 # for the other shell
	unshare --map-root-user --mount bash -c '
		mount -t tmpfs none /run && cp -r "$1/secrets" /run/ && shift && "$@"
	' with_secrets "$BATS_TEST_TMPDIR" "$@"
}

# terminated_migration [SIGNAL]: runs migrate, gives it TERM once its command has said "running", and ends with its exit code.
terminated_migration() {
	PYTHONPATH="$ROOT/docker/python" python3 -m docker_roles.migrate >"$BATS_TEST_TMPDIR/said" 3>&- &
	local migrate=$!
	until grep -q running "$BATS_TEST_TMPDIR/said"; do kill -0 "$migrate" && sleep 0.1; done
	kill -s "${1:-TERM}" "$migrate"
	wait "$migrate"
}
