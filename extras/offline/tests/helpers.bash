# Shared by the tests of the stand-ins, which need an engine that answers and build the stand-ins that they use.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

# The tests expect the output for people, even if a workflow runs them.
unset GITHUB_ACTIONS

# require_stand_ins IMAGE…: builds them if they are missing. Skips the tests if there is no engine.
require_stand_ins() {
	docker version >/dev/null 2>&1 || skip 'no Docker Engine answers'
	node --import tsx/esm --input-type=module --eval '
		import { ensureStandIns } from "./extras/offline/stand-ins.ts"
		await ensureStandIns(process.argv.slice(1), {})' "$@"
}

# new_stack NAME=VALUE…: writes an env file with the stand-ins and these settings, for a project of its own.
new_stack() {
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	storage_port=$((20000 + RANDOM % 12000))
	storage=http://127.0.0.1:$storage_port
	# Later lines win.
	cp .env.docker.example "$env_file"
	printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "STORAGE_PORT=$storage_port" \
		'COMPOSE_FILE=compose.yaml:compose.override.yaml:extras/offline/compose.yaml' "$@" >>"$env_file"
	export project env_file storage
}

# keep [OPTION…] IMAGE [COMMAND…]: runs a container in the background until remove_all; prints its id.
keep() {
	docker run --detach --label "kept-for=$project" "$@"
}

remove_all() {
	[[ -n ${env_file:-} ]] || return 0
	docker ps --all --quiet --filter "label=kept-for=$project" | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
	compose --profile '*' down --volumes --timeout 5 >/dev/null 2>&1 || true
}

owner_of_process_1() { # owner_of_process_1 CONTAINER
	docker exec "$1" stat --format %U /proc/1
}

exit_code() { # exit_code CONTAINER
	docker inspect --format '{{.State.ExitCode}}' "$1"
}
