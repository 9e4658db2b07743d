#!/bin/sh
# One image, several roles: the first argument is the role, and anything that is no role is run as a
# command. Every path ends with exec, so that signals reach the program itself. Exit code 64: a
# setting is missing or wrong; 127: there is no such command.
# -f: the settings that are split at blanks are no file name patterns (--forwarded-allow-ips *).
set -euf

system_ca=/etc/ssl/certs/ca-certificates.crt

fail() {
	printf 'entrypoint: %s\n' "$1" >&2
	exit "${2:-64}"
}

# need NAME EXAMPLE: a setting without which the role cannot start.
need() {
	eval "value=\${$1:-}"
	[ -n "$value" ] || fail "$role needs $1, which is empty. Set it in .env.docker, e.g. $1=$2"
}

# An empty line in .env.docker says the same as none: the application's own default holds.
drop_empty_settings() {
	for name in DATABASE_URL REDIS_URL SECRET_KEY \
		S3_ENDPOINT_URL S3_PUBLIC_URL S3_BUCKET S3_REGION S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY; do
		eval "[ -n \"\${$name:-}\" ] || unset $name"
	done
}

# NAME_FILE=/path means NAME=<what the file holds>, for secrets. It is done for our own settings, and
# for any file in /run/secrets; a LOG_FILE of the application stays what it is.
read_secret_files() {
	for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)_FILE=.*/\1/p'); do
		file='' plain=''
		eval "file=\${${name}_FILE:-} plain=\${$name:-}"
		case $name:$file in
		*:) continue ;; # empty, or a line in the middle of another value
		APP_CA:* | DATABASE_URL:* | REDIS_URL:* | SECRET_KEY:* | S3_ACCESS_KEY_ID:* | S3_SECRET_ACCESS_KEY:* | FLOWER_BASIC_AUTH:*) ;;
		# A file that the application reads itself keeps its name (AWS_SHARED_CREDENTIALS_FILE).
		*:/run/secrets/*) ;;
		*) continue ;;
		esac
		[ -z "$plain" ] || fail "both $name and ${name}_FILE are set. Keep one of them."
		value=$(cat "$file" 2>/dev/null) || fail "${name}_FILE=$file cannot be read."
		export "$name=$value"
		case $file in /run/secrets/*) ;; *) unset "${name}_FILE" ;; esac
	done
}

# APP_CA holds certificates to trust beside the system's (APP_CA_FILE names a file of them). Every library looks
# elsewhere, and for one bundle that replaces the system's. So one is made of both, and named to each; a name that
# is set already stays. The same names are in docker/app-ca.env, for "docker compose exec".
trust_ca() {
	[ -n "${APP_CA:-}" ] || return 0
	case $APP_CA in *'-----BEGIN CERTIFICATE-----'*) ;; *) fail 'APP_CA_FILE names no file of certificates (-----BEGIN CERTIFICATE-----).' ;; esac
	[ -r "$system_ca" ] || fail "APP_CA_FILE is set, and this image has no $system_ca to add it to. Put ca-certificates into APT_PACKAGES."
	bundle=/tmp/ca-bundle.pem
	# %b: some platforms keep a value of several lines as one, with \n in it.
	{ cat "$system_ca" && printf '%b\n' "$APP_CA"; } >"$bundle.$$"
	mv "$bundle.$$" "$bundle"
	for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE PGSSLROOTCERT NODE_EXTRA_CA_CERTS; do
		eval "export $name=\"\${$name:-\$bundle}\""
	done
	unset APP_CA
}

# A file on PATH, and not a function of this file or a word that only this shell knows.
is_program() {
	case $(command -v -- "$1") in */*) ;; *) return 1 ;; esac
}

need_program() {
	is_program "$1" || fail "$role needs $1, which is not installed. List it in the application's dependencies or in PYTHON_EXTRA_PACKAGES." 127
}

# start COMMAND…: runs it, in development again at every save.
start() {
	need_program "$1"
	if [ "${RELOAD:-}" = true ]; then
		set -- python -m docker_roles.reload "$@"
	fi
	exec "$@"
}

# The settings with arguments in them are split at blanks on purpose.
# shellcheck disable=SC2086
web() {
	export PORT="${PORT:-8000}"
	if [ -n "${WEB_COMMAND:-}" ]; then
		start /bin/sh -c "$WEB_COMMAND"
	fi
	need WEB_APP "package.module:app"
	# Both servers end before Docker's patience (stop_grace_period) does.
	case ${WEB_SERVER:-gunicorn} in
	gunicorn)
		set -- gunicorn "$WEB_APP" --bind "0.0.0.0:$PORT" --workers "${WEB_CONCURRENCY:-2}" \
			--worker-class gthread --threads "${WEB_THREADS:-16}" --worker-tmp-dir /dev/shm \
			--graceful-timeout 20 --access-logfile - ${WEB_ARGS:-}
		;;
	uvicorn)
		set -- uvicorn "${WEB_APP%()}" --host 0.0.0.0 --port "$PORT" --workers "${WEB_CONCURRENCY:-2}" \
			--timeout-graceful-shutdown 20 ${WEB_ARGS:-}
		[ "$WEB_APP" = "${WEB_APP%()}" ] || set -- "$@" --factory
		;;
	*) fail "WEB_SERVER=$WEB_SERVER is neither gunicorn nor uvicorn. For another server set WEB_COMMAND." ;;
	esac
	if [ -n "${DEBUG_PORT:-}" ]; then
		set -- python -m debugpy --listen "0.0.0.0:$DEBUG_PORT" -m "$@"
	fi
	start "$@"
}

# shellcheck disable=SC2086
worker() {
	need CELERY_APP package.module
	# TERM lets running tasks finish for WORKER_STOP_TIMEOUT seconds, then puts back what is left. Before
	# Celery 5.5 this would cut them off; there TERM waits for them.
	case $(set +f && echo /opt/venv/lib/python*/site-packages/celery-[0-9]*.dist-info) in
	*/celery-[0-4].* | */celery-5.[0-4].*) ;;
	*) export REMAP_SIGTERM=SIGQUIT ;;
	esac
	start celery --app "$CELERY_APP" worker --include docker_roles.worker \
		--pool "${WORKER_POOL:-prefork}" --concurrency "${WORKER_CONCURRENCY:-2}" \
		${WORKER_QUEUES:+--queues "$WORKER_QUEUES"} ${WORKER_ARGS:-}
}

# shellcheck disable=SC2086
beat() {
	need CELERY_APP package.module
	# No pid file: a stale one would keep the container from starting again.
	start celery --app "$CELERY_APP" beat --scheduler docker_roles.beat:Scheduler --max-interval 2 \
		--schedule /var/lib/beat/schedule --pidfile= ${BEAT_ARGS:-}
}

# In an image of its own, with Node.
frontend() {
	export PORT="${PORT:-8000}"
	need FRONTEND_COMMAND "node server.js"
	exec /bin/sh -c "$FRONTEND_COMMAND"
}

flower() {
	need CELERY_APP package.module
	[ -n "${FLOWER_BASIC_AUTH:-}" ] || fail "$role needs a password for its page. Set FLOWER_PASSWORD in .env.docker."
	need_program celery
	export FLOWER_BASIC_AUTH
	exec python -m docker_roles.flower --app "$CELERY_APP" flower --address=0.0.0.0 --port=5555
}

# once SETTING [ARG…]: a one-shot whose command is a setting; arguments are added to it.
once() {
	eval "command=\${$1:-}"
	if [ -z "$command" ]; then
		echo "entrypoint: $1 is empty: nothing to do."
		exit 0
	fi
	shift
	exec sh -c "$command \"\$@\"" sh "$@"
}

main() {
	role=${1:-web}
	drop_empty_settings
	read_secret_files
	trust_ca
	export PYTHONPATH="/opt/docker${PYTHONPATH:+:$PYTHONPATH}"
	case $role in
	web | worker | beat | flower | frontend) "$role" ;;
	migrate) exec python -m docker_roles.migrate ;;
	seed | test)
		shift
		if [ "$role" = seed ]; then once SEED_COMMAND "$@"; else once TEST_COMMAND "$@"; fi
		;;
	*)
		is_program "$role" || fail "there is no role and no command \"$role\" in this image. Roles: web worker beat flower frontend migrate seed test" 127
		exec "$@"
		;;
	esac
}

# A test sources this file and calls one function.
case ${0##*/} in entrypoint.sh) main "$@" ;; esac
