#!/usr/bin/env bats
# docker/entrypoint.sh: what each role starts, and what it says when it cannot.
# shellcheck disable=SC2016,SC2154 # what is in single quotes here is for another shell, or must stay as it is

bats_require_minimum_version 1.5.0
load helpers

# --- web ---

@test "web: gunicorn with the defaults" {
	run entrypoint WEB_APP=shop:app web
	assert_success
	assert_output 'gunicorn shop:app --bind 0.0.0.0:8000 --workers 2 --worker-class docker_roles.gunicorn.Worker --threads 16 --worker-tmp-dir /dev/shm --graceful-timeout 20 --access-logfile -'
}

@test "without a role the entrypoint starts web" {
	run entrypoint WEB_APP=shop:app
	assert_success
	assert_output --partial 'gunicorn shop:app --bind'
}

@test "web: gunicorn with port, processes, threads and arguments as set, and a factory" {
	run entrypoint WEB_APP='shop:create_app()' PORT=9000 WEB_CONCURRENCY=3 WEB_THREADS=4 WEB_ARGS='--timeout 5 --preload' web
	assert_success
	assert_output 'gunicorn shop:create_app\(\) --bind 0.0.0.0:9000 --workers 3 --worker-class docker_roles.gunicorn.Worker --threads 4 --worker-tmp-dir /dev/shm --graceful-timeout 20 --access-logfile - --timeout 5 --preload'
}

@test "web: uvicorn with an application object" {
	run entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app PORT=9000 WEB_CONCURRENCY=3 WEB_ARGS=--no-access-log web
	assert_success
	assert_output 'python -m docker_roles.uvicorn shop:app --host 0.0.0.0 --port 9000 --workers 3 --no-access-log'
}

@test "web: uvicorn with a factory, for which it has a switch instead of the brackets" {
	run entrypoint WEB_SERVER=uvicorn WEB_APP='shop:create_app()' web
	assert_success
	assert_output 'python -m docker_roles.uvicorn shop:create_app --host 0.0.0.0 --port 8000 --workers 2 --factory'
}

@test "WEB_COMMAND replaces the server, is a whole shell line, and finds \$PORT" {
	run entrypoint WEB_APP=shop:app WEB_COMMAND='tool "a  b" $PORT | sed "s/^/> /"' web
	assert_success
	assert_output '> tool a\ \ b 8000'
}

@test "DEBUG_PORT puts the server under debugpy" {
	run entrypoint WEB_APP=shop:app DEBUG_PORT=5678 web
	assert_success
	assert_output --partial 'python -m debugpy --listen 0.0.0.0:5678 -m gunicorn shop:app --bind 0.0.0.0:8000'
}

@test "RELOAD=true puts web, its debugger and its own command under the reloader" {
	run entrypoint RELOAD=true WEB_APP=shop:app web
	assert_output --partial 'python -m docker_roles.reload gunicorn shop:app --bind'
	run entrypoint RELOAD=true WEB_APP=shop:app DEBUG_PORT=5678 web
	assert_output --partial 'python -m docker_roles.reload python -m debugpy --listen 0.0.0.0:5678 -m gunicorn shop:app'
	run entrypoint RELOAD=true WEB_COMMAND='tool  x' web
	assert_output 'python -m docker_roles.reload bash -c tool\ \ x'
}

@test "a missing WEB_APP is one sentence and exit code 64" {
	refuses 64 'web needs WEB_APP, which is empty. Set it in .env.docker, e.g. WEB_APP=package.module:app. If it is there, Compose was not told of the file: docker compose --env-file .env.docker up --wait' web
	refuses 64 'web needs WEB_APP, which is empty. Set it in .env.docker, e.g. WEB_APP=package.module:app. If it is there, Compose was not told of the file: docker compose --env-file .env.docker up --wait' WEB_APP= web
}

# --- worker, beat, flower ---

@test "worker: the defaults, and only the application's own queues" {
	run entrypoint CELERY_APP=shop.tasks WORKER_QUEUES= SHOW=REMAP_SIGTERM worker
	assert_success
	assert_line --index 0 'celery --app shop.tasks worker --include docker_roles.worker --pool prefork --concurrency 2'
	assert_line --index 1 'REMAP_SIGTERM=SIGQUIT'
}

@test "worker: pool, concurrency, queues and arguments as set" {
	run entrypoint CELERY_APP=shop.tasks:app WORKER_POOL=threads WORKER_CONCURRENCY=8 WORKER_QUEUES=mail,media WORKER_ARGS='--loglevel=info --max-tasks-per-child 50' worker
	assert_success
	assert_output 'celery --app shop.tasks:app worker --include docker_roles.worker --pool threads --concurrency 8 --queues mail\,media --loglevel=info --max-tasks-per-child 50'
}

@test "beat: our scheduler around the application's, its file on the volume, and no pid file" {
	run entrypoint CELERY_APP=shop.tasks BEAT_ARGS=--loglevel=debug beat
	assert_success
	assert_output 'celery --app shop.tasks beat --scheduler docker_roles.beat:scheduler --max-interval 5 --schedule /var/lib/beat/schedule --pidfile= --loglevel=debug'
}

@test "RELOAD=true puts worker and beat under the reloader" {
	run entrypoint RELOAD=true CELERY_APP=shop.tasks worker
	assert_output --partial 'python -m docker_roles.reload celery --app shop.tasks worker'
	run entrypoint RELOAD=true CELERY_APP=shop.tasks beat
	assert_output --partial 'python -m docker_roles.reload celery --app shop.tasks beat'
}

@test "a missing CELERY_APP is one sentence and exit code 64" {
	local role
	for role in worker beat flower; do
		refuses 64 "$role needs CELERY_APP, which is empty. Set it in .env.docker, e.g. CELERY_APP=package.module. If it is there, Compose was not told of the file: docker compose --env-file .env.docker up --wait" FLOWER_BASIC_AUTH=a:b "$role"
	done
}

# --- migrate, seed, test, and anything else ---

@test "migrate: runs under the lock" {
	run entrypoint MIGRATE_COMMAND='tool up' migrate
	assert_success
	assert_output 'python -m docker_roles.migrate'
}

@test "migrate: TERM reaches the command, and its exit code is the migration's" {
	export MIGRATE_COMMAND="trap 'exit 3' TERM; echo running; while sleep 0.1; do :; done"
	run -3 terminated_migration
}

@test "seed and test run the shell lines of their settings, and the tests get data of their own" {
	run entrypoint SEED_COMMAND='tool "a  b" && echo done; exit 3' seed
	assert_failure 3
	assert_output $'tool a\\ \\ b\ndone'
	run -0 entrypoint TEST_COMMAND='tool -v' test
	assert_output --partial 'python -m docker_roles.test bash -c tool'
}

@test "an empty seed or test command is no error" {
	run entrypoint SEED_COMMAND= seed
	assert_success
	assert_output 'entrypoint: SEED_COMMAND is empty: nothing to do.'
	run entrypoint test
	assert_success
	assert_output 'entrypoint: TEST_COMMAND is empty: nothing to do.'
}

@test "anything that is no role is run as a command, with its arguments unchanged" {
	run entrypoint tool 'two  words' '' '*' '$HOME' "it's" '"' $'line\nbreak' --flag
	assert_success
	assert_output "tool two\\ \\ words '' \\* \\\$HOME it\\'s \\\" \$'line\\nbreak' --flag"
}

@test "an unknown command is one sentence that names the roles, and exit code 127" {
	refuses 127 'there is no role and no command "wrker" in this image. Roles: web worker beat flower frontend migrate seed test' wrker
}

@test "every role and every command replaces the shell" {
	ends_in_place() {
		local shell
		for shell in "${shells[@]}"; do
			# The outer shell prints the number of the process in which the role has to end.
			# shellcheck disable=SC2086
			run env -i PATH="$FAKES:$PATH" SHOW_PID=1 WEB_APP=shop:app CELERY_APP=shop FLOWER_BASIC_AUTH=a:b "${@:2}" \
				bash -c 'echo "pid $$"; exec "$@"' outer $shell "$ENTRYPOINT" "$1"
			assert_success
			assert_equal "${lines[2]}" "${lines[0]}"
		done
	}
	local role
	for role in web worker beat flower migrate tool; do ends_in_place "$role"; done
	ends_in_place web WEB_SERVER=uvicorn
	ends_in_place web DEBUG_PORT=5678
	ends_in_place web RELOAD=true
	ends_in_place worker RELOAD=true
	ends_in_place web WEB_COMMAND='tool $PORT'
	ends_in_place web WEB_COMMAND='true && tool'
	ends_in_place frontend FRONTEND_COMMAND='tool server.js'
	ends_in_place seed SEED_COMMAND=tool
	ends_in_place test TEST_COMMAND='true; tool'
}
