# Starts the stack of a lane once, for all of its tests. The runner removes it.

# Runs three migrations at once, while the database is still empty; data.bats checks the result. They share a container,
# because containers start too far apart to meet. A folder in it shows whether two run at the same time.
migrate_at_once() {
	local needed
	needed=$(tr ' ' '\n' <<<"$STACK_SERVICES" | grep --extended-regexp '^(postgres|mariadb|redis)$') || true
	# shellcheck disable=SC2086 # one, two or none
	[[ -z $needed ]] || compose up --detach --wait $needed
	# shellcheck disable=SC2016 # for the container's shell
	compose run --rm --no-deps --no-TTY migrate sh -c '
		[ -n "$MIGRATE_COMMAND" ] || exit 0
		export MIGRATE_LOCK_TIMEOUT=3600 MIGRATE_COMMAND="mkdir /tmp/migrating && (
			$MIGRATE_COMMAND
		) && rmdir /tmp/migrating"
		for number in 1 2 3; do
			(python -m docker_roles.migrate; echo "exit code $?") &
		done
		wait' &>"$BATS_SUITE_TMPDIR/migrations" || true
}

setup_suite() {
	# shellcheck source=tests/docker/helpers.bash
	source "$BATS_TEST_DIRNAME/helpers.bash"
	compose config --format json >"$BATS_SUITE_TMPDIR/model.json"
	STACK_SERVICES=$(compose config --services | sort | xargs)
	CORE_SERVICES=$(comm -12 <(tr ' ' '\n' <<<"$STACK_SERVICES") <(COMPOSE_FILE=compose.yaml:compose.production.yaml compose --profile '*' config --services | sort) | xargs)
	export STACK_SERVICES CORE_SERVICES
	# Tests that loop over an empty list would pass.
	[[ -n $CORE_SERVICES ]] || { echo 'Compose named no service of compose.yaml and compose.production.yaml.' >&2 && return 1; }
	[[ $TEST_LANE == production ]] || migrate_at_once
	compose up --detach --wait --wait-timeout 180 && return
	compose ps --all
	compose logs --no-color --tail 15
	return 1
}
