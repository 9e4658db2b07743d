#!/usr/bin/env bats
# docker/healthcheck.sh without a container. It learns the role from process 1, so each run has a process 1 of its own.

bats_require_minimum_version 1.5.0

setup_file() {
	unshare --map-root-user --fork --pid --mount-proc true 2>/dev/null || skip "no PID namespace can be made here"
	export HEALTHCHECK="$BATS_TEST_DIRNAME/../../docker/healthcheck.sh"
	# The server answers with the status in the path. It never answers /silence, and it answers /busy from the second
	# time on. /own-name behaves like an application with a list of allowed hosts.
	node -e '
		let busy = true
		const server = require("http").createServer((request, response) => {
			if (request.url === "/silence" || (request.url === "/busy" && busy)) {
				busy = request.url !== "/busy"
				return
			}
			const isForeign = request.url === "/own-name" && request.headers.host !== "shop.example.org"
			response.writeHead(isForeign ? 400 : Number(request.url.slice(1)) || 200).end("body\n")
		})
		server.listen(0, "127.0.0.1", () => console.log(server.address().port))
	' >"$BATS_FILE_TMPDIR/port" 3>&- &
	export SERVER=$!
	until [[ -s $BATS_FILE_TMPDIR/port ]]; do
		kill -0 "$SERVER"
		sleep 0.05
	done
	PORT=$(<"$BATS_FILE_TMPDIR/port")
	export PORT
}

teardown_file() {
	[[ -z ${SERVER:-} ]] || kill "$SERVER"
}

setup() {
	load ../../node_modules/bats-support/load
	load ../../node_modules/bats-assert/load
	export HEARTBEAT_FILE="$BATS_TEST_TMPDIR/heartbeat"
}

# check [--net] [NAME=VALUE…] COMMAND…: the health check in a container whose process 1 is this command;
# with --net it has a network of its own, in which nothing listens.
check() {
	local namespaces=(--map-root-user --fork --kill-child --pid --mount-proc) settings=()
	if [[ $1 == --net ]]; then
		namespaces+=(--net)
		shift
	fi
	while [[ $1 == [A-Z]*=* ]]; do
		settings+=("$1")
		shift
	done
	# shellcheck disable=SC2016 # the inner shell expands it; its exit keeps it process 1
	timeout 15 env "${settings[@]}" unshare "${namespaces[@]}" bash -c '"$HEALTHCHECK"; exit $?' "$@"
}

@test "web is healthy if its path answers 2xx or 3xx" {
	local status_code
	for status_code in 200 204 302; do
		run -0 check HEALTH_PATH="/$status_code" tini -- entrypoint.sh web
		assert_output ''
	done
}

@test "web or a frontend is unhealthy if its path answers anything else, and the check says what" {
	run -1 check HEALTH_PATH=/404 tini -- entrypoint.sh web
	assert_output 'GET /404 answered 404'
	run -1 check HEALTH_PATH=/500 tini -- entrypoint.sh frontend
	assert_output 'GET /500 answered 500'
}

@test "the check asks web as localhost, or by the name in HEALTH_HOST" {
	run -1 check HEALTH_PATH=/own-name tini -- entrypoint.sh web
	assert_output 'GET /own-name answered 400'
	run -0 check HEALTH_PATH=/own-name HEALTH_HOST=shop.example.org tini -- entrypoint.sh web
}

@test "a server that accepts and never answers is unhealthy, and the check says so before Docker's timeout" {
	run -1 check HEALTH_PATH=/silence tini -- entrypoint.sh web
	assert_output 'no answer to GET /silence within 3 seconds'
}

@test "a frozen server whose queue is full is unhealthy, and the check says so before Docker's timeout" {
	node -e 'require("http").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port) })' >"$BATS_TEST_TMPDIR/port" 3>&- &
	local server=$! port
	until [[ -s $BATS_TEST_TMPDIR/port ]]; do kill -0 "$server"; done
	port=$(<"$BATS_TEST_TMPDIR/port")
	kill -STOP "$server"
	# Connections that the server does not accept fill the queue. From then on connecting takes minutes.
	while timeout 1 bash -c ": <>/dev/tcp/127.0.0.1/$port"; do :; done
	run check PORT="$port" tini -- entrypoint.sh web
	kill -KILL "$server"
	assert_failure 1
	assert_output 'no answer to GET /healthz within 3 seconds'
}

@test "a busy server stays healthy after one slow answer" {
	run -0 check HEALTH_PATH=/busy tini -- entrypoint.sh web
	assert_output ''
}

@test "a web that does not listen is unhealthy, and the check says so in one line" {
	run -1 check --net PORT=8123 tini -- entrypoint.sh web
	assert_output 'nothing listens on port 8123'
}

@test "the check waits for a server that restarts meanwhile" {
	node -e '
		const server = require("http").createServer((_, response) => response.end())
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address()
			server.close(() => console.log(port))
			setTimeout(() => server.listen(port, "127.0.0.1"), 1500)
		})
	' >"$BATS_TEST_TMPDIR/port" 3>&- &
	local server=$!
	until [[ -s $BATS_TEST_TMPDIR/port ]]; do kill -0 "$server"; done
	run check PORT="$(<"$BATS_TEST_TMPDIR/port")" tini -- entrypoint.sh web
	kill "$server"
	assert_success
}

@test "without a role it is web; web is also found below Docker's init, and behind a platform's second entrypoint.sh" {
	run -1 check HEALTH_PATH=/503 tini -- entrypoint.sh
	assert_output 'GET /503 answered 503'
	run -1 check HEALTH_PATH=/503 /sbin/docker-init -- tini -- /usr/local/bin/entrypoint.sh entrypoint.sh web
	assert_output 'GET /503 answered 503'
}

@test "worker and beat are unhealthy without a heartbeat, and healthy with a fresh one" {
	local role
	for role in worker beat; do
		rm -f "$HEARTBEAT_FILE"
		run -1 check tini -- entrypoint.sh "$role"
		assert_output 'no heartbeat yet'
		touch "$HEARTBEAT_FILE"
		run -0 check tini -- entrypoint.sh "$role"
	done
}

@test "a heartbeat older than 10 seconds is unhealthy, and the check says how old it is" {
	touch -d '-30 seconds' "$HEARTBEAT_FILE"
	run -1 check tini -- entrypoint.sh worker
	assert_output --regexp '^the last heartbeat was 3[0-9] seconds ago$'
	touch -d '-7 seconds' "$HEARTBEAT_FILE"
	run -0 check tini -- entrypoint.sh worker
}

@test "the check asks Flower on its own port, also behind a prefix" {
	run -1 check --net HEALTH_PATH=/200 tini -- entrypoint.sh flower
	assert_output 'nothing listens on port 5555'
	# Instead of sending a request, this prints the address.
	sed 's/^http() .*/http() { echo "$@"; exit; }\nunused() {/' "$HEALTHCHECK" >"$BATS_TEST_TMPDIR/check"
	chmod +x "$BATS_TEST_TMPDIR/check"
	for prefix in flower /flower /flower/; do
		HEALTHCHECK=$BATS_TEST_TMPDIR/check run -0 check FLOWER_URL_PREFIX="$prefix" tini -- entrypoint.sh flower
		assert_output '5555 /flower/healthcheck'
	done
	HEALTHCHECK=$BATS_TEST_TMPDIR/check run -0 check tini -- entrypoint.sh flower
	assert_output '5555 /healthcheck'
}

@test "a one-off command is never unhealthy" {
	run -0 check --net tini -- entrypoint.sh migrate
	run -0 check --net tini -- entrypoint.sh flask shell
	run -0 check --net tini -- entrypoint.sh sh -c 'echo web'
}

@test "a watch waits for a starting role, ends as soon as a role turns unhealthy, and reports a recovery at once" {
	sed 's/pause 15/pause 0.1/' "$HEALTHCHECK" >"$BATS_TEST_TMPDIR/healthcheck.sh"
	chmod +x "$BATS_TEST_TMPDIR/healthcheck.sh"
	# One container, whose heartbeat comes and goes. A watch that did not react would wait for 45 seconds or forever.
	# shellcheck disable=SC2016 # the inner shell expands it
	run -0 timeout 15 env PATH="$BATS_TEST_TMPDIR:$PATH" FROZEN_FILE="$BATS_TEST_TMPDIR/seen" \
		unshare --map-root-user --fork --kill-child --pid --mount-proc bash -c '
			(sleep 0.5 && touch "$HEARTBEAT_FILE") &
			healthcheck.sh watch && echo "started"
			(sleep 0.5 && touch -d "-30 seconds" "$HEARTBEAT_FILE") &
			healthcheck.sh watch || echo "sick"
			(sleep 0.5 && touch "$HEARTBEAT_FILE") &
			healthcheck.sh watch && echo "well again"; exit' tini -- entrypoint.sh worker
	assert_line --index 0 started
	assert_line --index 1 --regexp '^the last heartbeat was 3[0-9] seconds ago$'
	assert_line --index 2 sick
	assert_line --index 3 'well again'
}
