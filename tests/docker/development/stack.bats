#!/usr/bin/env bats
# The development stack runs, is reached only from this machine, and restarts when a file is saved.

load ../helpers

@test "every service is healthy, and the migration has succeeded" {
	all_well
}

@test "ports are published only on this machine, and none of a database, Redis, worker or beat" {
	run published
	assert_line --regexp '^web 127\.0\.0\.1:'
	refute_line --regexp ' (0\.0\.0\.0|\[?::\]?):'
	refute_line --regexp '^(postgres|mariadb|redis|worker|beat) '
}

@test "Flower refuses a visitor without its password" {
	need_service flower
	run curl --silent --output /dev/null --write-out '%{http_code}' "http://$(address flower 5555)/"
	assert_output 401
}

@test "web and worker restart when a file is saved" {
	local file service
	file=$(find "$(build_setting APP_DIR)" -name '*.py' -not -path '*/node_modules/*' -not -path '*/.venv/*' | sort | head -1)
	[[ -n $file ]] || skip "there is no Python file in $(build_setting APP_DIR)"
	echo >>"$file"
	restarted() { docker logs "$(container "$1")" 2>&1 | grep "reload: .*${file##*/}.* changed"; }
	for service in web worker; do
		run until_ok 30 restarted "$service"
		assert_success
	done
	# The old process has time to end before the new one begins.
	for service in web worker; do
		run until_ok 60 docker exec "$(container "$service")" healthcheck.sh
		assert_success
		run until_ok 40 is_health "$service" healthy
		assert_success
	done
}

@test "the application's own tests pass in the stack (TEST_COMMAND)" {
	[[ -n $(app_setting TEST_COMMAND) ]] || skip 'TEST_COMMAND is empty'
	run compose run --rm --no-deps --no-TTY web test
	assert_success
}
