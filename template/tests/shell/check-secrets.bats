#!/usr/bin/env bats
# What production refuses before anything starts.

bats_load_library() { load "../../../node_modules/$1/load.bash"; }
bats_load_library bats-support
bats_load_library bats-assert

check() { # check NAME=VALUE…
	run env --ignore-environment PATH="$PATH" "$@" sh "$BATS_TEST_DIRNAME/../../../docker/check-secrets.sh"
}

@test "the owner's own secrets are accepted" {
	check SECRET_KEY=mine REDIS_PASSWORD=mine COMPOSE_PROFILES=postgres,redis DATABASE_URL=postgresql://u:mine@db/x
	assert_success
	assert_output ''
}

@test "every secret of the example is refused by its name, and no value is shown" {
	local name
	for name in $(grep --only-matching '^[A-Z0-9_]*=.*local-only' "$BATS_TEST_DIRNAME/../../../.env.docker.example" | cut -d= -f1) DATABASE_URL REDIS_URL; do
		check "$name=x-local-only-y" COMPOSE_PROFILES='*'
		assert_failure 64
		assert_output --partial "$name has the value of .env.docker.example"
		refute_output --partial 'x-local-only'
	done
}

@test "all of them are named at once" {
	check SECRET_KEY=local-only FLOWER_PASSWORD=local-only COMPOSE_PROFILES=beat,flower
	assert_failure 64
	assert_equal "${#lines[@]}" 2
}

@test "an overlay for development is refused with the reason that it gives" {
	run env --ignore-environment PATH="$PATH" sh "$BATS_TEST_DIRNAME/../../../docker/check-secrets.sh" 'mine.yaml is for development'
	assert_failure 64
	assert_output 'check-secrets: mine.yaml is for development'
}

@test "Redis without a password is refused if Redis runs" {
	local profiles
	for profiles in redis postgres,redis redis,beat; do
		check COMPOSE_PROFILES="$profiles"
		assert_failure 64
		assert_output --partial 'REDIS_PASSWORD is empty'
	done
	check COMPOSE_PROFILES=postgres,redis-cluster REDIS_PASSWORD=
	assert_success
}

@test "a store without a secret, which would let everybody in, is refused if it runs" {
	check COMPOSE_PROFILES=postgres,storage
	assert_failure 64
	assert_output --partial 'S3_SECRET_ACCESS_KEY is empty'
	check COMPOSE_PROFILES=storage S3_SECRET_ACCESS_KEY=mine
	assert_success
	check COMPOSE_PROFILES=postgres S3_SECRET_ACCESS_KEY=local-only
	assert_success
}

@test "a password of a service that does not run does not matter" {
	check MARIADB_PASSWORD=local-only FLOWER_PASSWORD=local-only COMPOSE_PROFILES=postgres
	assert_success
	check MARIADB_PASSWORD=local-only COMPOSE_PROFILES=redis,mariadb REDIS_PASSWORD=mine
	assert_failure 64
}
