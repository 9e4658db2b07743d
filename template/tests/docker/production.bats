#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; new_stack exports what is used here
# The sample on the production overlay: the same job as in development, behind the one entry, within limits that are met.
# One stack for all tests of this file. What every production stack promises is in tests/docker/production.

bats_require_minimum_version 1.5.0

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

setup_file() {
	production_stack LOG_MAX_SIZE=32k LOG_MAX_FILES=2 FLOWER_MEMORY=200m FLOWER_CPUS=0.5 PIDS_LIMIT=99 PROXY_MAX_BODY=1m \
		TRUSTED_PROXIES=private_ranges
	# Nobody waits for five checks of a quarter of a minute, or a minute until a new web counts as unhealthy.
	printf 'services:\n%s' "$(printf '  %s: { healthcheck: { interval: 3s, start_period: 20s } }\n' web worker beat)" >"$BATS_FILE_TMPDIR/often.yaml"
	# A Caddyfile that a test may change.
	cp -R docker/proxy "$BATS_FILE_TMPDIR/proxy"
	printf '\n  proxy: { volumes: [{ type: bind, source: "%s", target: /etc/caddy }] }\n' "$BATS_FILE_TMPDIR/proxy" >>"$BATS_FILE_TMPDIR/often.yaml"
	set_in "$env_file" COMPOSE_FILE="$(sed -n "s,^COMPOSE_FILE=\(.*production.yaml\),\1:$BATS_FILE_TMPDIR/often.yaml,p" "$env_file")"
	start_stack
}

teardown() {
	show_stack
	remove_kept
}

teardown_file() {
	remove_stack
}

@test "a story of several thousand words becomes audio that a browser can fetch" {
	long_story_becomes_audio
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

# address_of QUERY: the address that gunicorn's log has for the request with it
address_of() {
	compose logs --no-log-prefix web | grep --only-matching --extended-regexp "[0-9]+([.][0-9]+){3} - - .*[?]$1" | cut --delimiter ' ' --fields 1
}

@test "gunicorn's log has the address of the visitor, not of the proxy" {
	local own visitor
	own=" $(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$(container proxy)")"
	curl --silent --fail --output /dev/null "$web/healthz?from=a-visitor"
	until_ok 10 address_of from=a-visitor
	visitor=$(address_of from=a-visitor)
	[[ -n $visitor && $own != *" $visitor "* ]]
}

@test "behind a trusted proxy the visitor's address is the one that this proxy added, not what the visitor made up" {
	# 203.0.113.9 sent the first one, and the proxy in front (this machine) has added the second.
	curl --silent --fail --output /dev/null --header 'X-Forwarded-For: 198.51.100.6, 203.0.113.9' "$web/healthz?from=behind"
	until_ok 10 address_of from=behind
	[[ $(address_of from=behind) == 203.0.113.9 ]]
}

@test "limits of memory, processors, processes and logs are what the settings say" {
	run state '{{with .HostConfig}}{{.PidsLimit}} {{.LogConfig.Type}} {{index .LogConfig.Config "max-size"}} {{index .LogConfig.Config "max-file"}}{{end}}' web
	assert_output '99 json-file 32k 2'
	run state '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' flower
	assert_output '209715200 500000000'
}

@test "what takes more memory than it may is killed, and the others live on" {
	run compose run --rm --no-deps --no-TTY flower python -c 'b"x" * 400_000_000'
	assert_failure 137
	run is_health web healthy
	assert_success
}

@test "temporary files are on disk: uploads of more than a container's memory do not end it, and what is left of them goes" {
	local id left
	id=$(compose run --detach --no-deps --no-TTY --label "kept-for=$project-$BATS_TEST_NUMBER" flower python -c '
import tempfile, time
with tempfile.NamedTemporaryFile() as upload:
    for _ in range(400): upload.write(bytes(1_000_000))
    print(upload.name, flush=True)
    time.sleep(600)')
	until_ok 60 eval "docker logs $id 2>&1 | grep --quiet ^/"
	left=$(docker logs "$id")
	run docker exec "$(container web)" test -e "$left"
	assert_success
	docker kill "$id"
	run compose run --rm --no-deps --no-TTY flower stat "$left"
	assert_failure 1
}

@test "a request that is larger than PROXY_MAX_BODY gets 413, and one that is not gets through" {
	posted() { # posted BYTES
		head -c "$1" /dev/zero | curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' \
			--header 'Content-Type: application/json' --data-binary @- "$web/api/stories"
	}
	# The application takes these, whose own limit is 1 MiB: it would answer before it has read what is larger.
	assert_equal "$(posted 1020000)" 413
	# It reads it, and finds that it is no story.
	assert_equal "$(posted 900000)" 400
}

@test "nobody else waits because a visitor breaks off an upload" {
	local proxy
	proxy=$(container proxy)
	exec 5<>"/dev/tcp/127.0.0.1/${web##*:}"
	printf 'POST /api/stories HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n' >&5
	head -c 500000 /dev/zero >&5
	exec 5>&-
	# The proxy logs nothing if web's answer, to the half that it got, comes first.
	is_over() { docker logs "$proxy" 2>&1 | grep 'unexpected EOF' || compose logs web | grep '"POST /api/stories HTTP/1.1" 400 .* "-" "-"'; }
	run until_ok 10 is_over
	assert_success
	run -0 curl --silent --fail --max-time 1 --output /dev/null "$web/healthz"
}

@test "while web is frozen a visitor gets 504 after PROXY_RESPONSE_TIMEOUT" {
	PROXY_RESPONSE_TIMEOUT=2s compose up --detach --wait --no-deps proxy
	docker pause "$(container web)"
	# It has a body, so it is not tried again.
	run curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' --data x=1 "$web/healthz"
	docker unpause "$(container web)"
	assert_output 504
	run until_ok 30 is_health web healthy
	assert_success
	# With --no-deps it would be another one to the next up, and a deploy below would replace it.
	compose up --detach --wait proxy
}

@test "Flower works with an env file of its own, in which only the broker is true" {
	local folder=$BATS_TEST_TMPDIR name overlay=$BATS_TEST_TMPDIR/flower.yaml files
	files=$(sed -n 's/^COMPOSE_FILE=//p' "$env_file")
	printf 'services: { flower: { env_file: !override [%s/.env.flower] } }\n' "$folder" >"$overlay"
	grep --after-context 4 '^    REDIS_URL=' docs/where-to-change-what.md | sed 's/^ *//' >"$folder/.env.flower"
	# The sample wants these too.
	printf '%s\n' S3_BUCKET=none S3_ACCESS_KEY_ID=none >>"$folder/.env.flower"
	COMPOSE_FILE=$files:$overlay compose up --detach --wait --no-deps flower
	for name in p0stgres-0f-test st0rage-0f-test s3cret-0f-this-test; do
		run docker exec "$(container flower)" env
		assert_line --partial r3dis-0f-test
		refute_line --partial "$name"
	done
	sees_workers() { docker exec "$(container web)" python -c '
import base64, sys, urllib.request
login = base64.b64encode(b"admin:fl0wer-0f-test").decode()
page = urllib.request.Request("http://flower:5555/api/workers?refresh=1", headers={"Authorization": f"Basic {login}"})
sys.exit("celery@" not in urllib.request.urlopen(page, timeout=10).read().decode())'; }
	run until_ok 30 sees_workers
	assert_success
	compose up --detach --wait --no-deps flower
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

@test "while Redis is away the roles are unhealthy, and none is ended for it" {
	local service before
	restarts() { for service in web worker beat flower; do state '{{.RestartCount}}' "$service"; done; }
	before=$(restarts)
	compose stop redis
	# A role that is taken for frozen is told to end after 12 s, by a check that comes every 3 s.
	for service in worker beat; do
		run until_ok 90 eval "(( \$(state '{{.State.Health.FailingStreak}}' $service) >= 7 ))"
		assert_success
	done
	assert_equal "$(restarts)" "$before"
	compose up --detach --wait redis
	# Compose gives up at once on what is still unhealthy.
	for service in worker beat; do
		run until_ok 40 is_health "$service" healthy
		assert_success
	done
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

# A deploy of a new version with another migration, while a visitor asks again and again.
deploy() { # deploy MIGRATE_COMMAND; with the $version that runs, only settings are new
	set_in "$env_file" IMAGE_VERSION="${version:-$RANDOM}" MIGRATE_COMMAND="'$1'"
	while :; do
		# An old web that waits for an open stream takes 20 seconds to stop.
		curl --silent --max-time 15 --output /dev/null --write-out '%{http_code}\n' "$web/api/status"
	done >"$BATS_TEST_TMPDIR/codes" 3>&- &
	local visitor=$! code=0
	until_ok 5 test -s "$BATS_TEST_TMPDIR/codes"
	node --import tsx/esm -- scripts/up.ts --env-file "$env_file" &>"$BATS_TEST_TMPDIR/said" || code=$?
	kill "$visitor"
	# The last answer may be half a line.
	sed '$d' "$BATS_TEST_TMPDIR/codes" | sort --unique >"$BATS_TEST_TMPDIR/all"
	return "$code"
}

@test "a deploy whose migration fails ends with 6 and leaves the old version to its visitors" {
	local before
	before=$(state '{{.Id}}' web)
	run -6 deploy 'sleep 2; exit 1'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" 200
	run cat "$BATS_TEST_TMPDIR/said"
	assert_output --partial 'What ran before still runs.'
	assert_equal "$(state '{{.Id}}' web)" "$before"
}

@test "a deploy whose web answers with errors ends with 7, no visitor meets that web, and it gets its networks back" {
	local before stopped
	before=$(state '{{.Id}}' web)
	# It has no page.
	set_in "$env_file" "WEB_APP='flask:Flask(\"empty\")'"
	run -7 deploy true
	set_in "$env_file" 'WEB_APP=stories:create_app()'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" 200
	run cat "$BATS_TEST_TMPDIR/said"
	assert_output --partial 'web is not healthy: GET /healthz answered 404. The old version still serves.'
	assert_equal "$(compose ps --quiet web)" "$before"
	# Plain Compose may start it in place of the old one, and the proxy has to find it then.
	stopped=$(compose ps --all --quiet --status exited web)
	run docker inspect --format "{{(index .NetworkSettings.Networks \"${project}_site\").Aliases}}" "$stopped"
	assert_output --regexp '[[ ]web[] ]'
}

@test "a deploy migrates while the old version serves, and no visitor sees an error or waits for the old version to stop" {
	local before
	before=$(state '{{.Id}}' web)
	curl --silent --no-buffer --max-time 120 "$web/api/events" >"$BATS_TEST_TMPDIR/stream" 3>&- &
	until_ok 10 test -s "$BATS_TEST_TMPDIR/stream"
	deploy 'touch /data/begun; until test -e /data/may-end; do sleep 0.2; done; flask --app stories db upgrade' &
	until_ok 120 docker exec "$before" test -e /data/begun
	run curl --silent --fail --max-time 20 --output /dev/null "$web/api/status"
	assert_success
	docker exec "$before" touch /data/may-end
	wait $!
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" 200
	run compose ps --quiet web
	assert_output --regexp '^[0-9a-f]{64}$'
	refute_output "$before"
}

@test "a deploy that is stopped while the old web stops still removes it, and leaves the new one to its visitors" {
	local before deploy code=0
	before=$(compose ps --quiet web)
	set_in "$env_file" IMAGE_VERSION="$RANDOM"
	# So the old one needs 20 seconds to stop.
	curl --silent --no-buffer --max-time 120 "$web/api/events" >"$BATS_TEST_TMPDIR/stream" 3>&- &
	until_ok 10 test -s "$BATS_TEST_TMPDIR/stream"
	setsid node --import tsx/esm -- scripts/up.ts --env-file "$env_file" &>"$BATS_TEST_TMPDIR/said" 3>&- &
	deploy=$!
	until_ok 120 grep --quiet 'Stopping the old web' "$BATS_TEST_TMPDIR/said"
	kill -INT -- "-$deploy"
	wait "$deploy" || code=$?
	assert_equal "$code" 130
	# Compose would keep an old web that is only stopped, and remove the new one.
	run compose ps --all --quiet web
	assert_output --regexp '^[0-9a-f]{64}$'
	refute_output "$before"
	run curl --silent --fail --max-time 20 --output /dev/null "$web/api/status"
	assert_success
}

@test "settings with which web ends as soon as it starts leave the old web to its visitors, and others reach it without an error" {
	local before version
	before=$(compose ps --quiet web) version=$(sed -n 's/^IMAGE_VERSION=//p' "$env_file")
	set_in "$env_file" WEB_APP=stories:nothing
	run -7 deploy true
	set_in "$env_file" 'WEB_APP=stories:create_app()'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" 200
	run cat "$BATS_TEST_TMPDIR/said"
	assert_output --regexp 'web stops as soon as it starts \(exit code [14]\)\. The old version still serves\.'
	assert_output --partial 'WEB_APP names something that the source does not have'
	assert_equal "$(compose ps --quiet web)" "$before"

	# Any secret: the proxy stays, too.
	set_in "$env_file" SECRET_KEY=an0ther-0f-this-test
	run -0 deploy true
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" 200
	before=$(compose ps --quiet web)
	run -0 docker exec "$before" printenv SECRET_KEY
	assert_output an0ther-0f-this-test
	run -0 deploy true
	assert_equal "$(compose ps --quiet web)" "$before"
}

@test "up has the proxy read a changed Caddyfile, and refuses one with a mistake, and a proxy that cannot start says why" {
	local file=$BATS_FILE_TMPDIR/proxy/Caddyfile
	sed -i 's/encode zstd gzip/&\n\trespond \/new "from the new Caddyfile"/' "$file"
	run node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
	assert_success
	assert_output --partial '✓ The proxy has the changed Caddyfile'
	run curl --silent --fail "$web/new"
	assert_output 'from the new Caddyfile'
	sed -i 's/encode zstd gzip/encode zstd gzpi/' "$file"
	run node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
	assert_equal "$status" 3
	assert_output --regexp '/proxy/Caddyfile has a mistake.*gzpi'
	run curl --silent --fail "$web/new"
	assert_output 'from the new Caddyfile'
	compose restart proxy
	run node --import tsx/esm -- scripts/up.ts --no-build --timeout 20 --env-file "$env_file"
	assert_equal "$status" 7
	assert_output --regexp 'http.encoders.gzpi, at -:[0-9]+'
	cp docker/proxy/Caddyfile "$file"
	run -0 node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
}

@test "a proxy that stops does not wait for a stream that stays open" {
	curl --silent --no-buffer --max-time 120 "$web/api/events" >"$BATS_TEST_TMPDIR/stream" 3>&- &
	until_ok 10 test -s "$BATS_TEST_TMPDIR/stream"
	SECONDS=0
	compose stop proxy
	((SECONDS < 20))
	run state '{{.State.ExitCode}}' proxy
	assert_output 0
	compose up --detach --wait --no-deps proxy
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

@test "the proxy is nobody and has no capability: it serves with TLS, on a volume that root has filled, and stops well" {
	local https
	https=$(sed -n 's/^PROXY_HTTPS_PORT=//p' "$env_file")
	docker exec "$(container proxy)" chown -R 0:0 /data
	SITE_ADDRESS=shop.localhost compose up --detach --wait --no-deps proxy
	run docker exec "$(container proxy)" grep -E '^(Uid|CapEff|CapPrm)' /proc/1/status
	assert_output --regexp $'^Uid:(\t65534){4}\nCapPrm:\t0+\nCapEff:\t0+$'
	run until_ok 20 curl --silent --fail --insecure --output /dev/null --write-out '%{http_code}' --resolve "shop.localhost:$https:127.0.0.1" "https://shop.localhost:$https/healthz"
	assert_output 200
	run docker logs "$(container proxy)"
	refute_output --partial 'permission denied'
	compose stop proxy
	run state '{{.State.ExitCode}}' proxy
	assert_output 0
	compose up --detach --wait --no-deps proxy
}
