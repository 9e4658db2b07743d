#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# What an application may expect of these files, beyond what the sample and the examples use. The tests write one with
# an awkward shape, and run it on the files of production. One stack for all tests.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	copy_repository "$BATS_FILE_TMPDIR/copy"
	rm -rf shop
	mkdir -p shop/{requirements,lib/shop,tests}
	printf -- '-r base.txt\n-c ../constraints.txt\nidna\n' >shop/requirements/prod.txt
	printf 'gunicorn\ngevent\ncelery[redis]==5.7.0\npsycopg[binary]==3.3.2\n' >shop/requirements/base.txt
	echo 'gunicorn==26.2.0' >shop/constraints.txt
	printf '[project]\nname = "decoy"\ndependencies = ["there-is-no-such-package"]\n[tool.black]\n' >shop/pyproject.toml
	cat >shop/lib/shop/__init__.py <<-'PYTHON'
		import logging
		import os

		# Beside the working folder, as many do.
		logging.basicConfig(filename="logs/shop.log", level=logging.INFO)


		def create_app():
		    logging.info("created")

		    def app(environ, start_response):
		        path = environ["PATH_INFO"]
		        if path == "/":
		            start_response("302 Found" if environ["HTTP_HOST"] == "shop.example.org" else "400 Bad Request", [("Location", "/login")])
		            return [b""]
		        start_response("200 OK", [])
		        return [os.environ.get(path[1:], "(not set)").encode()]

		    return app
	PYTHON
	cat >shop/lib/shop/build.py <<-'PYTHON'
		from pathlib import Path

		import shop

		Path("built").write_text(shop.__name__)
	PYTHON
	cat >shop/lib/shop/tasks.py <<-'PYTHON'
		import os
		import time

		from celery import Celery

		app = Celery(broker=os.environ["Shop__Broker"], backend=os.environ["Shop__Broker"])
		app.conf.task_default_queue = "orders"


		@app.task
		def rest(seconds):
		    time.sleep(seconds)
		    return "rested"
	PYTHON
	cat >shop.env <<-'ENV'
		Shop__Broker=redis://:r%25%40%24s@redis:6379/0
		shop__Password='p%@$w#d $HOME'
		SHOP__NAME=${COMPOSE_PROJECT_NAME}
	ENV
	local production=${TEST_COMPOSE_FILES/:compose.override.yaml/}
	new_stack COMPOSE_FILE="$production" COMPOSE_PROFILES=redis APP_DIR=shop APP_PYTHONPATH=/app/lib APP_ENV_FILE=shop.env \
		APT_PACKAGES= PYTHON_INSTALLER=pip PYTHON_MANIFEST=requirements/prod.txt PYTHON_DEV_MANIFEST= \
		PYTHON_EXTRA_PACKAGES="'django==5.2.19 django-celery-results==2.6.0'" PYTHON_CONSTRAINTS="'setuptools<82 idna<3.5'" PREBUILD_COMMAND="'mkdir logs && python -m shop.build'" APP_WRITABLE_DIR=/app/logs \
		'WEB_APP=shop:create_app()' WEB_CONCURRENCY=1 HEALTH_PATH=/ HEALTH_HOST=shop.example.org CELERY_APP=shop.tasks WORKER_POOL=solo \
		POSTGRES_PASSWORD="'p%@\$s'" REDIS_PASSWORD="'r%@\$s'" DATABASE_URL= REDIS_URL= SECRET_KEY= S3_BUCKET= S3_ENDPOINT_URL= S3_PUBLIC_URL= \
		MIGRATE_COMMAND="'printf \"it is %s\\n\" \"done  well\" not | grep done >/data/migrated && test -s /data/migrated'"
	start_stack
}

setup() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	remove_stack
}

in_web() { # in_web COMMAND…: as the application has it, without the roles' own settings
	compose exec --no-TTY --env PYTHONPATH=/app/lib web "$@"
}

ask() { # ask PATH: what the application answers
	in_web python -c 'import os, sys, urllib.request as r; print(r.urlopen("http://127.0.0.1:" + os.environ["PORT"] + "/" + sys.argv[1]).read().decode())' "$1"
}

# --- what is installed ---

@test "a manifest in a folder of its own brings what it includes, and a pyproject.toml for tools is left alone" {
	run -0 in_web sh -c 'ls -d /opt/venv/lib/python*/site-packages/*.dist-info'
	assert_line --partial gunicorn-26.2.0
	assert_line --partial celery-5.7.0
}

@test "constraints hold for what is installed" {
	run in_web python -c 'import idna; print(idna.__version__)'
	assert_output 3.4
}

@test "constraints hold for the tools that build an old package from its source" {
	local installed='grep --no-filename Generator /opt/venv/lib/python*/site-packages/docopt-*.dist-info/WHEEL'
	mkdir old
	echo 'docopt==0.6.2' >old/requirements.txt
	# Not with a build, because its cache has the result of an earlier one.
	run -0 docker run --rm --volume "$PWD/docker/build:/build:ro" --volume "$PWD/old:/app:ro" \
		--volume "${TEST_EXTRA_CA_FILE:-$PWD/docker/no-extra-ca.pem}:/run/secrets/extra-ca:ro" --env PIP_NO_CACHE_DIR=1 \
		--env PYTHON_INSTALLER=pip --env PYTHON_MANIFEST=requirements.txt --env PYTHON_CONSTRAINTS='setuptools<82' \
		"$TEST_PYTHON_IMAGE" sh -c "/build/with-network.sh /build/install-dependencies.sh && $installed"
	assert_output --regexp 'setuptools \(([1-7]?[0-9]|8[01])\.'
}

@test "the command of the build can import from APP_PYTHONPATH" {
	run in_web cat built
	assert_output shop
}

# --- how it starts ---

@test "a factory is served, healthy by a path that redirects, asked by a name of the application's own" {
	run is_health web healthy
	assert_success
	assert_equal "$(ask PORT)" "$(sed -n 's/^WEB_PORT=//p' "$env_file")"
}

@test "a whole command takes the place of the server" {
	run -0 compose run --detach --no-deps --name "$project-command" --env WEB_COMMAND='cd /tmp && echo "well done" >page && exec python -m http.server "$PORT"' \
		--env HEALTH_PATH=/page web
	until_ok 30 eval '[[ $(docker inspect --format "{{.State.Health.Status}}" "$project-command") == healthy ]]'
	run docker exec "$project-command" cat /tmp/page
	assert_output 'well done'
	docker rm --force "$project-command"
}

@test "the migration is any shell line" {
	run in_web cat /data/migrated
	assert_output 'it is done  well'
}

@test "without a migration command nothing runs, and the stack starts" {
	MIGRATE_COMMAND='' run -0 compose run --rm --no-TTY migrate
	assert_output --partial 'MIGRATE_COMMAND is empty: nothing to do.'
}

# --- what it is told ---

@test "names in mixed case and with double underscores arrive, and values with special characters arrive unchanged" {
	assert_equal "$(ask shop__Password)" 'p%@$w#d $HOME'
	assert_equal "$(ask SHOP__NAME)" "$project"
}

@test "an application that wants no DATABASE_URL, REDIS_URL or SECRET_KEY gets none, not even an empty one" {
	local service name
	for service in web worker; do
		# Of the program itself: the container's own list still has what the env file leaves empty.
		run compose exec --no-TTY "$service" sh -c 'tr "\\0" "\\n" <"/proc/$(cut -d " " -f 1 /proc/1/task/1/children)/environ"'
		assert_success
		assert_line --regexp '^PYTHONPATH='
		for name in DATABASE_URL REDIS_URL SECRET_KEY S3_BUCKET; do refute_line --regexp "^$name="; done
	done
}

@test "passwords with %, @ and \$ open the database and the broker" {
	local url='postgresql+psycopg://postgres:p%25%40%24s@db:5432/stories'
	COMPOSE_PROFILES=redis,postgres DATABASE_URL=$url compose up --detach --wait --no-deps postgres
	COMPOSE_PROFILES=redis,postgres DATABASE_URL=$url run -0 compose run --rm --no-TTY migrate
	refute_output --partial 'without a lock'
	run in_web python -c 'from shop.tasks import rest; print(rest.delay(0).id)'
	assert_success
}

# --- what it writes ---

@test "it writes logs beside its code on a read-only root, and nowhere else there" {
	run in_web cat logs/shop.log
	assert_output --partial created
	run ! in_web touch /app/elsewhere
	assert_output --partial 'Read-only file system'
}

# --- its tasks ---

@test "without WORKER_QUEUES the worker takes from the application's own queue, and is healthy during a long task in the pool solo" {
	local task
	# Longer than a heartbeat may be old.
	task=$(in_web python -c 'from shop.tasks import rest; print(rest.delay(13))')
	has_ended() { in_web python -c 'import sys; from shop.tasks import app; sys.exit(app.AsyncResult(sys.argv[1]).state != "SUCCESS")' "$task"; }
	ends_in_health() {
		docker exec "$(container worker)" healthcheck.sh >>"$BATS_TEST_TMPDIR/said" || echo 'unwell' >>"$BATS_TEST_TMPDIR/said"
		has_ended
	}
	run until_ok 60 ends_in_health
	assert_success
	run cat "$BATS_TEST_TMPDIR/said"
	assert_output ''
}

# watched NAME OPTION…: a separate worker on a queue of its own. It looks every half second, says what it saw, and stops
# consuming behind Celery's back when there is a file /tmp/deaf.
watched() {
	mkdir -p deaf
	cat >deaf/deaf.py <<-'PYTHON'
		import os
		import sys
		import time

		from celery import bootsteps
		from celery.worker.request import Request
		from docker_roles import consumption
		from shop.tasks import app

		consumption.LOOK = 0.5
		lasts = consumption.Stall.lasts


		def told(*seen):
		    answer = lasts(*seen)
		    print("look", *seen[1:], answer, file=sys.__stderr__, flush=True)
		    return answer


		consumption.Stall.lasts = told
		app.conf.worker_eta_task_limit = 8


		@app.task(rate_limit="1/h")
		def rare():
		    pass


		@app.task(ignore_result=True)
		def rest(seconds):
		    time.sleep(seconds)


		@app.task(acks_late=True, ignore_result=True)
		def late(seconds):
		    time.sleep(seconds)
		    print("has rested", file=sys.__stderr__, flush=True)


		class Fragile(Request):
		    asked = 0

		    def revoked(self):
		        self.asked += 1
		        if self.asked > 1:
		            raise RuntimeError("the result back end is away")
		        return False


		@app.task(Request=Fragile)
		def fragile():
		    pass


		class Deaf(bootsteps.StartStopStep):
		    requires = ("celery.worker.consumer.tasks:Tasks",)

		    def start(self, parent):
		        def stop_consuming():
		            if os.path.exists("/tmp/deaf"):
		                for tag in parent.task_consumer._active_tags.values():
		                    parent.task_consumer.channel.basic_cancel(tag)

		        parent.timer.call_repeatedly(0.5, parent.call_soon, (stop_consuming,))


		app.steps["consumer"].add(Deaf)
	PYTHON
	compose run --detach --no-deps --name "$project-$1" --volume "$PWD/deaf:/deaf:ro" --env PYTHONPATH=/deaf:/app/lib \
		--env CELERY_APP=deaf --env WORKER_QUEUES="$1" "${@:2}" worker >/dev/null
}

# queue NAME EXPRESSION: Python with that worker's "send", which sends to its queue.
queue() {
	docker exec --env PYTHONPATH=/opt/docker:/deaf:/app/lib "$project-$1" python -c "import deaf
def send(name, *args, **options): deaf.app.send_task('deaf.' + name, args, queue='$1', **options)
$2"
}

# shellcheck disable=SC2329 # by until_ok
looks() { # looks NAME COUNT: it has looked so many times
	(($(docker logs "$project-$1" 2>&1 | grep --count '^look') >= $2))
}

@test "a connected worker that takes no tasks although some wait turns unhealthy and ends itself, with every pool" {
	local pool pools=(prefork threads gevent solo)
	for pool in "${pools[@]}"; do watched "$pool" --env WORKER_POOL="$pool"; done
	for pool in "${pools[@]}"; do
		until_ok 60 eval "docker inspect --format '{{.State.Health.Status}}' '$project-$pool' | grep --line-regexp healthy"
		queue "$pool" 'send("rest", 0)'
		until_ok 30 eval "docker logs '$project-$pool' 2>&1 | grep succeeded"
		docker exec "$project-$pool" touch /tmp/deaf
		# It may still take tasks that it was about to take.
		until_ok 30 eval "queue '$pool' 'send(\"rest\", 0)'; (( \$(redis_cli LLEN '$pool') > 1 ))"
	done
	for pool in "${pools[@]}"; do
		run until_ok 40 eval "docker inspect --format '{{json .State.Health.Log}}' '$project-$pool' | grep 'no task is taken, although some wait'"
		assert_success
		run until_ok 60 eval "docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' '$project-$pool' | grep 'exited 0'"
		assert_success
		run docker logs "$project-$pool"
		assert_output --partial 'No task is taken, although'
		assert_output --partial 'the role takes no task and gets TERM'
		docker rm "$project-$pool"
	done
}

@test "a worker with gevent that cannot give a task to its pool ends, so that it is started again" {
	watched fragile --env WORKER_POOL=gevent
	until_ok 60 docker exec "$project-fragile" healthcheck.sh
	# Celery asks whether a task has expired when it comes, and again when it begins.
	queue fragile 'send("fragile", expires=600)'
	run until_ok 30 eval "docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' '$project-fragile' | grep 'exited 1'"
	assert_success
	docker rm "$project-fragile"
}

@test "a worker stays healthy while tasks wait if it is busy, paused, or full of rate-limited or later tasks" {
	local name names=(busy green limited later paused)
	for name in "${names[@]}"; do watched "$name" --env WORKER_POOL="$([[ $name == green ]] && echo gevent || echo prefork)"; done
	# shellcheck disable=SC2329 # by until_ok
	is_paused() { queue paused 'deaf.app.control.cancel_consumer("paused")' && docker logs "$project-paused" 2>&1 | grep 'Canceling queue paused'; }
	until_ok 60 is_paused
	for name in busy green; do queue "$name" 'for _ in range(20): send("rest", 60)'; done
	queue limited 'for _ in range(20): send("rare")'
	queue later 'for _ in range(20): send("rest", 0, countdown=600)'
	queue paused 'for _ in range(20): send("rest", 0)'
	for name in "${names[@]}"; do
		# More looks than it takes to decide that a worker takes nothing.
		run until_ok 40 looks "$name" $(($(docker logs "$project-$name" 2>&1 | grep --count '^look') + 6))
		assert_success
		(($(redis_cli LLEN "$name") > 0))
		run docker logs "$project-$name"
		refute_line --regexp '^look .* True'
		run docker exec "$project-$name" healthcheck.sh
		assert_success
		docker rm --force "$project-$name"
	done
}

# django_files: a Django application that keeps results in its database, and whose tasks only a worker finds when it starts.
django_files() {
	mkdir -p django/late
	touch django/late/__init__.py
	cat >django/site_settings.py <<-'PYTHON'
		SECRET_KEY = "of this test"
		INSTALLED_APPS = ["django_celery_results", "late"]
		DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/django.db"}}
		CELERY_BROKER_URL = "redis://:r%25%40%24s@redis:6379/9"
		CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "site:", "sep": ":", "priority_steps": [0, 6]}
		CELERY_RESULT_BACKEND = "django-db"
	PYTHON
	cat >django/site_tasks.py <<-'PYTHON'
		import os

		from celery import Celery

		os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
		app = Celery("site")
		app.config_from_object("django.conf:settings", namespace="CELERY")
		app.autodiscover_tasks()
	PYTHON
	cat >django/late/tasks.py <<-'PYTHON'
		from celery import shared_task


		@shared_task(rate_limit="1/h")
		def rare():
		    pass
	PYTHON
}

@test "what asks a Django application for its queues and results loads it first, as a worker does" {
	django_files
	compose run --detach --no-deps --name "$project-django" --volume "$PWD/django:/django:ro" --env PYTHONPATH=/django \
		--env CELERY_APP=site_tasks --env WORKER_QUEUES=django worker
	ask() { docker exec --interactive "$project-django" entrypoint.sh python "$@"; }
	until_ok 60 docker exec "$project-django" healthcheck.sh
	DJANGO_SETTINGS_MODULE=site_settings docker exec --env DJANGO_SETTINGS_MODULE "$project-django" python -m django migrate
	run ask - 'done' <tests/docker/task.py
	assert_output 'the worker has done it'
	run ask - result <tests/docker/task.py
	assert_output 'through the queue'
	# What a rate limit holds back is no task of a worker that is gone.
	ask -c 'from site_tasks import app; app.loader.import_default_modules(); [app.send_task("late.tasks.rare", queue="django") for _ in range(3)]'
	until_ok 20 eval '(($(redis_cli -n 9 HLEN site:worker.unacked) == 2))'
	# The keys of Redis are the application's choice: a prefix, and what stands before a priority.
	ask -c 'from site_tasks import app; app.loader.import_default_modules(); app.send_task("late.tasks.rare", queue="urgent", priority=6)'
	run ask - 1 <scripts/lib/doctor/queues.py
	assert_line --regexp '"urgent": \{"count": 1, "oldest": "late.tasks.rare", "still": [0-9]+, "nobody": true\}'
	assert_line --regexp '"taken": 2, "oldest": [0-9]+, "lost": 0'
	docker rm --force "$project-django"
}

@test "each task that a worker holds when Redis goes away ends, and runs once" {
	local name held
	# shellcheck disable=SC2329 # by until_ok
	says() { # says NAME COUNT TEXT: its log has so many such lines
		(($(docker logs "$project-$1" 2>&1 | grep --count "$3") >= $2))
	}
	held=$(redis_cli HLEN worker.unacked)
	watched forks --env WORKER_POOL=prefork
	watched strands --env WORKER_POOL=threads
	for name in forks strands; do
		until_ok 60 docker exec "$project-$name" healthcheck.sh
		# Two run and end while Redis is away. The others have not begun.
		queue "$name" 'for _ in range(2): send("late", 10)
for _ in range(4): send("rest", 0)'
		until_ok 30 says "$name" 6 'Task deaf.*received'
	done
	compose stop redis
	for name in forks strands; do until_ok 30 says "$name" 2 'has rested'; done
	compose start redis
	for name in forks strands; do
		run until_ok 60 says "$name" 6 'Task deaf.*succeeded'
		assert_success
	done
	run until_ok 30 eval "((\$(redis_cli HLEN worker.unacked) == $held))"
	assert_success
	for name in forks strands; do
		(($(redis_cli LLEN "$name") == 0))
		queue "$name" 'send("rest", 0)'
		until_ok 30 says "$name" 7 'Task deaf.*succeeded'
		run says "$name" 8 'Task deaf.*succeeded'
		assert_failure
		docker rm --force "$project-$name"
	done
}
