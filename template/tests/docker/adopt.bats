#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# An application that lies at the root of its repository, into which `npm run adopt -- --into` brings these files. The
# files themselves are compared in template/tests/scripts/adopt.test.ts; this is what runs.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export shop="$BATS_FILE_TMPDIR/the shop"
	make_shop "$shop"
	npm run --silent adopt -- --into "$shop" --keep offline --yes
	cd "$shop" || return 1
	npm ci --prefer-offline --no-audit --no-fund
	commit
	new_stack APT_PACKAGES= PYTHON_INSTALLER=pip WEB_SERVER=gunicorn WEB_APP=shop.web:app CELERY_APP=shop.tasks TEST_COMMAND="'python -m pytest'"
	cp "$env_file" .env.docker
	export env_file=.env.docker
	npm run --silent up -- --timeout 120
}

setup() {
	cd "$shop" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	cd "$shop" || return 0
	remove_stack
}

commit() {
	git add --all
	git -c user.name=test -c user.email=test@example.org commit --quiet --message 'As it is'
}

make_shop() ( # make_shop FOLDER
	mkdir -p "$1"/{shop,tests}
	cd "$1" || return 1
	git init --quiet
	# As many Python projects have them.
	printf 'lib/\nbuild/\nenv/\n' >.gitignore
	printf 'notes.txt' >.dockerignore
	printf '{ "name": "shop", "scripts": { "test": "echo our tests" } }\n' >package.json
	echo 'not for the image' >notes.txt
	printf '[tool.pytest.ini_options]\naddopts = "-q"\n' >pyproject.toml
	printf 'gunicorn==27.0.1\ncelery[redis]==5.6.3\n' >requirements.txt
	printf -- '-r requirements.txt\npytest==9.2.0\n' >requirements-dev.txt
	touch shop/__init__.py
	printf 'def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b"open"]\n' >shop/web.py
	printf 'import os\n\nfrom celery import Celery\n\napp = Celery(broker=os.environ["REDIS_URL"])\n' >shop/tasks.py
	printf 'from shop.web import app\n\n\ndef test_it_is_open():\n    assert app({}, lambda *_: None) == [b"open"]\n' >tests/test_web.py
	commit
)

@test "it runs: web answers, and worker and web are healthy" {
	local service
	for service in web worker; do
		run is_health "$service" healthy
		assert_success
	done
	assert_equal "$(curl --silent --fail "$web")" open
}

@test "git is clean after a commit: it would add neither secrets nor packages" {
	run -0 git status --porcelain --untracked-files=all
	assert_output ''
}

@test "the scripts have the types that they say, beside a package.json of theirs" {
	run -0 npx tsc
	run -0 npm test --silent
	assert_output 'our tests'
}

@test "the application's tests run in the stack, and nobody else's" {
	run compose run --rm --no-TTY web test --collect-only
	assert_success
	assert_line 'tests/test_web.py::test_it_is_open'
	assert_output --partial '1 test collected'
	run compose run --rm --no-TTY web test
	assert_success
	assert_output --partial '1 passed'
}

@test "no container of the application can read .env.docker, although the repository is mounted" {
	grep --quiet REDIS_PASSWORD= .env.docker
	local service
	for service in web worker; do
		run compose exec --no-TTY "$service" cat /app/.env.docker
		assert_output ''
		run compose exec --no-TTY "$service" test -e /app/shop/web.py
		assert_success
	done
	# Nor is it in the image, where nothing hides it.
	run -0 docker run --rm --entrypoint find "$project-app:dev" /app -name '.env*'
	assert_output ''
}

@test "a save restarts web; a change below node_modules does not" {
	reloads() { compose logs --no-log-prefix web | grep --count 'reload:' || true; }
	touch node_modules/planted.py node_modules/zx/planted.py
	sed -i 's/b"open"/b"closed"/' shop/web.py
	run until_ok 30 eval '[[ $(curl --silent "$web") == closed ]]'
	assert_success
	sed -i 's/b"closed"/b"open"/' shop/web.py
	run until_ok 30 eval '[[ $(curl --silent "$web") == open ]]'
	assert_success
	run compose logs --no-log-prefix web
	assert_output --partial 'reload: shop/web.py changed'
	refute_output --partial planted
}

@test "every Python file of theirs is in the image that ships, and little else" {
	COMPOSE_FILE=${TEST_COMPOSE_FILES/:compose.override.yaml/} run --separate-stderr npm run --silent check-image -- --json
	assert_success
	assert_equal "$(json .files <<<"$output")" 3
	run -0 docker run --rm --entrypoint ls "$project-app" -A /app
	refute_line docker
	refute_line scripts
	refute_line node_modules
	refute_line notes.txt
	assert_line shop
}
