#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here
# What every platform asks of the production image, for any application: settings from variables alone, any port, any
# user, nothing writable but /tmp, and an end at TERM. Its database, its broker and its store are those of one stack.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	local files=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml} services name
	{
		cat .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "COMPOSE_FILE=${files/:compose.override.yaml/}" "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" \
			WORKER_STOP_TIMEOUT=5
	} >"$env_file"
	export project env_file variables=$BATS_FILE_TMPDIR/variables
	compose build --quiet
	services=$(compose config --services | grep --extended-regexp --invert-match '^(web|worker|beat|flower|frontend|migrate|proxy|secrets-check)$') || true
	# shellcheck disable=SC2086 # a word each
	[[ -z $services ]] || compose up --detach --wait $services
	# What Compose tells the roles, as on a platform's page for variables: each has one value, on one line.
	compose config --format json | node -e '
		let text = ""
		process.stdin.on("data", (part) => (text += part)).on("end", () => {
			const { services } = JSON.parse(text)
			const all = Object.assign({}, ...["migrate", "web", "worker", "beat"].map((role) => services[role]?.environment))
			for (const [name, value] of Object.entries(all)) if (value && name !== "PORT") console.log(`${name}=${value.replaceAll("$$", "$")}`)
		})' >"$variables"
	for name in platform entrypoint; do
		run started "migrate-$name" "$name" migrate
		assert_equal "$(docker wait "$output")" 0
	done
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || docker ps --all --quiet --filter "label=alone=$project" | xargs --no-run-if-empty --max-args 1 docker logs --tail 20
	docker ps --all --quiet --filter "label=alone=$project" | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
}

teardown_file() {
	teardown
	compose --profile '*' down --volumes --timeout 5 &>/dev/null || true
	docker image rm --force "$project-app" &>/dev/null || true
}

# started NAME FORM ROLE [OPTION…]: starts the image alone, with no file and no volume of ours; prints the container's
# name. The command replaces CMD ("platform"), or ENTRYPOINT ("entrypoint").
started() {
	local name=$project-$1 form=$2 command=(entrypoint.sh "$3") options=("${@:4}")
	[[ $form != entrypoint ]] || { options+=(--entrypoint entrypoint.sh) && command=("$3"); }
	docker create --name "$name" --label "alone=$project" --network "${project}_edge" --env-file "$variables" --user 54321:0 --read-only --tmpfs /tmp \
		--cap-drop ALL --security-opt no-new-privileges --health-start-period 60s --health-interval 1s "${options[@]}" "$project-app" "${command[@]}" >/dev/null
	docker network connect "${project}_data" "$name"
	docker network connect "${project}_files" "$name"
	docker start "$name" >/dev/null
	echo "$name"
}

has_health() { # has_health CONTAINER HEALTH
	local found
	found=$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$1")
	echo "$1 is $found"
	[[ $found == "running $2" ]]
}

ends_well() { # ends_well CONTAINER: when it gets TERM, and not by the KILL that follows it
	docker stop --time 30 "$1" >/dev/null
	run docker inspect --format '{{.State.ExitCode}}' "$1"
	assert_output --regexp '^(0|143)$'
}

@test "web answers on whatever port the platform gives, and TERM ends it" {
	local form port health address
	health=$(sed -n 's/^HEALTH_PATH=//p' "$variables")
	for form in platform entrypoint; do
		port=$((9000 + RANDOM % 1000))
		run -0 started "web-$form" "$form" web --env PORT="$port" --publish "127.0.0.1::$port"
		address=$(docker port "$project-web-$form" "$port")
		run until_ok 60 curl --silent --fail --max-time 5 --output /dev/null "http://$address${health:-/healthz}"
		assert_success
		# Without ENTRYPOINT the role is process 1 itself, and the health check could not tell which role it is.
		[[ $form == entrypoint ]] || until_ok 20 has_health "$project-web-$form" healthy
		ends_well "$project-web-$form"
	done
}

@test "the worker does tasks, and TERM ends it" {
	grep --quiet '^CELERY_APP=' "$variables" || skip 'the application has no Celery'
	local form
	for form in platform entrypoint; do
		run -0 started "worker-$form" "$form" worker --env END_FROZEN=
		run docker exec --interactive "$project-worker-$form" entrypoint.sh python - 'done' <tests/docker/task.py
		assert_success
		[[ $form == entrypoint ]] || until_ok 20 has_health "$project-worker-$form" healthy
		ends_well "$project-worker-$form"
		docker rm "$project-worker-$form" >/dev/null
	done
}

@test "beat starts with nothing but /tmp and its folder, and TERM ends it" {
	grep --quiet '^CELERY_APP=' "$variables" || skip 'the application has no Celery'
	run -0 started beat platform beat --tmpfs /var/lib/beat:mode=1777
	run until_ok 60 has_health "$project-beat" healthy
	assert_success
	ends_well "$project-beat"
}
