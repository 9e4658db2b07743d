#!/usr/bin/env bats
# The stand-ins behave like the official images, as far as compose.yaml and people who mount something rely on it.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets storage

load helpers

setup_file() {
	export python=stand-in/library/python:3.13-slim-trixie python_bookworm=stand-in/library/python:3.11-slim-bookworm
	export node=stand-in/library/node:24-trixie-slim valkey=stand-in/valkey/valkey:9.1-trixie
	export python_forky=stand-in/library/python:3.14-slim-trixie
	require_stand_ins "$python" "$python_bookworm" "$python_forky" "$node" "$valkey" stand-in/chrislusf/seaweedfs:4.48
	new_stack REDIS_PASSWORD="'p@ss \$word # 1'" S3_ACCESS_KEY_ID=reader S3_SECRET_ACCESS_KEY=right-secret S3_BUCKET=shelf
	compose up --detach --wait --wait-timeout 60 redis storage
}

teardown_file() {
	remove_all
}

@test "each has the name of the image that was chosen, without IMAGE_REGISTRY in front of it" {
	cp "$env_file" "$BATS_TEST_TMPDIR/settings"
	printf '%s\n' IMAGE_REGISTRY=mirror.test:5000/hub PYTHON_IMAGE=python:3.11-slim-bookworm \
		POSTGRES_IMAGE=postgres:16-trixie MARIADB_IMAGE= >>"$BATS_TEST_TMPDIR/settings"
	run -0 docker compose --env-file "$BATS_TEST_TMPDIR/settings" --profile '*' config
	assert_line --partial 'PYTHON_IMAGE: stand-in/python:3.11-slim-bookworm'
	assert_line --partial 'image: stand-in/postgres:16-trixie'
	assert_line --partial 'image: stand-in/library/mariadb:11.8'
	assert_line --partial 'image: stand-in/chrislusf/seaweedfs:4.48'
	refute_line --regexp '(image|_IMAGE): mirror.test'
}

@test "Python: the version, its names, its tools and its headers are those of the image's name" {
	local image version
	for image in "$python_bookworm" "$python" "$python_forky"; do
		version=${image#*:}
		version=${version%%-*}
		run -0 docker run --rm "$image" sh -euc '
			for name in python python3; do "/usr/local/bin/$name" --version; done
			for name in pip pip3; do "/usr/local/bin/$name" --version; done
			python -m venv /tmp/venv && /tmp/venv/bin/pip --version
			ls "$(python -c "import sysconfig; print(sysconfig.get_path(\"include\"))")/Python.h"
			. /etc/os-release && echo "$VERSION_CODENAME"'
		assert_line --regexp "^Python $version\\.[0-9]+$"
		assert_equal "$(grep --count "(python $version)" <<<"$output")" 3
		# Trixie has no Python 3.14.
		if [[ $image == "$python_forky" ]]; then assert_line forky; else assert_line "${image##*-}"; fi
	done
}

@test "Node: node, npm, npx and corepack are there, and npm runs the scripts of a package for root and for node" {
	local who
	for who in root node; do
		run -0 docker run --rm --user "$who" "$node" sh -euc '
			node --version; npx --version; corepack --version
			mkdir /tmp/package && cd /tmp/package
			echo "{ \"scripts\": { \"build\": \"node -p 6*7\" } }" >package.json
			npm run --silent build; id --user; touch "$HOME/mine"'
		assert_line --index 0 --regexp '^v24\.'
		assert_line --index 3 42
	done
	assert_line --index 4 1000
}

@test "Node: an option or a script alone goes to node, with a read-only root and no capability" {
	local options=(--rm --user node --read-only --cap-drop ALL)
	run -0 docker run "${options[@]}" "$node" --print 'process.versions.node.split(".")[0]'
	assert_output 24
	echo 'console.log("served", process.argv.length)' >"$BATS_TEST_TMPDIR/server.js"
	chmod 0755 "$BATS_TEST_TMPDIR"
	run -0 docker run "${options[@]}" --volume "$BATS_TEST_TMPDIR:/srv:ro" --workdir /srv "$node" server.js
	assert_output 'served 2'
}

ping_valkey() { # ping_valkey CONTAINER [OPTION…]: over the network, like another container
	docker exec "$1" sh -c 'valkey-cli -h "$(hostname -i)" "$@" ping | grep . && ! valkey-cli -h "$(hostname -i)" "$@" ping | grep -v PONG' valkey "${@:2}"
}

@test "Valkey: as root it switches to valkey, accepts bare arguments, stops cleanly, and can run another command" {
	id=$(keep "$valkey" --protected-mode no --maxmemory 5mb)
	until_ok 30 ping_valkey "$id"
	assert_equal "$(owner_of_process_1 "$id")" valkey
	run -0 docker exec "$id" valkey-cli config get maxmemory
	assert_line 5242880
	docker stop --time 10 "$id" >/dev/null
	assert_equal "$(exit_code "$id")" 0
	run -0 docker run --rm "$valkey" valkey-cli --version
	assert_output --partial valkey-cli
}

@test "Valkey: takes its settings on standard input, so that no process list shows the password" {
	id=$project-redis-1
	assert_equal "$(owner_of_process_1 "$id")" valkey
	run ping_valkey "$id"
	assert_output --partial NOAUTH
	run ping_valkey "$id" -a wrong
	assert_output --partial WRONGPASS
	run -0 ping_valkey "$id" --no-auth-warning -a 'p@ss $word # 1'
	assert_output PONG
	run -0 docker top "$id" -eo pid,args
	assert_output --partial valkey-server
	refute_output --partial 'p@ss'
	run -0 docker exec "$id" valkey-cli --no-auth-warning -a 'p@ss $word # 1' config get maxmemory-policy
	assert_line noeviction
}

# s3 KEY:SECRET METHOD PATH [OPTION…]: sends one signed request, or an anonymous one without a key. Prints the status.
s3() {
	local sign=()
	# If there is a body, old releases of curl sign something else than they send.
	[[ -z $1 ]] || sign=(--aws-sigv4 aws:amz:us-east-1:s3 --user "$1" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
	curl --silent --max-time 10 --output "$BATS_TEST_TMPDIR/body" --write-out '%{http_code}\n' "${sign[@]}" \
		--request "$2" "$storage$3" "${@:4}"
}

@test "SeaweedFS: the bucket exists, the key lets a client put and get a file, and everybody else is refused" {
	run -0 s3 reader:right-secret PUT /shelf/book --data-binary 'once upon a time'
	assert_output 200
	run -0 s3 reader:right-secret GET /shelf/book
	assert_output 200
	assert_equal "$(cat "$BATS_TEST_TMPDIR/body")" 'once upon a time'
	local who
	for who in reader:wrong-secret stranger:right-secret ''; do
		for request in 'GET /shelf' 'PUT /shelf/forged' 'PUT /forged'; do
			# shellcheck disable=SC2086 # the method and the path
			run -0 s3 "$who" $request
			assert_output 403
		done
	done
	run -0 s3 reader:right-secret GET /shelf/forged
	assert_output 404
}

@test "SeaweedFS: as root it switches to seaweed, and what it stores outlives a restart" {
	assert_equal "$(owner_of_process_1 "$project-storage-1")" seaweed
	run -0 s3 reader:right-secret PUT /shelf/kept --data-binary 'still here'
	assert_output 200
	compose restart storage
	compose up --detach --wait --wait-timeout 60 storage
	# The gateway is healthy before it knows where each object lies.
	kept_is_there() { s3 reader:right-secret GET /shelf/kept | grep 200; }
	until_ok 30 kept_is_there
	assert_equal "$(cat "$BATS_TEST_TMPDIR/body")" 'still here'
}

@test "RabbitMQ: as root it switches to rabbitmq, makes the user of its settings, answers a client, and stops cleanly" {
	require_stand_ins stand-in/library/rabbitmq:4.2
	id=$(keep --env RABBITMQ_DEFAULT_USER=shop --env RABBITMQ_DEFAULT_PASS=open-sesame --env RABBITMQ_DEFAULT_VHOST=shelf stand-in/library/rabbitmq:4.2)
	# Not with rabbitmqctl: as root it would create the cookie that the server must create.
	until_ok 60 docker exec "$id" bash -c '</dev/tcp/127.0.0.1/5672'
	assert_equal "$(owner_of_process_1 "$id")" rabbitmq
	run -0 docker exec --user rabbitmq "$id" rabbitmqctl --quiet authenticate_user shop open-sesame
	run -0 docker exec --user rabbitmq "$id" rabbitmqctl --quiet list_permissions --vhost shelf
	assert_line --regexp '^shop\s'
	run -0 docker exec --user rabbitmq "$id" rabbitmqctl --quiet list_users
	refute_output --partial guest
	run -0 docker exec "$id" bash -c 'exec 3<>/dev/tcp/127.0.0.1/5672 && printf "AMQP\0\0\11\1" >&3 && head --bytes 1 <&3 | od -An -tx1'
	assert_output ' 01'
	docker stop --time 30 "$id" >/dev/null
	assert_equal "$(exit_code "$id")" 0
}
