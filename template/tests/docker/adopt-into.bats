#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# An application that lies at the root of its repository, into which `npm run adopt -- --into` brings these files. It has
# its own folder or file for every name that may exist beside ours.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export starter=$PWD shop="$BATS_FILE_TMPDIR/the shop" original="$BATS_FILE_TMPDIR/as it was"
	make_shop
	cp -R "$shop" "$original"
	(cd "$starter" && node --import tsx/esm -- template/adopt.ts --into "$shop" --name shop --keep offline --yes)
	npm ci --no-audit --no-fund
	new_stack COMPOSE_PROFILES=redis
	npm run --silent env -- --init
	set_in .env.docker COMPOSE_PROJECT_NAME="$project" COMPOSE_FILE="$TEST_COMPOSE_FILES" EXTRA_CA_FILE="$TEST_EXTRA_CA_FILE" \
		WEB_PORT="${web##*:}" FLOWER_PORT="${flower##*:}" STORAGE_PORT="${storage##*:}" \
		COMPOSE_PROFILES=redis PYTHON_INSTALLER=pip PYTHON_MANIFEST=requirements.txt PYTHON_DEV_MANIFEST=requirements-dev.txt \
		WEB_SERVER=gunicorn WEB_APP=shop.web:app CELERY_APP=shop.tasks DATABASE_URL= MIGRATE_COMMAND= SEED_COMMAND= \
		TEST_COMMAND="'python -m pytest'" S3_BUCKET= S3_ENDPOINT_URL= S3_PUBLIC_URL=
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
	git add --all
	git -c user.name=Owner -c user.email=owner@example.org commit --quiet --message 'The shop'
}

@test "it runs: web answers, and worker and web are healthy" {
	local service
	for service in web worker; do
		run is_health "$service" healthy
		assert_success
	done
	assert_equal "$(curl --silent --fail "$web")" open
}

@test "no file of the application is overwritten; merged files have kept their lines and commands" {
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
}

@test "git would add neither secrets nor packages" {
	run git status --porcelain --untracked-files=all
	assert_success
	assert_line '?? Dockerfile'
	refute_line '?? .env.docker'
	refute_output --partial node_modules
}

@test "the packages that npm ci installs are enough for the types" {
	run -0 npx tsc
}

@test "only the application's tests run in the stack" {
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
	# It is not in the image either, where no mount hides it.
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

@test "every Python file of the application is in the image that ships, and little else" {
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

@test "the contract suite passes on its development stack" {
	run npm run --silent test:docker -- --only stack
	assert_success
	assert_output --regexp '[0-9]+ passed, 0 failed'
}
