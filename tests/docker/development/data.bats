#!/usr/bin/env bats
# What the stack keeps, and how its database is migrated.
# shellcheck disable=SC2016 # for the containers' shells

load ../helpers

# sql STATEMENT: runs it in the database of the stack, PostgreSQL or MariaDB.
sql() {
	if has_service postgres; then
		docker exec "$(container postgres)" sh -c 'exec psql -qAt -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$1"' sh "$1"
	else
		docker exec "$(container mariadb)" sh -c 'MYSQL_PWD=$MARIADB_PASSWORD exec mariadb -N -u "$MARIADB_USER" "$MARIADB_DATABASE" -e "$1"' sh "$1"
	fi
}

# s3 ARGS…: a signed request to the store with curl. The last argument is a path.
s3() {
	local key
	key=$(docker exec "$(container storage)" sh -c 'echo "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"')
	curl --silent --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$key" "${@:1:$#-1}" "http://$(address storage 8333)/${*: -1}"
}

# write_word SERVICE, read_word SERVICE: writes a word to where the service keeps its data, and reads it from there.
write_word() {
	case $1 in
	web) docker exec "$(container web)" sh -c 'echo kept >/data/contract-test' ;;
	postgres | mariadb) sql "CREATE TABLE contract_test AS SELECT 'kept' AS word" ;;
	redis) redis_cli set contract-test kept ;;
	storage) s3 --request PUT contract-test && s3 --upload-file <(echo kept) contract-test/word ;;
	esac
}

read_word() {
	case $1 in
	web) docker exec "$(container web)" cat /data/contract-test ;;
	postgres | mariadb) sql 'SELECT word FROM contract_test' && sql 'DROP TABLE contract_test' ;;
	redis) redis_cli get contract-test ;;
	# The store is healthy before it can find its own files again.
	storage) until_ok 30 s3 contract-test/word ;;
	esac
}

@test "three migrations of an empty database, started at once, all succeed, one after the other" {
	[[ -n $(model .services.migrate.environment.MIGRATE_COMMAND) ]] || skip 'MIGRATE_COMMAND is empty'
	run cat "$BATS_SUITE_TMPDIR/migrations"
	[[ $output != *'so this runs without a lock'* ]] || skip 'the migration has no lock here, and says so'
	[[ $(grep --count '^exit code 0$' <<<"$output") -eq 3 ]] || fail "$(grep --only-matching 'migrate: .*\|exit code .*' <<<"$output"; tail --lines 40 <<<"$output")"
}

@test "a migration that has run already changes nothing and succeeds" {
	[[ -n $(model .services.migrate.environment.MIGRATE_COMMAND) ]] || skip 'MIGRATE_COMMAND is empty'
	run compose run --rm --no-deps --no-TTY migrate
	assert_success
}

@test "data is still there after teardown and a new start" {
	local service services=()
	for service in web postgres mariadb redis storage; do ! has_service "$service" || services+=("$service"); done
	for service in "${services[@]}"; do write_word "$service"; done

	npm run --silent teardown -- --env-file "$TEST_ENV_FILE"
	run docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
	assert_output ''
	compose up --detach --wait --wait-timeout 180

	for service in "${services[@]}"; do
		run read_word "$service"
		assert_output kept
	done
}
