#!/bin/sh
# One image, several roles: the first argument is the role. Anything else is run as a command. Every path ends with
# exec, so that signals reach the program itself. A shell command from a setting runs in bash, because bash execs the
# last command of a line, and sh does not. Exit code 64: a setting is missing or wrong; 127: there is no such command.
# -f: settings are split at blanks below, and a * in them is not a file name pattern (--forwarded-allow-ips *).
set -euf

system_ca=/etc/ssl/certs/ca-certificates.crt

fail() {
	printf 'entrypoint: %s\n' "$1" >&2
	exit "${2:-64}"
}

# need NAME EXAMPLE: fails if a setting that the role needs is empty.
need() {
	eval "value=\${$1:-}"
	[ -n "$value" ] || fail "$role needs $1, which is empty. Set it in .env.docker, e.g. $1=$2. If it is there, Compose was not told of the file: docker compose --env-file .env.docker up --wait"
}

# An empty line in .env.docker means the same as no line, so the application's own default applies.
drop_empty_settings() {
	for name in DATABASE_URL REDIS_URL SECRET_KEY \
		S3_ENDPOINT_URL S3_PUBLIC_URL S3_BUCKET S3_REGION S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY AWS_ENDPOINT_URL_S3; do
		eval "[ -n \"\${$name:-}\" ] || unset $name"
	done
}

# For secrets, NAME_FILE=/path sets NAME to the content of the file. This holds for our own settings, and for any
# file in /run/secrets. A LOG_FILE of the application is left alone.
read_secret_files() {
	for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)_FILE=.*/\1/p'); do
		file='' plain=''
		eval "file=\${${name}_FILE:-} plain=\${$name:-}"
		case $name:$file in
		*:) continue ;; # empty, or a line in the middle of another value
		APP_CA:* | DATABASE_URL:* | REDIS_URL:* | SECRET_KEY:* | S3_ACCESS_KEY_ID:* | S3_SECRET_ACCESS_KEY:* | FLOWER_BASIC_AUTH:*) ;;
		# The NAME_FILE itself stays, because the application may read it (AWS_SHARED_CREDENTIALS_FILE).
		*:/run/secrets/*) ;;
		*) continue ;;
		esac
		[ -z "$plain" ] || fail "both $name and ${name}_FILE are set. Keep one of them."
		value=$(cat "$file" 2>/dev/null) || fail "${name}_FILE=$file cannot be read."
		export "$name=$value"
		case $file in /run/secrets/*) ;; *) unset "${name}_FILE" ;; esac
	done
}

# APP_CA holds certificates to trust in addition to the system's (APP_CA_FILE names a file of them). Each library reads
# a variable of its own, and the bundle that it names replaces the system's. So this joins both in one bundle and sets
# each variable that is not set yet. The same names are in docker/app-ca.env, for "docker compose exec".
trust_ca() {
	[ -n "${APP_CA:-}" ] || return 0
	case $APP_CA in *'-----BEGIN CERTIFICATE-----'*) ;; *) fail 'APP_CA_FILE does not name a file of certificates (-----BEGIN CERTIFICATE-----).' ;; esac
	[ -r "$system_ca" ] || fail "APP_CA_FILE is set, and this image has no $system_ca to add it to. Put ca-certificates into APT_PACKAGES."
	bundle=/tmp/ca-bundle.pem
	# %b: some platforms store several lines as one, with \n in it.
	{ cat "$system_ca" && printf '%b\n' "$APP_CA"; } >"$bundle.$$"
	mv "$bundle.$$" "$bundle"
	for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE PGSSLROOTCERT NODE_EXTRA_CA_CERTS; do
		eval "export $name=\"\${$name:-\$bundle}\""
	done
	unset APP_CA
}

# Gives this run its own folder for temporary files, and locks it while the run lives. Deletes folders without a lock:
# runs that were killed left them.
own_tmpdir() {
	[ -w "${TMPDIR:-}" ] || { unset TMPDIR && return; }
	# These descriptors have low numbers, because some servers close all higher ones when they start.
	exec 4<"$TMPDIR"
	flock 4
	find "$TMPDIR" -maxdepth 1 -name 'run.*' -exec flock --nonblock {} rm -rf {} \; 2>/dev/null || true
	TMPDIR=$(mktemp -d "$TMPDIR/run.XXXXXX")
	export TMPDIR
	exec 3<"$TMPDIR"
	flock 3
	# Only now may the next run look for folders without a lock.
	exec 4<&-
}

# Succeeds for a file on PATH, not for a function in this file or a shell keyword. "true" is both a keyword and a file.
is_program() {
	bash -c 'type -P -- "$1"' bash "$1" >/dev/null
}

need_program() {
	is_program "$1" || fail "$role needs $1, which is not installed. List it in the application's dependencies or in PYTHON_EXTRA_PACKAGES." 127
}

# start COMMAND…: runs it; in development, restarts it at every save.
start() {
	need_program "$1"
	if [ "${RELOAD:-}" = true ]; then
		set -- python -m docker_roles.reload "$@"
	fi
	exec "$@"
}

# Settings that contain arguments are split at blanks on purpose.
# shellcheck disable=SC2086
web() {
	# At a save, the old server is killed at once. It would wait 20 seconds for a page with an open stream.
	export PORT="${PORT:-8000}" RELOAD_PATIENCE="${RELOAD_PATIENCE:-0}"
	if [ -n "${WEB_COMMAND:-}" ]; then
		start bash -c "$WEB_COMMAND"
	fi
	need WEB_APP "package.module:app"
	# A process that stands at a breakpoint answers nobody, and its parent would kill it.
	workers=${WEB_CONCURRENCY:-2}
	[ -z "${DEBUG_PORT:-}" ] || workers=1
	# Both servers stop before Docker kills them (stop_grace_period).
	case ${WEB_SERVER:-gunicorn} in
	gunicorn)
		set -- gunicorn "$WEB_APP" --bind "0.0.0.0:$PORT" --workers "$workers" \
			--worker-class docker_roles.gunicorn.Worker --threads "${WEB_THREADS:-16}" --worker-tmp-dir /dev/shm \
			--graceful-timeout 20 ${DEBUG_PORT:+--timeout 0} --access-logfile - ${WEB_ARGS:-}
		;;
	uvicorn)
		need_program uvicorn
		# A variable in place of the option: versions before 0.22 do not know it.
		export UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="${UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN:-20}"
		set -- python -m docker_roles.uvicorn "${WEB_APP%()}" --host 0.0.0.0 --port "$PORT" \
			--workers "$workers" ${WEB_ARGS:-}
		[ "$WEB_APP" = "${WEB_APP%()}" ] || set -- "$@" --factory
		;;
	*) fail "WEB_SERVER=$WEB_SERVER is neither gunicorn nor uvicorn. For another server set WEB_COMMAND." ;;
	esac
	if [ -n "${DEBUG_PORT:-}" ]; then
		[ "$1" != python ] || shift 2
		set -- python -m debugpy --listen "0.0.0.0:$DEBUG_PORT" -m "$@"
	fi
	start "$@"
}

# shellcheck disable=SC2086
worker() {
	need CELERY_APP package.module
	# With this, TERM lets tasks run for WORKER_STOP_TIMEOUT seconds, then returns the rest to the queue. Before Celery
	# 5.5 it would abort them, and so it would with other pools. There TERM keeps its meaning: the worker waits for tasks.
	installed=$(set +f && echo /opt/venv/lib/python*/site-packages/celery-[0-9]*.dist-info)
	case ${WORKER_POOL:-prefork}:$installed in
	*/celery-[0-4].* | */celery-5.[0-4].*) ;;
	prefork:*) export REMAP_SIGTERM=SIGQUIT ;;
	esac
	start celery --app "$CELERY_APP" worker --include docker_roles.worker \
		--pool "${WORKER_POOL:-prefork}" --concurrency "${WORKER_CONCURRENCY:-2}" \
		${WORKER_QUEUES:+--queues "$WORKER_QUEUES"} ${WORKER_ARGS:-}
}

# shellcheck disable=SC2086
beat() {
	need CELERY_APP package.module
	# No pid file: a stale one would stop the container from starting again.
	start celery --app "$CELERY_APP" beat --scheduler docker_roles.beat:scheduler --max-interval 5 \
		--schedule /var/lib/beat/schedule --pidfile= ${BEAT_ARGS:-}
}

# Runs in the second image, with Node.
frontend() {
	export PORT="${PORT:-8000}"
	need FRONTEND_COMMAND "node server.js"
	exec bash -c "$FRONTEND_COMMAND"
}

flower() {
	need CELERY_APP package.module
	[ -n "${FLOWER_BASIC_AUTH:-}" ] || fail "$role needs a password for its page. Set FLOWER_PASSWORD in .env.docker."
	# Flower lets in whoever knows what stands before a comma, and takes the rest for another user.
	! printf '%s\n' "$FLOWER_BASIC_AUTH" | tr , '\n' | grep --quiet --invert-match : ||
		fail "FLOWER_PASSWORD has a comma, at which Flower would cut it off. Set one without commas in .env.docker."
	need_program celery
	exec python -m docker_roles.flower --app "$CELERY_APP" flower --address=0.0.0.0 --port=5555
}

# once SETTING [ARG…]: runs the command in a setting, with the arguments added, through $wrapper if that is set.
# shellcheck disable=SC2086
once() {
	eval "command=\${$1:-}"
	if [ -z "$command" ]; then
		echo "entrypoint: $1 is empty: nothing to do."
		exit 0
	fi
	shift
	exec ${wrapper:-} bash -c "$command \"\$@\"" bash "$@"
}

main() {
	# A platform's command may repeat the name of this script.
	[ "${1:-}" != entrypoint.sh ] || shift
	role=${1:-web}
	read_secret_files
	drop_empty_settings
	trust_ca
	own_tmpdir
	export PYTHONPATH="/opt/docker${PYTHONPATH:+:$PYTHONPATH}"
	case $role in
	web | worker | beat | flower | frontend) "$role" ;;
	migrate) exec python -m docker_roles.migrate ;;
	seed) shift && once SEED_COMMAND "$@" ;;
	test) shift && wrapper='python -m docker_roles.test' once TEST_COMMAND "$@" ;;
	*)
		is_program "$role" || fail "there is no role and no command \"$role\" in this image. Roles: web worker beat flower frontend migrate seed test" 127
		exec "$@"
		;;
	esac
}

# A test sources this file and calls one function.
case ${0##*/} in entrypoint.sh) main "$@" ;; esac
