#!/usr/bin/env bats
# The agent is an application that knows nothing of Docker. Its packages take minutes to install, so this runs only by
# its name:  npm run test:template -- --only plain

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

@test "the example's tests pass in a plain virtual environment, and the frontend's with plain npm" {
	python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' || skip 'no Python 3.11 with venv on this machine'
	cp -r template/examples/agent "$BATS_TEST_TMPDIR/agent"
	cd "$BATS_TEST_TMPDIR/agent/backend"
	python3 -m venv "$BATS_TEST_TMPDIR/venv"
	"$BATS_TEST_TMPDIR/venv/bin/pip" install --quiet --no-compile --require-hashes --requirement requirements.txt --requirement requirements-dev.txt
	run env -u DOCKER_HOST "$BATS_TEST_TMPDIR/venv/bin/python" -m pytest -q
	assert_success
	cd ../frontend
	npm ci --no-audit --no-fund
	npm run build
	run npm test
	assert_success
}
