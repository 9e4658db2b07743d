# Starts the stack of a lane once, for all of its tests. The runner removes it.

# Three migrations at once, while there is an empty database for them: data.bats has what came of it.
migrate_at_once() {
	local databases number
	databases=$(tr ' ' '\n' <<<"$STACK_SERVICES" | grep --extended-regexp '^(postgres|mariadb)$') || true
	# shellcheck disable=SC2086 # one or none
	[[ -z $databases ]] || compose up --detach --wait $databases
	for number in 1 2 3; do
		(
			compose run --rm --no-deps --no-TTY migrate &>"$BATS_SUITE_TMPDIR/migrate.$number"
			echo "exit code $?" >>"$BATS_SUITE_TMPDIR/migrate.$number"
		) &
	done
	wait
}

setup_suite() {
	# shellcheck source=tests/docker/helpers.bash
	source "$BATS_TEST_DIRNAME/helpers.bash"
	compose config --format json >"$BATS_SUITE_TMPDIR/model.json"
	STACK_SERVICES=$(compose config --services | sort | xargs)
	CORE_SERVICES=$(comm -12 <(tr ' ' '\n' <<<"$STACK_SERVICES") <(COMPOSE_FILE=compose.yaml:compose.production.yaml compose --profile '*' config --services | sort) | xargs)
	export STACK_SERVICES CORE_SERVICES
	[[ $TEST_LANE == production ]] || migrate_at_once
	compose up --detach --wait --wait-timeout 180 && return
	compose ps --all
	compose logs --no-color --tail 30
	return 1
}
