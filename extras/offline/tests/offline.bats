#!/usr/bin/env bats
# The stand-ins keep the official images' word, as far as compose.yaml and who mounts something into them rely on it.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets storage

bats_require_minimum_version 1.5.0

load ../../../template/tests/docker/helpers

python_bookworm=stand-in/library/python:3.11-slim-bookworm
node_image=stand-in/library/node:24-trixie-slim

setup_file() {
	[[ ${TEST_COMPOSE_FILES:?run npm run test:docker} == *extras/offline/* ]] || skip "the official images are in use"
	# Those that no service of the sample wants.
	node --import tsx/esm --input-type=module --eval '
		import { ensureStandIns } from "./extras/offline/stand-ins.ts"
		const [ca, ...images] = process.argv.slice(1)
		await ensureStandIns(images, { EXTRA_CA_FILE: ca })' "$TEST_EXTRA_CA_FILE" "$python_bookworm" "$node_image"
	new_stack REDIS_PASSWORD="'p@ss \$word # 1'" S3_ACCESS_KEY_ID=reader S3_SECRET_ACCESS_KEY=right-secret S3_BUCKET=shelf
	local model
	model=$(compose config --format json)
	postgres_image=$(json .services.postgres.image <<<"$model")
	redis_image=$(json .services.redis.image <<<"$model")
	export postgres_image redis_image
	compose up --detach --wait --wait-timeout 60 redis storage
	server=$(start_postgres --env POSTGRES_USER=shop --env POSTGRES_PASSWORD="it's a \"\$ecret\" \\" --env POSTGRES_DB=stories)
	export server
	until_ok 40 accepts_tcp "$server"
}

teardown_file() {
	remove_kept
	remove_stack
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || docker logs --tail 25 "${id:-$server}" || true
	remove_kept
}

# --- their names ---

@test "each has the name of the image that was chosen, and IMAGE_REGISTRY stands in front of none" {
	id=$server
	cp "$env_file" "$BATS_TEST_TMPDIR/settings"
	set_in "$BATS_TEST_TMPDIR/settings" IMAGE_REGISTRY=mirror.test:5000/hub PYTHON_IMAGE=python:3.11-slim-bookworm \
		POSTGRES_IMAGE=postgres:16-trixie MARIADB_IMAGE=
	local model
	model=$(env_file=$BATS_TEST_TMPDIR/settings compose --profile '*' config --format json)
	assert_equal "$(json .services.migrate.build.args.PYTHON_IMAGE <<<"$model")" stand-in/python:3.11-slim-bookworm
	assert_equal "$(json .services.postgres.image <<<"$model")" stand-in/postgres:16-trixie
	assert_equal "$(json .services.mariadb.image <<<"$model")" stand-in/library/mariadb:11.8
	assert_equal "$(json .services.storage.image <<<"$model")" stand-in/chrislusf/seaweedfs:4.48
	run cat <<<"$model"
	refute_output --partial '"mirror.test'
}

@test "an image that has none is one sentence with those that there are, exit code 4, and nothing is started" {
	id=$server
	cp "$env_file" "$BATS_TEST_TMPDIR/settings"
	set_in "$BATS_TEST_TMPDIR/settings" COMPOSE_PROJECT_NAME="$project-none" REDIS_PASSWORD=x PYTHON_IMAGE=python:3.12-slim-trixie \
		WEB_PORT="$(free_port)" STORAGE_PORT="$(free_port)" FLOWER_PORT="$(free_port)"
	run -4 npm run --silent up -- --env-file "$BATS_TEST_TMPDIR/settings"
	assert_output --partial 'There is no stand-in for python:3.12-slim-trixie.'
	assert_output --partial 'python:3.11-slim-bookworm, python:3.13-slim-trixie'
	run docker ps --all --quiet --filter "label=com.docker.compose.project=$project-none"
	assert_output ''
}

# --- Python ---

@test "Python: the version, its names and its tools are those of the image's name" {
	id=$server
	local image version
	for image in "$python_bookworm" "$TEST_PYTHON_IMAGE"; do
		version=${image#*:}
		version=${version%%-*}
		run -0 docker run --rm "$image" sh -euc '
			for name in python python3; do "/usr/local/bin/$name" --version; done
			for name in pip pip3; do "/usr/local/bin/$name" --version; done
			python -m venv /tmp/venv && /tmp/venv/bin/pip --version
			. /etc/os-release && echo "$VERSION_CODENAME"'
		assert_line --regexp "^Python $version\\.[0-9]+$"
		assert_equal "$(grep --count "(python $version)" <<<"$output")" 3
		assert_line "${image##*-}"
	done
}

# --- Node ---

@test "Node: node, npm and npx are on the PATH, in the version of the image's name" {
	id=$server
	run -0 docker run --rm "$node_image" node --version
	assert_output --regexp '^v24\.'
	run -0 docker run --rm "$node_image" sh -euc 'npm --version; npx --version; corepack --version'
	assert_equal "${#lines[@]}" 3
	assert_output --regexp '^1[0-9]\.'
}

@test "Node: npm runs the scripts of a package, for root and for the user node" {
	id=$server
	local who
	for who in root node; do
		run -0 docker run --rm --user "$who" "$node_image" sh -euc '
			mkdir /tmp/package && cd /tmp/package
			echo "{ \"scripts\": { \"build\": \"node -p 6*7\" } }" >package.json
			npm run --silent build; id --user; touch "$HOME/mine"'
		assert_line --index 0 42
	done
	assert_line --index 1 1000
}

@test "Node: an option or a script alone is node's, with a read-only root and no capability" {
	id=$server
	local options=(--rm --user node --read-only --cap-drop ALL)
	run -0 docker run "${options[@]}" "$node_image" --print 'process.versions.node.split(".")[0]'
	assert_output 24
	echo 'console.log("served", process.argv.length)' >"$BATS_TEST_TMPDIR/server.js"
	chmod 0755 "$BATS_TEST_TMPDIR"
	run -0 docker run "${options[@]}" --volume "$BATS_TEST_TMPDIR:/srv:ro" --workdir /srv "$node_image" server.js
	assert_output 'served 2'
}

# --- PostgreSQL ---

# start_postgres OPTION…: as compose.yaml starts it.
start_postgres() {
	keep --user postgres --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
		--tmpfs /var/run/postgresql:uid=999,gid=999,mode=0775 "$@" "$postgres_image"
}

accepts_tcp() { # accepts_tcp CONTAINER
	[[ $(docker inspect --format '{{.State.Running}}' "$1") == true ]] || docker logs "$1"
	docker exec "$1" pg_isready --quiet --host 127.0.0.1
}

# sql CONTAINER USER DATABASE QUERY: through the socket, on which everybody in the container is trusted.
sql() {
	docker exec "$1" psql --no-psqlrc --tuples-only --no-align --username "$2" --dbname "$3" --command "$4"
}

# over_tcp PASSWORD: asks the server as another container would.
over_tcp() {
	docker exec --env PGPASSWORD="$1" "$server" sh -c \
		'psql --no-psqlrc --tuples-only --no-align --host "$(hostname -i)" --username shop --dbname stories --command "SELECT current_user"'
}

# refuses MESSAGE OPTION…: PostgreSQL does not start, and says why.
refuses() {
	local message=$1
	shift
	run -1 docker run --rm "$@" "$postgres_image"
	assert_output --partial "$message"
}

owner_of_process_1() { # owner_of_process_1 CONTAINER
	docker exec "$1" stat --format %U /proc/1
}

is_over() { # is_over CONTAINER
	[[ $(docker inspect --format '{{.State.Running}}' "$1") == false ]]
}

@test "PostgreSQL: POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB make a superuser and its database" {
	run -0 sql "$server" shop stories "SELECT rolsuper, pg_get_userbyid(datdba) FROM pg_roles, pg_database WHERE rolname = 'shop' AND datname = 'stories'"
	assert_output 't|shop'
}

@test "PostgreSQL: over TCP the password opens, whatever it holds, and a wrong one or none does not" {
	run -0 over_tcp "it's a \"\$ecret\" \\"
	assert_output shop
	run -2 over_tcp wrong
	assert_output --partial 'password authentication failed'
	run -2 over_tcp ''
	assert_output --partial 'no password supplied'
}

@test "PostgreSQL: it runs as postgres with a read-only root and without any capability" {
	assert_equal "$(owner_of_process_1 "$server")" postgres
	run -0 docker exec "$server" grep CapEff /proc/1/status
	assert_output --regexp '0000000000000000$'
}

@test "PostgreSQL: started as root, on a volume of root's, it gives way to postgres" {
	id=$(keep --env POSTGRES_PASSWORD=x --tmpfs /var/lib/postgresql/data:uid=0,mode=0755 "$postgres_image")
	until_ok 40 accepts_tcp "$id"
	assert_equal "$(owner_of_process_1 "$id")" postgres
}

@test "PostgreSQL: the user's name is the database's, unless that is set" {
	id=$(start_postgres --env POSTGRES_USER=shop --env POSTGRES_PASSWORD=x)
	until_ok 40 accepts_tcp "$id"
	run -0 sql "$id" shop shop 'SELECT current_database()'
	assert_output shop
}

@test "PostgreSQL: POSTGRES_PASSWORD_FILE and the other _FILE settings are read" {
	printf 'from a file\n' >"$BATS_TEST_TMPDIR/password"
	printf 'clerk\n' >"$BATS_TEST_TMPDIR/user"
	id=$(start_postgres --volume "$BATS_TEST_TMPDIR:/run/secrets:ro" --env POSTGRES_PASSWORD_FILE=/run/secrets/password --env POSTGRES_USER_FILE=/run/secrets/user)
	until_ok 40 accepts_tcp "$id"
	run -0 docker exec --env PGPASSWORD='from a file' "$id" sh -c 'psql --tuples-only --no-align --host "$(hostname -i)" --username clerk --command "SELECT 1"'
	assert_output 1
}

@test "PostgreSQL: a password and its file together, or neither, is an error and no database" {
	refuses 'both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set' --env POSTGRES_PASSWORD=x --env POSTGRES_PASSWORD_FILE=/etc/hostname
	refuses 'POSTGRES_PASSWORD is not set'
	refuses 'POSTGRES_PASSWORD is not set' --env POSTGRES_PASSWORD=
}

@test "PostgreSQL: POSTGRES_HOST_AUTH_METHOD=trust needs no password" {
	id=$(start_postgres --env POSTGRES_HOST_AUTH_METHOD=trust)
	until_ok 40 accepts_tcp "$id"
	run -0 docker exec "$id" sh -c 'psql --tuples-only --no-align --host "$(hostname -i)" --username postgres --command "SELECT 1"'
	assert_output 1
}

@test "PostgreSQL: what lies in /docker-entrypoint-initdb.d runs once, in order, against the database" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	echo 'CREATE TABLE steps (id serial, step text);' >"$folder/1.sql"
	printf '#!/bin/sh\npsql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --command "INSERT INTO steps (step) VALUES ('"'executable'"')"\n' >"$folder/2.sh"
	printf 'sql --dbname "$POSTGRES_DB" --command "INSERT INTO steps (step) VALUES ('"'sourced'"')"\n' >"$folder/3.sh"
	echo "INSERT INTO steps (step) VALUES ('compressed');" | gzip >"$folder/4.sql.gz"
	echo 'no such thing' >"$folder/5.txt"
	chmod 0755 "$folder/2.sh"
	id=$(start_postgres --volume "$folder:/docker-entrypoint-initdb.d:ro" --env POSTGRES_USER=shop --env POSTGRES_PASSWORD=x --env POSTGRES_DB=stories)
	until_ok 40 accepts_tcp "$id"
	docker restart "$id" >/dev/null
	until_ok 40 accepts_tcp "$id"
	run -0 sql "$id" shop stories 'SELECT step FROM steps ORDER BY id'
	assert_output $'executable\nsourced\ncompressed'
}

@test "PostgreSQL: an init file that fails ends the container" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	echo 'SELECT no_such_column;' >"$folder/1.sql"
	id=$(start_postgres --volume "$folder:/docker-entrypoint-initdb.d:ro" --env POSTGRES_PASSWORD=x)
	until_ok 40 is_over "$id"
	run docker logs "$id"
	assert_output --partial 'no_such_column'
	refute [ "$(docker inspect --format '{{.State.ExitCode}}' "$id")" = 0 ]
}

@test "PostgreSQL: until the init files are done it answers on the socket and not over TCP" {
	local folder=$BATS_TEST_TMPDIR/init
	mkdir "$folder"
	printf 'until [ -e /tmp/go ]; do sleep 0.1; done\n' >"$folder/1.sh"
	id=$(start_postgres --volume "$folder:/docker-entrypoint-initdb.d:ro" --env POSTGRES_PASSWORD=x)
	until_ok 40 docker exec "$id" pg_isready --quiet
	run ! docker exec "$id" pg_isready --host 127.0.0.1
	assert_output --partial 'no response'
	docker exec "$id" touch /tmp/go
	until_ok 40 accepts_tcp "$id"
}

@test "PostgreSQL: arguments alone are arguments of the server" {
	id=$(keep --env POSTGRES_PASSWORD=x "$postgres_image" -c max_connections=17)
	until_ok 40 accepts_tcp "$id"
	run -0 sql "$id" postgres postgres 'SHOW max_connections'
	assert_output 17
}

@test "PostgreSQL: a stop shuts the database down in order, and the data outlives the container" {
	local first
	id=$(start_postgres --env POSTGRES_PASSWORD=x)
	first=$id
	until_ok 40 accepts_tcp "$id"
	run docker inspect --format '{{range .Mounts}}{{.Destination}}{{end}}' "$id"
	assert_output /var/lib/postgresql/data
	sql "$id" postgres postgres 'CREATE TABLE kept AS SELECT 42 AS answer'
	# A session that is open does not hold it up.
	docker exec --detach "$id" psql --username postgres --command 'SELECT pg_sleep(60)'
	docker stop --time 20 "$id"
	assert_equal "$(docker inspect --format '{{.State.ExitCode}}' "$id")" 0
	run docker logs "$id"
	assert_output --partial 'database system is shut down'

	id=$(start_postgres --volumes-from "$first")
	until_ok 40 accepts_tcp "$id"
	run -0 sql "$id" postgres postgres 'SELECT answer FROM kept'
	assert_output 42
	run docker logs "$id"
	refute_output --partial 'not properly shut down'
}

# --- Valkey ---

ping_valkey() { # ping_valkey CONTAINER [OPTION…]: over the network, as another container would
	docker exec "$1" sh -c 'valkey-cli -h "$(hostname -i)" "$@" ping' valkey "${@:2}"
}

has_pong() { # has_pong CONTAINER
	local answer
	answer=$(ping_valkey "$1")
	echo "$answer"
	[[ $answer == PONG ]]
}

@test "Valkey: started as root and without a password it runs as valkey and answers other containers" {
	id=$(keep "$redis_image")
	until_ok 30 has_pong "$id"
	assert_equal "$(owner_of_process_1 "$id")" valkey
}

@test "Valkey: arguments alone are arguments of the server, which stores in /data and stops in order" {
	id=$(keep --user 999:999 --read-only --cap-drop ALL "$redis_image" --protected-mode no --maxmemory 5mb)
	until_ok 30 has_pong "$id"
	run -0 docker exec "$id" valkey-cli config get maxmemory
	assert_line 5242880
	docker stop --time 10 "$id"
	assert_equal "$(docker inspect --format '{{.State.ExitCode}}' "$id")" 0
}

@test "Valkey: another command is that command" {
	run -0 docker run --rm "$redis_image" valkey-cli --version
	assert_output --partial valkey-cli
}

@test "Valkey: takes its settings on standard input, where no process list shows the password" {
	id=$(container redis)
	assert_equal "$(owner_of_process_1 "$id")" valkey
	run ping_valkey "$id"
	assert_output --partial NOAUTH
	run ping_valkey "$id" -a wrong
	assert_output --partial 'WRONGPASS'
	run ping_valkey "$id" --no-auth-warning -a 'p@ss $word # 1'
	assert_output PONG
	run -0 docker top "$id" -eo pid,args
	assert_output --partial valkey-server
	refute_output --partial 'p@ss'
	run -0 docker exec "$id" valkey-cli --no-auth-warning -a 'p@ss $word # 1' config get maxmemory-policy
	assert_line noeviction
}

# --- SeaweedFS ---

# s3 KEY:SECRET METHOD PATH [OPTION…]: one signed request; without a key an anonymous one. Prints the status.
s3() {
	local sign=()
	# Of a body old releases of curl sign something else than they send.
	[[ -z $1 ]] || sign=(--aws-sigv4 aws:amz:us-east-1:s3 --user "$1" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
	curl --silent --max-time 10 --output "$BATS_TEST_TMPDIR/body" --write-out '%{http_code}\n' "${sign[@]}" \
		--request "$2" "$storage$3" "${@:4}"
}

@test "SeaweedFS: the bucket is there, and takes and gives a file to who has the key" {
	id=$(container storage)
	run -0 s3 reader:right-secret GET /shelf
	assert_output 200
	run -0 s3 reader:right-secret PUT /shelf/book --data-binary 'once upon a time'
	assert_output 200
	run -0 s3 reader:right-secret GET /shelf/book
	assert_output 200
	assert_equal "$(cat "$BATS_TEST_TMPDIR/body")" 'once upon a time'
}

@test "SeaweedFS: a wrong secret, a wrong key and nobody at all are refused" {
	id=$(container storage)
	local who
	for who in reader:wrong-secret stranger:right-secret ''; do
		run -0 s3 "$who" GET /shelf
		assert_output 403
		run -0 s3 "$who" PUT "/shelf/forged" --data-binary x
		assert_output 403
		run -0 s3 "$who" PUT "/forged"
		assert_output 403
	done
	run -0 s3 reader:right-secret GET /shelf/forged
	assert_output 404
}

@test "SeaweedFS: started as root it runs as seaweed, and what it stores outlives a restart" {
	id=$(container storage)
	assert_equal "$(owner_of_process_1 "$id")" seaweed
	run -0 s3 reader:right-secret PUT /shelf/kept --data-binary 'still here'
	assert_output 200
	compose restart storage
	compose up --detach --wait --wait-timeout 60 storage
	# The gateway is healthy before it knows where each object lies.
	kept_is_there() { s3 reader:right-secret GET /shelf/kept | grep 200; }
	until_ok 30 kept_is_there
	assert_equal "$(cat "$BATS_TEST_TMPDIR/body")" 'still here'
}
