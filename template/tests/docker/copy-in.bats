#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# An application that lies at the root of its repository, into which the commands of docs/use-your-own-app.md copy these
# files, word for word. It has a folder or file of its own of every name that could collide.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export starter=$PWD shop="$BATS_FILE_TMPDIR/the shop" original="$BATS_FILE_TMPDIR/as it was"
	make_shop
	cp -R "$shop" "$original"
	cd "$shop" || return 1
	copy_in
	new_stack COMPOSE_PROFILES=redis APP_DIR=. APT_PACKAGES= PYTHON_INSTALLER=pip PYTHON_DEV_MANIFEST=requirements-dev.txt \
		PROD_EXCLUDE="$(settings_of_the_page PROD_EXCLUDE)" WEB_SERVER=gunicorn WEB_APP=shop.web:app CELERY_APP=shop.tasks \
		DATABASE_URL= MIGRATE_COMMAND= SEED_COMMAND= TEST_COMMAND="'python -m pytest'" S3_BUCKET= S3_ENDPOINT_URL= S3_PUBLIC_URL=
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

# The indented lines of the section, from the first that matches to the next that is not indented.
block_of_the_page() { # block_of_the_page PATTERN
	sed -n '/^## Into an existing repository/,/^## /p' "$starter/docs/use-your-own-app.md" |
		awk -v first="$1" '$0 ~ first { on = 1 } on && !/^    / { exit } on { print substr($0, 5) }'
}

settings_of_the_page() { # settings_of_the_page NAME
	block_of_the_page '^    APP_DIR' | sed -n "s/^$1=//p"
}

# As somebody types it who has read the page, where the path of the checkout is another one.
copy_in() {
	block_of_the_page '^    starter=' | sed "s#^starter=.*#starter=$(realpath --relative-to=. "$starter")#" >"$BATS_FILE_TMPDIR/commands"
	[[ $(wc --lines <"$BATS_FILE_TMPDIR/commands") -gt 10 ]]
	bash -eu "$BATS_FILE_TMPDIR/commands" >"$BATS_FILE_TMPDIR/copied" 2>&1 || {
		cat "$BATS_FILE_TMPDIR/copied"
		return 1
	}
}

make_shop() {
	mkdir -p "$shop"/{shop,tests,docs,frontend}
	cd "$shop" || return 1
	git init --quiet
	printf '*.log\n/dist' >.gitignore
	printf 'notes.txt' >.dockerignore
	echo '# The shop' >README.md
	echo 'Our licence.' >LICENSE
	echo 'Our pages.' >docs/index.md
	printf '{ "name": "shop", "version": "2.0.0", "scripts": { "build": "echo built", "test": "echo our tests" } }\n' >package.json
	echo 'not for the image' >notes.txt
	printf '[tool.pytest.ini_options]\naddopts = "-q"\n' >pyproject.toml
	printf 'gunicorn==27.0.1\ncelery[redis]==5.6.3\n' >requirements.txt
	printf -- '-r requirements.txt\npytest==9.2.0\n' >requirements-dev.txt
	touch shop/__init__.py
	printf 'def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b"open"]\n' >shop/web.py
	printf 'import os\n\nfrom celery import Celery\n\napp = Celery(broker=os.environ["REDIS_URL"])\n' >shop/tasks.py
	printf 'from shop.web import app\n\n\ndef test_it_is_open():\n    assert app({}, lambda *_: None) == [b"open"]\n' >tests/test_web.py
}

@test "it runs: web answers, and worker and web are healthy" {
	local service
	for service in web worker; do
		run is_health "$service" healthy
		assert_success
	done
	assert_equal "$(curl --silent --fail "$web")" open
}

@test "no file of the application is overwritten; those that merge have kept their lines and commands" {
	local file
	while IFS= read -r file; do
		case $file in
		# Their last line had no end.
		./.gitignore | ./.dockerignore) cmp <(cat "$original/$file" && echo) <(head --lines "$(grep --count '' "$original/$file")" "$file") ;;
		./package.json) ;;
		*) cmp "$original/$file" "$file" ;;
		esac
	done < <(cd "$original" && find . -type f -not -path './.git/*')
	run npm test --silent
	assert_output 'our tests'
	run npm pkg get name version scripts.build
	assert_output --partial '"version": "2.0.0"'
	assert_output --partial 'echo built'
	# Nothing of ours is in the place of theirs, nor in their folders.
	run find tests docs -type f -not -name '*.pyc'
	assert_output $'tests/test_web.py\ndocs/index.md'
}

@test "git would add neither secrets nor packages" {
	run git status --porcelain --untracked-files=all
	assert_success
	assert_line '?? Dockerfile'
	refute_line '?? .env.docker'
	refute_output --partial node_modules
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
