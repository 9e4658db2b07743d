# Shared by the contract suite. `npm run test:docker` has made a copy of the repository with an env file and an image
# for each lane (tests/docker/run.ts), and setup_suite.bash has started the stack that all tests of a lane share.
# shellcheck disable=SC2016 # for Node, for Docker and for the containers' shells

bats_require_minimum_version 1.5.0
: "${TEST_COPY:?run npm run test:docker}" "${TEST_ENV_FILE:?}" "${TEST_LANE:?}" "${COMPOSE_PROJECT_NAME:?}"
cd "$TEST_COPY" || exit 1

project=$COMPOSE_PROJECT_NAME env_file=$TEST_ENV_FILE
# shellcheck source=tests/docker/stack.bash
source "$TEST_COPY/tests/docker/stack.bash"

teardown() {
	show_stack
}

# model FILTER: a part of what Compose makes of the files and the settings, e.g. model .services.web.image
model() {
	node -e '
		const model = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8").replaceAll("$$", "$"))
		const found = new Function("model", `return model${process.argv[2]}`)(model) ?? ""
		console.log(typeof found === "object" ? JSON.stringify(found) : found)' "$BATS_SUITE_TMPDIR/model.json" "$1"
}

# app_setting NAME, build_setting NAME: the value that web or the build gets.
app_setting() { model ".services.web.environment?.$1"; }
build_setting() { model ".services.migrate.build?.args?.$1"; }

# has_service NAME, need_service NAME: the second skips the test if the service does not run. $CORE_SERVICES are those
# of compose.yaml; these tests promise nothing about services that the owner has added.
has_service() {
	[[ " $STACK_SERVICES " == *" $1 "* ]]
}

need_service() {
	has_service "$1" || skip "COMPOSE_PROFILES names no $1"
}

# within SERVICE COMMAND…: runs the command in the container, with the same environment as the role.
within() {
	docker exec --interactive "$(container "$1")" entrypoint.sh "${@:2}"
}

# all_well: every long-running service is healthy, and every one-shot has ended with 0.
all_well() {
	local service expected
	for service in $CORE_SERVICES; do
		case $service in migrate | secrets-check) expected='exited 0' ;; *) expected='running healthy' ;; esac
		run state '{{.State.Status}} {{if .State.Running}}{{.State.Health.Status}}{{else}}{{.State.ExitCode}}{{end}}' "$service"
		assert_equal "$service $output" "$service $expected"
	done
}

# published: a line for each service that opens ports on this machine, e.g. "web 127.0.0.1:32768->8000/tcp"
published() {
	docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}' | grep -e '->'
}

# address SERVICE PORT: the address on this machine of a port of the container.
address() {
	docker port "$(container "$1")" "$2" | head -1
}

# send_task done|result: sends a task that every Celery application has through the queue. Fails with 3, and prints the
# reason, if the application cannot do that.
send_task() {
	within worker python - "$1" <"$TEST_COPY/tests/docker/task.py"
}

# signal_role SIGNAL SERVICE: signals every process in the container but tini and the health check.
signal_role() {
	docker exec "$(container "$2")" sh -c '
		for process in /proc/[0-9]*; do
			pid=${process#/proc/}
			read -r name <"$process/comm" || continue
			case $pid:$name in 1:* | $$:* | *:healthcheck.sh) ;; *) kill -'"$1"' "$pid" || true ;; esac
		done 2>/dev/null'
}
