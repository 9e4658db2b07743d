#!/bin/bash
# What the official PostgreSQL image promises of its start: a first start makes the role and the
# database of POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB (or their _FILE twins) and runs what
# lies in /docker-entrypoint-initdb.d; root gives way to the user postgres.
set -Eeuo pipefail

fail() {
	printf 'docker-entrypoint: %s\n' "$1" >&2
	exit 1
}

# setting NAME DEFAULT: the value of NAME, or what the file in NAME_FILE holds.
setting() {
	local file=${1}_FILE
	[[ -z ${!1:-} || -z ${!file:-} ]] || fail "both $1 and $file are set"
	if [[ -n ${!file:-} ]]; then
		cat "${!file}"
	else
		printf '%s' "${!1:-$2}"
	fi
}

sql() {
	psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$user" "$@"
}

# A script without the x bit becomes part of this shell, as in the official image.
run_script() {
	# shellcheck disable=SC1090
	if [[ -x $1 ]]; then "$1"; else . "$1"; fi
}

run_init_files() {
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		printf 'docker-entrypoint: %s\n' "$file"
		case $file in
		*.sh) run_script "$file" ;;
		*.sql) sql --dbname "$database" --file "$file" ;;
		*.sql.gz) gunzip --stdout "$file" | sql --dbname "$database" ;;
		*) printf 'docker-entrypoint: ignored\n' ;;
		esac
	done
}

first_start() {
	local user password database args
	user=$(setting POSTGRES_USER postgres)
	password=$(setting POSTGRES_PASSWORD '')
	database=$(setting POSTGRES_DB "$user")
	args=$(setting POSTGRES_INITDB_ARGS '')
	[[ -n $password || ${POSTGRES_HOST_AUTH_METHOD:-} == trust ]] ||
		fail "the database is empty and POSTGRES_PASSWORD is not set"

	# shellcheck disable=SC2086 # several arguments in one setting
	initdb --username "$user" --pwfile <(printf '%s\n' "$password") --auth-local trust \
		--auth-host "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" $args >/dev/null
	printf 'host all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"

	# No TCP until everything is in place, so that nobody takes this for the real server.
	pg_ctl --wait --silent --options "-c listen_addresses=''" start >/dev/null
	if [[ $database != postgres ]]; then
		sql --dbname postgres --set name="$database" <<<'CREATE DATABASE :"name"' >/dev/null
	fi
	export PGUSER=$user PGDATABASE=$database POSTGRES_USER=$user POSTGRES_DB=$database
	shopt -s nullglob
	run_init_files
	pg_ctl --wait --silent --mode fast stop >/dev/null
	unset PGUSER PGDATABASE
}

main() {
	[[ ${1:-} != -* ]] || set -- postgres "$@"
	if [[ $1 == postgres ]]; then
		if ((EUID == 0)); then
			install -d -o postgres -g postgres -m 0700 "$PGDATA"
			find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
			exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
		fi
		mkdir -p "$PGDATA"
		chmod 0700 "$PGDATA"
		[[ -s $PGDATA/PG_VERSION ]] || first_start
	fi
	exec "$@"
}

main "$@"
