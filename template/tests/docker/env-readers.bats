#!/usr/bin/env bats
# shellcheck disable=SC2154 # $lines is bats'
# Env files as the newest Compose reads them, which is a program in the image of the linters and runs here as well.
# template/tests/scripts/hostile.test.ts asks the Compose of this engine by itself.

load helpers

teardown() {
	remove_kept
}

@test "values, lines and errors of hostile env files are those of Compose 5, too" {
	local compose=$BATS_TEST_TMPDIR/docker-compose version
	docker cp --follow-link "$(keep "${TEST_LINT_IMAGE:?run npm run test:docker}"):/opt/lint/bin/docker-compose" "$compose"
	version=$("$compose" version --short)
	[[ $version == [5-9].* ]]
	TEST_COMPOSE=$compose run npx vitest run --reporter=verbose --testNamePattern "with Compose $version" template/tests/scripts/hostile.test.ts
	assert_success
	# All three questions were put to it.
	assert_output --regexp 'Tests +.*3 passed'
}
