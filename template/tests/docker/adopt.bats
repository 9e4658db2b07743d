#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup_file exports what is used here
# `npm run adopt -- --from` brings in an application that differs from the sample: FastAPI, without a database and a
# store. No room is kept, which is the default. All of the owner's checks then pass: types, tests, stack, contract suite.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	make_planner "$BATS_FILE_TMPDIR/planner"
	copy_repository "$BATS_FILE_TMPDIR/copy"
	git init --quiet
	commit 'The template'
	node --import tsx/esm -- template/adopt.ts --from ../planner --name planner --yes
	new_stack
	# adopt has found out how it starts. This is what its owner wants besides.
	set_in .env.docker.example COMPOSE_PROFILES=redis,beat PYTHON_INSTALLER=pip
	commit 'The planner'
	npm run --silent env -- --init
	set_in .env.docker COMPOSE_PROJECT_NAME="$project" COMPOSE_FILE=compose.yaml:compose.override.yaml EXTRA_CA_FILE="$TEST_EXTRA_CA_FILE" \
		WEB_PORT="${web##*:}" FLOWER_PORT="${flower##*:}" STORAGE_PORT="${storage##*:}"
	export env_file=$PWD/.env.docker
	use_what_is_here
}

setup() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR/copy" || return 0
	remove_stack
	docker image ls --format '{{.Repository}}:{{.Tag}}' | grep "^${project}[.]test/" | xargs --no-run-if-empty docker image rm >/dev/null
}

# use_what_is_here: if no registry answers, the stand-ins of this machine get names of a private registry, as if its
# images had been loaded, because the room that selects stand-ins is gone.
use_what_is_here() {
	local image
	[[ $TEST_PYTHON_IMAGE == stand-in/* ]] || return 0
	set_in "$env_file" IMAGE_REGISTRY="$project.test"
	for image in $(docker image ls --format '{{.Repository}}:{{.Tag}}' 'stand-in/*/*'); do docker tag "$image" "$project.test/${image#stand-in/}"; done
}

commit() { # commit MESSAGE
	git add --all
	git -c user.name=Owner -c user.email=owner@example.org commit --quiet --message "$1"
}

make_planner() { # make_planner FOLDER
	mkdir -p "$1"/{planner,tests}
	printf 'fastapi==0.165.0\nuvicorn==0.54.0\ncelery[redis]==5.6.3\n' >"$1/requirements.txt"
	printf -- '-r requirements.txt\npytest==9.2.0\n' >"$1/requirements-dev.txt"
	touch "$1/planner/__init__.py"
	cat >"$1/planner/api.py" <<-'PYTHON'
		from fastapi import FastAPI

		app = FastAPI()


		@app.get("/health")
		def health() -> dict[str, str]:
		    return {"plans": "none yet"}
	PYTHON
	cat >"$1/planner/tasks.py" <<-'PYTHON'
		import os

		from celery import Celery

		app = Celery(broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
	PYTHON
	cat >"$1/tests/test_api.py" <<-'PYTHON'
		from planner.api import health


		def test_health():
		    assert health() == {"plans": "none yet"}
	PYTHON
}

@test "git has nothing left to add, and every file of the application is there" {
	run git status --porcelain
	assert_output ''
	run diff --recursive --exclude .git "$BATS_FILE_TMPDIR/planner" app
	assert_success
}

@test "types and tests are green" {
	run -0 npx tsc
	run npx vitest run
	assert_success
	assert_output --regexp 'Tests .*[0-9]+ passed'
	# One test of each file shows that its imports are there. npm test has run all of them.
	run npm run --silent test:shell -- --filter 'gunicorn with the defaults|web is healthy if'
	assert_success
	assert_line '1..2'
}

@test "the settings are in order, and up ends with a stack that answers" {
	run -0 npm run --silent env
	assert_output --partial ' 0 errors'
	run -0 npm run --silent up -- --timeout 120
	assert_equal "$(curl --silent --fail "$web/health")" '{"plans":"none yet"}'
	run -0 npm run --silent teardown
}

@test "the contract suite passes on it, and skips what needs a database or a store" {
	run npm run --silent test:docker
	assert_success
	assert_output --regexp '[0-9]+ passed, 0 failed'
	run git status --porcelain
	assert_output ''
}
