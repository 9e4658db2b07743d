#!/bin/sh
# Exits with 64 if this stack uses a secret of .env.docker.example. Anyone can read those, and they contain
# "local-only". In production this runs before the application and the store.
set -eu

refused=0
refuse() {
	printf 'check-secrets: %s\n' "$1" >&2
	refused=64
}

# Each argument is a reason why a development overlay must not be used here.
for reason; do refuse "$reason"; done

# runs SERVICE: succeeds if its profile is on.
runs() {
	case ",$(printf %s "${COMPOSE_PROFILES:-}" | tr -d ' ')," in *,"$1",* | *,\*,*) ;; *) return 1 ;; esac
}

# The password of a service that does not run protects nothing.
for pair in flower:FLOWER_PASSWORD mariadb:MARIADB_PASSWORD postgres:POSTGRES_PASSWORD redis:REDIS_PASSWORD \
	storage:S3_SECRET_ACCESS_KEY :DATABASE_URL :REDIS_URL :SECRET_KEY; do
	service=${pair%%:*} name=${pair#*:}
	[ -z "$service" ] || runs "$service" || continue
	value=$(printenv "$name") || value=
	case $service:$value in
	*local-only*) refuse "$name has the value of .env.docker.example, which everybody knows. Give it one of your own: openssl rand -hex 24" ;;
	# The other services refuse an empty password by themselves. These two would let everybody in.
	redis:) refuse "$name is empty. Set it, and use the same one in REDIS_URL: redis://:PASSWORD@redis:6379/0. A client without a password needs a Redis of its own: docs/where-to-change-what.md" ;;
	storage:) refuse "$name is empty, and the store would ask nobody for a key. Set it: openssl rand -hex 24" ;;
	esac
done

exit "$refused"
