#!/bin/sh
# Ends with 64 when a secret of this stack is one that everybody can read in .env.docker.example: those
# have "local-only" in them. Production starts it before everything else.
set -eu

refused=0
refuse() {
	printf 'check-secrets: %s\n' "$1" >&2
	refused=64
}

for name in DATABASE_URL FLOWER_PASSWORD MARIADB_PASSWORD POSTGRES_PASSWORD REDIS_PASSWORD REDIS_URL S3_SECRET_ACCESS_KEY SECRET_KEY; do
	case $(printenv "$name") in
	*local-only*) refuse "$name has the value of .env.docker.example, which everybody knows. Give it one of your own: openssl rand -hex 24" ;;
	esac
done

case ",${COMPOSE_PROFILES:-},:${REDIS_PASSWORD:-}" in
*,redis,*:) refuse "REDIS_PASSWORD is empty. Set it, and say the same in REDIS_URL: redis://:PASSWORD@redis:6379/0" ;;
esac

exit "$refused"
