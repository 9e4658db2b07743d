#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for Node; setup_file exports what is used here
# The sample on three nodes (nodes.bash). Takes about eight minutes and prints figures, so it runs only by its name:
# npm run test:template -- --only swarm-nodes

bats_require_minimum_version 1.5.0
export BATS_NO_PARALLELIZE_WITHIN_FILE=true

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash
# shellcheck source=template/tests/docker/on-request/nodes.bash
source template/tests/docker/on-request/nodes.bash

setup_file() {
	[[ -d app/stories ]] || skip 'the application is not the sample'
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	export project env_file
	local files=compose.yaml:compose.production.yaml image
	[[ ${TEST_COMPOSE_FILES:-} != *offline* ]] || files+=:extras/offline/compose.yaml
	{
		sed 's/local-only/of-this-test/' .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "COMPOSE_FILE=$files" "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" \
			APP_ENV_FILE= WORKER_STOP_TIMEOUT=10 WORKER_VISIBILITY_TIMEOUT=15 \
			SWARM_WEB_REPLICAS=3 SWARM_WORKER_REPLICAS=3 SWARM_MONITOR=5s
	} >"$env_file"
	chmod 600 "$env_file"
	docker compose --env-file "$env_file" --progress quiet build
	docker compose --env-file "$env_file" --progress quiet pull --ignore-buildable
	docker build --quiet --tag "$project-app:next" - <<<"FROM $project-app"$'\nLABEL next=1'
	docker build --quiet --tag "$project-app:broken" - <<<"FROM $project-app"$'\nENV GUNICORN_CMD_ARGS=--no-such-option'

	start_nodes "$(mktemp -d /tmp/swarm.XXXX)"
	for image in $(docker compose --env-file "$env_file" config --images | grep --invert-match "^$project-" | sort -u); do
		push "$image" "${image#stand-in/}"
	done
	push "$project-app" shop:first
	push "$project-app:next" shop:next
	push "$project-app:broken" shop:broken
	sed -i 's#^COMPOSE_FILE=.*#COMPOSE_FILE=compose.yaml:compose.production.yaml:extras/swarm/compose.yaml#' "$env_file"
	printf '%s\n' "IMAGE_REGISTRY=$registry" SWARM_IMAGE= >>"$env_file"

	at 1 swarm init --advertise-addr 10.77.0.10 --dispatcher-heartbeat 2s
	local token node
	token=$(at 1 swarm join-token --quiet manager)
	for node in 2 3; do at "$node" swarm join --token "$token" 10.77.0.10:2377; done
	at 1 node update --label-add data=true --label-add edge=true node1
	timed deploy first
	say "the first deploy took $took s"
}

teardown_file() {
	remove_nodes
	docker image rm --force "$project-app:next" "$project-app:broken" "$project-app" >/dev/null
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || at 1 stack ps --no-trunc "$project"
	[[ ! -f $nodes/visitors.pid ]] || kill -KILL "$(pid_of visitors)" 2>/dev/null || true
}

# say WORDS…: prints a figure for the reader of the output.
say() { echo "# $*" >&3; }

# deploy TAG
deploy() {
	sed -i "s#^SWARM_IMAGE=.*#SWARM_IMAGE=$registry/shop:$1#" "$env_file"
	DOCKER_HOST=unix://$nodes/1/docker.sock extras/swarm/deploy.sh "$env_file"
}

# timed COMMAND…: how many seconds it takes is in $took.
timed() {
	local begun=$EPOCHREALTIME status=0
	"$@" || status=$?
	took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begun }")
	return "$status"
}

visitors_come() {
	background visitors nsenter --net="$(switch_network)" node template/tests/docker/on-request/visitors.mjs http://10.77.0.10 "$nodes/visitors.json"
}

# visitors_leave: ends the visitors. Sets $requests, $failed, $slowest and $gap (ms), and $lost, the number of their
# stories that are not done within a minute.
visitors_leave() {
	kill -TERM "$(pid_of visitors)"
	until_ok 60 test -s "$nodes/visitors.json"
	read -r requests failed slowest gap < <(node -p 'const m = JSON.parse(require("fs").readFileSync(process.argv[1])); `${m.requests} ${m.failed.length} ${m.slowest} ${m.gap}`' "$nodes/visitors.json")
	node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).failed.join("\n")' "$nodes/visitors.json"
	until_ok 60 none_lost || true
	lost=$(none_lost || true)
	rm "$nodes/visitors.json" "$nodes/visitors.pid"
}

# none_lost: prints how many stories of the visitors are not done.
none_lost() {
	in_switch node --input-type=module --eval '
		import { readFileSync } from "node:fs"
		const { stories } = JSON.parse(readFileSync(process.argv[1]))
		const states = await Promise.all(stories.map(async (id) => (await (await fetch(`http://10.77.0.10/api/stories/${id}`)).json()).status))
		const left = states.filter((state) => state !== "done").length
		console.log(left)
		process.exit(left)' "$nodes/visitors.json"
}

# are_back SERVICE: its three tasks run, none of them on the third node.
are_back() {
	local tasks
	tasks=$(at 1 service ps --filter desired-state=running --format '{{.CurrentState}} on {{.Node}}' "${project}_$1")
	echo "$tasks"
	(($(grep --count '^Running .* on node[12]$' <<<"$tasks") >= 3))
}

@test "a deploy under load fails no request and loses no task" {
	visitors_come
	timed deploy next
	visitors_leave
	say "deploy: $took s, $failed of $requests requests failed, the slowest took $slowest ms, $lost tasks lost"
	assert_equal "$failed failed, $lost lost" '0 failed, 0 lost'
	run at 1 service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "${project}_web"
	assert_output --partial shop:next
}

@test "a version that does not start is rolled back, deploy.sh ends with 1, and no request fails" {
	visitors_come
	run -1 timed deploy broken
	echo "$output"
	visitors_leave
	say "rollback: $failed of $requests requests failed, $lost tasks lost"
	assert_line --regexp "^${project}_web rollback_completed"
	assert_equal "$failed failed, $lost lost" '0 failed, 0 lost'
	run at 1 service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "${project}_web"
	assert_output --partial shop:next
}

@test "exactly one beat runs, and no secret is in what docker inspect shows" {
	run at 1 service ps --filter desired-state=running --format '{{.CurrentState}}' "${project}_beat"
	assert_equal "${#lines[@]}" 1
	local node
	for node in 1 2 3; do
		# shellcheck disable=SC2046 # ids, one a word
		run -0 at "$node" inspect $(at "$node" ps --quiet)
		refute_output --partial of-this-test
	done
}

@test "a node that is killed under load loses no task, and its tasks are back on the others within 20 seconds" {
	visitors_come
	until_ok 30 in_switch curl --silent --fail http://10.77.0.10/healthz
	kill_node 3
	timed until_ok 60 are_back web
	local web=$took
	timed until_ok 60 are_back worker
	visitors_leave
	say "killed node: web back in $web s, worker in $took s more, $failed of $requests requests failed, nobody was answered for $gap ms, $lost tasks lost"
	assert_equal "$lost lost" '0 lost'
	(($(awk "BEGIN { print ($web + $took <= 20) }") == 1))
	((gap <= 20000))
}
