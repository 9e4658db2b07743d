# What tests ask of one stack, that of $project and $env_file. The test file sets them, in the project's folder.
# shellcheck disable=SC2154 # for its users
# shellcheck disable=SC2016 # for Docker and for the containers' shells

load "$PWD/node_modules/bats-support/load.bash"
load "$PWD/node_modules/bats-assert/load.bash"

# compose ARGS…: runs Compose on the stack.
compose() {
	docker compose --env-file "$env_file" --progress quiet "$@"
}

# container SERVICE [NUMBER]: the name of its container.
container() {
	echo "$project-$1-${2:-1}"
}

# state FORMAT SERVICE: what docker inspect says about its container.
state() {
	docker inspect --format "$1" "$(container "$2")"
}

# is_health SERVICE HEALTH: healthy, unhealthy or starting.
is_health() {
	local found
	found=$(state '{{.State.Health.Status}}' "$1")
	echo "$1 is $found"
	[[ $found == "$2" ]]
}

# redis_cli ARGS…: asks the queue, with its password.
redis_cli() {
	docker exec "$(container redis)" sh -c 'VALKEYCLI_AUTH=$REDIS_PASSWORD REDISCLI_AUTH=$REDIS_PASSWORD exec "$(command -v valkey-cli || command -v redis-cli)" "$@"' sh "$@"
}

# until_ok SECONDS COMMAND…: tries until the command succeeds; fails with its last output.
until_ok() {
	local deadline=$((SECONDS + $1)) output
	shift
	while ! output=$("$@" 2>&1); do
		if ((SECONDS >= deadline)); then
			printf 'gave up waiting for: %s\n%s\n' "$*" "$output" >&2
			return 1
		fi
		sleep 0.2
	done
	printf '%s\n' "$output"
}

# show_stack: shows containers and logs after a failed test. For teardown.
show_stack() {
	[[ -z ${BATS_TEST_COMPLETED:-} && -n ${env_file:-} ]] || return 0
	compose ps --all || true
	compose logs --no-color --tail 25 || true
}
