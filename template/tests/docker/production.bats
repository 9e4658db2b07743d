#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; new_stack exports what is used here
# The production overlay: the same job as in development, behind the one entry, within limits. One stack
# for all tests of this file.

load helpers
load round-trip

# production_stack [NAME=VALUE…]: as new_stack, with the overlay, and passwords that nobody knows.
production_stack() {
	local http https
	http=$(free_port) https=$(free_port)
	new_stack COMPOSE_FILE="${TEST_COMPOSE_FILES/compose.override.yaml/compose.production.yaml}" \
		POSTGRES_PASSWORD=p0stgres-0f-test REDIS_PASSWORD=r3dis-0f-test FLOWER_PASSWORD=fl0wer-0f-test \
		S3_SECRET_ACCESS_KEY=st0rage-0f-test SECRET_KEY=s3cret-0f-this-test \
		PROXY_BIND=127.0.0.1 PROXY_HTTP_PORT="$http" PROXY_HTTPS_PORT="$https" \
		STORAGE_SITE_ADDRESS=http://files.localhost S3_PUBLIC_URL="http://files.localhost:$http" "$@"
	web=http://localhost:$http
	export web
}

services=(web worker beat flower postgres redis storage proxy)

setup_file() {
	production_stack LOG_MAX_SIZE=32k LOG_MAX_FILES=2 FLOWER_MEMORY=200m FLOWER_CPUS=0.5 PIDS_LIMIT=99
	start_stack
}

teardown() {
	show_stack
	remove_kept
}

teardown_file() {
	remove_stack
}

@test "every service is healthy, and the one-shots have ended well" {
	local service
	for service in "${services[@]}"; do
		run is_health "$service" healthy
		assert_success
	done
	for service in migrate secrets-check; do
		run state '{{.State.Status}} {{.State.ExitCode}}' "$service"
		assert_output 'exited 0'
	done
}

@test "the proxy is the one service that is published" {
	run docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}'
	assert_success
	assert_line --regexp '^proxy .*->80/tcp'
	refute_line --regexp '^(web|worker|beat|flower|postgres|redis|storage) .*->'
}

@test "a story of several thousand words becomes audio that a browser can fetch" {
	long_story_becomes_audio
}

@test "the progress of a story is streamed while it is narrated" {
	progress_is_streamed
}

@test "the proxy hands on each event when it happens, not all of them at the end" {
	local id
	id=$(submit 'Live' 300)
	# Compressed, as browsers ask for it: a compressor that waits for more would hold the events back.
	curl --silent --compressed --no-buffer --max-time 120 "$web/api/stories/$id/events" >"$BATS_TEST_TMPDIR/events" &
	until_ok 60 grep --quiet narrating "$BATS_TEST_TMPDIR/events"
	refute story_is "$id" 'done'
	wait $!
}

@test "the periodic task runs again and again, and the page says so" {
	periodic_task_runs
}

@test "nothing of the source is mounted, and nothing of development is in the image" {
	local service
	for service in web worker beat flower migrate; do
		run state '{{range .Mounts}}{{.Destination}} {{end}}' "$service"
		refute_output --regexp '(^| )/app'
	done
	run docker exec "$(container web)" sh -c 'for name in pytest debugpy watchfiles; do python -c "import $name" && echo "$name is there"; done; ls -d /app/tests; for name in gcc uv poetry; do command -v $name; done; true'
	refute_output --partial 'is there'
	refute_line --regexp '^/'
}

@test "the application cannot change its own code" {
	run docker exec "$(container web)" touch /app/planted.py
	assert_failure
	assert_output --partial 'Read-only file system'
}

@test "every service has limits of memory, processors and processes, a log that is rotated and a restart policy" {
	local service
	for service in "${services[@]}"; do
		run state '{{with .HostConfig}}{{.Memory}} {{.NanoCpus}} {{.PidsLimit}} {{.LogConfig.Type}} {{index .LogConfig.Config "max-size"}} {{index .LogConfig.Config "max-file"}} {{.RestartPolicy.Name}}{{end}}' "$service"
		assert_output --regexp '^[1-9][0-9]* [1-9][0-9]* 99 local 32k 2 unless-stopped$'
	done
	run state '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' flower
	assert_output '209715200 500000000'
}

@test "what takes more memory than it may is killed, and the others live on" {
	run compose run --rm --no-deps --no-TTY flower python -c 'b"x" * 400_000_000'
	assert_failure 137
	run is_health web healthy
	assert_success
}

@test "a container that forks without end meets its limit" {
	run compose run --rm --no-deps --no-TTY flower sh -c 'i=0; while [ $i -lt 150 ]; do sleep 60 & i=$((i+1)); done'
	assert_output --regexp 'fork|Resource temporarily unavailable'
}

@test "a log that grows is cut, and its newest lines stay" {
	local id
	id=$(compose run --detach --no-deps --no-TTY --label "kept-for=$project-$BATS_TEST_NUMBER" flower seq 200000)
	until_ok 30 eval '[[ $(docker inspect --format "{{.State.Status}}" '"$id"') == exited ]]'
	run docker logs "$id"
	assert_line --index -1 200000
	((${#output} < 400000))
}

@test "a server that dies is started again" {
	local before
	before=$(state '{{.RestartCount}}' web)
	# The first process below tini.
	docker exec "$(container web)" sh -c 'kill -KILL "$(cat /proc/1/task/1/children)"'
	until_ok 30 eval "(( \$(state '{{.RestartCount}}' web) > $before ))"
	run until_ok 30 is_health web healthy
	assert_success
}

@test "web and worker can be scaled, and the proxy finds every one" {
	compose up --detach --wait --no-recreate --scale web=2 --scale worker=3
	run docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=worker --filter health=healthy
	assert_equal "${#lines[@]}" 3
	served() { curl --silent --fail --output /dev/null "$web/api/status?served" && docker logs "$(container web "$1")" 2>&1 | grep --quiet '?served'; }
	run until_ok 20 served 1
	assert_success
	run until_ok 20 served 2
	assert_success
	compose up --detach --wait --no-recreate --scale web=1 --scale worker=1
}

@test "while web is restarted its visitors wait, and none of them sees an error" {
	local deadline=$((SECONDS + 8)) codes=$BATS_TEST_TMPDIR/codes
	while ((SECONDS < deadline)); do
		curl --silent --max-time 40 --output /dev/null --write-out '%{http_code}\n' "$web/api/status"
	done >"$codes" &
	until_ok 5 test -s "$codes"
	compose restart web
	wait $!
	run sort --unique "$codes"
	assert_output 200
}

@test "a site with a name is served with TLS, and plain HTTP is sent there" {
	local https
	https=$(sed -n 's/^PROXY_HTTPS_PORT=//p' "$env_file")
	SITE_ADDRESS=shop.localhost compose up --detach --wait --no-deps proxy
	# Caddy makes the certificate when it is up already.
	run until_ok 20 curl --silent --fail --insecure --output /dev/null --write-out '%{http_code} HTTP/%{http_version}' --resolve "shop.localhost:$https:127.0.0.1" "https://shop.localhost:$https/healthz"
	assert_output '200 HTTP/2'
	run curl --silent --output /dev/null --write-out '%{http_code} %{redirect_url}' --header 'Host: shop.localhost' "$web/healthz"
	assert_output '308 https://shop.localhost/healthz'
	compose up --detach --wait --no-deps proxy
}

@test "what the example says for secrets starts nothing, and each is named" {
	production_stack
	local name
	for name in POSTGRES_PASSWORD FLOWER_PASSWORD S3_SECRET_ACCESS_KEY SECRET_KEY; do
		set_in "$env_file" "$(grep "^$name=" .env.docker.example)"
	done
	set_in "$env_file" REDIS_PASSWORD= PROXY_HTTP_PORT="$(free_port)"

	run npm run --silent up -- --env-file "$env_file"
	assert_failure 3
	assert_output --partial 'POSTGRES_PASSWORD has the value of .env.docker.example, which everybody knows'

	# Without the scripts as well.
	build_images
	run compose up --detach --wait
	assert_failure
	run docker ps --all --filter "label=com.docker.compose.project=$project" --filter status=running --quiet
	assert_output ''
	run compose logs --no-log-prefix secrets-check
	for name in POSTGRES_PASSWORD DATABASE_URL FLOWER_PASSWORD S3_SECRET_ACCESS_KEY SECRET_KEY; do
		assert_output --partial "$name has the value of .env.docker.example"
	done
	assert_output --partial 'REDIS_PASSWORD is empty'
	refute_output --partial 'local-only'
	remove_stack
}
