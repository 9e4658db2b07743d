#!/usr/bin/env bats
# docker/entrypoint.sh: what the application is told (variables, secrets in files, certificates), and rare cases of roles.
# shellcheck disable=SC2016 # what stands in single quotes here is for another shell, or to stay as it is

bats_require_minimum_version 1.5.0
load ../../../tests/shell/helpers

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

@test "Flower is not started with a password that it would cut off at a comma; several users may be given" {
	run entrypoint CELERY_APP=shop FLOWER_BASIC_AUTH=admin:ab,rest flower
	assert_failure 64
	assert_output --partial 'FLOWER_PASSWORD has a comma'
	refute_output --partial rest
	run -0 entrypoint CELERY_APP=shop FLOWER_BASIC_AUTH=admin:ab,other:cd flower
}

@test "any file in /run/secrets is read, and its path stays for an application that reads it itself" {
	unshare --map-root-user --mount true 2>/dev/null || skip "no mount namespace can be made here"
	mkdir "$BATS_TEST_TMPDIR/secrets"
	echo 'mail $ecret' >"$BATS_TEST_TMPDIR/secrets/mail"
	run with_secrets env -i PATH="$FAKES:$PATH" MAIL_PASSWORD_FILE=/run/secrets/mail SHOW='MAIL_PASSWORD MAIL_PASSWORD_FILE' sh "$ENTRYPOINT" tool
	assert_success
	assert_output $'tool\nMAIL_PASSWORD=mail $ecret\nMAIL_PASSWORD_FILE=/run/secrets/mail'
}

@test "a platform's command may begin with entrypoint.sh once more: a secret in a file is read once" {
	unshare --map-root-user --mount true 2>/dev/null || skip "no mount namespace can be made here"
	mkdir "$BATS_TEST_TMPDIR/secrets"
	echo postgresql://db/shop >"$BATS_TEST_TMPDIR/secrets/url"
	ln -s "$ENTRYPOINT" "$BATS_TEST_TMPDIR/entrypoint.sh"
	chmod +x "$ENTRYPOINT"
	run -0 with_secrets env -i PATH="$BATS_TEST_TMPDIR:$FAKES:$PATH" DATABASE_URL_FILE=/run/secrets/url CELERY_APP=shop SHOW=DATABASE_URL sh "$ENTRYPOINT" entrypoint.sh worker
	assert_line 'DATABASE_URL=postgresql://db/shop'
}

@test "a LOG_FILE of the application stays what it is, there or not" {
	run entrypoint LOG_FILE=/nowhere/app.log TEXT_FILE=/etc/hostname SHOW='LOG_FILE LOG TEXT_FILE TEXT' tool
	assert_success
	assert_output $'tool\nLOG_FILE=/nowhere/app.log\nLOG=(not set)\nTEXT_FILE=/etc/hostname\nTEXT=(not set)'
}

@test "an empty file counts as an empty setting, which counts as not set" {
	echo >"$BATS_TEST_TMPDIR/empty"
	run -0 entrypoint REDIS_URL_FILE="$BATS_TEST_TMPDIR/empty" SHOW=REDIS_URL tool
	assert_line 'REDIS_URL=(not set)'
}

@test "an empty NAME_FILE counts as not set" {
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

@test "without its own CA the application gets no variables for certificates" {
	run entrypoint SHOW="${ca_names[*]}" APP_CA= APP_CA_FILE= tool
	assert_output "$(echo tool && printf '%s=(not set)\n' "${ca_names[@]}")"
	assert [ ! -e "$BUNDLE" ]
}

@test "its own CA is trusted in addition to the system's, under every name that a library looks for" {
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

@test "an empty variable is not passed to the application if its name is in docker/app.env; others are" {
	local name
	for name in $(sed '/^#/d; /^TMPDIR/d; s/=.*//' "$ROOT/docker/app.env") OTHER; do
		run entrypoint SHOW="$name" "$name=" tool
		assert_line --index 1 "$name=$([[ $name == OTHER ]] || echo '(not set)')"
		run entrypoint SHOW="$name" "$name=a value" tool
		assert_line --index 1 "$name=a value"
	done
}

@test "every name of the bundle is also what docker compose exec gets" {
	run sed -n 's#=/tmp/ca-bundle.pem$##p' "$ROOT/docker/app-ca.env"
	assert_output "$(printf '%s\n' "${ca_names[@]}")"
}

@test "a file without a certificate, or a system without any, is one sentence and exit code 64" {
	refuses 64 'APP_CA_FILE does not name a file of certificates (-----BEGIN CERTIFICATE-----).' APP_CA_FILE=/etc/hostname tool
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
	refuses 64 'frontend needs FRONTEND_COMMAND, which is empty. Set it in .env.docker, e.g. FRONTEND_COMMAND=node server.js. If it is there, Compose was not told of the file: docker compose --env-file .env.docker up --wait' frontend
}

# --- the file itself ---

# --- rare cases of the roles ---

@test "web: a star among the arguments is not a file name pattern" {
	cd "$FAKES"
	run entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app WEB_ARGS='--forwarded-allow-ips *' web
	assert_success
	assert_output --partial -- '--forwarded-allow-ips \*'
}

@test "under a debugger web is one process, which no parent kills while it stands at a breakpoint" {
	run entrypoint WEB_APP=shop:app DEBUG_PORT=5678 WEB_CONCURRENCY=3 web
	assert_output --partial -- '--workers 1 '
	assert_output --partial -- '--timeout 0 '
	run entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app DEBUG_PORT=5678 WEB_CONCURRENCY=3 web
	assert_output --partial -- '--workers 1'
	refute_output --partial -- '--timeout'
	run entrypoint WEB_APP=shop:app WEB_CONCURRENCY=3 web
	assert_output --partial -- '--workers 3 '
	refute_output --partial -- '--timeout 0'
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

@test "an unknown WEB_SERVER is one sentence and exit code 64" {
	refuses 64 'WEB_SERVER=waitress is neither gunicorn nor uvicorn. For another server set WEB_COMMAND.' WEB_SERVER=waitress WEB_APP=shop:app web
}

@test "web: uvicorn stops within 20 seconds, or the application's own time" {
	run -0 entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app SHOW=UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN web
	assert_line UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=20
	run -0 entrypoint WEB_SERVER=uvicorn WEB_APP=shop:app UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=5 SHOW=UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN web
	assert_line UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=5
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

@test "worker: with a pool other than prefork TERM keeps its meaning, because QUIT would break its tasks off" {
	local pool
	for pool in prefork=SIGQUIT solo='(not set)' threads='(not set)' gevent='(not set)'; do
		run -0 entrypoint CELERY_APP=shop.tasks WORKER_POOL="${pool%%=*}" SHOW=REMAP_SIGTERM worker
		assert_line "REMAP_SIGTERM=${pool#*=}"
	done
}

@test "flower: its password is in the environment and not in the process list" {
	run entrypoint CELERY_APP=shop.tasks FLOWER_BASIC_AUTH='admin:a $b' SHOW=FLOWER_BASIC_AUTH flower
	assert_success
	assert_line --index 0 'python -m docker_roles.flower --app shop.tasks flower --address=0.0.0.0 --port=5555'
	assert_line --index 1 'FLOWER_BASIC_AUTH=admin:a $b'
}

@test "Flower does not start without a password: one sentence and exit code 64" {
	refuses 64 'flower needs a password for its page. Set FLOWER_PASSWORD in .env.docker.' CELERY_APP=shop.tasks flower
}

@test "words that the shell itself knows are no commands of the image" {
	local word
	for word in start main export; do
		refuses 127 "there is no role and no command \"$word\" in this image. Roles: web worker beat flower frontend migrate seed test" "$word"
	done
	run entrypoint true
	assert_success
}

@test "RELOAD=false reloads nothing" {
	run entrypoint RELOAD=false WEB_APP=shop:app web
	assert_output --partial 'gunicorn shop:app'
	refute_output --partial reload
}

@test "arguments of seed and test are added to their commands, unchanged" {
	run -0 entrypoint SEED_COMMAND='tool -v' seed -k 'one or  two' '$HOME'
	assert_output 'tool -v -k one\ or\ \ two \$HOME'
	run -0 entrypoint TEST_COMMAND='tool -v' test --all
	assert_output 'python -m docker_roles.test bash -c tool\ -v\ \"\$@\" bash --all'
	run -0 entrypoint SEED_COMMAND='tool seed' seed --all
	assert_output 'tool seed --all'
}

@test "the file can be sourced for one function without starting a role" {
	run bash -c '. "$1"; echo sourced' test "$ENTRYPOINT"
	assert_success
	assert_output sourced
}

@test "every shell file that goes into an image is executable and without carriage returns" {
	cd "$ROOT"
	local file
	for file in docker/*.sh docker/*/*.sh; do
		assert [ -x "$file" ]
		run ! grep --quiet $'\r' "$file"
	done
}
