#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# template/examples/dashboard from its own env file: a frontend that Node builds, sixty browsers that see a batch live,
# and three databases by settings alone. One stack for all tests of this file; it begins on SQLite.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/a copy of it"
	new_stack_from template/examples/dashboard/env.docker
	start_stack
	compose exec --no-TTY web entrypoint.sh seed
}

setup() {
	cd "$BATS_FILE_TMPDIR/a copy of it" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	remove_stack
}

# sample ROWS DAY: a file of readings that begin on this day, one in a hundred of them bad.
sample() {
	compose exec --no-TTY web flask --app dashboard sample "$1" --begin "$2" >"$BATS_TEST_TMPDIR/readings.csv"
}

# submit ROWS DAY: the id of a batch of such readings.
submit() {
	sample "$@"
	curl --silent --fail-with-body --max-time 20 --form "file=@$BATS_TEST_TMPDIR/readings.csv" "$web/api/batches" | json .id
}

batch() { # batch ID FILTER
	curl --silent --fail --max-time 10 "$web/api/batches/$1" | json "$2"
}

batch_is() { # batch_is ID STATUS
	local found
	found=$(batch "$1" '.status + ": " + d.rows_done + " of " + d.rows + ", " + d.error')
	echo "$found"
	[[ $found == "$2:"* ]]
}

# What must work on every database: schema, seed, a complete batch, and the application's own tests.
works_on() { # works_on SERVICE URL URL-OF-AN-EMPTY-DATABASE
	set_in "$env_file" COMPOSE_PROFILES="redis,$1" DATABASE_URL="$2"
	compose up --detach --wait "$1"
	migrate_three_at_once
	compose up --detach --wait
	run compose exec --no-TTY web entrypoint.sh seed
	assert_output '5 sites, 8 sensors'
	local id
	id=$(submit 8000 2026-03-01)
	run until_ok 60 batch_is "$id" 'done'
	assert_success
	run batch "$id" '.rows_rejected + " " + d.rejections[0].line + " " + d.rejections[0].reason'
	assert_output '80 101 no sensor has this code'
	run eval 'curl --silent --fail "$web/api/sensors/gh1-air/days" | json "[1].mean + \" \" + d[1].highest + \" \" + d[1].readings"'
	assert_output '21 27.000 288'
	# Its tables are made by the migrations and compared with the models.
	run compose run --rm --no-TTY --no-deps --env TEST_DATABASE_URL="$3" web test -q tests/test_database.py tests/test_batches.py
	assert_success
	# Its connections are cut, and its data is there.
	compose restart "$1"
	run until_ok 60 batch_is "$id" 'done'
	assert_success
}

migrate_three_at_once() {
	local pids=() pid number
	for number in 1 2 3; do
		compose run --rm --no-TTY --no-deps migrate migrate >"$BATS_TEST_TMPDIR/migrate.$number" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || { cat "$BATS_TEST_TMPDIR"/migrate.* && return 1; }; done
	run grep --no-filename --count 'Running upgrade  -> 0001' "$BATS_TEST_TMPDIR"/migrate.1 "$BATS_TEST_TMPDIR"/migrate.2 "$BATS_TEST_TMPDIR"/migrate.3
	assert_equal "$(sort <<<"$output" | xargs)" '0 0 1'
}

@test "web and worker are healthy with only Redis beside them" {
	run_alone web worker redis
}

@test "seeding twice adds sites and sensors once" {
	run compose exec --no-TTY web entrypoint.sh seed
	assert_output '5 sites, 8 sensors'
	run eval 'curl --silent --fail "$web/api/sensors" | json ".length"'
	assert_output 8
}

@test "the page that Node has built is served beside the mounted source, and its files are cached for a year" {
	[[ ! -e template/examples/dashboard/frontend/dist ]]
	local file
	curl --silent --fail --dump-header "$BATS_TEST_TMPDIR/headers" --output "$BATS_TEST_TMPDIR/page" "$web/"
	run cat "$BATS_TEST_TMPDIR/headers"
	assert_output --partial 'Cache-Control: no-cache'
	while read -r file; do
		run curl --silent --fail --dump-header - --output /dev/null "$web$file"
		assert_success
		assert_output --regexp 'Cache-Control:.*max-age=31536000.*immutable'
		echo "${file##*.}" >>"$BATS_TEST_TMPDIR/kinds"
	done < <(grep --only-matching --extended-regexp '/assets/index-[A-Za-z0-9_-]{8}\.(js|css)' "$BATS_TEST_TMPDIR/page")
	assert_equal "$(sort "$BATS_TEST_TMPDIR/kinds" | xargs)" 'css js'
	run curl --silent --output /dev/null --write-out '%{http_code}' "$web/assets/index-00000000.js"
	assert_output 404
}

@test "sixty browsers see a batch to its end, and the API answers all the time" {
	sample 60000 2026-03-01
	run -0 --separate-stderr node_modules/.bin/tsx template/tests/docker/browsers.ts "$web" 60 "$BATS_TEST_TMPDIR/readings.csv"
	assert_equal "$(json '.connected + " " + d.sawEnd + " " + d.problems' <<<"$output")" '60 60 '
	echo "$output"
	# No answer waited for the batch. How many answers there are depends on the machine.
	assert_equal "$(json '.fewestSteps > 20 && d.answers > 2 && d.slowestMs < d.seconds * 500' <<<"$output")" true
	json .id <<<"$output" >"$BATS_FILE_TMPDIR/id"
	# Bad lines are reported with the reason.
	run batch "$(<"$BATS_FILE_TMPDIR/id")" '.rows_rejected + " " + d.rejections[0].line + " " + d.rejections[0].reason'
	assert_output '600 101 no sensor has this code'
}

@test "a file that is no CSV is reported in one sentence, and the worker goes on" {
	local id
	id=$(curl --silent --fail --form "file=@README.md" "$web/api/batches" | json .id)
	run until_ok 30 batch_is "$id" failed
	assert_success
	run batch "$id" .error
	assert_output --partial 'first line is not'
	id=$(submit 10 2027-01-01)
	run until_ok 30 batch_is "$id" 'done'
	assert_success
}

@test "if a worker is stopped in mid-batch, the next one goes on, and no row is stored twice" {
	local id
	WORKER_STOP_TIMEOUT=1 compose up --detach --no-deps --wait worker
	id=$(submit 100000 2027-03-01)
	in_the_middle() { batch_is "$id" working && (($(batch "$id" .rows_done) > 1000)); }
	until_ok 30 caught worker in_the_middle
	compose stop worker
	run batch_is "$id" working
	assert_success
	compose up --detach --no-deps --wait worker
	run until_ok 60 batch_is "$id" 'done'
	assert_success
	run batch "$id" .attempt
	assert_output 2
	run docker exec "$(container web)" python -c 'import sqlite3, sys; print(*sqlite3.connect("/data/dashboard.db").execute("SELECT count(*), count(DISTINCT sensor_id || measured_at) FROM reading WHERE batch_id = ?", [sys.argv[1].replace("-", "")]).fetchone())' "$id"
	assert_output '99000 99000'
	run batch "$id" .rows_rejected
	assert_output 1000
}

@test "web restarts when a file is saved, and ends the streams of open browsers when it is told to stop" {
	sed -i 's|"/healthz"|"/saved-by-the-test"|' template/examples/dashboard/dashboard/api.py
	# The page is not in what is mounted.
	run until_ok 30 eval 'curl --silent --fail "$web/saved-by-the-test" && curl --silent --fail "$web/"'
	sed -i 's|"/saved-by-the-test"|"/healthz"|' template/examples/dashboard/dashboard/api.py
	assert_success
	assert_output --partial /assets/index-
	run until_ok 30 curl --silent --fail "$web/healthz"
	assert_success
	curl --silent --no-buffer --max-time 60 "$web/api/events" >"$BATS_TEST_TMPDIR/events" 3>&- &
	until_ok 10 grep --quiet '^event: batches' "$BATS_TEST_TMPDIR/events"
	compose restart web
	# With its end. A stream that is only cut off, when gunicorn has lost its patience after 20 seconds, is an error.
	wait $!
}

@test "batches, their files and the page are there after teardown and a new start" {
	compose down
	compose up --detach --wait
	local id
	id=$(<"$BATS_FILE_TMPDIR/id")
	run batch "$id" '.status + " " + d.rows_done'
	assert_output 'done 60000'
	docker exec "$(container web)" cat "/data/uploads/$id.csv" | head --lines 1 >"$BATS_TEST_TMPDIR/header"
	assert_equal "$(<"$BATS_TEST_TMPDIR/header")" sensor,time,value
	run curl --silent --fail "$web/"
	assert_output --partial /assets/index-
}

@test "the production image has the built page, and neither its source nor Node" {
	COMPOSE_FILE=${TEST_COMPOSE_FILES/:compose.override.yaml/} build_images
	run docker run --rm "$project-app" sh -c 'ls /app "$FRONTEND_ROOT"; command -v node npm || echo nothing'
	assert_success
	assert_line index.html
	assert_line assets
	assert_line dashboard
	refute_line frontend
	refute_line tests
	assert_line nothing
}

@test "the same application on PostgreSQL" {
	local address='postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432'
	compose --profile postgres up --detach --wait postgres
	compose --profile postgres exec --no-TTY postgres createdb --username dashboard dashboard_test
	works_on postgres "$address/\${POSTGRES_DB}" postgresql+psycopg://dashboard:postgres-local-only@db:5432/dashboard_test
	compose rm --stop --force postgres
}

@test "the same application on MariaDB" {
	local address='mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:3306'
	compose --profile mariadb up --detach --wait mariadb
	compose --profile mariadb exec --no-TTY mariadb mariadb --user root \
		--execute 'CREATE DATABASE dashboard_test; GRANT ALL ON dashboard_test.* TO dashboard'
	works_on mariadb "$address/\${MARIADB_DATABASE}?charset=utf8mb4" \
		'mysql+pymysql://dashboard:mariadb-local-only@db:3306/dashboard_test?charset=utf8mb4'
}
