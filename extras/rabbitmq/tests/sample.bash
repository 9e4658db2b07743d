# The sample with RabbitMQ as its broker: its stack, and the questions that tests ask it.
# shellcheck shell=bash disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here

# is_sample: setup and setup_file ask it, because only the sample has stories.
is_sample() { [[ -d app/stories ]]; }

setup() {
	is_sample || skip 'the application is not the sample'
}

setup_file() {
	is_sample || return 0
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	local port=$((26000 + RANDOM % 5000)) files=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml}
	# Three checks of half a minute would take too long. The stand-ins' overlay stays last.
	echo 'services: { rabbitmq: { healthcheck: { interval: 1s, start_period: 20s } }, worker: { healthcheck: { interval: 3s } } }' >"$BATS_FILE_TMPDIR/often.yaml"
	files=${files/compose.override.yaml/compose.override.yaml:extras/rabbitmq/compose.yaml:$BATS_FILE_TMPDIR/often.yaml}
	{
		sed "/^COMPOSE_PROFILES=/s/$/,rabbitmq/; s,^S3_PUBLIC_URL=.*,S3_PUBLIC_URL=http://localhost:$((port + 2))," .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" "COMPOSE_FILE=$files" \
			"APP_ENV_FILE=$BATS_FILE_TMPDIR/app.env" "WEB_PORT=$port" "FLOWER_PORT=$((port + 1))" "STORAGE_PORT=$((port + 2))" \
			PYTHON_EXTRA_PACKAGES=gevent RABBITMQ_PASSWORD=first-pa55word RABBITMQ_CONSUMER_TIMEOUT=7200
	} >"$env_file"
	chmod 600 "$env_file"
	echo 'CELERY_BROKER_URL=amqp://app:${RABBITMQ_PASSWORD}@rabbitmq:5672//' >"$BATS_FILE_TMPDIR/app.env"
	export project env_file web=http://127.0.0.1:$port
	run up
	[[ $status -eq 0 ]] || { echo "$output" && return 1; }
}

teardown() {
	show_stack
}

teardown_file() {
	is_sample || return 0
	compose --profile '*' down --volumes --timeout 5 &>/dev/null || true
	docker image rm --force "$project-app:dev" &>/dev/null || true
}

up() {
	npm run --silent up -- --env-file "$env_file" "$@"
}

# change NAME=VALUE: changes a setting.
change() {
	sed -i "s|^${1%%=*}=.*|$1|" "$env_file"
}

rabbitmqctl() {
	docker exec "$(container rabbitmq)" rabbitmqctl --quiet "$@"
}

# submit SENTENCES: submits a story through the application's own interface; prints its id. It tries again, because the
# application does not, and after the broker was away, the application's processes have dead connections.
submit() {
	until_ok 20 post "$(printf 'The fox walked away from the grapes. %.0s' $(seq "$1"))"
}

post() {
	curl --silent --fail-with-body --header 'content-type: application/json' --data "{\"title\": \"Fox\", \"text\": \"$1\"}" "$web/api/stories" |
		grep --only-matching --perl-regexp '"id": ?"\K[^"]+'
}

# story_has ID TEXT: what the application says of the story has this text.
story_has() {
	curl --silent --fail "$web/api/stories/$1" | tr -d ' \n' | tee /dev/stderr | grep --quiet "$2"
}

is_done() {
	story_has "$1" '"status":"done"'
}

is_at_work() {
	story_has "$1" '"status":"narrating"'
}

# worker_of MODULE NAME POOL [OPTION…]: a worker of a module in $BATS_TEST_TMPDIR, for the queue of that name.
worker_of() {
	compose run --detach --no-deps --name "$project-$2" --volume "$BATS_TEST_TMPDIR:/module:ro" --env PYTHONPATH=/module --env RELOAD= \
		--env CELERY_APP="$1" --env WORKER_QUEUES="$2" --env WORKER_POOL="$3" "${@:4}" worker
}

# send_rest MODULE NAME SECONDS COUNT: sends so many tasks of that module that rest, to the queue of that name.
send_rest() {
	docker exec "$project-$2" entrypoint.sh python -c "import $1; [$1.app.send_task('$1.rest', ($3,), queue='$2') for _ in range($4)]"
}

# waiting COUNT: this many tasks are in the queue, and no worker has them.
waiting() {
	rabbitmqctl list_queues name messages_ready | tee /dev/stderr | grep --quiet --perl-regexp "^celery\t$1$"
}
