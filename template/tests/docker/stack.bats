#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; new_stack exports what is used here
# The development stack as a whole, from HTTP to the audio file. One stack for all tests of this file;
# the passwords have every character in them that breaks something somewhere.

load helpers
load round-trip

# The processes of a role, without tini, get a signal.
signal_role() { # signal_role SIGNAL SERVICE
	docker exec "$(container "$2")" sh -c '
		for process in /proc/[0-9]*; do
			pid=${process#/proc/}
			case $pid in 1 | $$) continue ;; esac
			if tr "\0" " " <$process/cmdline 2>/dev/null | grep -qE "celery|gunicorn"; then kill -'"$1"' $pid; fi
		done' || true
}

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/a copy of it"
	new_stack POSTGRES_PASSWORD="'p@ss\$word#1'" DATABASE_URL="'postgresql+psycopg://postgres:p%40ss\$word%231@db:5432/stories'" \
		REDIS_PASSWORD=r3dis-0f-test REDIS_URL=redis://:r3dis-0f-test@redis:6379/0
	start_stack
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

@test "every service is healthy, and the migration has ended well" {
	local service
	for service in web worker beat flower postgres redis storage; do
		run is_health "$service" healthy
		assert_success
	done
	run state '{{.State.Status}} {{.State.ExitCode}}' migrate
	assert_output 'exited 0'
}

@test "only web, Flower and the store are published, and on this machine alone" {
	run docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}'
	assert_success
	refute_line --regexp '(postgres|redis|worker|beat) .*->'
	refute_output --partial '0.0.0.0:'
	refute_output --partial '[::]:'
	assert_line --regexp '^web 127\.0\.0\.1:[0-9]+->[0-9]+/tcp$'
}

@test "a story of several thousand words becomes audio that a browser can fetch" {
	long_story_becomes_audio
}

@test "the progress of a story is streamed while it is narrated" {
	progress_is_streamed
}

@test "the periodic task runs again and again, and the page says so" {
	periodic_task_runs
}

@test "Flower refuses without its password" {
	run curl --silent --output /dev/null --write-out '%{http_code}' "$flower/"
	assert_output 401
	run curl --silent --output /dev/null --write-out '%{http_code}' --user admin:wrong "$flower/"
	assert_output 401
	run curl --silent --output /dev/null --write-out '%{http_code}' --user admin:flower-local-only "$flower/workers"
	assert_output 200
}

@test "Redis refuses without its password, which stands in no argument list" {
	run docker exec "$(container redis)" sh -c '"$(command -v valkey-cli || command -v redis-cli)" ping'
	assert_output --partial NOAUTH
	run docker ps --quiet --filter "label=com.docker.compose.project=$project"
	local secret
	for secret in r3dis-0f-test flower-local-only storage-local-only 'p@ss'; do
		# shellcheck disable=SC2086
		refute [ -n "$(docker inspect --format '{{.Path}} {{.Args}} {{.Config.Cmd}} {{.Config.Healthcheck}}' $output | grep --fixed-strings -- "$secret")" ]
		refute [ -n "$(for id in $output; do docker top "$id" -o args; done | grep --fixed-strings -- "$secret")" ]
	done
}

@test "the application's tests pass inside the stack" {
	run compose run --rm --no-TTY web pytest -q
	assert_success
	assert_output --partial ' passed'
}

@test "three migrations at once all succeed" {
	local pids=() pid number
	for number in 1 2 3; do
		compose run --rm --no-TTY --no-deps migrate migrate >"$BATS_TEST_TMPDIR/migrate.$number" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
}

@test "a migration waits for the one that holds the lock, and says so when it takes too long" {
	docker exec --detach "$(container postgres)" psql -U postgres -d stories -c 'SELECT pg_advisory_lock(727274); SELECT pg_sleep(60)'
	until_ok 10 eval 'docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"'" | grep -q 1'
	run compose run --rm --no-TTY --no-deps --env MIGRATE_LOCK_TIMEOUT=1 migrate migrate
	assert_failure 75
	assert_output --partial 'another migration has held the lock'
	docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
}

@test "seeding twice adds the fables once" {
	compose run --rm --no-TTY web seed
	compose run --rm --no-TTY web seed
	run docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT count(*), count(DISTINCT title) FROM story WHERE title NOT IN ('A long one', 'Streamed')"
	assert_output '3|3'
}

@test "web and worker restart when a file is saved" {
	sed -i 's|"/healthz"|"/saved-by-the-test"|' app/stories/*.py
	run until_ok 30 eval 'curl --silent --fail "$web/saved-by-the-test"'
	assert_success
	sed -i 's|"/saved-by-the-test"|"/healthz"|' app/stories/*.py
	run until_ok 30 eval 'curl --silent --fail "$web/healthz"'
	assert_success
	run until_ok 30 eval 'compose logs worker | grep "reload: .* changed"'
	assert_success
	run until_ok 40 is_health worker healthy
	assert_success
}

@test "a mistake that is saved does not end the container, and the next save mends it" {
	local file
	file=$(grep --files-with-matches '"/healthz"' app/stories/*.py)
	cp "$file" "$BATS_TEST_TMPDIR/good.py"
	echo 'this is not Python' >>"$file"
	# The old server has 20 s to end.
	run until_ok 60 eval 'compose logs web | grep "waiting for the next save"'
	assert_success
	cp "$BATS_TEST_TMPDIR/good.py" "$file"
	run until_ok 30 eval 'curl --silent --fail "$web/healthz"'
	assert_success
	run until_ok 40 is_health worker healthy
	assert_success
}

@test "a debugger can attach to web when DEBUG_PORT is set" {
	local port
	port=$(free_port)
	DEBUG_PORT=$port compose up --detach --no-deps --wait web
	run until_ok 20 eval "exec 3<>/dev/tcp/127.0.0.1/$port; head --bytes 16 <&3 | grep Content-Length"
	assert_success
	compose up --detach --no-deps --wait web
}

@test "a frozen web, worker or beat is unhealthy within half a minute, and healthy again after" {
	local service
	for service in web worker beat; do signal_role STOP "$service"; done
	for service in web worker beat; do
		run until_ok 32 is_health "$service" unhealthy
		assert_success
	done
	for service in web worker beat; do signal_role CONT "$service"; done
	for service in web worker beat; do
		run until_ok 30 is_health "$service" healthy
		assert_success
	done
}

@test "without Redis a story is refused at once, Flower ends when it is told to, and afterwards the worker goes on by itself" {
	compose stop --timeout 5 redis
	run curl --silent --max-time 8 --write-out '\n%{http_code}' --header 'content-type: application/json' --data '{"title":"Lost","text":"Nobody hears it."}' "$web/api/stories"
	assert_success
	assert_line --index -1 503
	run until_ok 32 is_health worker unhealthy
	assert_success
	compose stop flower
	run state '{{.State.ExitCode}}' flower
	assert_output 0
	compose start redis flower
	run until_ok 40 is_health worker healthy
	assert_success
	run until_ok 60 story_is "$(submit 'Found again' 1)" 'done'
	assert_success
}

@test "a store that is away in mid-task loses nothing" {
	local id
	id=$(submit 'Patience' 300)
	in_the_middle() { [[ $(story "$id" .status) == narrating ]] && (($(story "$id" .progress) > 0)); }
	until_ok 60 caught worker in_the_middle
	compose stop --timeout 5 storage
	compose unpause worker
	run until_ok 60 eval "compose logs --since 60s worker | grep 'retry: Retry in .* S3'"
	assert_success
	compose start storage
	run until_ok 120 story_is "$id" 'done'
	assert_success
}

@test "a worker that is stopped in mid-task gives the task back, and the next one finishes it" {
	local id
	id=$(submit 'Interrupted' 500)
	until_ok 60 eval "(( \$(story $id .progress) > 0 ))"
	WORKER_STOP_TIMEOUT=1 compose up --detach --no-deps --wait worker
	id=$(submit 'Interrupted again' 500)
	until_ok 120 eval "(( \$(story $id .progress) > 0 ))"
	compose stop worker
	run state '{{.State.ExitCode}} {{.State.OOMKilled}}' worker
	assert_output --regexp '^(0|143) false$'
	run redis_cli HLEN unacked
	assert_output 0
	compose up --detach --no-deps --wait worker
	run until_ok 240 story_is "$id" 'done'
	assert_success
}

@test "an idle stack stops by itself, and nothing is killed" {
	compose up --detach --wait
	local service
	compose stop
	for service in web worker beat flower postgres redis storage; do
		run state '{{.Name}}: {{.State.ExitCode}}' "$service"
		assert_output --regexp ': (0|143)$'
	done
}

@test "the store is not killed while it waits for a connection that nobody uses" {
	compose up --detach --wait
	docker exec --detach "$(container web)" python -c 'import socket, time; held = socket.create_connection(("storage", 9340)); time.sleep(120)'
	run until_ok 20 docker exec "$(container web)" grep --quiet --ignore-case ':247C 01 ' /proc/net/tcp
	assert_success
	compose stop storage
	run state '{{.State.ExitCode}}' storage
	assert_output 0
}

@test "the data is there after teardown and a new start" {
	compose down
	compose up --detach --wait
	run docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT id FROM story WHERE title = 'A long one' AND status = 'done'"
	assert_success
	same() { curl --silent --fail "$(story "$1" .audio_url)" | cmp - "$BATS_FILE_TMPDIR/story.wav"; }
	# The store is healthy before it has found its own parts again.
	run until_ok 30 same "$output"
	assert_success
	run until_ok 60 story_is "$(submit 'After it' 1)" 'done'
	assert_success
}

@test "web and worker can be scaled" {
	local first
	first=$(free_port)
	WEB_PUBLISHED_PORT=$first-$((first + 5)) compose up --detach --no-recreate --wait --scale worker=3 worker
	run docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=worker --filter health=healthy
	assert_equal "${#lines[@]}" 3
	WEB_PUBLISHED_PORT=$first-$((first + 5)) compose up --detach --wait --scale web=2 --scale worker=1 web worker
	run docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=web --filter health=healthy
	assert_equal "${#lines[@]}" 2
	compose up --detach --wait --scale web=1
}

@test "beat has a lock of its project's, and leaves that of another on the same Redis alone" {
	assert_equal "$(redis_cli exists "celery-beat-lock:$project")" 1
	redis_cli mset celery-beat-lock somebody celery-beat-lock:other somebody
	compose restart beat
	sends() { docker logs --since "$(state '{{.State.StartedAt}}' beat)" "$(container beat)" 2>&1 | grep 'Sending due task'; }
	run until_ok 40 sends
	assert_success
	run redis_cli mget celery-beat-lock celery-beat-lock:other
	assert_output $'somebody\nsomebody'
	redis_cli del celery-beat-lock celery-beat-lock:other
}

@test "a second beat stands by, and takes over when the first is killed" {
	compose up --detach --no-recreate --wait --scale beat=2 beat
	log_of_second() { docker logs "$(container beat 2)" 2>&1; }
	# The first has sent tasks in the test before this one.
	run until_ok 20 eval 'log_of_second | grep "stands by"'
	assert_success
	run log_of_second
	refute_output --partial 'Sending due task'
	docker kill "$(container beat 1)"
	run until_ok 40 eval 'log_of_second | grep "Sending due task"'
	assert_success
	compose up --detach --wait --scale beat=1 beat
}
