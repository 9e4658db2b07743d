#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# npm run copy-database on template/examples/dashboard: from its SQLite file to PostgreSQL and to MariaDB. What one value or one
# table can do wrong is in copy-database/, which runs here against both servers.

load helpers

copy() { # copy [ARG…]
	node --import tsx/esm -- extras/copy-database/copy-database.ts --env-file "$env_file" "$@"
}

# use SERVICE: puts into the env file what the documentation says to put there after the copy.
use() {
	case $1 in
	sqlite) set_in "$env_file" DATABASE_URL=sqlite:////data/dashboard.db ;;
	postgres) set_in "$env_file" 'DATABASE_URL=postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}' ;;
	mariadb) set_in "$env_file" 'DATABASE_URL=mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@mariadb:3306/${MARIADB_DATABASE}?charset=utf8mb4' ;;
	esac
}

ask() { # ask SERVICE SQL: the answer of that server
	case $1 in
	postgres) compose exec -T postgres psql --no-psqlrc -U dashboard -d dashboard -Atc "$2" ;;
	mariadb) compose exec -T mariadb mariadb -u root dashboard --batch --skip-column-names --execute "$2" ;;
	esac
}

# in_sqlite SQL: changes the source behind the application's back.
in_sqlite() {
	compose run --rm --no-TTY --no-deps migrate python -c \
		'import sqlite3, sys; c = sqlite3.connect("/data/dashboard.db"); c.executescript(sys.argv[1]); c.commit()' "$1"
}

# upload ROWS MINUTE: uploads a batch with this many readings and a bad line, and waits until it is done.
upload() {
	local file=$BATS_TEST_TMPDIR/readings.csv id
	{
		echo sensor,time,value
		for ((n = 0; n < $1; n++)); do printf 'gh1-air,2026-05-%02dT10:%02d:%02d.5Z,%d.125\n' $((n % 28 + 1)) "$2" $((n / 28)) $((n % 40)); done
		echo gh1-air,yesterday,warm
	} >"$file"
	id=$(curl --silent --fail --max-time 20 --form "file=@$file" "$web/api/batches" | json .id)
	until_ok 60 eval 'test "$(curl --silent --fail --max-time 10 "$web/api/batches/'"$id"'" | json .status)" = done'
}

# What a user sees of the data.
seen() {
	local path
	for path in sensors batches sensors/gh1-air/days; do curl --silent --fail --max-time 20 "$web/api/$path"; done
}

setup_file() {
	# Without the page: the API shows all that is copied.
	new_stack_from template/examples/dashboard/env.docker COMPOSE_PROFILES=redis,postgres,mariadb FRONTEND=none
	start_stack
	compose run --rm --no-TTY --no-deps web seed
	upload 300 1
}

teardown() {
	show_stack
}

teardown_file() {
	remove_stack
}

@test "the tests of the copier pass in the image, against both servers" {
	local tables='shop_for_tests'
	ask postgres "CREATE DATABASE $tables"
	ask mariadb "CREATE DATABASE $tables; GRANT ALL ON $tables.* TO dashboard"
	run compose run --rm --no-TTY --no-deps --volume "$PWD/template/tests/docker/copy-database:/tests:ro" \
		--volume "$PWD/extras/copy-database/copy_database:/opt/docker/copy_database:ro" \
		--env TEST_TARGETS="postgresql+psycopg://dashboard:postgres-local-only@postgres/$tables mysql+pymysql://dashboard:mariadb-local-only@mariadb/$tables?charset=utf8mb4" \
		--workdir /tmp migrate python -m pytest -q -p no:cacheprovider /tests
	assert_success
	assert_output --regexp '[0-9]+ passed'
	refute_output --partial skipped
}

moves_to() { # moves_to SERVICE: step by step as extras/copy-database/README.md has it
	local before
	use sqlite
	compose up --detach --wait --wait-timeout 120 web worker
	before=$(seen)
	run copy --to "$1"
	assert_failure 1
	assert_output --partial 'The application is running (web, worker)'
	compose stop --timeout 10 web worker

	run copy --to "$1" --dry-run
	assert_success
	assert_output --partial 'fit. Nothing was written'
	assert_equal "$(ask "$1" "SELECT count(*) FROM information_schema.tables WHERE table_name = 'reading'")" 0

	run copy --to "$1"
	assert_success
	assert_line --partial 'reading: 300 rows, the same on both sides ('
	assert_line --regexp '^  DATABASE_URL=.*_USER\}:\$\{.*_PASSWORD\}@'"$1"':'
	refute_output --partial local-only

	run copy --to "$1"
	assert_failure 1
	assert_output --partial 'The target is not empty'

	use "$1"
	compose up --detach --wait --wait-timeout 120 web worker
	assert_equal "$(seen)" "$before"
	# Numbers continue after those that were copied.
	upload 30 2
	assert_equal "$(ask "$1" 'SELECT count(*) FROM reading')" 330
	compose stop --timeout 10 web worker
}

@test "step by step from SQLite to PostgreSQL: the page shows the same, and work goes on" {
	moves_to postgres
}

@test "step by step from SQLite to MariaDB: the page shows the same, and work goes on" {
	moves_to mariadb
}

# fill_targets: copies the source into both targets and stops all writers. A copy that fails later must not touch them.
fill_targets() {
	use sqlite
	compose stop --timeout 10 web worker
	copy --to postgres --empty-target --yes
	copy --to mariadb --empty-target --yes
}

@test "what does not fit is listed row by row, with exit code 8, and what was in the target is still there" {
	fill_targets
	in_sqlite "UPDATE sensor SET installed_on = 'last year' WHERE code = 'gh1-air';
		UPDATE sensor SET active = 'maybe' WHERE code = 'gh2-air';
		UPDATE sensor SET site_id = 4711 WHERE code = 'field-old'"
	local service
	for service in postgres mariadb; do
		run copy --to "$service" --empty-target --yes
		assert_failure 8
		assert_line --regexp "sensor.installed_on \[id=[0-9]+\]: 'last year' is not a date \(date\)"
		assert_line --regexp "sensor.active \[id=[0-9]+\]: 'maybe' is not true or false \(1 or 0\) \(boolean\)"
		assert_line --regexp 'sensor.site_id \[id=[0-9]+\]: refers to site \[id=4711\], which is not there \(orphan\)'
		assert_equal "$(ask "$service" 'SELECT count(*) FROM reading')" 300
	done
	in_sqlite "UPDATE sensor SET installed_on = '2019-03-11' WHERE code = 'gh1-air';
		UPDATE sensor SET active = 1 WHERE code = 'gh2-air';
		UPDATE sensor SET site_id = (SELECT id FROM site WHERE code = 'field') WHERE code = 'field-old'"
}

is_copying() { # is_copying LOG
	grep 'copying reading' "$1"
}

one_off() {
	docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=True
}

has_ended() {
	[[ -z $(one_off) ]]
}

# untouched SERVICE: the server may take a moment to notice that its client is gone.
untouched() {
	[[ $(ask "$1" 'SELECT count(*) FROM reading') == 300 ]]
}

@test "Ctrl-C and kill -9 in the middle of 200,000 rows leave the target as it was" {
	local service log how pid code
	fill_targets
	in_sqlite "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
		INSERT INTO reading (batch_id, sensor_id, measured_at, value)
		SELECT (SELECT id FROM batch), (SELECT id FROM sensor WHERE code = 'gh2-air'),
			strftime('%Y-%m-%d %H:%M:%S.000000', 1000000000 + i, 'unixepoch'), i / 1000.0 FROM n"
	for how in INT KILL; do
		if [[ $how == INT ]]; then service=postgres; else service=mariadb; fi
		# A log for each: the process in the background may empty an old one only after the first look at it.
		log=$BATS_TEST_TMPDIR/log.$how
		setsid node --import tsx/esm -- extras/copy-database/copy-database.ts --env-file "$env_file" --to "$service" --empty-target --yes >"$log" 2>&1 3>&- &
		pid=$!
		until_ok 90 is_copying "$log"
		run docker top "$(one_off)" -o pid,args
		assert_output --partial copy_database
		refute_output --partial local-only
		if [[ $how == INT ]]; then kill -INT -- "-$pid"; else docker kill "$(one_off)"; fi
		code=0
		wait "$pid" || code=$?
		if [[ $how == INT ]]; then assert_equal "$code" 130; else assert_equal "$code" 1; fi
		# After Ctrl-C it has ended by now: a copy that seems stopped must not go on.
		if [[ $how == INT ]]; then has_ended; else until_ok 30 has_ended; fi
		grep --invert-match 'were copied' "$log"
		until_ok 30 untouched "$service"
	done
	run copy --to mariadb --empty-target --yes --json
	assert_success
	assert_equal "$(ask mariadb 'SELECT count(*) FROM reading')" 200300
}
