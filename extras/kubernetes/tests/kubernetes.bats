#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the shells in the image; setup_file exports what is used here
# kubectl renders what `npm run kubernetes` writes, and the schemas of Kubernetes check it; no cluster is needed. This
# runs in the linters' image (TEST_LINT_IMAGE); without that image it uses your own kubectl, and no schemas.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	export env_file=$BATS_FILE_TMPDIR/cluster.env
	# For any application: its own settings, on a production stack whose data is elsewhere.
	{
		grep --extended-regexp --invert-match '^(COMPOSE_|DATABASE_URL|REDIS_URL|S3_|[A-Z]+_PASSWORD|SECRET_KEY)' .env.docker.example
		printf '%s\n' COMPOSE_PROJECT_NAME=shop COMPOSE_FILE=compose.yaml:compose.production.yaml COMPOSE_PROFILES=beat,frontend \
			FRONTEND_DIR=docker SITE_ADDRESS=shop.example.org SITE_SERVICE=frontend WEB_PORT=9000 WORKER_QUEUES=fast,slow \
			WORKER_STOP_TIMEOUT=100 WORKER_STOP_GRACE=2m APP_UID=4242 WORKER_MEMORY=3g APP_WRITABLE_DIR=/app/cache \
			DATABASE_URL=postgresql+psycopg://me:pa55word@db.example.org/shop REDIS_URL=rediss://:pa55word@redis.example.org/2 \
			"SECRET_KEY='a \"quoted\" # \$one with pa55word'" APP_ENV_FILE="$BATS_FILE_TMPDIR/app.env"
	} >"$env_file"
	printf '%s\n' 'PRIVATE_KEY="line one' 'line two"' >"$BATS_FILE_TMPDIR/app.env"
}

setup() {
	[[ -n ${TEST_LINT_IMAGE:-} ]] || command -v kubectl >/dev/null || skip 'neither the image of the linters nor kubectl is here'
}

# written NAME [OPTION…]: the folder that the command writes.
written() {
	npm run --silent kubernetes -- --env-file "$env_file" --output "$BATS_FILE_TMPDIR/$1" \
		--image registry.example.org/team/shop:1.4.0 --frontend-image registry.example.org/team/front:1.4.1 "${@:2}"
}

# in_image SCRIPT ARG…: runs the script where kubectl is.
in_image() {
	if [[ -z ${TEST_LINT_IMAGE:-} ]]; then bash -euc "$1" bash "${@:2}" && return; fi
	docker run --rm --network none --volume "$PWD:$PWD:ro" --volume "$BATS_FILE_TMPDIR:$BATS_FILE_TMPDIR:ro" \
		--workdir "$PWD" "$TEST_LINT_IMAGE" bash -euc "$1" bash "${@:2}"
}

readonly judge='
	kubectl kustomize "$1" >/tmp/all.yaml
	command -v kubernetes-validate >/dev/null || exit 0
	# Kubernetes has no schemas for these kinds.
	python -c "
import yaml
foreign = {\"ScaledObject\", \"Gateway\", \"HTTPRoute\", \"HealthCheckPolicy\", \"Cluster\"}
with open(\"/tmp/all.yaml\") as file, open(\"/tmp/own.yaml\", \"w\") as own:
    yaml.safe_dump_all((one for one in yaml.safe_load_all(file) if one[\"kind\"] not in foreign), own)"
	kubernetes-validate --strict --no-warn /tmp/own.yaml'

@test "Kubernetes accepts what the command writes for either cluster, with every component" {
	local cluster
	for cluster in own managed; do
		run -0 written "$cluster" --cluster "$cluster" --keda
		refute_output --partial pa55word
		run -0 in_image "$judge" "$BATS_FILE_TMPDIR/$cluster"
	done
	[[ -z ${TEST_LINT_IMAGE:-} ]] || assert_output --partial 'passed for resource job/migrate-1.4.0'
}

@test "a field that Kubernetes does not know is found" {
	[[ -n ${TEST_LINT_IMAGE:-} ]] || skip 'the schemas are in the image of the linters'
	run -0 written planted
	sed -i 's|/spec/template/spec/securityContext/runAsGroup|/spec/template/spec/securityContext/runAsGang|; s/op: replace/op: add/' "$BATS_FILE_TMPDIR/planted/kustomization.yaml"
	run in_image "$judge" "$BATS_FILE_TMPDIR/planted"
	assert_failure
	assert_output --partial runAsGang
}

@test "the settings arrive: image, port, user, grace, memory, name, queues, and values that quoting mistakes break" {
	run -0 written settings --keda
	run -0 in_image 'kubectl kustomize "$1"' "$BATS_FILE_TMPDIR/settings"
	local text
	for text in 'image: registry.example.org/team/shop:1.4.0' 'image: registry.example.org/team/front:1.4.1' 'containerPort: 9000' 'port: 9000' \
		'runAsUser: 4242' 'mountPath: /app/cache' 'terminationGracePeriodSeconds: 120' 'memory: "3221225472"' 'host: shop.example.org' 'name: frontend' \
		'listName: fast' 'listName: slow' 'databaseIndex: "2"' 'enableTLS: "true"' 'name: migrate-1.4.0' 'namespace: shop' \
		"SECRET_KEY: $(printf %s 'a "quoted" # $one with pa55word' | base64 --wrap 0)" "PRIVATE_KEY: $(printf 'line one\nline two' | base64 --wrap 0)"; do
		assert_output --partial "$text"
	done
	# In a Secret it is base64.
	refute_output --partial pa55word
	refute_output --partial 'replicas: 2'$'\n''  selector:'$'\n''    matchLabels:'$'\n''      role: worker'
}

@test "the first rollout step has what migrate needs, and none of the other roles" {
	run -0 written first
	run -0 in_image 'kubectl kustomize "$1"' "$BATS_FILE_TMPDIR/first"
	run -0 node -e '
		const { parseAllDocuments } = require("yaml")
		const all = parseAllDocuments(require("fs").readFileSync(0, "utf8")).map((one) => one.toJS())
		console.log([...new Set(all.filter(({ metadata }) => metadata.labels?.rollout === "first").map(({ kind }) => kind))].sort().join(" "))' <<<"$output"
	assert_output 'ConfigMap Job NetworkPolicy Secret'
}

@test "git and builds leave the folder out" {
	run -0 git check-ignore --quiet .env.kubernetes/secrets.env
	run -0 grep --fixed-strings --line-regexp '**/.env.*' .dockerignore
}
