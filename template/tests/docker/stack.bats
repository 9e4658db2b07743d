#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # eval'ed conditions on purpose, $output per test; new_stack exports what is used here
# The sample in development, as a user has it after `npm run up` in a copy of the repository: the commands, the story
# from HTTP to the audio file, and faults around it. One stack for all tests, whose passwords contain every character
# that breaks something somewhere. tests/docker has what every stack promises.

bats_require_minimum_version 1.5.0

load helpers
load round-trip

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/a copy of it"
	git init --quiet
	new_stack POSTGRES_PASSWORD="'p@ss\$word#1'" DATABASE_URL="'postgresql+psycopg://postgres:p%40ss\$word%231@db:5432/stories'" \
		REDIS_PASSWORD=r3dis-0f-test REDIS_URL=redis://:r3dis-0f-test@redis:6379/0
	# The commands use .env.docker unless another file is named.
	mv "$env_file" .env.docker
	export env_file=$PWD/.env.docker
}

setup() {
	cd "$BATS_FILE_TMPDIR/a copy of it" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR/a copy of it" || return 1
	remove_stack
}

# npm_run NAME ARG…: `npm run NAME -- ARG…`, with $stderr apart
npm_run() {
	run --separate-stderr npm run --silent "$1" -- "${@:2}"
}

# sql STATEMENT: the answer of the stack's database
sql() { docker exec "$(container postgres)" psql -U postgres -d stories -Atc "$1"; }

# in_the_middle: the story $id is being narrated.
in_the_middle() {
	[[ $(story "$id" .status) == narrating ]] && (($(story "$id" .progress) > 0))
}

containers() {
	docker ps "$@" --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | sort
}

# --- The commands ---

@test "up ends with a healthy stack and addresses that answer" {
	npm_run up --json
	assert_success
	assert_equal "$(json .ok <<<"$output")" true
	assert_equal "$(json '.services.filter(s => s.state === "running" && s.health !== "healthy").length' <<<"$output")" 0
	assert_equal "$(json '.services.find(s => s.name === "migrate").exitCode' <<<"$output")" 0
	curl --silent --fail "$(json .urls.web <<<"$output")/healthz"
	curl --silent --fail "$(json .urls.flower <<<"$output")/healthcheck"
}

@test "up on a healthy stack keeps every container that is running" {
	before=$(containers)
	npm_run up
	assert_success
	assert_equal "$(containers)" "$before"
	output=$stderr
	assert_output --partial 'Next: npm run seed'
}

@test "plain Compose finds nothing to change in what up has started" {
	before=$(containers)
	docker compose --env-file .env.docker up --detach --wait
	assert_equal "$(containers)" "$before"
}

@test "migrate and seed can be run again and again, and the fables are there once" {
	npm run --silent migrate
	npm run --silent seed
	npm run --silent seed
	run sql "SELECT count(*), count(DISTINCT title) FROM story"
	assert_output '3|3'
}

@test "tests that drop every table and empty the queue leave the stack's data alone" {
	local before hostile='import os, psycopg, redis
psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", ""), autocommit=True).execute("DROP SCHEMA public CASCADE")
redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()'
	docker exec "$(container web)" entrypoint.sh python -c 'import os, redis
redis.Redis.from_url(os.environ["REDIS_URL"]).set("kept", "1")'
	before=$(sql 'SELECT count(*) FROM story')
	run compose run --rm --no-deps --no-TTY --env TEST_COMMAND="python -c '$hostile'" web test
	assert_success
	run sql 'SELECT count(*) FROM story'
	assert_output "$before"
	run -0 docker exec "$(container web)" entrypoint.sh python -c 'import os, redis
print(redis.Redis.from_url(os.environ["REDIS_URL"]).getdel("kept"))'
	assert_output "b'1'"
}

# doctor_finds LEVEL TEXT: whether the stack has such an observation.
doctor_finds() {
	json ".stack.some(o => o.level === '$1' && o.text.includes('$2'))" <<<"$output"
}

@test "doctor has nothing to mend in a healthy stack, and leaves it as it is" {
	# The fables that seed has queued.
	narrated() { [[ $(sql "SELECT count(*) FROM story WHERE status <> 'done'") == 0 ]]; }
	until_ok 60 narrated
	before=$(containers --all)
	npm_run doctor --json
	assert_success
	for text in 'are healthy' 'No task waits'; do
		assert_equal "$text $(doctor_finds well "$text")" "$text true"
	done
	assert_equal "$(containers --all)" "$before"
}

@test "doctor names tasks that no worker takes, and a paused service" {
	docker exec "$(container web)" entrypoint.sh celery --app stories.worker:celery --quiet call --queue nobodys stories.nothing
	npm_run doctor --json
	redis_cli del nobodys
	assert_equal "$(doctor_finds doubtful 'Tasks wait (1 in nobodys, from which no worker takes, first stories.nothing, for at least ')" true

	docker pause "$(container worker)"
	npm_run doctor
	docker unpause "$(container worker)"
	assert_failure 3
	output=$stderr
	assert_output --partial "✗ worker is paused. Resume it: docker unpause $(container worker)"
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

@test "a migration waits for the one that holds the lock, and says so when it takes too long" {
	docker exec --detach "$(container postgres)" psql -U postgres -d stories -c 'SELECT pg_advisory_lock(727274); SELECT pg_sleep(60)'
	until_ok 10 eval 'docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"'" | grep -q 1'
	run compose run --rm --no-TTY --no-deps --env MIGRATE_LOCK_TIMEOUT=1 migrate migrate
	assert_failure 75
	assert_output --partial 'another migration has held the lock'
	sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
}

# --- The story ---

@test "a story of several thousand words becomes audio that a browser can fetch" {
	long_story_becomes_audio
}

@test "the progress of a story is streamed while it is narrated" {
	progress_is_streamed
}

@test "the periodic task runs again and again, and the page says so" {
	periodic_task_runs
}

@test "Flower lets a visitor in with its password, and with no other one" {
	run curl --silent --output /dev/null --write-out '%{http_code}' --user admin:wrong "$flower/"
	assert_output 401
	run curl --silent --output /dev/null --write-out '%{http_code}' --user admin:flower-local-only "$flower/workers"
	assert_output 200
}

@test "Redis refuses a client without its password, which is in no argument list" {
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

@test "a debugger can attach to web when DEBUG_PORT is set" {
	local port
	port=$(free_port)
	DEBUG_PORT=$port compose up --detach --no-deps --wait web
	run until_ok 20 eval "exec 3<>/dev/tcp/127.0.0.1/$port; head --bytes 16 <&3 | grep Content-Length"
	assert_success
	compose up --detach --no-deps --wait web
}

@test "a saved mistake does not end the container, and the next save mends it" {
	local file
	file=$(grep --files-with-matches '"/healthz"' app/stories/*.py)
	cp "$file" "$BATS_TEST_TMPDIR/good.py"
	echo 'this is not Python' >>"$file"
	run until_ok 20 eval 'compose logs web | grep "waiting for the next save"'
	assert_success
	cp "$BATS_TEST_TMPDIR/good.py" "$file"
	run until_ok 30 eval 'curl --silent --fail "$web/healthz"'
	assert_success
	run until_ok 40 is_health worker healthy
	assert_success
}

@test "web can be scaled if a range of ports is published" {
	local first
	first=$(free_port)
	WEB_PUBLISHED_PORT=$first-$((first + 5)) compose up --detach --wait --no-deps --scale web=2 web
	run docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=web --filter health=healthy
	assert_equal "${#lines[@]}" 2
	compose up --detach --wait --no-deps --scale web=1 web
}

# --- Faults ---

@test "without Redis a story is refused at once and Flower can be stopped; afterwards the worker goes on by itself" {
	compose stop --timeout 5 redis
	run curl --silent --max-time 8 --write-out '\n%{http_code}' --header 'content-type: application/json' --data '{"title":"Lost","text":"Nobody hears it."}' "$web/api/stories"
	assert_success
	assert_line --index -1 503
	compose stop flower
	run state '{{.State.ExitCode}}' flower
	assert_output 0
	compose start redis flower
	run until_ok 60 story_is "$(submit 'Found again' 1)" 'done'
	assert_success
}

@test "if the store is away in mid-task, nothing is lost" {
	local id
	id=$(submit 'Patience' 300)
	until_ok 60 caught worker in_the_middle
	compose stop --timeout 5 storage
	compose unpause worker
	run until_ok 60 eval "compose logs --since 60s worker | grep 'retry: Retry in .* S3'"
	assert_success
	compose start storage
	run until_ok 120 story_is "$id" 'done'
	assert_success
}

@test "a stopped worker returns its task; doctor reports that of a killed one, and the documented commands return it" {
	local id
	WORKER_STOP_TIMEOUT=1 compose up --detach --no-deps --wait worker
	# On a fast machine, 200 sentences were told before the worker had stopped.
	id=$(submit 'Interrupted' 600)
	until_ok 60 eval "(( \$(story $id .progress) > 0 ))"
	compose stop worker
	run state '{{.State.ExitCode}} {{.State.OOMKilled}}' worker
	assert_output --regexp '^(0|143) false$'
	run redis_cli HLEN worker.unacked
	assert_output 0

	compose start worker
	until_ok 60 eval '(( $(redis_cli HLEN worker.unacked) > 0 ))'
	docker kill "$(container worker)"
	compose up --detach --no-deps --wait worker
	npm_run doctor --json
	assert_equal "$(doctor_finds doubtful ' of a worker that is gone')" true

	# As the page says it, without the indentation of Markdown.
	sed -n '/Tasks of a worker that was killed/,/start worker/{s/^    //p}' docs/troubleshooting.md >"$BATS_TEST_TMPDIR/commands"
	run -0 bash "$BATS_TEST_TMPDIR/commands"
	run until_ok 240 story_is "$id" 'done'
	assert_success
}

@test "a worker that stops waits for its running task with every pool, and not longer" {
	local pool id began
	for pool in prefork threads solo; do
		WORKER_POOL=$pool WORKER_STOP_TIMEOUT=100 WORKER_STOP_GRACE=2m compose up --detach --no-deps --wait worker
		id=$(submit "Told to its end by $pool" 150)
		until_ok 60 caught worker in_the_middle
		docker unpause "$(container worker)"
		began=$SECONDS
		compose stop worker
		run -0 story_is "$id" 'done'
		run state '{{.State.ExitCode}}' worker
		assert_output 0
		((SECONDS - began < 90)) || fail "$pool: $((SECONDS - began)) seconds"
	done
	compose up --detach --no-deps --wait worker
}

@test "the task that runs ends before the Redis that it needs is replaced, and does not run again" {
	local id
	export WORKER_STOP_TIMEOUT=100 WORKER_STOP_GRACE=2m
	compose up --detach --no-deps --wait worker
	id=$(submit 'Before the new Redis' 250)
	# Not paused in the middle: up would stop an unhealthy worker anyway.
	until_ok 60 eval "(( \$(story $id .progress) > 0 ))"
	REDIS_MAXMEMORY=200mb npm_run up --no-build
	assert_success
	[[ $stderr == *'✓ Waiting for the tasks that run'* ]]
	run -0 story_is "$id" 'done'
	run redis_cli HLEN worker.unacked
	assert_output 0
	unset WORKER_STOP_TIMEOUT WORKER_STOP_GRACE
	compose up --detach --wait
}

@test "a worker that waits for its tasks to end says so, and the health check does not call it frozen" {
	run compose run --rm --no-deps --no-TTY worker python - <<-'EOF'
		from pathlib import Path
		from types import SimpleNamespace
		from celery.worker import WorkController
		from stories.worker import celery
		import docker_roles.worker
		WorkController.wait_for_soft_shutdown(SimpleNamespace(app=celery))
		print(Path("/tmp/heartbeat").read_text())
	EOF
	assert_success
	assert_output pauses
}

@test "a task that a worker has is given out only once, whatever time-out another process that asks the workers has" {
	local id
	id=$(compose exec --no-TTY web entrypoint.sh python - <<-'PYTHON'
		from stories.worker import celery as app
		app.conf.broker_transport_options = {"visibility_timeout": 1}
		sent = app.send_task("celery.accumulate", args=["once"], countdown=8)
		waits = lambda: sent.id in str(app.control.inspect(timeout=1).scheduled())
		while not waits():
		    pass
		while waits():
		    pass
		print(sent.id)
	PYTHON
	)
	run grep --count "Task celery.accumulate\[$id\] received" <(docker logs "$(container worker)" 2>&1)
	assert_output 1
}

@test "the store is not killed while it waits for an idle connection" {
	compose up --detach --wait
	# Not by the name of a container: after two have been one again, Compose may have kept the second.
	compose exec --detach --no-TTY web python -c 'import socket, time; held = socket.create_connection(("storage", 9340)); time.sleep(120)'
	run until_ok 20 compose exec --no-TTY web grep --quiet --ignore-case ':247C 01 ' /proc/net/tcp
	assert_success
	compose stop storage
	run state '{{.State.ExitCode}}' storage
	assert_output 0
}

# recording_is_there: the row of the long story, and the same audio as when it was new
recording_is_there() {
	local id
	id=$(sql "SELECT id FROM story WHERE title = 'A long one' AND status = 'done'")
	curl --silent --fail "$(story "$id" .audio_url)" | cmp - "$BATS_FILE_TMPDIR/story.wav"
}

@test "a store that cannot write to its volume is not healthy" {
	run -1 compose run --rm --no-deps --no-TTY --volume storage-data:/data:ro --entrypoint sh storage \
		-c "$(compose config --format json | json '.services.storage.healthcheck.test[1]' | sed 's/\$\$/$/')"
	assert_output --partial 'Read-only file system'
}

@test "a recording is there after teardown and a new start" {
	npm run --silent teardown
	compose up --detach --wait
	# The store is healthy before it can find its own files again.
	run until_ok 30 recording_is_there
	assert_success
	run until_ok 60 story_is "$(submit 'After it' 1)" 'done'
	assert_success
}

@test "by the commands of docs/backup.md a damaged dump changes nothing, an older one takes newer tables away, and an empty stack gets all" {
	local stories
	# page END: the command of the page that ends so
	page() { bash -c "$(documented docs/backup.md "$1")"; }
	stories=$(sql 'SELECT count(*) FROM story')
	page 'mv new.dump database.dump'
	mv database.dump whole.dump
	head --bytes "$(($(stat --format %s whole.dump) / 2))" whole.dump >database.dump
	run ! page '< database.dump'
	assert_equal "$(sql 'SELECT count(*) FROM story')" "$stories"

	mv whole.dump database.dump
	sql 'CREATE TABLE newer (story uuid REFERENCES story)'
	page 'stop web worker beat flower'
	page '< database.dump'
	page 'ALTER DATABASE.*'
	assert_equal "$(sql 'SELECT count(*) FROM story') $(sql "SELECT to_regclass('newer') IS NULL")" "$stories t"

	page 'mv new.tar storage.tar'
	page 'mv new.tar app-data.tar'
	npm run --silent teardown -- --volumes --yes
	page '< storage.tar'
	page '< app-data.tar'
	compose up --detach --wait postgres
	page '< database.dump'
	page 'ALTER DATABASE.*'
	compose up --detach --wait
	run until_ok 30 recording_is_there
	assert_success
}

@test "a worker is healthy with every pool, even without Celery's own heartbeat" {
	local pool
	for pool in prefork threads solo; do
		compose run --detach --no-deps --name "$project-pool-$pool" --env WORKER_POOL=$pool \
			--env WORKER_ARGS='--without-heartbeat --queues nothing' worker
	done
	for pool in prefork threads solo; do
		run until_ok 30 eval "docker inspect --format '{{.State.Health.Status}}' '$project-pool-$pool' | grep --line-regexp healthy"
		assert_success
		docker rm --force "$project-pool-$pool"
	done
}

@test "beat uses the lock of its own project, and leaves that of another project on the same Redis alone" {
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

@test "a program that a signal ends at its first start gives the exit code that a shell reports" {
	run -137 compose run --rm --no-deps --no-TTY web python -m docker_roles.reload bash -c 'kill -KILL $$'
}

@test "beat sends what BEAT_SCHEDULER names, also by its short name, or what its own Celery application names, and says when django-celery-beat sends nothing" {
	run compose run --rm --no-deps --no-TTY beat python - <<-'EOF'
		import os, pathlib, sys
		os.dup2(1, 2)  # one stream: Docker would put a line of the other into the middle of one
		package, metadata = pathlib.Path("/tmp/django_celery_beat"), pathlib.Path("/tmp/django_celery_beat-2.8.1.dist-info")
		package.mkdir(), metadata.mkdir(), sys.path.insert(0, "/tmp")
		(package / "__init__.py").write_text("from celery.beat import Scheduler as Base\nclass DatabaseScheduler(Base): ...")
		(metadata / "METADATA").write_text("Name: django-celery-beat\nVersion: 2.8.1\n")
		(metadata / "entry_points.txt").write_text("[celery.beat_schedulers]\ndjango = django_celery_beat:DatabaseScheduler\n")
		from celery import Celery
		from docker_roles import beat
		app = Celery("shop")
		Celery("helper", set_as_current=True)
		for name in ("django", "celery.beat:Scheduler"):
		    os.environ["BEAT_SCHEDULER"] = name
		    print(beat.chosen(app).__name__, flush=True)
		del os.environ["BEAT_SCHEDULER"]
		app.conf.beat_scheduler = "django"
		print("its own:", beat.scheduler(app=app, lazy=True).__class__.__mro__[2].__name__)
	EOF
	assert_success
	assert_line DatabaseScheduler
	assert_line 'beat: celery.beat:Scheduler sends no task of django-celery-beat. Set BEAT_SCHEDULER=django.'
	assert_line Scheduler
	assert_line 'its own: DatabaseScheduler'
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

@test "a beat that cannot open its schedule leaves no lock, so its next start does not stand by and look healthy" {
	for _ in first next; do
		run compose run --rm --no-deps --no-TTY --env RELOAD= --env BEAT_LOCK=of-this-test --env BEAT_ARGS=--schedule=/nowhere/x beat
		assert_failure
		assert_output --partial /nowhere/x
		refute_output --partial 'stands by'
	done
}

@test "at a save, everything that a command has left running ends with it, because an old server would keep the port" {
	run docker exec "$(container web)" entrypoint.sh bash -c '
		timeout --signal TERM 3 python -m docker_roles.reload bash -c "sleep 300 & echo \$! >/tmp/left; wait"
		kill -0 "$(cat /tmp/left)"'
	assert_failure
	assert_output --partial 'No such process'
}

@test "a save reaches web at once, even if a page has a stream open" {
	servers() { docker logs "$(container web)" 2>&1 | grep --count 'Listening at'; }
	before=$(servers)
	curl --silent --no-buffer "$web/api/events" >"$BATS_TEST_TMPDIR/stream" &
	run until_ok 10 test -s "$BATS_TEST_TMPDIR/stream"
	assert_success
	touch app/stories/api.py
	# A server that stops properly takes its 20 seconds (--graceful-timeout).
	run until_ok 12 eval '(($(servers) > before)) && curl --silent --fail --output /dev/null "$web/healthz"'
	assert_success
	wait
}

@test "a beat that starts before Redis says so, and sends when Redis is there" {
	compose stop redis
	compose restart beat
	log() { docker logs --since "$(state '{{.State.StartedAt}}' beat)" "$(container beat)" 2>&1; }
	run until_ok 20 eval 'log | grep "Redis cannot be reached, so this beat waits"'
	assert_success
	compose up --detach --wait redis
	run until_ok 40 eval 'log | grep "Sending due task"'
	assert_success
}

@test "a new dependency is installed after the next up" {
	set_in .env.docker PYTHON_EXTRA_PACKAGES=humanize==4.12.3
	npm_run up
	assert_success
	docker exec "$(container web)" python -c 'import humanize'
}
