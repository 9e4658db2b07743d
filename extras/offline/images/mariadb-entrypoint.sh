#!/bin/bash
# What the official MariaDB image promises of its start: a first start makes root, the user and the database of
# MARIADB_ROOT_PASSWORD, MARIADB_USER, MARIADB_PASSWORD and MARIADB_DATABASE (or their _FILE twins) and runs what
# lies in /docker-entrypoint-initdb.d; root gives way to the user mysql.
set -Eeuo pipefail

data=/var/lib/mysql

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

random_password() {
	head -c 24 /dev/urandom | base64
}

# text TEXT: as a string of SQL.
text() {
	local escaped=${1//\\/\\\\}
	printf "'%s'" "${escaped//\'/\'\'}"
}

# name NAME: as a name of SQL.
# shellcheck disable=SC2016 # the backquotes are SQL's
name() {
	printf '`%s`' "${1//\`/\`\`}"
}

# sql [OPTION…]: what is on standard input, by root over the socket.
sql() {
	MYSQL_PWD=$root_password mariadb --user root --protocol socket --binary-mode "$@"
}

# A script without the x bit becomes part of this shell, as in the official image.
run_script() {
	# shellcheck disable=SC1090
	if [[ -x $1 ]]; then "$1"; else . "$1"; fi
}

run_init_files() {
	local file database=()
	[[ -z $MARIADB_DATABASE ]] || database=(--database "$MARIADB_DATABASE")
	for file in /docker-entrypoint-initdb.d/*; do
		printf 'docker-entrypoint: %s\n' "$file"
		case $file in
		*.sh) run_script "$file" ;;
		*.sql) sql "${database[@]}" <"$file" ;;
		*.sql.gz) gunzip --stdout "$file" | sql "${database[@]}" ;;
		*) printf 'docker-entrypoint: ignored\n' ;;
		esac
	done
}

# Root is known at every host unless MARIADB_ROOT_HOST says otherwise; at localhost, which is the socket, always.
make_accounts() {
	local host health
	for host in 127.0.0.1 ::1 "$HOSTNAME"; do
		echo "DROP USER IF EXISTS root@$(text "$host");"
	done
	echo "ALTER USER root@localhost IDENTIFIED BY $(text "$MARIADB_ROOT_PASSWORD");"
	if [[ $MARIADB_ROOT_HOST != localhost ]]; then
		echo "CREATE USER root@$(text "$MARIADB_ROOT_HOST") IDENTIFIED BY $(text "$MARIADB_ROOT_PASSWORD");"
		echo "GRANT ALL ON *.* TO root@$(text "$MARIADB_ROOT_HOST") WITH GRANT OPTION;"
	fi
	health=$(random_password)
	(umask 0077 && printf '[mariadb-client]\nuser=healthcheck\npassword=%s\n' "$health" >"$data/.my-healthcheck.cnf")
	for host in 127.0.0.1 ::1 localhost; do
		echo "CREATE USER healthcheck@$(text "$host") IDENTIFIED BY $(text "$health");"
	done
	[[ -z $MARIADB_DATABASE ]] || echo "CREATE DATABASE IF NOT EXISTS $(name "$MARIADB_DATABASE");"
	[[ -n $MARIADB_USER && -n $MARIADB_PASSWORD ]] || return 0
	echo "CREATE USER $(text "$MARIADB_USER")@'%' IDENTIFIED BY $(text "$MARIADB_PASSWORD");"
	# In a grant _ means any character.
	[[ -z $MARIADB_DATABASE ]] ||
		echo "GRANT ALL ON $(name "${MARIADB_DATABASE//_/\\_}").* TO $(text "$MARIADB_USER")@'%';"
}

answers() {
	sql <<<'SELECT 1' &>/dev/null
}

# first_start [OPTION…]: of the server, which gets them here too.
first_start() {
	local server root_password=''
	MARIADB_ROOT_PASSWORD=$(setting MARIADB_ROOT_PASSWORD '')
	MARIADB_ROOT_HOST=$(setting MARIADB_ROOT_HOST '%')
	MARIADB_USER=$(setting MARIADB_USER '')
	MARIADB_PASSWORD=$(setting MARIADB_PASSWORD '')
	MARIADB_DATABASE=$(setting MARIADB_DATABASE '')
	export MARIADB_ROOT_PASSWORD MARIADB_ROOT_HOST MARIADB_USER MARIADB_PASSWORD MARIADB_DATABASE
	if [[ -n ${MARIADB_RANDOM_ROOT_PASSWORD:-} ]]; then
		MARIADB_ROOT_PASSWORD=$(random_password)
		printf 'docker-entrypoint: GENERATED ROOT PASSWORD: %s\n' "$MARIADB_ROOT_PASSWORD"
	fi
	[[ -n $MARIADB_ROOT_PASSWORD || -n ${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-} ]] ||
		fail "the database is empty and none of MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD is set"

	mariadb-install-db --datadir="$data" --rpm --auth-root-authentication-method=normal --skip-test-db "$@" >/dev/null
	# No TCP until everything is in place, so that nobody takes this for the real server.
	mariadbd "$@" --skip-networking &
	server=$!
	until answers; do
		kill -0 "$server" 2>/dev/null || fail "the server did not start"
		sleep 0.1
	done
	[[ -n ${MARIADB_INITDB_SKIP_TZINFO:-} ]] || mariadb-tzinfo-to-sql /usr/share/zoneinfo | sql --database mysql
	make_accounts | sql
	root_password=$MARIADB_ROOT_PASSWORD
	shopt -s nullglob
	run_init_files
	kill "$server"
	wait "$server"
}

main() {
	[[ ${1:-} != -* ]] || set -- mariadbd "$@"
	if [[ $1 == mariadbd ]]; then
		if ((EUID == 0)); then
			find "$data" /run/mysqld ! -user mysql -exec chown mysql '{}' +
			exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
		fi
		[[ -d $data/mysql ]] || first_start "${@:2}"
	fi
	exec "$@"
}

main "$@"
