#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup_file exports what is used here
# What `npm run kubernetes` gives a cluster, as a policy linter sees it. checkov weighs 290 MB, so this runs only by its
# name:  npm run test:template -- --only policy

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

# Rules that these files break on purpose.
readonly meant=(
	CKV_K8S_8  # A liveness probe: healthcheck.sh ends a frozen role itself, and a probe would also end a busy one.
	CKV_K8S_11 # A limit of processor time: requests share it fairly.
	CKV_K8S_15 # "Always" pull: the tag is of one version.
	CKV_K8S_35 # Secrets as files: the application knows variables.
	CKV_K8S_40 # A user above 10000: APP_UID says which.
	CKV_K8S_43 # An image by its digest: by the tag of one version, because the Job has it in its name.
)

setup_file() {
	export linter=test-policy-$RANDOM
	local secrets=()
	[[ -z ${TEST_EXTRA_CA_FILE:-} ]] || secrets+=(--secret "id=extra-ca,src=$TEST_EXTRA_CA_FILE")
	[[ -z ${PIP_INDEX_URL:-} ]] || secrets+=(--secret "id=pip-index-url,env=PIP_INDEX_URL")
	docker build --quiet --tag "$linter" --build-context build=docker/build "${secrets[@]}" --file - template/lint <<-DOCKERFILE
		FROM ${TEST_PYTHON_IMAGE:-python:3.13-slim-trixie}
		RUN --mount=type=bind,from=build,target=/build --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
			python3 -m venv /opt/policy && /build/with-network.sh /opt/policy/bin/pip install --quiet checkov==3.3.30
		ENV PATH=/opt/policy/bin:\$PATH
	DOCKERFILE
}

teardown_file() {
	docker image rm --force "$linter" >/dev/null
}

# judge FOLDER RULE…: checks all rules but these, in a container without a network.
judge() {
	docker run --rm --network none --volume "$1:/rendered:ro" "$linter" \
		checkov --directory /rendered --framework kubernetes --compact --quiet --skip-download --skip-check "$(IFS=, && echo "${*:2}")"
}

@test "a policy linter finds nothing in the manifests for either cluster, except for what is on purpose" {
	run -0 judge "$PWD/template/lint/rendered" "${meant[@]}"
}

@test "it finds what the restricted standard forbids" {
	sed 's/allowPrivilegeEscalation: false/allowPrivilegeEscalation: true/' template/lint/rendered/own.yaml >"$BATS_TEST_TMPDIR/own.yaml"
	run -1 judge "$BATS_TEST_TMPDIR" "${meant[@]}"
	assert_output --partial 'CKV_K8S_20'
	assert_output --partial 'Deployment.shop.web'
}

@test "every rule that is broken on purpose is broken" {
	run -1 judge "$PWD/template/lint/rendered" none
	local rule
	for rule in "${meant[@]}"; do assert_output --partial "$rule:"; done
}
