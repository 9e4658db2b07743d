#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # eval'ed conditions on purpose, $output per test; new_stack exports what is used here
# The commands as a user runs them, in a copy of the repository: what they leave behind when all goes well,
# and what they say when it does not. One project, one stack after the other.

load helpers

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/copy"
	new_stack
	# The commands look for .env.docker when they are told of no other file.
	cp "$env_file" .env.docker
	git init --quiet
}

setup() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
	bats_require_minimum_version 1.5.0
}

teardown() {
	show_stack
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
	remove_stack
}

# change FILE EXPRESSION: edits a file of the copy for one test; put_back undoes it.
change() {
	cp "$1" "$BATS_TEST_TMPDIR/before"
	sed --in-place "$2" "$1"
}

put_back() {
	cp "$BATS_TEST_TMPDIR/before" "$1"
}

up() {
	run --separate-stderr npm run --silent up -- "$@"
}

@test "up ends with a healthy stack and addresses that answer" {
	up --json
	assert_success
	assert_equal "$(json .ok <<<"$output")" true
	assert_equal "$(json '.services.filter(s => s.state === "running" && s.health !== "healthy").length' <<<"$output")" 0
	assert_equal "$(json '.services.find(s => s.name === "migrate").exitCode' <<<"$output")" 0
	curl --silent --fail "$(json .urls.web <<<"$output")/healthz"
	curl --silent --fail "$(json .urls.flower <<<"$output")/healthcheck"
}

@test "up on a healthy stack keeps every container that is running" {
	before=$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)
	up
	assert_success
	assert_equal "$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)" "$before"
	output=$stderr
	assert_output --partial 'Next: npm run seed'
}

@test "plain Compose finds nothing to change in what up has started" {
	before=$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)
	docker compose --env-file .env.docker up --detach --wait
	assert_equal "$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)" "$before"
}

@test "migrate and seed can be run again and again" {
	npm run --silent migrate
	npm run --silent seed
	npm run --silent seed
}

doctor() {
	run --separate-stderr npm run --silent doctor -- "$@"
}

# doctor_finds LEVEL TEXT: whether the stack has such an observation.
doctor_finds() {
	json ".stack.some(o => o.level === '$1' && o.text.includes('$2'))" <<<"$output"
}

@test "doctor has nothing to mend in a healthy stack, and leaves it as it is" {
	# The fables that seed has queued.
	narrated() { [[ $(docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT count(*) FROM story WHERE status <> 'done'") == 0 ]]; }
	until_ok 60 narrated
	before=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)
	doctor --json
	assert_success
	for text in 'are healthy' 'takes the password' 'of PostgreSQL 17, as its image is' 'No task waits' 'looked at its schedule' 'Volumes: '; do
		assert_equal "$text $(doctor_finds well "$text")" "$text true"
	done
	assert_equal "$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort)" "$before"
}

@test "doctor names a password that the volume does not have, tasks that nobody takes, and a service that is paused" {
	alter() { docker exec "$(container postgres)" psql -q -U postgres -d stories -c "ALTER USER postgres PASSWORD '$1'"; }
	alter another
	# A tick of beat's that is just taken looks like work on the queue that nobody takes from.
	compose stop beat
	docker exec "$(container web)" entrypoint.sh celery --app stories.worker:celery --quiet call --queue nobodys stories.nothing
	doctor --json
	alter "$(docker exec "$(container postgres)" printenv POSTGRES_PASSWORD)"
	redis_cli del nobodys
	compose start beat
	assert_failure 3
	assert_equal "$(doctor_finds wrong 'postgres does not take the password')" true
	assert_equal "$(doctor_finds doubtful 'Tasks wait (1 in nobodys, first stories.nothing, for at least ')" true

	docker pause "$(container worker)"
	doctor
	docker unpause "$(container worker)"
	assert_failure 3
	output=$stderr
	assert_output --partial '✗ worker is paused'
}

@test "doctor names data that another version of PostgreSQL has made" {
	image=$(docker inspect --format '{{.Config.Image}}' "$(container postgres)")
	set_version() {
		docker run --rm --network none --user root --entrypoint sh --mount "type=volume,source=${project}_postgres-data,target=/v" "$image" -c "echo $1 >/v/PG_VERSION"
	}
	compose stop postgres
	set_version 16
	doctor --json
	set_version 17
	assert_failure 3
	assert_equal "$(doctor_finds wrong 'made by PostgreSQL 16, and the image has 17')" true
}

@test "a migration that is stopped does not go on unseen" {
	local code=0 pid
	one_offs() { docker ps --all --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=True | grep .; }
	# TERM instead of Ctrl-C, which a shell's children in the background do not hear.
	MIGRATE_COMMAND='sleep 100' setsid npm run --silent migrate >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	pid=$!
	until_ok 30 one_offs
	kill -TERM -- "-$pid"
	wait "$pid" || code=$?
	assert_equal "$code" 143
	# npm does not wait for the script, whose last word this is.
	until_ok 20 grep 'Stopped\.' "$BATS_TEST_TMPDIR/said"
	# Docker removes in the background what has ended.
	run until_ok 20 eval '! one_offs'
	assert_success
}

@test "a dependency that is added is there after the next up" {
	change .env.docker 's/^PYTHON_EXTRA_PACKAGES=.*/PYTHON_EXTRA_PACKAGES=humanize==4.12.3/'
	up
	assert_success
	docker exec "$(container web)" python -c 'import humanize'
	put_back .env.docker
}

@test "a broken line in .env.docker is exit code 3, with file and line" {
	change .env.docker '5a this is no setting'
	up
	assert_failure 3
	output=$stderr
	assert_output --partial '.env.docker:6'
	assert_output --partial 'Nothing was started'
	put_back .env.docker
}

@test "a package that does not exist is exit code 5, and names the package" {
	change app/requirements.txt '$a no-such-package-of-this-test==1.0 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000'
	up
	assert_failure 5
	output=$stderr
	assert_output --partial 'no-such-package-of-this-test'
	assert_output --partial 'The image could not be built'
	put_back app/requirements.txt
}

@test "a migration that fails is exit code 6, with its last lines" {
	local file
	file=$(find app/migrations/versions -name '*.py' | sort | tail -n 1)
	npm run --silent teardown -- --volumes --yes
	change "$file" '0,/^def upgrade/s/^def upgrade.*/&\n    raise RuntimeError("this migration fails on purpose")/'
	up
	assert_failure 6
	output=$stderr
	assert_output --partial 'The database was not migrated'
	assert_output --partial 'this migration fails on purpose'
	refute_output --partial '    at '
	put_back "$file"
	run --separate-stderr npm run --silent migrate
	assert_success
}

@test "an application that cannot be imported is exit code 7, and the cause is named" {
	change app/stories/__init__.py '$a import no_such_module_of_this_test'
	npm run --silent teardown
	up --timeout 60
	put_back app/stories/__init__.py
	assert_failure
	output=$stderr
	assert_output --partial 'no_such_module_of_this_test'
}

@test "a missing CELERY_APP is exit code 7, and the setting is named" {
	change .env.docker 's/^CELERY_APP=.*/CELERY_APP=/'
	up --timeout 60
	put_back .env.docker
	assert_failure 7
	output=$stderr
	assert_output --partial 'needs CELERY_APP'
}

@test "a port that is taken is exit code 3, and names its holder before anything starts" {
	npm run --silent teardown
	local port
	port=$(sed -n 's/^WEB_PORT=//p' .env.docker)
	node -e 'require("net").createServer().listen(+process.argv[1], "127.0.0.1", () => console.log("listening"))' "$port" >"$BATS_TEST_TMPDIR/holder" 3>&- &
	holder=$!
	until_ok 10 grep listening "$BATS_TEST_TMPDIR/holder"
	up
	kill "$holder"
	assert_failure 3
	output=$stderr
	assert_output --partial "Port $port is taken by process $holder (node)"
	assert_output --partial 'WEB_PORT'
	run docker ps --all --quiet --filter "label=com.docker.compose.project=$project"
	assert_output ''
}

@test "teardown keeps the data, and --volumes without a terminal wants --yes" {
	up
	assert_success
	npm run --silent teardown
	run docker volume ls --quiet --filter "label=com.docker.compose.project=$project"
	assert_line "${project}_postgres-data"
	run --separate-stderr npm run --silent teardown -- --volumes </dev/null
	assert_failure 2
	run docker volume ls --quiet --filter "label=com.docker.compose.project=$project"
	assert_line "${project}_postgres-data"
	npm run --silent teardown -- --volumes --yes
	run docker volume ls --quiet --filter "label=com.docker.compose.project=$project"
	assert_output ''
}
