#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here
# What needs no card: the image, the queue, the settings, and what Docker is asked for. One stack, for any application.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	local port=$((26000 + RANDOM % 5000))
	# The stand-ins' overlay stays last.
	standard=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml}
	with_card=${standard/compose.override.yaml/compose.override.yaml:extras/gpu/compose.yaml:extras/gpu/compose.override.yaml}
	echo 'services: { worker-gpu: { deploy: !reset null } }' >"$BATS_FILE_TMPDIR/no-card.yaml"
	{
		sed "/^COMPOSE_PROFILES=/s/,\(beat\|flower\)//g; /^COMPOSE_PROFILES=/s/$/,gpu/; s,^S3_PUBLIC_URL=.*,S3_PUBLIC_URL=http://localhost:$((port + 2))," .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" "WEB_PORT=$port" "STORAGE_PORT=$((port + 2))" \
			"COMPOSE_FILE=${with_card/gpu\/compose.override.yaml/gpu/compose.override.yaml:$BATS_FILE_TMPDIR/no-card.yaml}" \
			WORKER_QUEUES=celery GPU_EXTRA_PACKAGES=cowsay==6.1
	} >"$env_file"
	chmod 600 "$env_file"
	export project env_file standard with_card
	run up
	[[ $status -eq 0 ]] || { echo "$output" && return 1; }
}

teardown() {
	show_stack
}

teardown_file() {
	compose --profile '*' down --volumes --timeout 5 &>/dev/null || true
	docker image rm --force "$project-app:dev" "$project-app-gpu:dev" &>/dev/null || true
}

up() {
	npm run --silent up -- --env-file "$env_file" "$@"
}

# model FILES FILTER: what Compose makes of these files.
model() {
	COMPOSE_FILE=$1 compose --profile gpu config --format json | node -e '
		let text = ""
		process.stdin.on("data", (part) => (text += part)).on("end", () => {
			const found = new Function("services", `return ${process.argv[1]}`)(JSON.parse(text).services)
			console.log(typeof found === "object" ? JSON.stringify(found) : found)
		})' "$2"
}

@test "the settings of the room are known, and nothing is wrong with them" {
	run -0 npm run --silent env -- --env-file "$env_file"
	refute_output --partial GPU_
	assert_output --partial ' 0 errors, 0 warnings'
}

@test "Docker is asked for the cards that GPU_COUNT says, and limits hold in production" {
	run -0 model "$with_card" 'services["worker-gpu"].deploy.resources.reservations.devices'
	assert_output '[{"capabilities":["gpu"],"driver":"nvidia","count":1}]'
	GPU_COUNT=all run -0 model "$with_card" 'services["worker-gpu"].deploy.resources.reservations.devices[0].count'
	assert_output -- -1
	local production=${with_card//override/production}
	GPU_MEMORY=3g run -0 model "$production" \
		'[services["worker-gpu"].deploy.resources.limits.memory, services["worker-gpu"].logging.driver, services["worker-gpu"].build.target, services["worker-gpu"].read_only]'
	assert_output '["3221225472","json-file","prod",true]'
}

@test "apart from the card it is configured like the worker" {
	run -0 model "$with_card" '(({ worker, "worker-gpu": gpu }) => Object.keys({ ...worker.environment, ...gpu.environment })
		.filter((name) => worker.environment[name] !== gpu.environment[name] && !name.startsWith("MIGRATE_")).sort())(services)'
	assert_output '["NVIDIA_DRIVER_CAPABILITIES","WORKER_CONCURRENCY","WORKER_QUEUES"]'
	run -0 model "$with_card" '["networks", "cap_drop", "security_opt", "volumes", "stop_grace_period", "restart"]
		.filter((key) => JSON.stringify(services.worker[key]) !== JSON.stringify(services["worker-gpu"][key]))'
	assert_output '[]'
}

@test "its packages are in its image, and not in the others'" {
	run -0 docker run --rm "$project-app-gpu:dev" python -c 'import cowsay, celery; print("both")'
	assert_output both
	run docker run --rm "$project-app:dev" python -c 'import cowsay'
	assert_output --partial "No module named 'cowsay'"
}

@test "it is healthy, and each worker takes tasks from its own queue alone" {
	run -0 is_health worker-gpu healthy
	run -0 docker exec "$(container worker)" entrypoint.sh python -c '
import os, sys, time
from celery.app.utils import find_app
app = find_app(os.environ["CELERY_APP"])
nodes = ["celery@" + name for name in sys.argv[1:]]
def counts():
    stats = app.control.inspect(timeout=2).stats() or {}
    return [stats.get(node, {"total": {}})["total"].get("celery.accumulate", 0) for node in nodes]
def send(queue, times, expected):
    for _ in range(times):
        app.send_task("celery.accumulate", args=[1], queue=queue)
    until = time.monotonic() + 30
    while counts() != expected and time.monotonic() < until:
        pass
    print(queue, counts())
send("gpu", 3, [0, 3])
send("celery", 2, [2, 3])
' "$(state '{{.Config.Hostname}}' worker)" "$(state '{{.Config.Hostname}}' worker-gpu)"
	assert_output $'gpu [0, 3]\ncelery [2, 3]'
}

@test "on a machine without a card, up shows Docker's message" {
	sed -i "s|:[^:]*no-card.yaml||" "$env_file"
	run up --no-build
	assert_failure
	assert_output --partial 'could not select device driver "nvidia"'
}
