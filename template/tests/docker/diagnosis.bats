#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # Compose reads what is in single quotes; $output per test; new_stack exports what is used here
# Provokes every failure that scripts/lib/explain knows: the message of `up`, `migrate` and `seed` has to be enough to
# mend it. There is one stack, which each test breaks and mends again. `up` is slow, so it runs only for its own part.
# Otherwise a migration fails in `migrate`, and a role fails in a container of its own. Some failures are provoked
# elsewhere:
#
#   image.bats          an image that cannot be built
#   tests/scripts       a taken port, with a fake Docker; a setting that a role needs, in tests/shell
#   hosts.bats          full disks, a source that nobody may read, an engine that is missing or too old
#   check-image.bats    a module that .dockerignore hides
#   example-agent.bats  certificates and passwords of services outside: database, queue and store

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/copy"
	# One process of each role: five of them would start at the same time, on a machine that does more.
	new_stack COMPOSE_PROFILES=postgres,redis,storage WEB_CONCURRENCY=1 WORKER_CONCURRENCY=1 \
		POSTGRES_PASSWORD=p0stgres-of-this-test MARIADB_PASSWORD=m4riadb-of-this-test
	start_stack
	cp --archive app "$BATS_FILE_TMPDIR/app"
	cp "$env_file" "$BATS_FILE_TMPDIR/env"
}

# without_roles: removes web and worker, which would restart at each save, and be unhealthy until they run again.
without_roles() {
	docker rm --force "$(container web)" "$(container worker)" >/dev/null 2>&1 || true
}

# The folder itself is mounted, so it has to stay.
setup() {
	without_roles
	cd "$BATS_FILE_TMPDIR/copy" || return 1
	cp "$BATS_FILE_TMPDIR/env" "$env_file"
	rm -f .env.app
	find app -mindepth 1 -delete
	cp --archive "$BATS_FILE_TMPDIR/app/." app
}

teardown() {
	show_stack
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
	remove_stack
	docker image rm --force "$project-kept" >/dev/null 2>&1 || true
}

# up_fails CODE [NAME=VALUE…]: up fails with these settings. There is one failure, and it shows no password.
up_fails() {
	local code=$1
	shift
	set_in "$env_file" "$@"
	run "-$code" node --import tsx/esm -- scripts/up.ts --no-build --timeout 15 --env-file "$env_file"
	as_for_own_file
	assert_equal "$(grep -c '^✗' <<<"$output")" 1
	is_discreet
}

# job_fails NAME CODE [NAME=VALUE…]: the same of migrate or seed, without what Compose says of its containers.
job_fails() {
	local name=$1 code=$2
	shift 2
	set_in "$env_file" "$@"
	run "-$code" node --import tsx/esm -- "scripts/$name.ts" --env-file "$env_file"
	as_for_own_file
	refute_output --partial 'Container '
	is_discreet
}

# role_says ROLE SENTENCE [NAME=VALUE…]: of that role alone, with these settings. In development it would wait for a save.
role_says() {
	local role=$1 sentence=$2 id
	shift 2
	set_in "$env_file" "$@"
	id=$(compose run --detach --no-deps --no-TTY --env RELOAD= "$role" 2>&1 | tail -n 1)
	run node --import tsx/esm -- template/tests/helpers/advice.ts "$env_file" "$role" "$id" "$sentence"
	docker rm --force "$id" >/dev/null
	assert_success
	is_discreet
}

# as_for_own_file: advice names this stack's file, which is another one in each run.
as_for_own_file() {
	assert_equal "$(grep -c '→.* \.env\.docker' <<<"$output" || true)" 0
	output=${output//" -- --env-file $env_file"/}
	output=${output//"$env_file"/.env.docker}
}

is_discreet() {
	refute_output --partial -of-this-test
	refute_output --partial '    at '
}

advises() {
	assert_output --partial "→ $1"
}

# mended: the same stack comes up after the test has put everything back.
mended() {
	setup
	run -0 node --import tsx/esm -- scripts/up.ts --no-build --timeout 40 --env-file "$env_file"
}

sql() {
	docker exec "$(container postgres)" psql --quiet --username postgres --dbname stories --command "$1"
}

no_tables() {
	sql 'SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public'
}

# --- Databases ---

@test "a password that the volume of PostgreSQL does not have" {
	up_fails 6 POSTGRES_PASSWORD=an0ther-of-this-test
	advises 'Likely: the volume of the database was made with another password of "postgres"'
	assert_output --partial 'put the old one back'
	mended
}

@test "a password that the volume of MariaDB does not have" {
	set_in "$env_file" COMPOSE_PROFILES=mariadb,redis,storage PYTHON_EXTRA_PACKAGES=pymysql==1.2.4 MARIADB_USER=app MARIADB_DATABASE=app \
		'DATABASE_URL=mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:3306/${MARIADB_DATABASE}?charset=utf8mb4'
	docker tag "$project-app:dev" "$project-kept"
	build_images
	compose up --detach --wait --wait-timeout 180 mariadb
	up_fails 6 MARIADB_PASSWORD=an0ther-of-this-test
	docker tag "$project-kept" "$project-app:dev"
	compose rm --stop --force mariadb
	advises 'Likely: the volume of the database was made with another password of "app"'
	assert_output --partial 'MARIADB_PASSWORD. These two are read only when the volume is new'
}

@test "a migration that is wrong is not called an application that cannot be imported" {
	no_tables
	sed -i '0,/^def upgrade/s/^def upgrade.*/&\n    op.make_table("x")/' app/migrations/versions/*.py
	job_fails migrate 6
	advises 'The migration itself is wrong, at line '
	assert_output --partial "AttributeError: module 'alembic.op' has no attribute 'make_table'"
}

@test "a revision of another branch, although an earlier failure of another kind is in the log" {
	no_tables
	sed -i '0,/^def upgrade/s/^def upgrade.*/&\n    op.make_table("x")/' app/migrations/versions/*.py
	up_fails 6
	mended
	sql "UPDATE alembic_version SET version_num = 'ab12cd34ef56'"
	up_fails 6
	advises 'The database is at revision ab12cd34ef56, which another branch'
	refute_output --partial make_table
	no_tables
}

@test "tables that something else than a migration has made" {
	no_tables
	sql 'CREATE TABLE story (id int)'
	job_fails migrate 6
	advises '"story" is there already.'
	no_tables
}

@test "without MIGRATE_COMMAND nothing is called migrated, and a missing table is named" {
	no_tables
	set_in "$env_file" MIGRATE_COMMAND=
	run -0 node --import tsx/esm -- scripts/up.ts --no-build --env-file "$env_file"
	assert_output --partial 'services are up'
	refute_output --partial 'is migrated'
	job_fails seed 1
	advises 'The database has no table "story". Is MIGRATE_COMMAND in .env.docker set'
}

@test "seed after a migration that fails names the migration" {
	rm -r app/migrations
	job_fails seed 6
	assert_output --partial '✗ The database was not migrated: migrate ended with exit code 1.'
	advises 'There is no folder of migrations at /app/migrations.'
}

@test "two migrations that follow the same one" {
	local first second
	first=$(find app/migrations/versions -name '*.py')
	for second in 0002a 0002b; do
		sed "s/^revision = .*/revision = '$second'/; s/^down_revision = .*/down_revision = '0001'/; /^def upgrade/,\$d" "$first" >"app/migrations/versions/$second.py"
		printf 'def upgrade(): pass\n\n\ndef downgrade(): pass\n' >>"app/migrations/versions/$second.py"
	done
	job_fails migrate 6
	advises 'Two branches have added a migration each.'
}

@test "a host that does not exist" {
	job_fails migrate 6 'DATABASE_URL=postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db.nowhere.invalid:5432/${POSTGRES_DB}'
	advises 'Likely: "db.nowhere.invalid" is neither a service of this stack nor known outside.'
}

@test "a volume that another version of PostgreSQL has made: up and doctor name it" {
	set_version() {
		docker run --rm --network none --user root --entrypoint sh --mount "type=volume,source=${project}_postgres-data,target=/v" \
			"$image" -c "echo $1 >/v/PG_VERSION"
	}
	image=$(docker inspect --format '{{.Config.Image}}' "$(container postgres)")
	compose stop --timeout 5 postgres
	set_version 16
	up_fails 7
	# Docker waits longer from start to start, and what it has not yet started again has the health of its last end.
	looping() { [[ $(state '{{.State.Status}} {{.RestartCount}}' postgres) =~ ^restarting\ ([0-9]+)$ ]] && ((BASH_REMATCH[1] > 6)); }
	until_ok 30 looping
	advises 'The volume was made by PostgreSQL 16'
	run -3 node --import tsx/esm -- scripts/doctor.ts --env-file "$env_file"
	set_version 17
	advises 'The volume was made by PostgreSQL 16, which this one cannot read. Put the old POSTGRES_IMAGE and POSTGRES_MOUNT back'
	mended
}

# --- The application ---

@test "a module that does not exist" {
	echo 'import nowhere' >>app/stories/pages.py
	up_fails 6
	assert_output --partial 'File "/app/stories/pages.py"'
	advises '"nowhere" is not in the image.'
}

@test "a line outside of every function that fails" {
	echo 'os.nowhere()' >>app/stories/__init__.py
	job_fails migrate 6
	advises "The application failed at line $(wc --lines <app/stories/__init__.py) of /app/stories/__init__.py: AttributeError: "
}

# refuses: a module that calls a function, which fails.
refuses() {
	printf 'def check_licence():\n    raise RuntimeError("no licence")\n\n\ncheck_licence()\n' >app/licence.py
}

@test "a function that fails while the application is imported" {
	refuses
	role_says web '→ The application failed at line 2 of /app/licence.py: RuntimeError: no licence' WEB_APP=licence:app
	role_says worker '→ The application failed at line 2 of /app/licence.py: RuntimeError: no licence' CELERY_APP=licence
	job_fails seed 1 SEED_COMMAND="'python licence.py'"
	advises 'The application failed at line 2 of /app/licence.py: RuntimeError: no licence'
}

@test "a variable that the application needs and that is not set" {
	printf 'SHOP_TOKEN = os.environ["SHOP_TOKEN"]\n' >>app/stories/__init__.py
	up_fails 6
	advises 'The application needs the variable SHOP_TOKEN, and nothing sets it.'
	echo SHOP_TOKEN=t0ken-of-this-test >.env.app
	run -0 node --import tsx/esm -- scripts/migrate.ts --env-file "$env_file"
	rm .env.app
}

@test "commands that do not exist" {
	job_fails migrate 6 MIGRATE_COMMAND=alembik
	advises 'MIGRATE_COMMAND runs "alembik", which is not in the image.'
	job_fails migrate 6 MIGRATE_COMMAND="'flask --app stories dbb upgrade'"
	advises 'MIGRATE_COMMAND asks for "dbb", which the application does not offer.'
	setup
	job_fails seed 1 SEED_COMMAND=no-such-seeder
	advises 'SEED_COMMAND runs "no-such-seeder"'
}

@test "a script that is not there, and one that may not be executed" {
	printf '#!/bin/sh\n' >app/start.sh
	role_says web '→ WEB_COMMAND runs "./begin.sh", which is not in the image.' WEB_COMMAND=./begin.sh
	role_says web '→ ./start.sh exists, but is not executable: chmod +x the file in the source' WEB_COMMAND=./start.sh
}

@test "messages of the libraries that read variables, of Django and of uvicorn" {
	docker tag "$project-app:dev" "$project-kept"
	set_in "$env_file" PYTHON_EXTRA_PACKAGES="'uvicorn==0.54.0 django==5.2.19 pydantic-settings==2.16.3 python-decouple==3.8 environs==15.2.0'"
	build_images
	wanted() { # wanted COMMAND: it ends for want of SHOP_TOKEN
		job_fails migrate 6 MIGRATE_COMMAND="'python -c \"$1\"'"
		assert_output --partial 'pplication needs the variable SHOP_TOKEN, and nothing sets it. Write SHOP_TOKEN=… into .env.app'
	}
	wanted 'import decouple; decouple.config(\"SHOP_TOKEN\")'
	wanted 'import environs; environs.Env().str(\"SHOP_TOKEN\")'
	wanted 'import pydantic_settings as p; type(\"Settings\", (p.BaseSettings,), {\"__annotations__\": {\"shop_token\": str}})()'
	job_fails migrate 6 MIGRATE_COMMAND="'python -m django check'"
	advises 'Django does not know where its settings are: set DJANGO_SETTINGS_MODULE=package.settings in .env.app'
	set_in "$env_file" MIGRATE_COMMAND= WEB_SERVER=uvicorn WEB_CONCURRENCY=1
	role_says web '→ WEB_APP names something that the source does not have' WEB_APP=stories.nowhere:app
	role_says web '→ WEB_APP names something that the source does not have' WEB_APP=stories.pages:nothing
	refuses
	role_says web '→ The application failed at line 2 of /app/licence.py: RuntimeError: no licence' WEB_APP=licence:app
	role_says web '→ The application failed at line 2 of /app/licence.py: RuntimeError: no licence' WEB_APP=licence:app WEB_CONCURRENCY=2
	set_in "$env_file" WEB_CONCURRENCY=1
	role_says web '→ The application is WSGI (Flask, Django), and uvicorn speaks ASGI: set WEB_SERVER=gunicorn' 'WEB_APP=stories:create_app()'
	put_image_back
}

@test "a server that is not installed" {
	role_says web '→ Add it to the file of PYTHON_MANIFEST, or to PYTHON_EXTRA_PACKAGES' WEB_SERVER=uvicorn
	assert_output --partial 'entrypoint: web needs uvicorn, which is not installed.'
}

@test "Flower that is not installed" {
	docker tag "$project-app:dev" "$project-kept"
	printf 'FROM %s\nUSER 0\nRUN rm -r /opt/venv/lib/python*/site-packages/flower*\n' "$project-kept" |
		DOCKER_BUILDKIT=0 docker build --quiet --tag "$project-app:dev" -
	role_says flower "→ Flower is not installed: set PYTHON_EXTRA_PACKAGES='flower' in .env.docker" COMPOSE_PROFILES=postgres,redis,storage,flower
	docker tag "$project-kept" "$project-app:dev"
	assert_output --partial "Error: No such command 'flower'."
}

@test "settings that name what the source does not have" {
	role_says web '→ WEB_APP names something that the source does not have' WEB_APP=stories:app
	role_says worker '→ CELERY_APP names something that the source does not have' CELERY_APP=stories.workerr
	role_says worker '→ CELERY_APP names something that the source does not have' CELERY_APP=stories.pages
}

# --- Health ---

@test "a health check that is answered with 404, 400 or 401 names its setting" {
	up_fails 7 HEALTH_PATH=/nope
	assert_output --partial 'GET /nope answered 404.'
	advises 'The application has no /nope, or wants a login there. Set HEALTH_PATH'
	without_roles
	cat >>app/stories/__init__.py <<-'END'


		_create_app = create_app


		def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
		    from flask import abort, request

		    app = _create_app(environ)

		    @app.before_request
		    def answer():
		        abort(401 if request.path == "/private" else 200 if request.host == "shop.example.org" else 400)

		    return app
	END
	role_says web '→ Likely: the application accepts only its own host names' HEALTH_PATH=/healthz
	assert_output --partial 'set HEALTH_HOST in .env.docker'
	role_says web '→ The application has no /private, or wants a login there.' HEALTH_PATH=/private
}

@test "a server that listens on another port" {
	role_says web '→ Likely: it is still starting (raise --timeout), or it listens elsewhere' WEB_COMMAND="'python -m http.server 8099'"
}

@test "an ASGI application behind gunicorn" {
	printf 'class Asgi:\n    async def __call__(self, scope, receive, send):\n        pass\n\n\napp = Asgi()\n' >app/asgi.py
	role_says web '→ The application is ASGI (FastAPI, Starlette), and gunicorn speaks WSGI: set WEB_SERVER=uvicorn' WEB_APP=asgi:app
}

# --- Addresses ---

@test "an application that has wrong addresses of database, queue and broker" {
	echo 'DATABASE_URL=postgresql+psycopg://me:s3cret-of-this-test@localhost:5432/shop' >.env.app
	job_fails migrate 6
	assert_output --regexp '→ The application asks (localhost|127.0.0.1|::1), which in a container is the container itself.'
	echo 'REDIS_URL=redis://localhost:6379/0' >.env.app
	up_fails 7
	assert_output --regexp '→ The application asks (localhost|127.0.0.1|::1), which in a container is the container itself.'
	rm .env.app
	printf 'from celery import Celery\n\ncelery = Celery("lonely")\n' >app/lonely.py
	role_says worker '→ The Celery application has no broker setting, and takes RabbitMQ on its own machine.' CELERY_APP=lonely:celery
	echo 'DATABASE_URL=postgresql+psycopg://me:s3cret-of-this-test@db:8001/shop' >.env.app
	job_fails migrate 6
	assert_output --regexp '→ Likely: [0-9a-z.]+ does not listen on that port, or does not run'
}

# --- The container ---

@test "a file that the application may not write, and one of SQLite in no folder" {
	cp app/stories/__init__.py "$BATS_TEST_TMPDIR"
	echo 'open("/app/shop.log", "a")' >>app/stories/__init__.py
	job_fails migrate 6
	advises 'The application may not use /app/shop.log. Give the source to the user of the containers: sudo chown -R'
	cp "$BATS_TEST_TMPDIR/__init__.py" app/stories
	job_fails migrate 6 DATABASE_URL=sqlite:////nowhere/stories.db
	advises 'SQLite cannot make or open its file'
}

@test "in production: a memory limit that is too low for web, the worker and the migration, and a read-only root" {
	set_in "$env_file" COMPOSE_FILE="${TEST_COMPOSE_FILES/compose.override.yaml/compose.production.yaml}" \
		WEB_CONCURRENCY=2 WORKER_CONCURRENCY=2 REDIS_PASSWORD=r3dis-of-this-test \
		S3_SECRET_ACCESS_KEY=st0rage-of-this-test SECRET_KEY=s3cret-of-this-test-alone FLOWER_PASSWORD=fl0wer-of-this-test
	build_images
	up_fails 7 WORKER_MEMORY=40m
	assert_output --partial '✗ worker was killed: it used more memory than it may have (40 MB).'
	advises 'Raise WORKER_MEMORY in .env.docker, or lower WORKER_CONCURRENCY'
	up_fails 7 WORKER_MEMORY=1g WEB_MEMORY=40m
	# The kernel chooses which process to kill. If it is a worker of web, web says so in its log.
	assert_output --regexp '→ (Likely: .*)?Raise WEB_MEMORY in .env.docker, or lower WEB_CONCURRENCY'
	job_fails migrate 6 WEB_MEMORY=512m "MIGRATE_COMMAND='python -c \"open(\\\"/app/logs\\\", \\\"w\\\")\"'"
	advises 'The application writes to /app/logs, and its container is read-only.'
	up_fails 6 MIGRATE_COMMAND="'flask db upgrade'" MIGRATE_MEMORY=24m
	assert_output --partial '✗ migrate was killed: it used more memory than it may have (24 MB).'
	advises 'Raise MIGRATE_MEMORY in .env.docker'
}

# put_image_back: after a test that has tagged another one.
put_image_back() {
	docker tag "$project-kept" "$project-app:dev"
}

@test "an image for another kind of processor" {
	local other=arm64 machine='\267'
	[[ $(uname -m) != aarch64 ]] || other=amd64 machine='\076'
	docker tag "$project-app:dev" "$project-kept"
	cd "$BATS_TEST_TMPDIR" || return 1
	# The head of a program, which is all that the kernel looks at.
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0%b\0\1\0\0\0%0200d' "$machine" 0 >tini
	chmod +x tini
	printf 'FROM scratch\nCOPY tini /usr/bin/tini\nENTRYPOINT ["/usr/bin/tini"]\n' >Dockerfile
	docker build --quiet --platform "linux/$other" --tag "$project-app:dev" .
	cd "$BATS_FILE_TMPDIR/copy" || return 1
	up_fails 6
	put_image_back
	assert_output --partial 'exec format error'
	advises 'The image was made for another kind of processor.'
}

@test "an entrypoint with the line endings of Windows" {
	docker tag "$project-app:dev" "$project-kept"
	sed -i 's/$/\r/' docker/entrypoint.sh
	build_images
	up_fails 6
	put_image_back
	advises 'Likely: docker/entrypoint.sh has the line endings of Windows (CRLF)'
	# The advice itself mends it.
	eval "$(sed -n 's/.*remove them: \(.*\), then run npm run up.*/\1/p' <<<"$output")"
	run ! grep --recursive --files-with-matches $'\r$' docker --include='*.sh'
}
