#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here
# The Pods of extras/kubernetes, run by `podman kube play` up to a task that a worker has done: no cluster, and the same manifests.
# Podman is installed in a container in the networks of a Compose stack, whose database, broker and store are the managed
# ones. It takes minutes, so it runs only when it is asked for: npm run test:template -- --only kube-play

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	export project env_file cluster=$BATS_FILE_TMPDIR/cluster.env podman=$project-podman image=registry.play.test/shop:1.4.0
	local files=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml} more="IMAGE_REGISTRY=${IMAGE_REGISTRY:-}"
	# Under the names of managed services.
	cat >"$BATS_FILE_TMPDIR/names.yaml" <<-'NAMES'
		services:
		  postgres: { networks: { data: { aliases: [db.play.test] } } }
		  redis: { networks: { data: { aliases: [redis.play.test] } } }
		  storage: { networks: { data: { aliases: [files.play.test] } } }
	NAMES
	{
		sed 's/^COMPOSE_PROFILES=.*/COMPOSE_PROFILES=postgres,redis,storage/' .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "COMPOSE_FILE=${files/:compose.override.yaml/}:$BATS_FILE_TMPDIR/names.yaml" \
			"EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" "$more"
	} | sed 's/local-only/of-this-test/' >"$env_file"
	sed "s/^COMPOSE_PROFILES=.*/COMPOSE_PROFILES=beat/; s/@db:/@db.play.test:/; s/@redis:/@redis.play.test:/; s,//storage:,//files.play.test:,
		s/^COMPOSE_PROJECT_NAME=.*/COMPOSE_PROJECT_NAME=shop/; s/^COMPOSE_FILE=.*/COMPOSE_FILE=compose.yaml:compose.production.yaml/" "$env_file" >"$cluster"
	printf '%s\n' SITE_ADDRESS=shop.play.test WORKER_STOP_TIMEOUT=5 >>"$cluster"
	compose build --quiet
	compose up --detach --wait postgres redis storage
	# In the networks of the stack. What Podman plays has the network of this container.
	docker create --name "$podman" --privileged --network "${project}_edge" --volume "$podman:/var/lib/containers" \
		--env DEBIAN_FRONTEND=noninteractive --env PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$(docker image inspect --format '{{index .RepoTags 0}}' "${TEST_PYTHON_IMAGE:-python:3.13-slim-trixie}")" sleep infinity
	docker network connect "${project}_data" "$podman"
	docker start "$podman"
	in_podman 'apt-get update -qq && apt-get install -qq --no-install-recommends podman crun netavark catatonit >/dev/null
		mkdir -p /etc/containers
		printf "[containers]\ncgroups=\"disabled\"\n[engine]\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\nruntime=\"crun\"\n" >/etc/containers/containers.conf
		printf "[storage]\ndriver=\"vfs\"\nrunroot=\"/run/containers/storage\"\ngraphroot=\"/var/lib/containers/storage\"\n" >/etc/containers/storage.conf'
	docker tag "$project-app" "$image"
	docker save "$image" | docker exec --interactive "$podman" podman load --quiet
	npm run --silent kubernetes -- --env-file "$cluster" --image "$image" --output "$BATS_FILE_TMPDIR/out"
	rendered >"$BATS_FILE_TMPDIR/all.yaml"
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || in_podman 'podman ps --all; for one in $(podman ps --all --quiet); do podman logs --tail 15 "$one"; done' || true
}

teardown_file() {
	docker rm --force --volumes "$podman" &>/dev/null || true
	docker volume rm "$podman" &>/dev/null || true
	compose --profile '*' down --volumes --timeout 5 &>/dev/null || true
	docker image rm --force "$project-app" "$image" &>/dev/null || true
}

in_podman() {
	docker exec "$podman" bash -euc "$1" bash "${@:2}"
}

# rendered: what kubectl would send to a cluster.
rendered() {
	if [[ -z ${TEST_LINT_IMAGE:-} ]]; then kubectl kustomize "$BATS_FILE_TMPDIR/out" && return; fi
	docker run --rm --network none --volume "$PWD:$PWD:ro" --volume "$BATS_FILE_TMPDIR:$BATS_FILE_TMPDIR:ro" "$TEST_LINT_IMAGE" kubectl kustomize "$BATS_FILE_TMPDIR/out"
}

# play NAME…: plays the settings and these Pods, as they were rendered. Podman cannot play Services, policies and the
# autoscaler, so they are left out.
play() {
	node -e '
		const { parseAllDocuments, stringify } = require("yaml")
		const all = parseAllDocuments(require("fs").readFileSync(0, "utf8")).map((one) => one.toJS())
		const wanted = all.filter(({ kind, metadata }) => ["ConfigMap", "Secret"].includes(kind) || (["Deployment", "Job"].includes(kind) && process.argv.includes(metadata.name)))
		console.log(wanted.map((one) => stringify(one)).join("---\n"))' "$@" <"$BATS_FILE_TMPDIR/all.yaml" |
		docker exec --interactive "$podman" podman kube play --network host --replace -
}

# container_of NAME: the one of these Pods.
container_of() {
	in_podman 'podman ps --all --format "{{.Names}}" --filter "name=$1" | grep --max-count 1 -- "-$2\$"' "$1" "$2"
}

is_well() {
	in_podman 'podman exec "$1" healthcheck.sh' "$1"
}

@test "migrate ends with 0" {
	run play migrate-1.4.0
	assert_success
	run -0 container_of migrate-1.4.0 migrate
	run -0 in_podman 'podman wait "$1"; podman inspect --format "{{.State.ExitCode}}" "$1"' "$output"
	assert_line --index 1 0
}

@test "web, worker and beat are healthy, with the user, the root and the capabilities that the manifests set" {
	local name container
	run play web worker beat
	assert_success
	for name in web worker beat; do
		run -0 container_of "$name" "$name"
		container=$output
		run until_ok 60 is_well "$container"
		assert_success
		run -0 in_podman 'podman exec "$1" sh -c "id -u; grep CapEff /proc/1/status; touch /opt/here 2>&1 || true"' "$container"
		assert_line 1001
		assert_line --regexp 'CapEff:\s0+$'
		assert_line --partial 'Read-only file system'
	done
}

@test "a worker does a task, and TERM ends it" {
	local container
	run -0 container_of worker worker
	container=$output
	run docker exec --interactive "$podman" podman exec --interactive "$container" entrypoint.sh python - 'done' <tests/docker/task.py
	assert_success
	run -0 in_podman 'podman stop --time 30 "$1" >/dev/null; podman inspect --format "{{.State.ExitCode}}" "$1"' "$container"
	assert_output --regexp '^(0|143)$'
}
