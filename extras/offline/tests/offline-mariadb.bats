#!/usr/bin/env bats
# MariaDB's stand-in keeps the official image's word, and the service keeps its own.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets project

bats_require_minimum_version 1.5.0

load ../../../template/tests/docker/helpers

setup_file() {
	[[ ${TEST_COMPOSE_FILES:?run npm run test:docker} == *extras/offline/* ]] || skip "the official images are in use"
	new_stack COMPOSE_PROFILES=mariadb MARIADB_USER=shop MARIADB_DATABASE=my_stories
	# What a shell, a format or SQL would take for its own.
	export password='a "$ecret" \\ %s # 1'
	set_in "$env_file" MARIADB_PASSWORD="'$password'"
	mariadb_image=$(compose config --format json | json .services.mariadb.image)
	export mariadb_image
	compose up --detach --wait --wait-timeout 90 mariadb
	server=$(compose ps --quiet mariadb)
	export server
}

teardown_file() {
	remove_kept
	remove_stack
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || docker logs --tail 25 "${id:-$server}" || true
	remove_kept
}

# start_mariadb OPTION…: as compose.yaml starts it, with no time zones to load.
start_mariadb() {
	keep --user mysql --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
		--tmpfs /run/mysqld:mode=1777 --env MARIADB_INITDB_SKIP_TZINFO=1 "$@" "$mariadb_image"
}

is_up() { # is_up CONTAINER
	docker exec "$1" healthcheck.sh --connect --innodb_initialized
}

# sql CONTAINER QUERY [OPTION…]: by root over the socket.
sql() {
	docker exec "$1" mariadb --user root --batch --skip-column-names "${@:3}" --execute "$2"
}

# over_tcp CONTAINER USER PASSWORD QUERY: as another container would ask.
over_tcp() {
	docker exec --env MYSQL_PWD="$3" "$1" sh -c \
		'mariadb --skip-ssl-verify-server-cert --host "$(hostname -i)" --user "$0" --batch --skip-column-names --execute "$1"' "$2" "$4"
}

is_over() { # is_over CONTAINER
	[[ $(docker inspect --format '{{.State.Running}}' "$1") == false ]]
}

@test "the user has the database, in utf8mb4, and no other" {
	run -0 over_tcp "$server" shop "$password" 'SELECT CURRENT_USER(), @@character_set_server'
	assert_output $'shop@%\tutf8mb4'
	run -0 over_tcp "$server" shop "$password" 'CREATE TABLE my_stories.kept (title TEXT); SHOW DATABASES'
	assert_line my_stories
	refute_line mysql
	# "_" means any character in a grant that does not say otherwise.
	run -1 over_tcp "$server" shop "$password" 'CREATE DATABASE `myXstories`'
	assert_output --partial 'Access denied'
}

@test "a wrong password or none does not open, and nobody is root over TCP" {
	run -1 over_tcp "$server" shop wrong 'SELECT 1'
	assert_output --partial 'Access denied'
	run -1 over_tcp "$server" shop '' 'SELECT 1'
	assert_output --partial 'Access denied'
	run -1 over_tcp "$server" root '' 'SELECT 1'
	assert_output --partial 'Access denied'
	run -0 sql "$server" "SELECT host FROM mysql.user WHERE user = 'root'"
	assert_output localhost
	run docker logs "$server"
	refute_output --partial 'PASSWORD:'
}

@test "who is in the container is root without a password" {
	run -0 sql "$server" 'SELECT CURRENT_USER(), CONVERT_TZ("2026-07-01 12:00", "UTC", "Europe/Berlin")'
	assert_output $'root@localhost\t2026-07-01 14:00:00'
}

@test "it runs as mysql with a read-only root and without any capability" {
	assert_equal "$(docker exec "$server" stat --format %U /proc/1)" mysql
	run -0 docker exec "$server" grep CapEff /proc/1/status
	assert_output --regexp '0000000000000000$'
	run -1 docker exec "$server" touch /etc/mysql/mine
	assert_output --partial 'Read-only file system'
}

@test "started as root, on a volume of root's, it gives way to mysql" {
	id=$(keep --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 --env MARIADB_INITDB_SKIP_TZINFO=1 \
		--tmpfs /var/lib/mysql:uid=0,mode=0755 "$mariadb_image")
	until_ok 60 is_up "$id"
	assert_equal "$(docker exec "$id" stat --format %U /proc/1)" mysql
}

@test "MARIADB_ROOT_PASSWORD makes a root whom other containers reach; the _FILE settings are read" {
	printf 'from a file\n' >"$BATS_TEST_TMPDIR/password"
	printf 'clerk\n' >"$BATS_TEST_TMPDIR/user"
	chmod -R a+rX "$BATS_TEST_TMPDIR"
	id=$(start_mariadb --volume "$BATS_TEST_TMPDIR:/run/secrets:ro" --env MARIADB_ROOT_PASSWORD="r'oot" \
		--env MARIADB_PASSWORD_FILE=/run/secrets/password --env MARIADB_USER_FILE=/run/secrets/user --env MARIADB_DATABASE=desk)
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" root "r'oot" 'SELECT CURRENT_USER()'
	assert_output root@%
	run -0 over_tcp "$id" clerk 'from a file' 'USE desk; SELECT 1'
	assert_output 1
	run -1 sql "$id" 'SELECT 1'
	assert_output --partial 'Access denied'
}

@test "a random root password is printed, and opens" {
	id=$(start_mariadb --env MARIADB_RANDOM_ROOT_PASSWORD=1)
	until_ok 60 is_up "$id"
	local found
	found=$(docker logs "$id" 2>&1 | sed -n 's/.*GENERATED ROOT PASSWORD: //p')
	run -0 over_tcp "$id" root "$found" 'SELECT 1'
	assert_output 1
}

@test "without a word about root's password, or with two, it is an error and no database" {
	run -1 docker run --rm "$mariadb_image"
	assert_output --partial 'none of MARIADB_ROOT_PASSWORD'
	run -1 docker run --rm --env MARIADB_ROOT_PASSWORD=x --env MARIADB_ROOT_PASSWORD_FILE=/etc/hostname "$mariadb_image"
	assert_output --partial 'both MARIADB_ROOT_PASSWORD and MARIADB_ROOT_PASSWORD_FILE are set'
}

@test "what lies in /docker-entrypoint-initdb.d runs once, in order, against the database" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	echo 'CREATE TABLE steps (id INT AUTO_INCREMENT PRIMARY KEY, step TEXT);' >"$folder/1.sql"
	printf '#!/bin/sh\nmariadb -u root -p"$MARIADB_ROOT_PASSWORD" "$MARIADB_DATABASE" -e "INSERT INTO steps (step) VALUES ('"'executable'"')"\n' >"$folder/2.sh"
	echo "INSERT INTO steps (step) VALUES ('compressed');" | gzip >"$folder/3.sql.gz"
	echo 'no such thing' >"$folder/4.txt"
	chmod 0755 "$folder/2.sh"
	id=$(start_mariadb --volume "$folder:/docker-entrypoint-initdb.d:ro" --env MARIADB_ROOT_PASSWORD=x --env MARIADB_DATABASE=stories)
	until_ok 60 is_up "$id"
	docker restart "$id" >/dev/null
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" root x 'SELECT step FROM stories.steps ORDER BY id'
	assert_output $'executable\ncompressed'
}

@test "an init file that fails ends the container" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	echo 'SELECT no_such_column;' >"$folder/1.sql"
	id=$(start_mariadb --volume "$folder:/docker-entrypoint-initdb.d:ro" --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1)
	until_ok 60 is_over "$id"
	run docker logs "$id"
	assert_output --partial 'no_such_column'
	refute [ "$(docker inspect --format '{{.State.ExitCode}}' "$id")" = 0 ]
}

@test "until the init files are done it answers on the socket, not over TCP, and is not healthy" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	printf 'until [ -e /tmp/go ]; do sleep 0.1; done\n' >"$folder/1.sh"
	id=$(start_mariadb --volume "$folder:/docker-entrypoint-initdb.d:ro" --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1)
	until_ok 60 docker exec "$id" healthcheck.sh --innodb_initialized
	run ! docker exec "$id" healthcheck.sh --connect --innodb_initialized
	run ! over_tcp "$id" root '' 'SELECT 1'
	assert_output --partial "Can't connect"
	docker exec "$id" touch /tmp/go
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" root '' 'SELECT 1'
}

@test "arguments alone are arguments of the server" {
	id=$(keep --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 --env MARIADB_INITDB_SKIP_TZINFO=1 "$mariadb_image" --max-connections=17)
	until_ok 60 is_up "$id"
	run -0 sql "$id" 'SELECT @@max_connections'
	assert_output 17
}

@test "a health check that is none of the two, or none at all, is an error" {
	run -1 docker exec "$server" healthcheck.sh
	run -1 docker exec "$server" healthcheck.sh --connect --galera_online
	assert_output --partial 'galera_online'
}

@test "a stop shuts the database down in order, and the data outlives the container" {
	local first
	id=$(start_mariadb --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1)
	first=$id
	until_ok 60 is_up "$id"
	run docker inspect --format '{{range .Mounts}}{{.Destination}}{{end}}' "$id"
	assert_output /var/lib/mysql
	sql "$id" 'CREATE DATABASE kept; CREATE TABLE kept.answers AS SELECT 42 AS answer'
	# A session that is open does not hold it up.
	docker exec --detach "$id" mariadb --user root --execute 'SELECT SLEEP(60)'
	docker stop --time 20 "$id"
	assert_equal "$(docker inspect --format '{{.State.ExitCode}}' "$id")" 0
	run docker logs "$id"
	assert_output --partial 'Shutdown complete'

	id=$(start_mariadb --volumes-from "$first")
	until_ok 60 is_up "$id"
	run -0 sql "$id" 'SELECT answer FROM kept.answers'
	assert_output 42
	run docker logs "$id"
	refute_output --partial 'crash recovery'
}
