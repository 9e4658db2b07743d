#!/usr/bin/env bats
# The stand-ins of PostgreSQL and MariaDB behave like the official images, as far as compose.yaml and people who mount
# something into them rely on it. Both get the same tests, with as few containers as those need.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets project

load helpers

setup_file() {
	require_stand_ins stand-in/library/postgres:17-trixie stand-in/library/mariadb:11.8
	# Characters that a shell, a format or SQL would interpret. Compose reads the env file, so single quotes are used.
	export password='a "$ecret" \\ %s # 1'
	new_stack "POSTGRES_PASSWORD='$password'" POSTGRES_USER=shop POSTGRES_DB=my_stories \
		"MARIADB_PASSWORD='$password'" MARIADB_USER=shop MARIADB_DATABASE=my_stories
	compose up --detach --wait --wait-timeout 120 postgres mariadb
}

teardown_file() {
	remove_all
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} || -z ${id:-} ]] || docker logs --tail 25 "$id" || true
}

# choose DATABASE: sets the image, its user, its folder and its options, for the tests below.
choose() {
	database=$1
	server=$project-$database-1
	case $database in
	postgres)
		image=stand-in/library/postgres:17-trixie user=postgres data=/var/lib/postgresql/data prefix=POSTGRES
		options=(--tmpfs "/var/run/postgresql:uid=999,gid=999,mode=0775")
		;;
	mariadb)
		image=stand-in/library/mariadb:11.8 user=mysql data=/var/lib/mysql prefix=MARIADB
		options=(--tmpfs /run/mysqld:mode=1777 --env MARIADB_INITDB_SKIP_TZINFO=1 --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1)
		;;
	esac
}

# over_tcp CONTAINER PASSWORD DATABASE QUERY: runs the query as the user shop, over the network like another container.
over_tcp() {
	case $database in
	postgres)
		docker exec --env PGPASSWORD="$2" "$1" sh -c \
			'psql --no-psqlrc --tuples-only --no-align --host "$(hostname -i)" --username shop --dbname "$0" --command "$1"' "$3" "$4"
		;;
	mariadb)
		docker exec --env MYSQL_PWD="$2" "$1" sh -c \
			'mariadb --skip-ssl-verify-server-cert --host "$(hostname -i)" --user shop --batch --skip-column-names --execute "$1" "$0"' "$3" "$4"
		;;
	esac
}

# is_up CONTAINER; answers_socket CONTAINER: whether it answers over TCP, and whether it answers on the socket.
is_up() {
	case $database in
	postgres) docker exec "$1" pg_isready --quiet --host 127.0.0.1 ;;
	mariadb) docker exec "$1" healthcheck.sh --connect --innodb_initialized ;;
	esac
}

answers_socket() {
	case $database in
	postgres) docker exec "$1" pg_isready --quiet ;;
	mariadb) docker exec "$1" healthcheck.sh --innodb_initialized ;;
	esac
}

is_over() { # is_over CONTAINER
	[[ $(docker inspect --format '{{.State.Running}}' "$1") == false ]]
}

# As compose.yaml starts it: only the password lets a client in, and the server has no privileges.
asks_of_the_service() {
	run -0 over_tcp "$server" "$password" my_stories 'SELECT 6*7'
	assert_output 42
	local wrong
	for wrong in wrong ''; do
		run over_tcp "$server" "$wrong" my_stories 'SELECT 1'
		assert_failure
		assert_output --regexp 'authentication failed|no password supplied|Access denied'
	done
	assert_equal "$(owner_of_process_1 "$server")" "$user"
	run -0 docker exec "$server" grep CapEff /proc/1/status
	assert_output --regexp '0000000000000000$'
	run docker exec "$server" touch /etc/mine
	assert_output --partial 'Read-only file system'
}

# first_start FOLDER: starts it as root, on a folder of root's, with settings in files and an argument for the server.
first_start() {
	mkdir -p "$1/init" "$1/data" "$1/settings"
	printf 'from a file\n' >"$1/settings/password"
	printf 'shop\n' >"$1/settings/user"
	keep "${options[@]}" --volume "$1/init:/docker-entrypoint-initdb.d:ro" --volume "$1/settings:/run/secrets:ro" \
		--volume "$1/data:$data" --env "${prefix}_PASSWORD_FILE=/run/secrets/password" --env "${prefix}_USER_FILE=/run/secrets/user" \
		--env "${prefix}_DB=stories" --env "${prefix}_DATABASE=stories" "$image" "${arguments[@]}"
}

# The life of one database: its first start, its init files, a restart, an orderly stop, and the next container.
asks_of_a_life() {
	local folder=$BATS_TEST_TMPDIR/$database first
	mkdir -p "$folder/init"
	echo 'CREATE TABLE steps (id SERIAL PRIMARY KEY, step TEXT);' >"$folder/init/1.sql"
	printf '#!/bin/sh\necho from a program\n' >"$folder/init/2.sh"
	chmod 0755 "$folder/init/2.sh"
	echo "INSERT INTO steps (step) VALUES ('compressed');" | gzip >"$folder/init/3.sql.gz"
	printf 'until [ -e /tmp/go ]; do sleep 0.1; done\n' >"$folder/init/4.sh"
	echo 'no such thing' >"$folder/init/5.txt"
	id=$(first_start "$folder")

	# Until the init files have run, it answers only on the socket.
	until_ok 60 answers_socket "$id"
	run is_up "$id"
	assert_failure
	run over_tcp "$id" 'from a file' stories 'SELECT 1'
	assert_failure
	docker exec "$id" touch /tmp/go
	until_ok 60 is_up "$id"

	assert_equal "$(owner_of_process_1 "$id")" "$user"
	run -0 over_tcp "$id" 'from a file' stories "$ask_for_connections"
	assert_output --partial 17
	docker restart --time 20 "$id" >/dev/null
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" 'from a file' stories 'SELECT step FROM steps ORDER BY id'
	assert_output compressed

	# An open session does not delay the stop.
	docker exec --detach --env PGPASSWORD='from a file' --env MYSQL_PWD='from a file' "$id" sh -c "$long_session"
	docker stop --time 20 "$id" >/dev/null
	assert_equal "$(exit_code "$id")" 0
	run docker logs "$id"
	assert_output --partial 'from a program'
	assert_output --partial "$stopped"
	first=$id
	id=$(first_start "$folder")
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" 'from a file' stories 'SELECT step FROM steps'
	assert_output compressed
	run docker logs "$id"
	refute_output --partial "$crashed"
	docker rm --force --volumes "$first" "$id" >/dev/null
}

# An init file that fails ends the container, and a password in two places is an error.
asks_of_mistakes() {
	local folder=$BATS_TEST_TMPDIR/$database-broken
	mkdir -p "$folder/init"
	echo 'SELECT no_such_column;' >"$folder/init/1.sql"
	id=$(first_start "$folder")
	until_ok 60 is_over "$id"
	run docker logs "$id"
	assert_output --partial no_such_column
	refute [ "$(exit_code "$id")" = 0 ]
	run -1 docker run --rm "${options[@]}" --env "${twice}=x" --env "${twice}_FILE=/etc/hostname" "$image"
	assert_output --partial "both $twice and ${twice}_FILE are set"
}

@test "PostgreSQL, as compose.yaml starts it, opens only with the password and runs without privileges" {
	choose postgres
	asks_of_the_service
	run -0 over_tcp "$server" "$password" my_stories "SELECT rolsuper FROM pg_roles WHERE rolname = 'shop'"
	assert_output t
}

@test "PostgreSQL starts as root, runs the init files once, stops cleanly, and its data outlives it" {
	choose postgres
	arguments=(-c max_connections=17) ask_for_connections='SHOW max_connections'
	long_session='psql --username shop --dbname stories --command "SELECT pg_sleep(60)"'
	stopped='database system is shut down' crashed='not properly shut down'
	asks_of_a_life
}

@test "PostgreSQL refuses init files that fail, two passwords, and no password unless everybody is trusted" {
	choose postgres
	arguments=() twice=POSTGRES_PASSWORD
	asks_of_mistakes
	run -1 docker run --rm --env POSTGRES_PASSWORD= "$image"
	assert_output --partial 'POSTGRES_PASSWORD is not set'
	# The database has the user's name, unless another name is set.
	id=$(keep --env POSTGRES_HOST_AUTH_METHOD=trust --env POSTGRES_USER=shop "$image")
	until_ok 60 is_up "$id"
	run -0 over_tcp "$id" '' shop 'SELECT current_database()'
	assert_output shop
}

@test "MariaDB, as compose.yaml starts it, opens only with the password and runs without privileges" {
	choose mariadb
	asks_of_the_service
	run -0 over_tcp "$server" "$password" my_stories 'CREATE TABLE kept (title TEXT); SELECT @@character_set_server'
	assert_output utf8mb4
	# In a grant "_" means any character, unless it is escaped.
	run -1 over_tcp "$server" "$password" my_stories 'CREATE DATABASE `myXstories`'
	assert_output --partial 'Access denied'
	# Root has no password, and can log in only from inside the container.
	run -0 docker exec "$server" mariadb --user root --batch --skip-column-names --execute \
		'SELECT host, CONVERT_TZ("2026-07-01 12:00", "UTC", "Europe/Berlin") FROM mysql.user WHERE user = "root"'
	assert_output $'localhost\t2026-07-01 14:00:00'
	run docker logs "$server"
	refute_output --partial 'PASSWORD:'
	# healthcheck.sh knows two checks.
	run -1 docker exec "$server" healthcheck.sh
	run -1 docker exec "$server" healthcheck.sh --connect --galera_online
	assert_output --partial galera_online
}

@test "MariaDB starts as root, runs the init files once, stops cleanly, and its data outlives it" {
	choose mariadb
	arguments=(--max-connections=17) ask_for_connections='SELECT @@max_connections'
	long_session='mariadb --user shop --execute "SELECT SLEEP(60)"'
	stopped='Shutdown complete' crashed='crash recovery'
	asks_of_a_life
}

@test "MariaDB refuses init files that fail, two passwords or none; a random password of root is printed, and opens" {
	choose mariadb
	arguments=() twice=MARIADB_ROOT_PASSWORD
	asks_of_mistakes
	run -1 docker run --rm "$image"
	assert_output --partial 'none of MARIADB_ROOT_PASSWORD'
	id=$(keep --env MARIADB_INITDB_SKIP_TZINFO=1 --env MARIADB_RANDOM_ROOT_PASSWORD=1 "$image")
	until_ok 60 is_up "$id"
	local found
	found=$(docker logs "$id" 2>&1 | sed -n 's/.*GENERATED ROOT PASSWORD: //p')
	run -0 docker exec --env MYSQL_PWD="$found" "$id" sh -c \
		'mariadb --skip-ssl-verify-server-cert --host "$(hostname -i)" --user root --batch --skip-column-names --execute "SELECT CURRENT_USER()"'
	assert_output root@%
}
