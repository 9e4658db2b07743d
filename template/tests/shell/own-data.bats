#!/usr/bin/env bats
# shellcheck disable=SC2016 # single quotes: for another shell
# docker/python/docker_roles/test.py: what the tests of an application get in place of the stack's data. No server is needed.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

# tested NAME=VALUE…: prints DATABASE_URL, REDIS_URL and OTHER as a test sees them. What is said is in $stderr.
tested() {
	run --separate-stderr -0 env DATABASE_URL= REDIS_URL= OTHER= PYTHONPATH="$ROOT/docker/python" "$@" \
		python3 -m docker_roles.test sh -c 'printf "%s\n" "$DATABASE_URL" "$REDIS_URL" "$OTHER"'
}

@test "the tests get a database of their own, in every variable that names the stack's" {
	local url own
	while read -r url own; do
		tested DATABASE_URL="$url" OTHER="{\"url\": \"db+$url\"},$url"
		assert_equal "${lines[0]}" "$own"
		assert_equal "${lines[1]}" "{\"url\": \"db+$own\"},$own"
		assert_equal "$stderr" 'test: runs on a database whose name ends in _test (DATABASE_URL, OTHER).'
	done <<-'ROWS'
		postgresql+psycopg://shop:p%40ss%24@db:5432/shop postgresql+psycopg://shop:p%40ss%24@db:5432/shop_test
		postgres://db/shop?sslmode=require&x=/y postgres://db/shop_test?sslmode=require&x=/y
		postgresql:///shop?host=/var/run postgresql:///shop_test?host=/var/run
		mysql+pymysql://shop:secret@db/my%20shop mysql+pymysql://shop:secret@db/my%20shop_test
		sqlite:////data/shop.db sqlite:////data/shop.db_test
		sqlite:///shop.db sqlite:///shop.db_test
	ROWS
}

@test "another database is left alone, even if its name is similar" {
	tested DATABASE_URL=sqlite:////data/shop OTHER='sqlite:////data/shop2 sqlite:////data/shop-2'
	assert_equal "${lines[1]}" 'sqlite:////data/shop2 sqlite:////data/shop-2'
}

@test "if DATABASE_URL names no lasting database, it says so and changes nothing" {
	local url
	for url in '' sqlite:// sqlite:///:memory:; do
		tested DATABASE_URL="$url" REDIS_URL=redis://redis:6379/0
		assert_equal "$stderr" 'test: runs on whatever database the application names, because DATABASE_URL names none, and on number 15 of Redis (REDIS_URL).'
		assert_equal "${lines[*]}" "${url:+$url }redis://redis:6379/15"
	done
}

@test "a DATABASE_URL of a server without a database name is refused: one sentence and exit code 64" {
	local url
	for url in postgresql://db postgresql://shop:p@db/shop/ 'postgresql://db/shop?dbname=live'; do
		run -64 env DATABASE_URL="$url" PYTHONPATH="$ROOT/docker/python" python3 -m docker_roles.test true
		assert_output 'test: DATABASE_URL does not end in the name of a database, so the tests cannot have their own. Correct it, or run the command itself on the stack'\''s data: run --rm web pytest'
	done
}

@test "the tests' queue is a number of the same Redis that no variable has, in every variable that names that Redis" {
	local url other own others
	while read -r url other own others; do
		tested REDIS_URL="$url" OTHER="$other"
		assert_equal "${lines[*]}" "$own $others"
	done <<-'ROWS'
		redis://:p%40ss@redis:6379/0 redis://:p%40ss@redis:6379/1;redis://:p%40ss@redis:6379/2 redis://:p%40ss@redis:6379/15 redis://:p%40ss@redis:6379/15;redis://:p%40ss@redis:6379/15
		redis://redis:6379 rediss://redis:6379/3?ssl_cert_reqs=none redis://redis:6379/15 rediss://redis:6379/15?ssl_cert_reqs=none
		redis://redis:6379?db=3 redis://redis:63790/0 redis://redis:6379/15 redis://redis:63790/0
		redis://redis:6379/15 "redis://redis:6379/14" redis://redis:6379/13 "redis://redis:6379/13"
		redis://redis:6379/0 amqp://redis:6379/0 redis://redis:6379/15 amqp://redis:6379/0
	ROWS
}

@test "a Redis URL without a number is reported, and a file with the stack's own URL is not passed on" {
	tested REDIS_URL='unix:///run/redis.sock?db=0' DATABASE_URL_FILE=/run/secrets/database OTHER=
	assert_equal "$stderr" "test: runs on whatever database the application names, because DATABASE_URL names none, and on the stack's own Redis, because REDIS_URL is not redis://host/number."
	run -0 env DATABASE_URL_FILE=/run/secrets/database PYTHONPATH="$ROOT/docker/python" python3 -m docker_roles.test env
	refute_output --partial DATABASE_URL_FILE
}

@test "variables that name the stack's server alone are reported, because they cannot be changed" {
	tested DATABASE_URL=postgres://db/shop REDIS_URL=redis://redis:6379/0 SHOP_DB_HOST=db SHOP_REDIS_HOST=redis OTHER=redis:6379
	assert_equal "${stderr_lines[1]}" "test: SHOP_DB_HOST, SHOP_REDIS_HOST still name the stack's server: with them, tests reach its data."
}
