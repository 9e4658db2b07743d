#!/usr/bin/env bats
# docker/entrypoint.sh without a container: every program that a role starts is a fake that prints how it was
# called. Each run is made under every shell of this machine, and all of them have to agree.
# shellcheck disable=SC2016 # what stands in single quotes here is for another shell, or to stay as it is

bats_require_minimum_version 1.5.0

setup_file() {
	# As it is, but for a virtual environment and certificates that the tests can fill.
	export ENTRYPOINT="$BATS_FILE_TMPDIR/entrypoint.sh" VENV="$BATS_FILE_TMPDIR/venv"
	export SYSTEM_CA="$BATS_FILE_TMPDIR/system.pem" BUNDLE="$BATS_FILE_TMPDIR/bundle.pem"
	sed "s#/opt/venv\b#$VENV#; s#=/etc/ssl/certs/ca-certificates.crt#=$SYSTEM_CA#; s#=/tmp/ca-bundle.pem#=$BUNDLE#" \
		"$BATS_TEST_DIRNAME/../../docker/entrypoint.sh" >"$ENTRYPOINT"
	export FAKES="$BATS_FILE_TMPDIR/bin"
	mkdir "$FAKES"
	# It prints its name and its arguments as a shell would read them, and the variables that $SHOW names.
	cat >"$FAKES/fake" <<-'FAKE'
		#!/bin/bash
		printf '%q ' "${0##*/}" "$@" | sed 's/ $/\n/'
		for name in ${SHOW:-}; do printf '%s=%s\n' "$name" "${!name-(not set)}"; done
		[[ -z ${SHOW_PID:-} ]] || echo "pid $$"
	FAKE
	chmod +x "$FAKES/fake"
	local name
	for name in gunicorn uvicorn celery python tool; do ln -s fake "$FAKES/$name"; done
}

setup() {
	load ../../node_modules/bats-support/load
	load ../../node_modules/bats-assert/load
	shells=(sh)
	local shell
	for shell in dash 'busybox sh' 'bash --posix'; do
		! command -v "${shell%% *}" >/dev/null || shells+=("$shell")
	done
}

# entrypoint [NAME=VALUE…] [ROLE [ARGUMENT…]]: runs it with these settings alone. Fails with 99 when one shell
# does something else than the first.
entrypoint() {
	local settings=() shell name status expected=''
	while [[ ${1:-} == [A-Z]*=* ]]; do
		settings+=("$1")
		shift
	done
	for shell in "${shells[@]}"; do
		name=$BATS_TEST_TMPDIR/${shell// /-}
		status=0
		# shellcheck disable=SC2086 # "busybox sh" is two words
		env -i PATH="$FAKES:$PATH" "${settings[@]}" $shell "$ENTRYPOINT" "$@" >"$name.out" 2>"$name.err" || status=$?
		echo "$status" >"$name.status"
		expected=${expected:-$name}
		if ! diff "$expected.status" "$name.status" || ! diff "$expected.out" "$name.out" || ! diff "$expected.err" "$name.err"; then
			echo "$shell disagrees with ${expected##*/}"
			return 99
		fi
	done
	cat "$expected.out"
	cat "$expected.err" >&2
	return "$status"
}

# refuses CODE SENTENCE SETTINGS-AND-ROLE…: nothing is started, and the sentence is all that is said.
refuses() {
	local code=$1 sentence=$2
	shift 2
	run --separate-stderr -"$code" entrypoint "$@"
	assert_output ''
	assert_equal "$stderr" "entrypoint: $sentence"
}

# with_secrets COMMAND…: runs it with a /run/secrets of its own, which $BATS_TEST_TMPDIR/secrets fills.
with_secrets() {
	unshare --map-root-user --mount bash -c '
		mount -t tmpfs none /run && cp -r "$1/secrets" /run/ && shift && "$@"
	' with_secrets "$BATS_TEST_TMPDIR" "$@"
}

# --- web ---

@test "web: gunicorn with the defaults" {
	run entrypoint WEB_APP=shop:app web
	assert_success
	assert_output 'gunicorn shop:app --bind 0.0.0.0:8000 --workers 2 --worker-class gthread --threads 16 --worker-tmp-dir /dev/shm --graceful-timeout 20 --access-logfile -'
}

@test "no role is web" {
	run entrypoint WEB_APP=shop:app
	assert_success
	assert_output --partial 'gunicorn shop:app --bind'
}

@test "web: gunicorn with port, processes, threads and arguments as set, and a factory" {
	run entrypoint WEB_APP='shop:create_app()' PORT=9000 WEB_CONCURRENCY=3 WEB_THREADS=4 WEB_ARGS='--timeout 5 --preload' web
	assert_success
	assert_output 'gunicorn shop:create_app\(\) --bind 0.0.0.0:9000 --workers 3 --worker-class gthread --threads 4 --worker-tmp-dir /dev/shm --graceful-timeout 20 --access-logfile - --timeout 5 --preload'
}

@test "web: uvicorn with an application object" {
	run entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app PORT=9000 WEB_CONCURRENCY=3 WEB_ARGS=--no-access-log web
	assert_success
	assert_output 'uvicorn shop:app --host 0.0.0.0 --port 9000 --workers 3 --timeout-graceful-shutdown 20 --no-access-log'
}

@test "web: uvicorn with a factory, which it knows by a switch instead of the brackets" {
	run entrypoint WEB_SERVER=uvicorn WEB_APP='shop:create_app()' web
	assert_success
	assert_output 'uvicorn shop:create_app --host 0.0.0.0 --port 8000 --workers 2 --timeout-graceful-shutdown 20 --factory'
}

@test "web: a star among the arguments is no file name pattern" {
	cd "$FAKES"
	run entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app WEB_ARGS='--forwarded-allow-ips *' web
	assert_success
	assert_output --partial -- '--forwarded-allow-ips \*'
}

@test "WEB_COMMAND replaces the server, is a whole shell line, and finds \$PORT" {
	run entrypoint WEB_APP=shop:app WEB_COMMAND='tool "a  b" $PORT | sed "s/^/> /"' web
	assert_success
	assert_output '> tool a\ \ b 8000'
}

@test "a program that is not installed is one sentence that says where to list it, and exit code 127" {
	local role=web program
	for program in gunicorn uvicorn; do
		refuses 127 "web needs $program, which is not installed. List it in the application's dependencies or in PYTHON_EXTRA_PACKAGES." \
			PATH="$PATH" WEB_SERVER="$program" WEB_APP=shop:app web
	done
	for role in worker beat flower; do
		refuses 127 "$role needs celery, which is not installed. List it in the application's dependencies or in PYTHON_EXTRA_PACKAGES." \
			PATH="$PATH" CELERY_APP=shop FLOWER_BASIC_AUTH=a:b "$role"
	done
}

@test "DEBUG_PORT puts the server under debugpy" {
	run entrypoint WEB_APP=shop:app DEBUG_PORT=5678 web
	assert_success
	assert_output --partial 'python -m debugpy --listen 0.0.0.0:5678 -m gunicorn shop:app --bind 0.0.0.0:8000'
}

@test "RELOAD=true puts web, its debugger and its own command under the reloader" {
	run entrypoint RELOAD=true WEB_APP=shop:app web
	assert_output --partial 'python -m docker_roles.reload gunicorn shop:app --bind'
	run entrypoint RELOAD=true WEB_APP=shop:app DEBUG_PORT=5678 web
	assert_output --partial 'python -m docker_roles.reload python -m debugpy --listen 0.0.0.0:5678 -m gunicorn shop:app'
	run entrypoint RELOAD=true WEB_COMMAND='tool  x' web
	assert_output 'python -m docker_roles.reload /bin/sh -c tool\ \ x'
}

@test "RELOAD=false reloads nothing" {
	run entrypoint RELOAD=false WEB_APP=shop:app web
	assert_output --partial 'gunicorn shop:app'
	refute_output --partial reload
}

@test "a missing WEB_APP is one sentence and exit code 64" {
	refuses 64 'web needs WEB_APP, which is empty. Set it in .env.docker, e.g. WEB_APP=package.module:app' web
	refuses 64 'web needs WEB_APP, which is empty. Set it in .env.docker, e.g. WEB_APP=package.module:app' WEB_APP= web
}

@test "an unknown WEB_SERVER is one sentence and exit code 64" {
	refuses 64 'WEB_SERVER=waitress is neither gunicorn nor uvicorn. For another server set WEB_COMMAND.' WEB_SERVER=waitress WEB_APP=shop:app web
}

# --- worker, beat, flower ---

@test "worker: the defaults, and no queues but the application's own" {
	run entrypoint CELERY_APP=shop.tasks WORKER_QUEUES= SHOW=REMAP_SIGTERM worker
	assert_success
	assert_line --index 0 'celery --app shop.tasks worker --include docker_roles.worker --pool prefork --concurrency 2'
	assert_line --index 1 'REMAP_SIGTERM=SIGQUIT'
}

@test "worker: pool, concurrency, queues and arguments as set" {
	run entrypoint CELERY_APP=shop.tasks:app WORKER_POOL=threads WORKER_CONCURRENCY=8 WORKER_QUEUES=mail,media WORKER_ARGS='--loglevel=info --max-tasks-per-child 50' worker
	assert_success
	assert_output 'celery --app shop.tasks:app worker --include docker_roles.worker --pool threads --concurrency 8 --queues mail\,media --loglevel=info --max-tasks-per-child 50'
}

@test "worker: a Celery before 5.5, which QUIT would cut off, keeps its TERM" {
	local release
	for release in 4.4.7='(not set)' 5.0.5='(not set)' 5.4.0='(not set)' 5.5.0=SIGQUIT 5.10.1=SIGQUIT 6.0.0=SIGQUIT; do
		rm -rf "$VENV"
		mkdir -p "$VENV/lib/python3.13/site-packages/celery-${release%%=*}.dist-info"
		run -0 entrypoint CELERY_APP=shop.tasks SHOW=REMAP_SIGTERM worker
		assert_line "REMAP_SIGTERM=${release#*=}"
	done
	rm -r "$VENV"
}

@test "beat: our scheduler around the application's, its file on the volume, and no pid file" {
	run entrypoint CELERY_APP=shop.tasks BEAT_ARGS=--loglevel=debug beat
	assert_success
	assert_output 'celery --app shop.tasks beat --scheduler docker_roles.beat:Scheduler --max-interval 2 --schedule /var/lib/beat/schedule --pidfile= --loglevel=debug'
}

@test "RELOAD=true puts worker and beat under the reloader" {
	run entrypoint RELOAD=true CELERY_APP=shop.tasks worker
	assert_output --partial 'python -m docker_roles.reload celery --app shop.tasks worker'
	run entrypoint RELOAD=true CELERY_APP=shop.tasks beat
	assert_output --partial 'python -m docker_roles.reload celery --app shop.tasks beat'
}

@test "flower: its password is in the environment and not in the process list" {
	run entrypoint CELERY_APP=shop.tasks FLOWER_BASIC_AUTH='admin:a $b' SHOW=FLOWER_BASIC_AUTH flower
	assert_success
	assert_line --index 0 'python -m docker_roles.flower --app shop.tasks flower --address=0.0.0.0 --port=5555'
	assert_line --index 1 'FLOWER_BASIC_AUTH=admin:a $b'
}

@test "a missing CELERY_APP is one sentence and exit code 64" {
	local role
	for role in worker beat flower; do
		refuses 64 "$role needs CELERY_APP, which is empty. Set it in .env.docker, e.g. CELERY_APP=package.module" FLOWER_BASIC_AUTH=a:b "$role"
	done
}

@test "Flower does not start without a password: one sentence and exit code 64" {
	refuses 64 'flower needs a password for its page. Set FLOWER_PASSWORD in .env.docker.' CELERY_APP=shop.tasks flower
}

# --- migrate, seed, test, and anything else ---

@test "migrate: runs under the lock" {
	run entrypoint MIGRATE_COMMAND='tool up' migrate
	assert_success
	assert_output 'python -m docker_roles.migrate'
}

@test "seed and test are shell lines of their settings" {
	run entrypoint SEED_COMMAND='tool "a  b" && echo done' seed
	assert_success
	assert_output $'tool a\\ \\ b\ndone'
	run entrypoint TEST_COMMAND='tool -v; exit 3' test
	assert_failure 3
	assert_output 'tool -v'
}

@test "arguments of seed and test are added to their commands, intact" {
	run -0 entrypoint TEST_COMMAND='tool -v' test -k 'one or  two' '$HOME'
	assert_output 'tool -v -k one\ or\ \ two \$HOME'
	run -0 entrypoint SEED_COMMAND='tool seed' seed --all
	assert_output 'tool seed --all'
}

@test "an empty seed or test command is no error" {
	run entrypoint SEED_COMMAND= seed
	assert_success
	assert_output 'entrypoint: SEED_COMMAND is empty: nothing to do.'
	run entrypoint test
	assert_success
	assert_output 'entrypoint: TEST_COMMAND is empty: nothing to do.'
}

@test "what is no role is run as a command, its arguments intact" {
	run entrypoint tool 'two  words' '' '*' '$HOME' "it's" '"' $'line\nbreak' --flag
	assert_success
	assert_output "tool two\\ \\ words '' \\* \\\$HOME it\\'s \\\" \$'line\\nbreak' --flag"
}

@test "an unknown command is one sentence that names the roles, and exit code 127" {
	refuses 127 'there is no role and no command "wrker" in this image. Roles: web worker beat flower frontend migrate seed test' wrker
}

@test "words that the shell itself knows are no commands of the image" {
	local word
	for word in start main export; do
		refuses 127 "there is no role and no command \"$word\" in this image. Roles: web worker beat flower frontend migrate seed test" "$word"
	done
}

@test "every role and every command takes the place of the shell" {
	ends_in_place() {
		local shell
		for shell in "${shells[@]}"; do
			# The outer shell prints the number of the process in which the role has to end.
			# shellcheck disable=SC2086
			run env -i PATH="$FAKES:$PATH" SHOW_PID=1 WEB_APP=shop:app CELERY_APP=shop FLOWER_BASIC_AUTH=a:b "${@:2}" \
				bash -c 'echo "pid $$"; exec "$@"' outer $shell "$ENTRYPOINT" "$1"
			assert_success
			assert_equal "${lines[2]}" "${lines[0]}"
		done
	}
	local role
	for role in web worker beat flower migrate tool; do ends_in_place "$role"; done
	ends_in_place web WEB_SERVER=uvicorn
	ends_in_place web DEBUG_PORT=5678
	ends_in_place web RELOAD=true
	ends_in_place worker RELOAD=true
	ends_in_place web WEB_COMMAND='exec tool'
	ends_in_place seed SEED_COMMAND='exec tool'
	ends_in_place test TEST_COMMAND='exec tool'
}

# --- environment ---

@test "our package comes first on PYTHONPATH, then the application's folders" {
	run entrypoint SHOW=PYTHONPATH PYTHONPATH=/app/src:/app/lib tool
	assert_line 'PYTHONPATH=/opt/docker:/app/src:/app/lib'
}

@test "an empty PYTHONPATH does not put the working folder on Python's path" {
	run entrypoint SHOW=PYTHONPATH PYTHONPATH= tool
	assert_line 'PYTHONPATH=/opt/docker'
}

@test "values reach the application as they are: blanks, \$, quotes, line breaks" {
	local value=$' two  blanks $HOME `id` "\' \\\nSECOND_FILE=/etc/hostname\nlast'
	run entrypoint NOTE="$value" SHOW='NOTE SECOND' tool
	assert_success
	assert_output $'tool\nNOTE='"$value"$'\nSECOND=(not set)'
}

@test "names in mixed case and with double underscores reach the application, as values and as secrets in files" {
	run -0 entrypoint Shop__Mail__Host=smtp Shop__debug='' SHOW='Shop__Mail__Host Shop__debug' tool
	assert_output $'tool\nShop__Mail__Host=smtp\nShop__debug='
	unshare --map-root-user --mount true 2>/dev/null || skip "no mount namespace can be made here"
	mkdir "$BATS_TEST_TMPDIR/secrets"
	echo 'p%@$s' >"$BATS_TEST_TMPDIR/secrets/mail"
	run -0 with_secrets env -i PATH="$FAKES:$PATH" Shop__Mail__Password_FILE=/run/secrets/mail SHOW=Shop__Mail__Password sh "$ENTRYPOINT" tool
	assert_output $'tool\nShop__Mail__Password=p%@$s'
}

# --- secrets in files ---

@test "NAME_FILE becomes NAME for our own settings, whatever the value holds" {
	local value=$'p@ss "word" $HOME \'`id`\' \\ *\nsecond line' name
	printf '%s\n' "$value" >"$BATS_TEST_TMPDIR/a secret"
	for name in DATABASE_URL REDIS_URL SECRET_KEY S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY FLOWER_BASIC_AUTH; do
		run entrypoint "${name}_FILE=$BATS_TEST_TMPDIR/a secret" SHOW="$name ${name}_FILE" tool
		assert_success
		assert_output $'tool\n'"$name=$value"$'\n'"${name}_FILE=(not set)"
	done
}

@test "Flower takes its password from a file" {
	echo admin:from-file >"$BATS_TEST_TMPDIR/secret"
	run entrypoint CELERY_APP=shop FLOWER_BASIC_AUTH_FILE="$BATS_TEST_TMPDIR/secret" SHOW=FLOWER_BASIC_AUTH flower
	assert_success
	assert_line 'FLOWER_BASIC_AUTH=admin:from-file'
}

@test "any file in /run/secrets is read, and its path stays for an application that reads it itself" {
	unshare --map-root-user --mount true 2>/dev/null || skip "no mount namespace can be made here"
	mkdir "$BATS_TEST_TMPDIR/secrets"
	echo 'mail $ecret' >"$BATS_TEST_TMPDIR/secrets/mail"
	run with_secrets env -i PATH="$FAKES:$PATH" MAIL_PASSWORD_FILE=/run/secrets/mail SHOW='MAIL_PASSWORD MAIL_PASSWORD_FILE' sh "$ENTRYPOINT" tool
	assert_success
	assert_output $'tool\nMAIL_PASSWORD=mail $ecret\nMAIL_PASSWORD_FILE=/run/secrets/mail'
}

@test "a LOG_FILE of the application stays what it is, there or not" {
	run entrypoint LOG_FILE=/nowhere/app.log TEXT_FILE=/etc/hostname SHOW='LOG_FILE LOG TEXT_FILE TEXT' tool
	assert_success
	assert_output $'tool\nLOG_FILE=/nowhere/app.log\nLOG=(not set)\nTEXT_FILE=/etc/hostname\nTEXT=(not set)'
}

@test "an empty NAME_FILE is as good as none" {
	run entrypoint SECRET_KEY=plain SECRET_KEY_FILE= DATABASE_URL_FILE= SHOW='SECRET_KEY DATABASE_URL' tool
	assert_success
	assert_output $'tool\nSECRET_KEY=plain\nDATABASE_URL=(not set)'
}

@test "a secret file that is missing, or is a folder, is one sentence and exit code 64" {
	refuses 64 'SECRET_KEY_FILE=/nowhere/key cannot be read.' SECRET_KEY_FILE=/nowhere/key tool
	# Docker makes a folder where a mounted file is missing.
	refuses 64 "SECRET_KEY_FILE=$BATS_TEST_TMPDIR cannot be read." SECRET_KEY_FILE="$BATS_TEST_TMPDIR" tool
}

@test "a setting and its file together are one sentence and exit code 64" {
	refuses 64 'both SECRET_KEY and SECRET_KEY_FILE are set. Keep one of them.' SECRET_KEY=a SECRET_KEY_FILE=/etc/hostname tool
}

# --- certificates ---

# certificate TEXT: what the entrypoint takes for one.
certificate() {
	printf -- '-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n' "$1"
}

ca_names=(SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE PGSSLROOTCERT NODE_EXTRA_CA_CERTS)

@test "without a CA of its own the application gets no word about certificates" {
	run entrypoint SHOW="${ca_names[*]}" APP_CA= APP_CA_FILE= tool
	assert_output "$(echo tool && printf '%s=(not set)\n' "${ca_names[@]}")"
	assert [ ! -e "$BUNDLE" ]
}

@test "a CA of its own is trusted beside the system's, by whichever name a library looks for it" {
	certificate system >"$SYSTEM_CA"
	certificate own >"$BATS_TEST_TMPDIR/own.pem"
	run entrypoint SHOW="${ca_names[*]} APP_CA" APP_CA_FILE="$BATS_TEST_TMPDIR/own.pem" tool
	assert_output "$(echo tool && printf "%s=$BUNDLE\n" "${ca_names[@]}" && echo 'APP_CA=(not set)')"
	assert_equal "$(cat "$BUNDLE")" "$(certificate system && certificate own)"
}

@test "a CA that is a value with escaped line ends is the same, and a name that is set already stays" {
	certificate system >"$SYSTEM_CA"
	run entrypoint SHOW='PGSSLROOTCERT SSL_CERT_FILE' PGSSLROOTCERT=/mine.pem \
		APP_CA='-----BEGIN CERTIFICATE-----\nown\n-----END CERTIFICATE-----' tool
	assert_output "$(printf 'tool\nPGSSLROOTCERT=/mine.pem\nSSL_CERT_FILE=%s' "$BUNDLE")"
	assert_equal "$(cat "$BUNDLE")" "$(certificate system && certificate own)"
}

@test "what the application is told and is empty is not handed on, whatever it is called in docker/app.env" {
	local names name
	names=$(sed '/^#/d' "$BATS_TEST_DIRNAME/../../docker/app.env")
	for name in $names OTHER; do
		run entrypoint SHOW="$name" "$name=" tool
		assert_line --index 1 "$name=$([[ $name == OTHER ]] || echo '(not set)')"
		run entrypoint SHOW="$name" "$name=a value" tool
		assert_line --index 1 "$name=a value"
	done
}

@test "every name of the bundle is also what docker compose exec gets" {
	run sed -n 's#=/tmp/ca-bundle.pem$##p' "$BATS_TEST_DIRNAME/../../docker/app-ca.env"
	assert_output "$(printf '%s\n' "${ca_names[@]}")"
}

@test "a file without a certificate, or a system without any, is one sentence and exit code 64" {
	refuses 64 'APP_CA_FILE names no file of certificates (-----BEGIN CERTIFICATE-----).' APP_CA_FILE=/etc/hostname tool
	rm -f "$SYSTEM_CA"
	refuses 64 "APP_CA_FILE is set, and this image has no $SYSTEM_CA to add it to. Put ca-certificates into APT_PACKAGES." \
		APP_CA="$(certificate own)" tool
}

# --- frontend ---

@test "frontend runs its command and is told the port" {
	run entrypoint FRONTEND_COMMAND='tool server.js "$PORT"' frontend
	assert_output 'tool server.js 8000'
	run entrypoint FRONTEND_COMMAND='tool "$PORT"' PORT=9000 frontend
	assert_output 'tool 9000'
	refuses 64 'frontend needs FRONTEND_COMMAND, which is empty. Set it in .env.docker, e.g. FRONTEND_COMMAND=node server.js' frontend
}

# --- the file itself ---

@test "the file can be sourced for one function without starting a role" {
	run bash -c '. "$1"; echo sourced' test "$ENTRYPOINT"
	assert_success
	assert_output sourced
}

@test "every shell file that goes into an image is executable and without carriage returns" {
	cd "$BATS_TEST_DIRNAME/../.."
	local file
	for file in docker/*.sh docker/*/*.sh; do
		assert [ -x "$file" ]
		run ! grep --quiet $'\r' "$file"
	done
}
