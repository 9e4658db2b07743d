#!/usr/bin/env bats
# shellcheck disable=SC2154 # new_stack exports what is used here
# A Python file that never reached the image cannot ship. The contract suite checks the examples that it starts. Here
# are the sample, the agent, and a line of .dockerignore that hides a module.

bats_require_minimum_version 1.5.0

load helpers

teardown() {
	remove_stack
}

check_image() {
	run --separate-stderr node --import tsx/esm -- scripts/check-image.ts --env-file "$env_file" "$@"
}

@test "every Python file of the sample is in the image that ships, and so are their imports" {
	new_stack COMPOSE_FILE="${TEST_COMPOSE_FILES/:compose.override.yaml/}"
	check_image --json
	assert_success
	assert_equal "$(json .files <<<"$output")" "$(find app -name '*.py' -not -path 'app/tests/*' | wc --lines)"
	# Only Flask-Migrate's env.py cannot be imported: Alembic runs it.
	assert_equal "$(json '.notes.map(note => note.what).join()' <<<"$output")" migrations/env.py
}

@test "the same holds for the agent, which runs on no stack of the contract suite" {
	# The agent's own test makes its CA.
	new_stack_from template/examples/agent/env.docker APP_CA_FILE= COMPOSE_FILE="${TEST_COMPOSE_FILES/:compose.override.yaml/}"
	check_image
	output=$(tail --lines 20 <<<"$stderr")
	assert_success
}

@test "the check names a line of .dockerignore that hides a module, and so does up if the worker fails because of it" {
	copy_repository "$BATS_TEST_TMPDIR/copy"
	mkdir -p shop/core
	printf 'gunicorn==27.0.1\ncelery[redis]==5.6.3\n' >shop/requirements.txt
	touch shop/core/__init__.py
	printf 'def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b""]\n' >shop/run.py
	printf 'import os\n\nfrom celery import Celery\n\ncelery = Celery(broker=os.environ["REDIS_URL"])\n' >shop/core/celery_worker.py
	printf 'from pathlib import Path\n\nPath(__file__).with_name(".env.defaults").read_text()\n' >shop/defaults.py
	touch shop/.env.defaults
	printf '\n# Nobody needs these.\n**/celery_*\n' >>.dockerignore
	local line
	line=$(wc --lines <.dockerignore)
	new_stack COMPOSE_PROFILES=redis APP_DIR=shop APT_PACKAGES= PYTHON_DEV_MANIFEST= WEB_APP=run:app CELERY_APP=core.celery_worker.celery \
		DATABASE_URL= MIGRATE_COMMAND= S3_BUCKET= S3_ENDPOINT_URL= S3_PUBLIC_URL=

	# In development too, although the mounted source has the file there.
	check_image
	assert_failure 1
	output=$stderr
	assert_output --partial 'Not every file of the source that Python needs is in the image.'
	assert_output --partial "core/celery_worker.py: line $line of .dockerignore hides it: **/celery_*"
	assert_output --partial "CELERY_APP=core.celery_worker.celery: ModuleNotFoundError: No module named 'core.celery_worker'"
	assert_output --regexp '  \.env\.defaults: line [0-9]+ of \.dockerignore hides it: \*\*/\.env\.\*'
	refute_output --partial 'not the fault of the image'
	rm shop/defaults.py

	set_in "$env_file" COMPOSE_FILE="${TEST_COMPOSE_FILES/:compose.override.yaml/}"
	run --separate-stderr npm run --silent up -- --env-file "$env_file" --timeout 60
	assert_failure 7
	output=$stderr
	assert_output --partial "The image does not have core/celery_worker.py: line $line of .dockerignore hides it: **/celery_*"

	sed -i '$d' .dockerignore
	check_image
	assert_success
	run --separate-stderr npm run --silent up -- --env-file "$env_file" --timeout 60
	assert_success
	output=$stderr
	assert_output --partial 'services are up'
	refute_output --partial 'the database is migrated'
}
