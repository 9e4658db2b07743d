#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # $output per test; setup_file exports what is used here
# One stack with the room, for any application. Tests about the sample's stories are skipped without the sample.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	page_port=$((20000 + RANDOM % 6000))
	local files=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml}
	# Three checks of half a minute would take too long.
	echo 'services: { mail: { healthcheck: { interval: 1s } } }' >"$BATS_FILE_TMPDIR/often.yaml"
	{
		sed '/^COMPOSE_PROFILES=/s/,\(beat\|flower\)//g; /^COMPOSE_PROFILES=/s/$/,mail/' .env.docker.example
		# The stand-ins' overlay stays last.
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" "APP_ENV_FILE=$BATS_FILE_TMPDIR/app.env" \
			"COMPOSE_FILE=${files/compose.override.yaml/compose.override.yaml:extras/mail/compose.yaml:$BATS_FILE_TMPDIR/often.yaml}" "MAIL_PORT=$page_port" \
			"WEB_PORT=$((page_port + 6000))" "STORAGE_PORT=$((page_port + 6001))"
	} >"$env_file"
	echo MAIL_URL=smtp://mail:1025 >"$BATS_FILE_TMPDIR/app.env"
	export project env_file page_port page=http://127.0.0.1:$page_port web=http://127.0.0.1:$((page_port + 6000))
	up=$(npm run --silent up -- --env-file "$env_file" 2>&1) || { echo "$up" && return 1; }
	export up
}

teardown() {
	show_stack
}

teardown_file() {
	compose --profile '*' down --volumes --timeout 5 >/dev/null 2>&1 || true
	docker image rm --force "$project-app:dev" >/dev/null
}

# send SUBJECT [HOW_OFTEN [BYTES]]: sends mails with smtplib from the container of web. Subjects end in a number.
send() {
	docker exec --interactive "$(container web)" entrypoint.sh python - "$1" "${2:-1}" "${3:-0}" <<-'PYTHON'
		import smtplib, sys
		subject, often, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		with smtplib.SMTP("mail", 1025, timeout=10) as server:
		    for number in range(1, often + 1):
		        text = f"Subject: {subject} {number}\n\n" + ("x" * 99 + "\n") * (size // 100)
		        server.sendmail("me@example.org", "you@example.org", text)
	PYTHON
}

# subjects: prints the subjects of all mails in the mailbox, one a line.
subjects() {
	curl --silent --fail --max-time 10 "$page/api/email" | node -e '
		let s = ""; process.stdin.on("data", (d) => (s += d)).on("end", () => JSON.parse(s).forEach(({ subject }) => console.log(subject)))'
}

has_mail() { # has_mail SUBJECT
	subjects | grep --fixed-strings --line-regexp -e "$1"
}

# done_story TITLE: hands a story to the sample, and waits until it is done.
done_story() {
	[[ -d app/stories ]] || skip 'the application is not the sample'
	local id
	id=$(curl --silent --fail-with-body --max-time 20 --header 'content-type: application/json' \
		--data "{\"title\": \"$1\", \"text\": \"They were surely sour.\"}" "$web/api/stories" | sed 's/.*"id":"\([^"]*\)".*/\1/')
	is_done() { curl --silent --fail --max-time 10 "$web/api/stories/$id" | grep '"status":"done"'; }
	until_ok 60 is_done
}

@test "up prints the address of the page, and npm run env knows the settings" {
	echo "$up"
	grep --extended-regexp "^ +mail +http://localhost:$page_port$" <<<"$up"
	run -0 npm run --silent env -- --env-file "$env_file"
	refute_output --partial MAIL_
	run -0 npm run --silent env -- --env-file "$env_file" --print MAIL_IMAGE
	assert_output 'maildev/maildev:3.0.0'
}

@test "a mail about a story that is done is in the mailbox" {
	done_story 'The sour grapes'
	until_ok 10 has_mail 'Done: The sour grapes'
}

@test "a mail from any container reaches the mailbox, and the mailbox relays none" {
	send 'Your invoice'
	until_ok 10 has_mail 'Your invoice 1'
	local id
	id=$(curl --silent "$page/api/email" | sed 's/.*"id":"\([^"]*\)".*/\1/')
	run -0 curl --silent --max-time 10 --request POST --write-out ' %{http_code}' "$page/api/email/$id/relay/customer@example.com"
	assert_output --partial 'not configured'
	refute_output --regexp ' 2..$'
}

@test "the page answers on loopback only, and SMTP is not published" {
	run -0 docker port "$(container mail)"
	assert_output "1080/tcp -> 127.0.0.1:$page_port"
	run -0 curl --silent --fail --header 'accept: text/html' "$page/"
	assert_output --partial '<title>MailDev'
}

@test "the mailbox has limits: a mail that is too large is refused, the oldest go, and memory is limited" {
	run send 'Too large' 1 6000000
	assert_failure
	assert_output --partial 552
	run -0 state '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Memory}}' mail
	assert_output 'true [ALL] [no-new-privileges:true] 268435456'
	send 'The newest' 201
	until_ok 10 has_mail 'The newest 201'
	run -0 subjects
	assert_equal "${#lines[@]}" 200
	refute_line 'The newest 1'
}

@test "a frozen mailbox turns unhealthy, and healthy again when it goes on" {
	docker kill --signal STOP "$(container mail)" >/dev/null
	until_ok 40 is_health mail unhealthy
	docker kill --signal CONT "$(container mail)" >/dev/null
	until_ok 20 is_health mail healthy
}

@test "up refuses a taken port, and names the setting" {
	compose stop mail
	node -e 'require("net").createServer().listen(Number(process.argv[1]), "127.0.0.1")' "$page_port" 3>&- &
	local holder=$!
	(: <>"/dev/tcp/127.0.0.1/$page_port") 2>/dev/null || until_ok 10 bash -c ": <>/dev/tcp/127.0.0.1/$page_port"
	run npm run --silent up -- --env-file "$env_file" --no-build
	kill "$holder"
	assert_failure 3
	assert_output --partial "Port $page_port is taken"
	assert_output --partial 'Set MAIL_PORT in'
}

@test "without the mailbox a story is still done" {
	compose stop mail
	done_story 'Nobody is told'
	compose logs worker | grep 'its mail could not be sent'
}

@test "in production secrets-check, for which the application waits, refuses it and says why" {
	local files=compose.yaml:compose.production.yaml:extras/mail/compose.yaml
	[[ $(grep '^COMPOSE_FILE=' "$env_file" | tail -1) != *offline* ]] || files+=:extras/offline/compose.yaml
	sed 's/local-only/of-this-test/' "$env_file" >"$BATS_TEST_TMPDIR/production.env"
	printf '%s\n' "COMPOSE_FILE=$files" "MAIL_PORT=$((page_port + 6002))" >>"$BATS_TEST_TMPDIR/production.env"
	production() { docker compose --env-file "$BATS_TEST_TMPDIR/production.env" --project-name "$project-p" "$@"; }
	run -64 production run --rm --no-TTY secrets-check
	production down --volumes >/dev/null 2>&1
	assert_line 'check-secrets: extras/mail/compose.yaml is for development, because no mail would arrive. Take it out of COMPOSE_FILE.'
}

@test "without the room's overlay the stand-in's service does not run, whatever COMPOSE_PROFILES says" {
	[[ -f extras/offline/compose.yaml ]] || skip 'the room offline is not there'
	local files=compose.yaml:compose.override.yaml:extras/offline/compose.yaml
	COMPOSE_FILE=$files COMPOSE_PROFILES=redis,mail run -0 compose config --services
	assert_line redis
	refute_line mail
	sed "s#^COMPOSE_FILE=.*#COMPOSE_FILE=$files#" "$env_file" >"$BATS_TEST_TMPDIR/without.env"
	run npm run --silent env -- --env-file "$BATS_TEST_TMPDIR/without.env"
	assert_output --partial 'COMPOSE_PROFILES names "mail", and no service has that profile. (E38)'
	COMPOSE_FILE=$files run -0 compose --profile '*' config --quiet
	assert_output ''
}
