#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here
# The sample application with RabbitMQ as its broker, set up as README.md says. One stack; Redis does other things.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash
# shellcheck source=extras/rabbitmq/tests/sample.bash
source extras/rabbitmq/tests/sample.bash

@test "the settings of the room are known, and nothing is wrong with a stack that has two brokers" {
	run -0 npm run --silent env -- --env-file "$env_file"
	refute_output --partial RABBITMQ
	assert_output --partial ' 0 errors, 0 warnings'
	sed '/^RABBITMQ_PASSWORD/d' "$env_file" >"$BATS_TEST_TMPDIR/env"
	run npm run --silent env -- --env-file "$BATS_TEST_TMPDIR/env"
	assert_failure 3
	assert_output --partial 'RABBITMQ_PASSWORD is missing or empty'
}

@test "tasks go through RabbitMQ, and web, worker, beat and Flower are healthy" {
	local id service
	id=$(submit 3)
	run -0 until_ok 60 is_done "$id"
	run compose logs worker flower
	assert_output --partial 'Connected to amqp://app:**@rabbitmq:5672//'
	refute_output --partial 'Connected to redis'
	for service in web worker beat flower rabbitmq; do
		run -0 is_health "$service" healthy
	done
}

@test "the password is in no process list, no container's configuration and no log, and guest does not exist" {
	run -0 docker exec "$(container rabbitmq)" sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
	assert_output --partial beam.smp
	refute_output --partial first-pa55word
	run -0 state '{{json .Config.Cmd}} {{json .Config.Healthcheck}} {{json .State.Health}}' rabbitmq
	refute_output --partial first-pa55word
	run -0 compose logs rabbitmq worker
	refute_output --partial first-pa55word
	run -0 rabbitmqctl list_users
	refute_output --partial guest
}

@test "only the port for clients is open to other containers, and none on this machine" {
	run -0 docker exec "$(container rabbitmq)" sh -c 'cat /proc/net/tcp /proc/net/tcp6'
	# Apart from 127.0.0.1, ::1 and Docker's resolver, only port 5672 (hex 1628) is open.
	run grep --invert-match --regexp ' 0[1B]00007F:' --regexp ' 0*1000000:' --regexp ' 0*:1628 ' <(grep ' 0A ' <<<"$output")
	assert_output ''
	run docker port "$(container rabbitmq)"
	assert_output ''
}

@test "time-out and memory are what the settings say" {
	run -0 rabbitmqctl eval '{element(2, application:get_env(rabbit, consumer_timeout)), vm_memory_monitor:get_total_memory()}.'
	assert_output '{7200000,512000000}'
	run -0 state '{{.HostConfig.Memory}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}' rabbitmq
	assert_output '536870912 json-file true [ALL]'
}

@test "a broker that stops answering turns unhealthy, and so does the worker that lost it; both come back" {
	rabbitmqctl stop_app
	run -0 until_ok 30 is_health rabbitmq unhealthy
	run -0 until_ok 60 is_health worker unhealthy
	rabbitmqctl start_app
	run -0 until_ok 30 is_health rabbitmq healthy
	run -0 until_ok 60 is_health worker healthy
}

@test "a connected worker that takes no tasks although some wait turns unhealthy with every pool, and a busy or paused one does not" {
	local name pool deaf=(prefork threads gevent solo) names=(prefork threads gevent solo busy paused)
	cat >"$BATS_TEST_TMPDIR/deaf.py" <<-'PYTHON'
		import os
		import sys
		import time

		from celery import bootsteps
		from docker_roles import consumption
		from stories.worker import celery as app

		consumption.LOOK = 0.5


		@app.task
		def rest(seconds):
		    time.sleep(seconds)


		class Deaf(bootsteps.StartStopStep):
		    requires = ("celery.worker.consumer.tasks:Tasks",)

		    def start(self, parent):
		        def stop_consuming():
		            print("looks", file=sys.__stderr__, flush=True)
		            if os.path.exists("/tmp/deaf"):
		                for tag in parent.task_consumer._active_tags.values():
		                    parent.task_consumer.channel.basic_cancel(tag)

		        parent.timer.call_repeatedly(0.5, parent.call_soon, (stop_consuming,))


		app.steps["consumer"].add(Deaf)
	PYTHON
	for name in "${names[@]}"; do
		case $name in threads | gevent | solo) pool=$name ;; *) pool=prefork ;; esac
		worker_of deaf "$name" "$pool"
	done
	looks() { docker logs "$project-$1" 2>&1 | grep --count '^looks'; }
	has_looked() { (($(looks "$1") >= $2)); }
	is_paused() { docker exec "$project-paused" entrypoint.sh python -c 'import deaf; deaf.app.control.cancel_consumer("paused")' && docker logs "$project-paused" 2>&1 | grep 'Canceling queue paused'; }
	until_ok 60 is_paused
	for name in "${deaf[@]}"; do
		until_ok 60 docker exec "$project-$name" healthcheck.sh
		docker exec "$project-$name" touch /tmp/deaf
	done
	for name in busy paused; do send_rest deaf "$name" 60 20; done
	for name in "${deaf[@]}"; do
		# It may still take tasks that it was about to take.
		until_ok 60 eval 'send_rest deaf "$name" 0 20; rabbitmqctl list_queues name messages_ready | grep --perl-regexp "^$name\t[1-9]"'
		run -0 until_ok 30 eval 'docker exec "$project-$name" healthcheck.sh | grep "no task is taken, although some wait"'
	done
	for name in busy paused; do
		run -0 until_ok 30 has_looked "$name" $(($(looks "$name") + 6))
		run -0 docker exec "$project-$name" healthcheck.sh
		run rabbitmqctl list_queues name messages_ready
		assert_line --regexp "^$name"$'\t''[1-9]'
	done
	docker rm --force "${names[@]/#/$project-}"
}

@test "a worker that reconnects while tasks run loses none of the next tasks, with threads and gevent" {
	local pool pools=(threads gevent)
	cat >"$BATS_TEST_TMPDIR/early.py" <<-'PYTHON'
		import time

		from stories.worker import celery as app

		app.conf.task_acks_late = False


		@app.task
		def rest(seconds):
		    time.sleep(seconds)
	PYTHON
	logged() { (($(docker logs "$project-$1" 2>&1 | grep --count "$2") >= $3)); }
	for pool in "${pools[@]}"; do
		# Celery's own heartbeat is for Flower. With gevent, it may break the new connection in a way of its own.
		worker_of early "$pool" "$pool" --env WORKER_CONCURRENCY=10 \
			--env WORKER_ARGS='--loglevel=info --without-mingle --without-gossip --without-heartbeat'
	done
	for pool in "${pools[@]}"; do
		until_ok 60 docker exec "$project-$pool" healthcheck.sh
		send_rest early "$pool" 15 3
		until_ok 30 logged "$pool" received 3
	done
	rabbitmqctl close_all_connections test
	for pool in "${pools[@]}"; do
		until_ok 30 logged "$pool" 'MainProcess] Connected to amqp' 2
		send_rest early "$pool" 0 6
	done
	for pool in "${pools[@]}"; do
		run -0 until_ok 30 logged "$pool" succeeded 9
	done
	docker rm --force "${pools[@]/#/$project-}"
}

@test "beat has its lock in Redis, even though Redis is not its broker" {
	run -0 redis_cli exists "celery-beat-lock:$project"
	assert_output 1
}

@test "without Redis, beat sends without waiting for a lock" {
	run -0 compose run --rm --no-deps --no-TTY --env REDIS_URL= beat python -c '
from os import environ
from docker_roles.beat import Lock
from kombu import Connection
lock = Lock(Connection(environ["CELERY_BROKER_URL"]))
print(lock.is_redis, lock.hold())'
	assert_line 'False True'
}

@test "queued tasks survive a restart of RabbitMQ, and teardown and up" {
	local id
	compose stop beat worker
	rabbitmqctl purge_queue celery
	id=$(submit 3)
	run -0 until_ok 10 waiting 1
	compose restart rabbitmq
	run -0 until_ok 60 waiting 1
	npm run --silent teardown -- --env-file "$env_file"
	compose up --detach --wait rabbitmq
	run -0 until_ok 10 waiting 1
	run up
	assert_success
	run -0 until_ok 60 is_done "$id"
}

@test "a task whose worker is killed goes back to the queue, and is done by the next worker" {
	local id
	id=$(submit 600)
	run -0 until_ok 60 is_at_work "$id"
	docker kill "$(container worker)"
	run -0 until_ok 30 waiting '[1-9]'
	refute is_done "$id"
	compose up --detach --wait worker
	run -0 until_ok 200 is_done "$id"
}

@test "a new password in .env.docker applies to the old volume too, after the next up" {
	local id
	change RABBITMQ_PASSWORD=second-pa55word
	run up
	assert_success
	id=$(submit 1)
	run -0 until_ok 60 is_done "$id"
}

@test "if the application has another password, up names the setting" {
	sed -i 's/:${RABBITMQ_PASSWORD}@/:wrong-pa55word@/' "$BATS_FILE_TMPDIR/app.env"
	run up --timeout 25
	assert_failure
	assert_output --partial 'RabbitMQ refuses its user or password'
	assert_output --partial RABBITMQ_PASSWORD
	refute_output --partial wrong-pa55word
}
