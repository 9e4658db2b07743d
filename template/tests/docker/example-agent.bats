#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # eval'ed conditions on purpose; run and setup_file set what is used here
# template/examples/agent on its own env file: FastAPI, a worker, a Next.js frontend, and nothing that keeps data. Database,
# queue and store are a second Compose project (managed/), by TLS alone, with a CA of its own. One stack for all
# tests of this file.

bats_require_minimum_version 1.5.0

load helpers

managed() { # managed ARGS…: Compose on the services outside
	docker compose --project-name "$MANAGED_NETWORK" --file template/tests/docker/managed/compose.yaml --progress quiet "$@"
}

image_of() { # image_of SERVICE: what the stack would take, a stand-in where no registry answers
	compose --profile '*' config --format json | json ".services.$1.image"
}

setup_file() {
	new_stack_from template/examples/agent/env.docker COMPOSE_FILE="$TEST_COMPOSE_FILES:template/tests/docker/managed/application.yaml" \
		FRONTEND_PORT="$(free_port)" S3_PUBLIC_URL= WORKER_STOP_TIMEOUT=1 \
		APP_CA_FILE="$BATS_FILE_TMPDIR/certificates of a provider/ca.crt"
	# With characters that are special in URLs and env files.
	export MANAGED_PASSWORD='p@ss:w%rd/of a t$st' encoded='p%40ss%3Aw%25rd%2Fof%20a%20t%24st'
	export MANAGED_NETWORK=$project-managed MANAGED_CERTIFICATES="$BATS_FILE_TMPDIR/certificates of a provider"
	set_in "$env_file" "S3_SECRET_ACCESS_KEY='$MANAGED_PASSWORD'" \
		"DATABASE_URL=postgresql://agent:$encoded@db.managed.test:5432/agent?sslmode=verify-full" \
		"REDIS_URL=rediss://:$encoded@queue.managed.test:6379/0"
	POSTGRES_IMAGE=$(image_of postgres) REDIS_IMAGE=$(image_of redis) STORAGE_IMAGE=$(image_of storage)
	export POSTGRES_IMAGE REDIS_IMAGE STORAGE_IMAGE
	template/tests/docker/managed/certificates.sh "$MANAGED_CERTIFICATES"
	managed up --detach --wait --wait-timeout 120
	start_stack
	frontend=http://127.0.0.1:$(sed -n 's/^FRONTEND_PORT=//p' "$env_file")
	export frontend
}

teardown() {
	show_stack
	remove_kept
}

teardown_file() {
	remove_stack
	docker image rm --force "$project-frontend" "$project-frontend:good" >/dev/null 2>&1 || true
	# If setup failed before it named the network, there is nothing to remove.
	[[ -z ${MANAGED_NETWORK:-} ]] || managed down --volumes --timeout 5 >/dev/null 2>&1 || true
}

as_in() { # as_in SETTING… COMMAND…: Compose with these settings changed for once
	local original=$env_file settings=()
	local env_file=$BATS_TEST_TMPDIR/changed.env
	while [[ $1 == [A-Z]*=* ]]; do
		settings+=("$1")
		shift
	done
	cp "$original" "$env_file"
	set_in "$env_file" "${settings[@]}"
	compose "$@"
}

documents=template/examples/agent/backend/tests/documents

hand_in() { # hand_in QUESTION FILE…: by the form of the frontend; prints the path of the job's page
	local question=$1 file files=()
	shift
	for file; do files+=(--form "documents=@$file"); done
	curl --silent --fail --max-time 30 --output /dev/null --write-out '%header{location}' \
		--form "question=$question" "${files[@]}" "$frontend/jobs"
}

job() { # job PATH FILTER: what the API says of it
	curl --silent --fail --max-time 10 "$web/api$1" | json "$2"
}

# The page of the job, as the server has rendered it, has this text.
page_says() { # page_says PATH TEXT
	local page
	page=$(curl --silent --fail --max-time 10 "$frontend$1")
	echo "${page:0:3000}"
	[[ $page == *"$2"* ]]
}

# A text that takes a second or two to read.
long_text() {
	node -e 'let n = 7; const next = () => (n = (n * 48271) % 2147483647)
		const word = () => "bcdfglmnprst"[next() % 12] + "aeiou"[next() % 5] + "lmnrst"[next() % 6] + (next() % 400).toString(36)
		for (let i = 0; i < 4000; i++) console.log("The " + Array.from({ length: 9 + next() % 8 }, word).join(" ") + ".")'
}

@test "the example's env file has no mistake, and all services are healthy without a data service" {
	run node --import tsx/esm -- scripts/env.ts --env-file "$env_file"
	assert_success
	assert_output --partial '0 errors'
	local service
	for service in web worker frontend; do
		run is_health "$service" healthy
		assert_success
	done
	run docker ps --all --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}}'
	assert_equal "$(sort <<<"$output" | xargs)" 'frontend migrate web worker'
}

@test "doctor also asks the queue outside, over TLS and with its password" {
	compose exec -T worker entrypoint.sh celery --app agent.worker --quiet call --queue nobodys agent.nothing
	run node --import tsx/esm -- scripts/doctor.ts --env-file "$env_file"
	compose exec -T worker entrypoint.sh celery --app agent.worker --quiet purge --force --queues nobodys
	assert_success
	assert_output --partial '! Tasks wait (1 in nobodys, from which no worker takes, first agent.nothing, for at least '
	refute_output --partial "$encoded"
}

@test "documents become a briefing, which the frontend's page shows and whose report is in the bucket" {
	local path
	path=$(hand_in 'Who designed the breakwater?' "$documents"/*.txt)
	run until_ok 30 page_says "$path" 'The engineer Dr. Helena Marsh designed it'
	assert_success
	assert_equal "$(job "$path" '.status + " " + d.briefing.model')" 'done local'
	run curl --silent --fail "$frontend$path/report"
	assert_output --partial '# Who designed the breakwater?'
	# In the store itself, beside the documents.
	run managed exec -T files sh -c 'echo "fs.ls /buckets/agent/jobs/'"${path#/jobs/}"'" | weed shell 2>/dev/null'
	assert_line --partial report.md
	assert_line --partial documents
}

@test "the progress of a job is seen while it is read, and the API answers meanwhile" {
	local path
	long_text >"$BATS_TEST_TMPDIR/long.txt"
	path=$(hand_in 'What about lar1 and mos2?' "$BATS_TEST_TMPDIR/long.txt")
	in_the_middle() { [[ $(job "$path" '.status') == working ]] && (($(job "$path" .progress) > 5)); }
	until_ok 20 caught worker in_the_middle
	page_says "$path" '<progress max="100" value="'
	compose unpause worker
	run until_ok 60 page_says "$path" '4000'
	assert_success
	assert_equal "$(job "$path" .attempts)" 1
}

@test "the frontend is not root, cannot write, and reaches the API alone" {
	run state '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}' frontend
	assert_output "1001:1001 true [ALL] ${project}_frontend ${project}_site"
	run docker exec "$(container frontend)" sh -c 'touch /opt/frontend/planted; env'
	assert_output --partial 'Read-only file system'
	refute_output --partial "$MANAGED_PASSWORD"
	refute_output --partial DATABASE
	# tini, the shell that runs FRONTEND_COMMAND replaced by it, and Next's own: TERM ends it at once.
	compose stop frontend
	run state '{{.State.ExitCode}}' frontend
	assert_output --regexp '^(0|143)$'
	compose start frontend
	run until_ok 30 is_health frontend healthy
	assert_success
}

# --- mistakes are reported ---

# up_says CODE SENTENCE SETTING…: with these settings changed, up fails with this code, one ✗ and this sentence.
up_says() {
	local code=$1 sentence=$2 file=$BATS_TEST_TMPDIR/wrong.env
	shift 2
	cp "$env_file" "$file"
	set_in "$file" "$@"
	run -"$code" node --import tsx/esm -- scripts/up.ts --no-build --timeout 25 --env-file "$file"
	assert_output --partial "$sentence"
	assert_equal "$(grep -c '^✗' <<<"$output")" 1
	refute_output --partial "$MANAGED_PASSWORD"
	refute_output --partial "$encoded"
	refute_output --partial Traceback
}

url() { # url SETTING HOST [PASSWORD]: the URL of the env file, with another host or another password
	sed -n "s#^$1=\(.*//[^:]*:\)\([^@]*\)@[^:/]*#\1${3:-\\2}@$2#p" "$env_file"
}

@test "a CA that has signed nothing here, or no CA, is one clear error" {
	up_says 6 'The certificate of an outside service is not accepted' APP_CA_FILE="$MANAGED_CERTIFICATES/stranger.crt"
	assert_output --partial 'the database of DATABASE_URL cannot be used'
	assert_output --partial 'certificate verify failed'
	up_says 6 'The certificate of an outside service is not accepted' APP_CA_FILE=
	up_says 3 'APP_CA_FILE has to be a file' APP_CA_FILE=no/such.crt
}

@test "a host that is not in the certificate is one clear error, of each service" {
	local hint='The certificate of an outside service is not accepted'
	up_says 6 "$hint" "DATABASE_URL=$(url DATABASE_URL db.elsewhere.test)"
	assert_output --partial 'does not match host name "db.elsewhere.test"'
	up_says 6 "$hint" "REDIS_URL=$(url REDIS_URL queue.elsewhere.test)"
	assert_output --partial queue.elsewhere.test
	up_says 6 "$hint" S3_ENDPOINT_URL=https://files.elsewhere.test:8443
	assert_output --partial files.elsewhere.test
}

@test "a wrong password is one clear error, of each service" {
	up_says 6 'or DATABASE_URL has another one than its provider' "DATABASE_URL=$(url DATABASE_URL db.managed.test wr0ng)"
	up_says 6 'Redis or the object store refuses its password or key' "REDIS_URL=$(url REDIS_URL queue.managed.test wr0ng)"
	up_says 6 'Redis or the object store refuses its password or key' S3_SECRET_ACCESS_KEY=wr0ng-of-this-test
}

@test "if the application checks nothing beforehand, its worker never becomes healthy, and up says why" {
	up_says 7 'The certificate of an outside service is not accepted' MIGRATE_COMMAND= APP_CA_FILE="$MANAGED_CERTIFICATES/stranger.crt"
	assert_output --partial 'worker did not become healthy'
}

@test "no service outside takes a connection without TLS" {
	compose up --detach --wait --wait-timeout 60
	run -1 docker exec "$(container web)" python -c '
import os, psycopg
psycopg.connect(os.environ["Database__Url"].replace("verify-full", "disable"))'
	assert_output --partial 'no encryption'
	run -1 docker exec "$(container web)" python -c '
import os, redis
redis.Redis.from_url(os.environ["Queue__Url"].replace("rediss", "redis"), socket_timeout=3).ping()'
	assert_output --regexp 'ConnectionError: (Connection closed by server|Error while reading)'
}

# --- services that stop and come back ---

@test "the worker goes on by itself after a restart of the queue" {
	local before path
	before=$(state '{{.State.StartedAt}}' worker)
	managed restart --timeout 2 queue
	managed up --detach --wait queue
	path=$(hand_in 'When was the lighthouse lit?' "$documents/2-lighthouse.txt")
	run until_ok 60 page_says "$path" 'lit for the first time in 1889'
	assert_success
	assert_equal "$(state '{{.State.StartedAt}}' worker)" "$before"
}

@test "without the database the API says so and lives on" {
	managed stop --timeout 2 db
	run curl --silent --max-time 20 --write-out ' %{http_code}' "$web/api/jobs"
	assert_output '{"detail":"The database is not available. Try again later."} 503'
	run is_health web healthy
	assert_success
	managed up --detach --wait db
	# The pool tries again after 1, 2, 4, 8 and 16 s.
	run until_ok 60 curl --silent --fail "$web/api/jobs"
	assert_success
}

# --- the image alone ---

# alone NAME [OPTION…] -- ROLE: the production image as a platform runs it: with variables, and nothing else of ours.
alone() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	keep --network "$MANAGED_NETWORK" --read-only --tmpfs /tmp --user 54321:0 --cap-drop ALL \
		--env APP_CA="$(<"$MANAGED_CERTIFICATES/ca.crt")" --env Storage__Bucket=agent --env Storage__Access_Key_Id=agent \
		--env Storage__Secret_Access_Key="$MANAGED_PASSWORD" --env Storage__Endpoint_Url=https://files.managed.test:8443 \
		--env Database__Url="$(url DATABASE_URL db.managed.test)" --env Queue__Url="$(url REDIS_URL queue.managed.test)" \
		"${options[@]}" "$project-app" "$@"
}

@test "the image alone is one service each on a platform: variables only, any user, nothing writable" {
	local port id one worker path
	as_in COMPOSE_FILE="${TEST_COMPOSE_FILES/:compose.override.yaml/}" build --quiet migrate
	# Platforms put a command in place of CMD, or of ENTRYPOINT too: the same words are right for both.
	local migrate=(--env MIGRATE_COMMAND='python -m agent.prepare' --env DATABASE_URL="$(url DATABASE_URL db.managed.test)")
	id=$(alone "${migrate[@]}" -- entrypoint.sh migrate)
	assert_equal "$(docker wait "$id")" 0
	id=$(alone "${migrate[@]}" --entrypoint entrypoint.sh -- migrate)
	assert_equal "$(docker wait "$id")" 0
	run docker logs "$id"
	assert_line 'prepare: the object store takes files'
	port=$(free_port)
	id=$(alone --publish "127.0.0.1:$port:9123" --env PORT=9123 --env WEB_SERVER=uvicorn --env WEB_APP=agent.api:app \
		--env WEB_CONCURRENCY=1 -- web)
	worker=$(alone --env CELERY_APP=agent.worker:celery --env WORKER_CONCURRENCY=1 -- worker)
	# The worker of the stack would take the job.
	compose stop --timeout 5 worker
	for one in "$id" "$worker"; do
		run until_ok 60 eval "[[ \$(docker inspect --format '{{.State.Health.Status}}' $one) == healthy ]]"
		assert_success
	done
	path=$(curl --silent --fail --form 'question=How long is the breakwater?' --form "documents=@$documents/1-harbour.txt" \
		"http://127.0.0.1:$port/api/jobs" | json .job)
	answered() { curl --silent --fail "http://127.0.0.1:$port/api/jobs/$path" | json .briefing.answer | grep '640 metres'; }
	run until_ok 30 answered
	assert_success
	docker stop --time 20 "$worker" "$id" >/dev/null
	# TERM reached them: 137 would be the kill after it.
	run docker inspect --format '{{.State.ExitCode}}' "$worker" "$id"
	refute_output --partial 137
	compose up --detach --wait worker
}

# --- production ---

@test "in production the proxy leads to the frontend, and to the API only through the frontend" {
	local http path production
	http=$(free_port)
	production=(COMPOSE_FILE="${TEST_COMPOSE_FILES/compose.override.yaml/compose.production.yaml}:template/tests/docker/managed/application.yaml"
		PROXY_BIND=127.0.0.1 PROXY_HTTP_PORT="$http" PROXY_HTTPS_PORT="$(free_port)")
	as_in "${production[@]}" build --quiet
	as_in "${production[@]}" up --detach --wait --wait-timeout 120
	frontend=http://localhost:$http
	path=$(hand_in 'Who was the last keeper?' "$documents/2-lighthouse.txt")
	run until_ok 30 page_says "$path" 'Silas Pike'
	assert_success
	run curl --silent --output /dev/null --write-out '%{http_code}' "$frontend/api/jobs"
	assert_output 404
	run state '{{with .HostConfig}}{{.Memory}} {{.NanoCpus}} {{.PidsLimit}} {{.LogConfig.Type}} {{.RestartPolicy.Name}}{{end}}' frontend
	assert_output '536870912 1000000000 256 json-file unless-stopped'
	run docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}'
	refute_line --regexp '^(web|frontend|worker) .*->'
}

@test "a deploy whose frontend does not start ends with 7 and leaves the old one to its visitors, and the next one replaces it" {
	local http before
	http=$(free_port)
	cp "$env_file" "$BATS_TEST_TMPDIR/production.env"
	local env_file=$BATS_TEST_TMPDIR/production.env
	set_in "$env_file" COMPOSE_FILE="${TEST_COMPOSE_FILES/compose.override.yaml/compose.production.yaml}:template/tests/docker/managed/application.yaml" \
		PROXY_BIND=127.0.0.1 PROXY_HTTP_PORT="$http" PROXY_HTTPS_PORT="$(free_port)"
	compose up --detach --wait --wait-timeout 120
	before=$(compose ps --quiet frontend)
	docker tag "$project-frontend" "$project-frontend:good"
	printf 'FROM %s\nUSER 0\nRUN echo "throw Error(\x27no page\x27)" >server.js\nUSER 1001:1001\n' "$project-frontend" | docker build --quiet --tag "$project-frontend" -
	while :; do
		curl --silent --max-time 15 --output /dev/null --write-out '%{http_code}\n' "http://localhost:$http/"
	done >"$BATS_TEST_TMPDIR/codes" 3>&- &
	local visitor=$!
	until_ok 5 test -s "$BATS_TEST_TMPDIR/codes"
	run -7 node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
	kill "$visitor"
	assert_output --regexp 'The new frontend is not healthy. The old one still serves..*no page'
	run sort --unique <(sed '$d' "$BATS_TEST_TMPDIR/codes")
	assert_output 200
	assert_equal "$(compose ps --quiet frontend)" "$before"
	run docker ps --all --quiet --filter "name=$project-frontend-trial"
	assert_output ''
	printf 'FROM %s:good\nENV VERSION=2\n' "$project-frontend" | docker build --quiet --tag "$project-frontend" -
	run -0 node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
	run compose ps --quiet frontend
	refute_output "$before"
	run curl --silent --fail --output /dev/null --write-out '%{http_code}' "http://localhost:$http/"
	assert_output 200
}

@test "the example's tests pass in a container" {
	run compose run --rm --no-deps --no-TTY web test -q
	assert_success
	assert_output --regexp '[0-9]{2} passed'
}
