#!/usr/bin/env bats
# Migrations that meet, on MariaDB and PostgreSQL, through every driver that docker_roles knows: the real servers, and
# a MIGRATE_COMMAND that ends badly when it is not alone.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets project

bats_require_minimum_version 1.5.0

load helpers

# A password that is percent-encoded in a URL.
password='p@ss:w/%rd#?' encoded=p%40ss%3Aw%2F%25rd%23%3F

setup_file() {
	local secrets=()
	new_stack COMPOSE_PROFILES=mariadb,postgres MARIADB_PASSWORD="'$password'" POSTGRES_PASSWORD="'$password'" \
		MARIADB_USER=shop POSTGRES_USER=shop MARIADB_DATABASE=shop POSTGRES_DB=shop
	[[ -z $TEST_EXTRA_CA_FILE ]] || secrets=(--secret "id=extra-ca,src=$TEST_EXTRA_CA_FILE")
	docker build --quiet --tag "$project-locks" --build-arg PYTHON_IMAGE="${TEST_PYTHON_IMAGE:?run npm run test:docker}" \
		"${secrets[@]}" --build-context build=docker/build template/tests/docker/locks >/dev/null
	compose up --detach --wait --wait-timeout 90 mariadb postgres
}

setup() {
	shared=$BATS_TEST_TMPDIR/shared
	mkdir "$shared"
}

teardown() {
	show_stack
	remove_kept
}

teardown_file() {
	remove_kept
	remove_stack
	docker image rm --force "$project-locks" >/dev/null
}

# url SCHEME HOST
url() {
	echo "$1://shop:$encoded@$2/shop"
}

mysql=(pymysql:mysql+pymysql MySQLdb:mysql+mysqldb mysql.connector:mysql+mysqlconnector asyncmy:mysql+asyncmy)
postgres=(psycopg:postgresql+psycopg psycopg2:postgresql asyncpg:postgresql+asyncpg)

# migration DRIVER URL: the options of a container that migrates with this driver and no other.
migration() {
	options=(--network "${project}_data" --volume "$PWD/docker/python:/opt/docker:ro" --volume "$shared:/shared"
		--env PYTHONDONTWRITEBYTECODE=1 --env PYTHONPATH="/opt/docker:/drivers/$1" --env DATABASE_URL="$2" --env MIGRATE_LOCK_TIMEOUT=60
		--env MIGRATE_COMMAND='mkdir /shared/inside && until [ -e /shared/go ]; do sleep 0.1; done && echo done >>/shared/log && rmdir /shared/inside')
	command=("$project-locks" python3 -m docker_roles.migrate)
}

# holder DRIVER URL: starts a migration that holds the lock until there is a file "go". Sets $id.
holder() {
	migration "$@"
	id=$(keep "${options[@]}" "${command[@]}")
	until_ok 20 test -d "$shared/inside"
}

# exit_code CONTAINER: when it is over.
exit_code() {
	timeout 60 docker wait "$1"
}

# waiting NUMBER SERVICE: this many sessions wait for the lock.
waiting() {
	local found
	case $2 in
	mariadb) found=$(compose exec -T mariadb mariadb -u root -BNe "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'") ;;
	postgres) found=$(compose exec -T postgres psql -U shop -Atc "SELECT COUNT(*) FROM pg_stat_activity WHERE query ~ '^(BEGIN|ROLLBACK|SELECT pg_try)'") ;;
	esac
	echo "$found are waiting"
	((found == $1))
}

# three_at_once SERVICE DRIVER:SCHEME…: one migrates with the first driver, two wait with the others, and all end well.
three_at_once() {
	local service=$1 ids=() pair id
	shift
	for pair; do
		migration "${pair%%:*}" "$(url "${pair#*:}" "$service")"
		ids+=("$(keep "${options[@]}" "${command[@]}")")
	done
	until_ok 30 waiting $(($# - 1)) "$service"
	assert [ -d "$shared/inside" ]
	assert [ ! -e "$shared/log" ]
	touch "$shared/go"
	for id in "${ids[@]}"; do
		run exit_code "$id"
		[[ $output == 0 ]] || docker logs "$id"
		assert_output 0
	done
	assert_equal "$(wc -l <"$shared/log")" $#
}

# refused DRIVER URL: another migration holds the lock, and this one says so when its time is over.
refused() {
	migration "$@"
	run -75 docker run --rm "${options[@]}" --env MIGRATE_LOCK_TIMEOUT=0.5 "${command[@]}"
	assert_output --partial 'another migration has held the lock'
}

@test "what a URL means, which driver is taken and which lock" {
	run -0 docker run --rm --volume "$PWD/docker/python:/opt/docker:ro" --volume "$PWD/template/tests/docker/locks:/tests:ro" \
		--env PYTHONPATH=/opt/docker --env PYTHONDONTWRITEBYTECODE=1 "$project-locks" python3 /tests/test_locks.py
}

@test "three migrations at once on MariaDB run one after the other, whatever their drivers" {
	three_at_once mariadb "${mysql[@]}"
}

@test "three migrations at once on PostgreSQL run one after the other, whatever their drivers" {
	three_at_once postgres "${postgres[@]}"
}

@test "an index that a migration makes CONCURRENTLY does not wait for the next migration" {
	local first
	compose exec -T postgres psql -qU shop -c 'CREATE TABLE IF NOT EXISTS things (name text)'
	migration psycopg "$(url postgresql+psycopg postgres)"
	first=$(keep "${options[@]}" --env MIGRATE_COMMAND='mkdir /shared/inside && until [ -e /shared/go ]; do sleep 0.1; done &&
		python3 -c "import os, psycopg; from docker_roles.lock_postgres import plain_url as url
psycopg.connect(url(os.environ[\"DATABASE_URL\"]), autocommit=True).execute(\"CREATE INDEX CONCURRENTLY ON things (name)\")"' "${command[@]}")
	until_ok 20 test -d "$shared/inside"
	migration psycopg2 "$(url postgresql postgres)"
	keep "${options[@]}" "${command[@]}"
	until_ok 20 waiting 1 postgres
	touch "$shared/go"
	run timeout 20 docker wait "$first"
	assert_output 0
}

@test "a migration behind a pooler that gives each transaction another session has its lock, with every driver" {
	local pair other
	cat >"$shared/pgbouncer.ini" <<-INI
		[databases]
		shop = host=postgres user=shop password='$password'
		[pgbouncer]
		listen_addr = *
		listen_port = 5432
		unix_socket_dir =
		auth_type = any
		pool_mode = transaction
	INI
	chmod a+r "$shared/pgbouncer.ini"
	keep --network "${project}_data" --network-alias pooler --user 1001 --volume "$shared:/shared:ro" \
		"$project-locks" pgbouncer /shared/pgbouncer.ini
	migration psycopg "$(url postgresql+psycopg pooler)"
	until_ok 20 docker run --rm "${options[@]}" --env MIGRATE_COMMAND=true "${command[@]}"
	for pair in "${postgres[@]}"; do
		holder "${pair%%:*}" "$(url "${pair#*:}" pooler)"
		for other in "${postgres[@]}"; do refused "${other%%:*}" "$(url "${other#*:}" pooler)"; done
		touch "$shared/go"
		run exit_code "$id"
		assert_output 0
		rm "$shared/go"
	done
}

@test "a migration that waits too long for another says so, with every driver" {
	local pair
	holder pymysql "$(url mysql mariadb)"
	for pair in "${mysql[@]}"; do refused "${pair%%:*}" "$(url "${pair#*:}" mariadb)"; done
	rmdir "$shared/inside"
	holder asyncpg "$(url postgresql+asyncpg postgres)"
	for pair in "${postgres[@]}"; do refused "${pair%%:*}" "$(url "${pair#*:}" postgres)"; done
}

@test "another database of the same MariaDB has another lock, and a killed migration leaves no lock" {
	holder pymysql "$(url mysql mariadb)"
	compose exec -T mariadb mariadb -u root -e "CREATE DATABASE other; GRANT ALL ON other.* TO shop@'%'"
	migration asyncmy "$(url mysql+asyncmy mariadb)"
	run -0 docker run --rm "${options[@]}" --env DATABASE_URL="$(url mysql mariadb)" --env MIGRATE_LOCK_TIMEOUT=1 \
		--env DATABASE_URL="$(url mysql+asyncmy mariadb | sed 's#/shop$#/other#')" --env MIGRATE_COMMAND='echo alone' "${command[@]}"
	assert_output alone
	docker kill "$id" >/dev/null
	run -0 docker run --rm "${options[@]}" --env MIGRATE_COMMAND='echo next' "${command[@]}"
	assert_output next
}

@test "the command's exit code is the migration's" {
	migration pymysql "$(url mysql mariadb)"
	run -3 docker run --rm "${options[@]}" --env MIGRATE_COMMAND='exit 3' "${command[@]}"
}

# start_strict: a MariaDB that takes TLS alone, with a certificate of a CA of its own, and ends idle sessions after a second.
start_strict() {
	docker run --rm --volume "$shared:/tls" --workdir /tls "$project-locks" sh -euc '
		for name in ca other; do
			openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -addext keyUsage=critical,keyCertSign \
				-keyout $name.key -out $name.crt
		done
		openssl req -newkey rsa:2048 -nodes -subj "/CN=strict" -keyout server.key -out server.csr
		printf "%s\n" subjectAltName=DNS:strict authorityKeyIdentifier=keyid >extensions
		openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.crt
		chmod 0644 *' >/dev/null 2>&1
	id=$(keep --network "${project}_data" --network-alias strict --network-alias nickname --volume "$shared:/tls:ro" \
		--env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 --env MARIADB_INITDB_SKIP_TZINFO=1 --env MARIADB_USER=shop \
		--env MARIADB_PASSWORD="$password" --env MARIADB_DATABASE=shop "$(compose config --format json | json .services.mariadb.image)" \
		--require-secure-transport=on --ssl-ca=/tls/ca.crt --ssl-cert=/tls/server.crt --ssl-key=/tls/server.key --wait-timeout=1)
	until_ok 60 docker exec "$id" healthcheck.sh --connect --innodb_initialized
	strict=$id
}

@test "every driver honours the TLS options of the URL: the right CA is accepted, another CA or another name is not" {
	local pair options command secure
	start_strict
	for pair in "${mysql[@]}"; do
		secure="$(url "${pair#*:}" strict)?ssl_ca=/shared/ca.crt"
		migration "${pair%%:*}" "$secure"
		run -0 docker run --rm "${options[@]}" --env MIGRATE_COMMAND='echo encrypted' "${command[@]}"
		assert_output encrypted
		run -69 docker run --rm "${options[@]}" --env DATABASE_URL="${secure/ca.crt/other.crt}" "${command[@]}"
		assert_output --regexp '[Cc]ertificate|SSL'
		run -69 docker run --rm "${options[@]}" --env DATABASE_URL="${secure/strict/nickname}" "${command[@]}"
		assert_output --regexp '[Cc]ertificate|SSL|[Hh]ostname'
		# The C library behind MySQLdb checks both or neither.
		[[ $pair != MySQLdb:* ]] || continue
		run -0 docker run --rm "${options[@]}" --env DATABASE_URL="${secure/strict/nickname}&ssl_check_hostname=false" \
			--env MIGRATE_COMMAND='echo nameless' "${command[@]}"
		assert_output nameless
	done
}

# idle SECONDS: the session of the lock has said nothing for so long.
idle() {
	local found
	found=$(docker exec "$strict" mariadb -u root -BNe "SELECT COALESCE(MAX(time), 0) FROM information_schema.processlist WHERE user = 'shop'")
	echo "idle for $found s"
	((found >= $1))
}

@test "a migration that takes longer than MariaDB keeps silent sessions still has its lock" {
	start_strict
	holder pymysql "$(url mysql strict)?ssl_ca=/shared/ca.crt"
	until_ok 20 idle 2
	refused asyncmy "$(url mysql strict)?ssl_ca=/shared/ca.crt"
}

# own_database DRIVER URL COMMAND…: what the tests print of their database, by this driver.
own_database() {
	docker run --rm --network "${project}_data" --volume "$PWD/docker/python:/opt/docker:ro" --env PYTHONDONTWRITEBYTECODE=1 \
		--env PYTHONPATH="/opt/docker:/drivers/$1" --env DATABASE_URL="$2" "$project-locks" python3 -m docker_roles.test "${@:3}"
}

@test "the tests of an application get a database of their own, made by whichever driver it has, and kept" {
	local pair
	compose exec -T mariadb mariadb -u root -e 'REVOKE ALL ON `%\_test%`.* FROM shop'
	run -0 own_database pymysql "$(url mysql+pymysql mariadb)" sh -c 'echo "$DATABASE_URL"'
	assert_output --regexp 'could not be made here: .*Access denied for user .shop.'
	assert_line "$(url mysql+pymysql mariadb)_test"
	# In development a start gives it back, so that volumes from before have it too.
	compose restart mariadb
	compose up --detach --wait mariadb
	for pair in "${mysql[@]/%/ mariadb}" "${postgres[@]/%/ postgres}"; do
		run -0 own_database "${pair%%:*}" "$(url "$(cut -d: -f2 <<<"${pair% *}")" "${pair#* }")" true
		assert_output 'test: runs on a database whose name ends in _test (DATABASE_URL).'
		[[ $pair != *postgres ]] || compose exec -T postgres psql -qU shop -d shop_test -c 'CREATE TABLE IF NOT EXISTS kept (name text)'
	done
	compose exec -T mariadb mariadb -u root -e 'SELECT 1' shop_test
}

@test "by the commands of docs/backup.md a damaged dump of MariaDB changes nothing, and a whole one takes newer tables away" {
	# page END: the command of the page that ends so
	page() { bash -c "$(documented docs/backup.md "$1" | sed "s#\.env\.docker#$env_file#; s#\(new\|database\)\.sql#$BATS_TEST_TMPDIR/&#g")"; }
	as_shop() { compose exec -T mariadb sh -c 'MYSQL_PWD=$MARIADB_PASSWORD mariadb -u shop shop -BNe "$1"' sh "$1"; }
	as_shop 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)'
	page 'mv .*database.sql'
	as_shop 'CREATE TABLE newer (id int)'
	mv "$BATS_TEST_TMPDIR/database.sql" "$BATS_TEST_TMPDIR/whole.sql"
	head --lines -1 "$BATS_TEST_TMPDIR/whole.sql" >"$BATS_TEST_TMPDIR/database.sql"
	run ! page '< .*database.sql'
	run -0 as_shop 'SHOW TABLES'
	assert_line newer
	mv "$BATS_TEST_TMPDIR/whole.sql" "$BATS_TEST_TMPDIR/database.sql"
	page '< .*database.sql'
	run -0 as_shop 'SELECT id FROM kept'
	assert_output 7
	run -0 as_shop 'SHOW TABLES'
	refute_line newer
	as_shop 'DROP TABLE kept'
}

@test "Django, which makes a database of its own for its tests, may do so in MariaDB" {
	run -0 own_database MySQLdb:/drivers/django "$(url mysql mariadb)" python3 -c 'if True:
		import os
		from urllib.parse import unquote, urlsplit

		import django
		from django.conf import settings
		from django.db import connection
		from django.test.runner import DiscoverRunner

		url = urlsplit(os.environ["DATABASE_URL"])
		where = {"NAME": url.path[1:], "USER": url.username, "PASSWORD": unquote(url.password), "HOST": url.hostname}
		settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.mysql", **where}})
		django.setup()
		runner = DiscoverRunner(interactive=False)
		made = runner.setup_databases()
		with connection.cursor() as cursor:
			cursor.execute("SELECT DATABASE()")
			print(*cursor.fetchone())
		runner.teardown_databases(made)'
	assert_line test_shop_test
	# But no other database.
	run compose exec -T mariadb sh -c 'MYSQL_PWD=$MARIADB_PASSWORD mariadb -u shop -e "CREATE DATABASE another"'
	assert_output --partial 'Access denied'
}
