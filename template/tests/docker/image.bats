#!/usr/bin/env bats
# The image: what it promises to its users, and that applications of other shapes need no change of the Dockerfile.
# The project's own application is built from this checkout, everything else from a copy with planted files.
# shellcheck disable=SC2016,SC2154 # single quotes: for the container's shell; helpers.bash sets env_file

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	new_stack COMPOSE_FILE="${TEST_COMPOSE_FILES/:compose.override.yaml/}"
	export prod=$project-app copy=$BATS_FILE_TMPDIR/copy
	build_images
	local args
	args=$(compose config --format json | json .services.migrate.build.args)
	python_image=$(json .PYTHON_IMAGE <<<"$args") node_image=$(json .NODE_IMAGE <<<"$args")
	export python_image node_image
	make_copy
}

teardown_file() {
	[[ -n ${project:-} ]] || return 0
	remove_stack
	docker image ls --quiet --filter "label=com.docker.compose.project=$project" | sort -u |
		xargs --no-run-if-empty docker image rm --force >/dev/null
}

teardown() {
	remove_kept
}

# Makes a copy of the repository. Files that go into an image have modes as if cloned with `umask 077`.
make_copy() {
	mkdir "$copy"
	tar -c --exclude=./.git --exclude=./node_modules . | tar -x -C "$copy"
	mkdir -p "$copy"/shapes/{pip,uv,poetry,private,frontend,locked-uv,locked-poetry}

	printf 'gunicorn==27.0.1\n' >"$copy/shapes/pip/requirements.txt"
	cat >"$copy/shapes/pip/shop.py" <<-'PYTHON'
		def app(environ, start_response):
		    start_response("200 OK" if environ["PATH_INFO"] == "/up" else "404 Not Found", [])
		    return [b"pip\n"]
	PYTHON

	cat >"$copy/shapes/uv/pyproject.toml" <<-'TOML'
		[project]
		name = "shop"
		version = "1.0"
		requires-python = ">=3.11"
		dependencies = ["uvicorn==0.54.0"]

		[project.optional-dependencies]
		colour = ["colorama==0.4.6"]
		markup = ["markupsafe==3.0.3"]

		[dependency-groups]
		metrics = ["iniconfig==2.1.0"]
		dev = ["pluggy==1.6.0"]
	TOML
	mkdir -p "$copy/shapes/uv/src/shop"
	cat >"$copy/shapes/uv/src/shop/__init__.py" <<-'PYTHON'
		import asyncio
		import os

		def create_app():
		    async def app(scope, receive, send):
		        if scope["type"] == "http":
		            while scope["path"] == "/slow" and not os.path.exists("/tmp/go-on"):
		                await asyncio.sleep(0.1)
		            status = 200 if scope["path"] == "/up" else 404
		            await send({"type": "http.response.start", "status": status})
		            await send({"type": "http.response.body", "body": b"uv\n"})

		    return app
	PYTHON

	cat >"$copy/shapes/poetry/pyproject.toml" <<-'TOML'
		[tool.poetry]
		package-mode = false

		[tool.poetry.dependencies]
		python = ">=3.11"
		gunicorn = "27.0.1"
		colorama = { version = "0.4.6", optional = true }
		markupsafe = { version = "3.0.3", optional = true }

		[tool.poetry.extras]
		colour = ["colorama"]
		markup = ["markupsafe"]

		[tool.poetry.group.metrics.dependencies]
		iniconfig = "2.1.0"

		[tool.poetry.group.dev.dependencies]
		pluggy = "1.6.0"
	TOML
	sed 's/b"pip/b"poetry/' "$copy/shapes/pip/shop.py" >"$copy/shapes/poetry/shop.py"

	printf 'starter-fixture==1.0\n' >"$copy/shapes/private/requirements.txt"
	touch "$copy/shapes/frontend/index.src"

	cat >"$copy/shapes/locked-uv/pyproject.toml" <<-'TOML'
		[project]
		name = "shop"
		version = "1.0"
		requires-python = ">=3.11"
		dependencies = ["starter-fixture==1.0"]
	TOML
	cat >"$copy/shapes/locked-poetry/pyproject.toml" <<-'TOML'
		[tool.poetry]
		package-mode = false

		[tool.poetry.dependencies]
		python = ">=3.11"
		starter-fixture = "1.0"
	TOML
	chmod -R go= "$copy"/{shapes,docker/python,docker/entrypoint.sh,docker/healthcheck.sh}
}

# --- what the tests do with images ---

# build_shape NAME SETTING…: builds the copy with these settings as $project-NAME, and prints all of it.
build_shape() {
	local overlay=$BATS_TEST_TMPDIR/$1.yaml files
	[[ -e $overlay ]] || echo "services: { migrate: { image: $project-$1 } }" >"$overlay"
	files=$(sed -n 's/^COMPOSE_FILE=//p' "$env_file")
	(cd "$copy" && env COMPOSE_FILE="$files:$overlay" "${@:2}" docker compose --env-file "$env_file" --progress plain build 2>&1)
}

# build_stage NAME STAGE BASE SETTING…: the same, up to a stage of the Dockerfile and from this base image.
build_stage() {
	echo "services: { migrate: { image: $project-$1, build: { target: $2, args: { PYTHON_IMAGE: $3 } } } }" >"$BATS_TEST_TMPDIR/$1.yaml"
	build_shape "$1" "${@:4}"
}

# within [OPTION…] IMAGE COMMAND…: runs it in a container of the image that leaves nothing behind.
within() {
	docker run --rm --cap-drop ALL "$@"
}

has_health() { # has_health CONTAINER HEALTH
	local found
	found=$(docker inspect --format '{{.State.Health.Status}}' "$1")
	echo "$1 is $found"
	[[ $found == "$2" ]]
}

is_checked() { # is_checked CONTAINER: its health is known
	! has_health "$1" starting
}

# serves IMAGE ANSWER SETTING…: as web it becomes healthy by its own check, answers, and stops at TERM.
serves() {
	local image=$1 answer=$2 options=() setting id
	for setting in "${@:3}"; do options+=(--env "$setting"); done
	id=$(keep --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
		--publish 127.0.0.1::8000 --env HEALTH_PATH=/up "${options[@]}" "$image")
	until_ok 60 is_checked "$id" || true
	has_health "$id" healthy || {
		docker logs "$id"
		docker inspect --format '{{json .State}}' "$id"
		return 1
	}
	assert_equal "$(curl --silent --fail --max-time 5 "http://$(docker port "$id" 8000)/up")" "$answer"
	assert_equal "$(docker exec "$id" cat /proc/1/comm)" tini

	docker stop --time 30 "$id"
	assert_regex "$(docker inspect --format '{{.State.ExitCode}}' "$id")" '^(0|143)$'
}

# lock TOOL [SHAPE]: makes the lock file of a shape with the image in which the build runs that tool.
lock() {
	local shape=${2:-$1} index=$BATS_TEST_TMPDIR/index command="$1 lock"
	# Poetry expects more of its default index than mirrors have, but reads a configured source as pip does.
	[[ $1 != poetry ]] || command='
		default=$(python3 -c "from pip._internal.models.index import PyPI; print(PyPI.simple_url)")
		poetry source add --quiet index "${PIP_INDEX_URL:-$default}"
		poetry lock'
	build_stage "installer-$1" "installer-$1" "$python_image"
	printf '%s' "${PIP_INDEX_URL:-}" >"$index"
	docker run --rm --volume "$copy/docker/build:/build:ro" --volume "$copy/shapes/$shape:/work" --workdir /work \
		--volume "${TEST_EXTRA_CA_FILE:-$PWD/docker/no-extra-ca.pem}:/run/secrets/extra-ca:ro" \
		--volume "$index:/run/secrets/pip-index-url:ro" "$project-installer-$1" /build/with-network.sh sh -ec "$command"
}

# start_mirror PASSWORD [SETTING…]: starts mirrors that need the password, and prints their address (see mirror.py).
start_mirror() {
	local id address options=() setting
	for setting in "${@:2}"; do options+=(--env "$setting"); done
	id=$(keep --volume "$PWD/template/tests/docker/mirror.py:/mirror.py:ro" --env MIRROR_PASSWORD="$1" "${options[@]}" \
		--volume "${TEST_EXTRA_CA_FILE:-$PWD/docker/no-extra-ca.pem}:/ca.pem:ro" --env SSL_CERT_FILE=/ca.pem \
		"$python_image" python3 /mirror.py)
	address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$id"):8080
	until_ok 30 docker exec "$id" python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8080))' >&2
	echo "http://reader:$1@$address"
}

# private_index: sets $password and $index, of a mirror that asks for that login. No cached step can pass, because the
# password is new, and its hash changes the manifest.
private_index() {
	password=password-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
	index=$(start_mirror "$password")/simple
	echo "# $password" | sha256sum | sed 's/^/# /' >>"$copy/shapes/private/requirements.txt"
}

# comes_from_it IMAGE: the package comes from the index, and the login is neither in the image nor in $output.
comes_from_it() {
	refute_output --partial "$password"
	run -0 within "$1" python -c 'import starter_fixture; print(starter_fixture.ORIGIN)'
	assert_output 'the private index'
	run contains "$1" "$password"
	assert_failure
}

# step TEXT: what BuildKit says after the heading of the step whose command has this in it.
step() {
	local number
	number=$(sed -n "s|^\(#[0-9]*\) \[.*$1.*|\1|p" <<<"$output" | head -1)
	[[ -n $number ]] && grep "^$number " <<<"$output"
}

# asked [OPTION…]: the requests that the mirrors of this test got.
asked() {
	docker logs "$@" "$(docker ps --latest --quiet --filter "label=kept-for=$project-$BATS_TEST_NUMBER")"
}

# --- what is in it; tests/docker/production/image.bats says more ---

@test "production has no cache of an installer" {
	# The folders that were caches during the build may be there, as long as they are empty.
	run -0 within --user 0 --cap-add DAC_OVERRIDE "$prod" sh -c '
		find / -xdev -name .cache
		find /build /cache /tmp /var/lib/apt/lists /var/cache/apt/archives -name "?*" -type f ! -name lock 2>/dev/null || true'
	assert_output ''
}

@test "no byte code has to be made at a start: neither the library's, nor the packages', nor ours" {
	# As root on a writable file system everything that is missing would be written.
	local role command
	for role in web worker; do
		case $role in
		web) command='gunicorn --check-config "$WEB_APP" && python -m docker_roles.migrate' ;;
		worker) command='celery --app "$CELERY_APP" report' ;;
		esac
		run -0 env APP_READ_ONLY=false docker compose --env-file "$env_file" run --no-deps --user 0 --name "$project-$role" \
			"$role" sh -c "$command"
		run -0 docker diff "$project-$role"
		docker rm --volumes "$project-$role" >/dev/null
		refute_output --partial __pycache__
	done
}

@test "a base image without byte code and language of its own, as some official ones are, gets both" {
	run -0 docker build --progress plain --tag "$project-bare" --label "com.docker.compose.project=$project" - <<-DOCKERFILE
		FROM $python_image
		ENV LANG=
		RUN find / -xdev -type d -name __pycache__ -prune -exec rm -rf '{}' +
	DOCKERFILE
	build_stage runtime runtime "$project-bare" APT_PACKAGES=
	local id
	id=$(docker create --user 0 --label "kept-for=$project-$BATS_TEST_NUMBER" "$project-runtime" \
		python3 -c 'import asyncio, email.message, http.server, json, logging.config, multiprocessing, sqlite3, ssl')
	docker start --attach "$id"
	run -0 docker diff "$id"
	refute_output --partial __pycache__
	run -0 docker run --rm "$project-runtime" printenv LANG
	assert_output C.UTF-8
}

@test "it carries the labels that registries show" {
	IMAGE_VERSION=1.2.3 IMAGE_REVISION=abc IMAGE_SOURCE=https://example.org/shop build_images
	run -0 docker inspect --format '{{json .Config.Labels}}' "$prod"
	local pair
	for pair in "title:$project" version:1.2.3 revision:abc source:https://example.org/shop; do
		assert_output --partial "\"org.opencontainers.image.${pair%%:*}\":\"${pair#*:}\""
	done
}

# --- how it starts ---

@test "a secret that the user may not read is one sentence and exit code 64, and a readable one is read" {
	echo 'the $ecret' >"$BATS_TEST_TMPDIR/mail"
	chmod 0600 "$BATS_TEST_TMPDIR/mail"
	run --separate-stderr -64 within --volume "$BATS_TEST_TMPDIR/mail:/run/secrets/mail:ro" --env MAIL_FILE=/run/secrets/mail "$prod" printenv MAIL
	assert_equal "$stderr" 'entrypoint: MAIL_FILE=/run/secrets/mail cannot be read.'
	chmod 0644 "$BATS_TEST_TMPDIR/mail"
	run -0 within --volume "$BATS_TEST_TMPDIR/mail:/run/secrets/mail:ro" --env MAIL_FILE=/run/secrets/mail "$prod" printenv MAIL
	assert_output 'the $ecret'
}

@test "a container that runs a command is healthy as long as it runs" {
	local id
	id=$(keep --health-interval 200ms --health-start-period 0s "$prod" sleep 60)
	until_ok 30 is_checked "$id"
	run has_health "$id" healthy
	assert_success
}

# --- applications of other shapes, from sources that only their owner may read ---

# serves_locked TOOL SETTING…: it serves just the packages that its lock has for the extra "colour" and the group "metrics".
serves_locked() {
	lock "$1"
	build_shape "$1" APP_DIR="shapes/$1" PYTHON_INSTALLER="$1" PYTHON_MANIFEST=pyproject.toml \
		PYTHON_EXTRAS=colour PYTHON_GROUPS=metrics PYTHON_DEV_GROUPS=dev
	serves "$project-$1" "$1" "${@:2}"
	run -0 within "$project-$1" python -c 'from importlib.util import find_spec
print([name for name in ("colorama", "markupsafe", "iniconfig", "pluggy") if find_spec(name)])'
	assert_output "['colorama', 'iniconfig']"
}

@test "pip and requirements.txt: gunicorn serves a WSGI application from sources of umask 077" {
	build_shape pip APP_DIR=shapes/pip PYTHON_INSTALLER=pip APT_PACKAGES=jq PREBUILD_COMMAND='jq --version >prebuilt'
	serves "$project-pip" pip WEB_APP=shop:app
	# A command of the build has the packages of the running application.
	run -0 within "$project-pip" cat prebuilt
	assert_output --partial jq-
	run -0 within "$project-pip" find /app /opt ! -readable
	assert_output ''
}

@test "a package that needs a compiler is built with the packages that .env.docker.example names, and runs without them" {
	local packages
	packages=$(sed -n "s/^# APT_BUILD_PACKAGES:.*('\([^']*\)'.*/\1/p" .env.docker.example)
	assert [ -n "$packages" ]
	# What another run has compiled is in the cache of builds.
	run -0 build_shape compiled APP_DIR=shapes/pip PYTHON_INSTALLER=pip APT_PACKAGES=libpq5 APT_BUILD_PACKAGES="$packages" \
		PYTHON_EXTRA_PACKAGES="--no-cache-dir --no-binary=psycopg2 psycopg2==2.9.11"
	run -0 within "$project-compiled" python -c 'import psycopg2; print(psycopg2.__version__)'
	assert_output --partial 2.9.11
	run ! within "$project-compiled" gcc --version
}

@test "uv and uv.lock: uvicorn serves the factory of an ASGI application below src" {
	serves_locked uv WEB_SERVER=uvicorn 'WEB_APP=shop:create_app()' PYTHONPATH=/app/src
}

# The proxy tries again when a connection is refused. When one breaks off, the visitor of a POST gets 502. And while one
# stays open, the proxy uses it, and uvicorn does not stop.
@test "uvicorn with two processes answers without a delay, and while it stops it refuses connections and ends those it has" {
	run -0 within --interactive --tmpfs /tmp --env WEB_SERVER=uvicorn --env 'WEB_APP=shop:create_app()' --env PYTHONPATH=/app/src \
		--env WEB_CONCURRENCY=2 "$project-uv" python - <<-'PYTHON'
		import subprocess, time
		from http.client import HTTPConnection
		from pathlib import Path

		def ask(path="/up"):
		    connection = HTTPConnection("localhost", 8000)
		    connection.request("GET", path)
		    return connection

		web = subprocess.Popen(["entrypoint.sh", "web"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
		while True:
		    try:
		        kept = ask()
		        break
		    except ConnectionRefusedError:
		        time.sleep(0.1)
		kept.getresponse().read()
		began = time.monotonic()
		for _ in range(50):
		    kept.request("GET", "/up")
		    kept.getresponse().read()
		# A system waits 40 ms before it confirms the first part of an answer.
		print("50 answers in less than a second:", time.monotonic() - began < 1)

		slow = ask("/slow")
		# Each second uvicorn renews the headers that a request gets when it begins.
		time.sleep(1.5)
		web.terminate()
		while True:
		    try:
		        ask().getresponse().read()
		    except ConnectionRefusedError:
		        break
		    except ConnectionError:
		        continue
		print("refused while it stops:", web.poll() is None)
		Path("/tmp/go-on").touch()
		answer = slow.getresponse()
		print("what had begun:", answer.status, answer.getheader("connection"))
		web.wait()
	PYTHON
	assert_output $'50 answers in less than a second: True\nrefused while it stops: True\nwhat had begun: 404 close'
}

@test "poetry and poetry.lock: gunicorn serves a WSGI application" {
	serves_locked poetry WEB_APP=shop:app
}

@test "gunicorn refuses connections while it waits for a request that has begun" {
	run -0 within --interactive --tmpfs /tmp --env WEB_APP=slow:app --env PYTHONPATH=/tmp/app "$project-poetry" python - <<-'PYTHON'
		import subprocess, time
		from http.client import HTTPConnection
		from pathlib import Path

		Path("/tmp/app").mkdir()
		Path("/tmp/app/slow.py").write_text("""
		import time
		from pathlib import Path
		def app(environ, start_response):
		    start_response("200 OK", [])
		    if environ["PATH_INFO"] == "/slow":
		        Path("/tmp/begun").touch()
		        while not Path("/tmp/go-on").exists():
		            time.sleep(0.1)
		    return [b"done"]
		""")

		def ask(path="/"):
		    connection = HTTPConnection("localhost", 8000, timeout=2 if path == "/" else 30)
		    connection.request("GET", path)
		    return connection

		web = subprocess.Popen(["entrypoint.sh", "web"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
		while True:
		    try:
		        slow = ask("/slow")
		        break
		    except ConnectionRefusedError:
		        time.sleep(0.1)
		while not Path("/tmp/begun").exists():
		    time.sleep(0.1)
		web.terminate()
		is_refused, end = False, time.monotonic() + 10
		while not is_refused and time.monotonic() < end:
		    try:
		        ask().getresponse().read()
		    except ConnectionRefusedError:
		        is_refused = True
		    except OSError:
		        continue
		print("refused while it waits:", is_refused and web.poll() is None)
		Path("/tmp/go-on").touch()
		print("what had begun:", slow.getresponse().read().decode())
		print("exit code:", web.wait())
	PYTHON
	assert_output $'refused while it waits: True\nwhat had begun: done\nexit code: 0'
}

@test "a frontend is built by its own image and command, and is where the application serves it" {
	build_shape frontend APP_DIR=shapes/pip PYTHON_INSTALLER=pip FRONTEND=build FRONTEND_DIR=shapes/frontend \
		FRONTEND_BUILD_COMMAND='mkdir dist; node --print "process.release.name" >dist/index.html; echo "a  $(ls)" >>dist/index.html'
	run -0 within "$project-frontend" cat /app/static/dist/index.html
	assert_output "$(printf 'node\na  dist\nindex.src')"
}

# package FOLDER NAME: a package in a src layout.
package() {
	mkdir -p "$1/src/$2"
	printf '[project]\nname = "%s"\nversion = "1.0"\nrequires-python = ">=3.11"\n' "$2" >"$1/pyproject.toml"
	printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' >>"$1/pyproject.toml"
	echo 'SAYS = "built"' >"$1/src/$2/__init__.py"
}

# brings_local SHAPE SETTING…: production has money, a package in a folder of this shape. Development sees a change of
# it, and a change of the application alone installs nothing.
brings_local() {
	local shape=$copy/shapes/$1 settings=("APP_DIR=shapes/$1" PYTHON_DEV_MANIFEST= "${@:2}") says='import money; print(money.SAYS, money.__file__)'
	build_shape "$1" "${settings[@]}"
	run -0 within "$project-$1" python -c "$says"
	assert_output 'built /app/libs/money/src/money/__init__.py'
	echo "# $RANDOM" >>"$shape/other.py"
	run -0 build_shape "$1" "${settings[@]}"
	run -0 step install-dependencies.sh
	assert_line --regexp 'CACHED$'
	build_stage "$1-dev" dev "$python_image" "${settings[@]}"
	sed -i 's/built/edited/' "$shape/libs/money/src/money/__init__.py"
	run -0 within --user 0 --cap-add DAC_OVERRIDE --volume "$shape:/app:ro" "$project-$1-dev" python -c "$says"
	assert_output 'edited /app/libs/money/src/money/__init__.py'
}

@test "local packages of a requirements file, the application itself among them" {
	local shape=$copy/shapes/local-pip
	package "$shape/libs/money" money
	package "$shape" shop
	package "$shape/libs/tax" tax
	printf '%s\n' '-e ./libs/money' ./libs/tax '-e .' >"$shape/requirements.txt"
	brings_local local-pip PYTHON_INSTALLER=pip
	run -0 within "$project-local-pip" python -c 'import shop, tax; from importlib.metadata import version
print(shop.__file__, version("shop"), "site-packages" in tax.__file__)'
	assert_output '/app/src/shop/__init__.py 1.0 True'
}

@test "local packages of uv.lock" {
	local shape=$copy/shapes/local-uv
	package "$shape/libs/money" money
	cat >"$shape/pyproject.toml" <<-'TOML'
		[project]
		name = "shop"
		version = "1.0"
		requires-python = ">=3.11"
		dependencies = ["money"]

		[tool.uv.sources]
		money = { path = "libs/money", editable = true }
	TOML
	lock uv local-uv
	brings_local local-uv PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml
}

@test "uv.lock and PYTHON_EXTRA_PACKAGES='-e .': the project has its metadata and its console scripts, below APP_DIR and as the root" {
	local shape=$copy/shapes/own-uv folder
	package "$shape" shop
	printf '[project.scripts]\nshop-says = "shop:say"\n[tool.uv]\npackage = true\n' >>"$shape/pyproject.toml"
	printf 'def say():\n    print("told")\n' >>"$shape/src/shop/__init__.py"
	lock uv own-uv
	for folder in shapes/own-uv .; do
		# The backend of "uv init", which refuses a project without its folder.
		[[ $folder != . ]] || {
			cp -r "$shape/src" "$shape/pyproject.toml" "$shape/uv.lock" "$copy"
			sed -i 's/"setuptools"/"uv_build"/; s/setuptools.build_meta/uv_build/' "$copy/pyproject.toml"
		}
		build_shape own-uv APP_DIR="$folder" PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml PYTHON_DEV_MANIFEST= PYTHON_EXTRA_PACKAGES='-e .'
		run -0 within "$project-own-uv" sh -c 'shop-says && python -c "import shop, importlib.metadata as m; print(m.version(\"shop\"), shop.__file__)"'
		assert_output "$(printf 'told\n1.0 /app/src/shop/__init__.py')"
	done
	(cd "$copy" && rm -r src pyproject.toml uv.lock)
}

@test "local packages of poetry.lock" {
	local shape=$copy/shapes/local-poetry
	package "$shape/libs/money" money
	cat >"$shape/pyproject.toml" <<-'TOML'
		[tool.poetry]
		package-mode = false

		[tool.poetry.dependencies]
		python = ">=3.11"
		money = { path = "libs/money", develop = true }
	TOML
	lock poetry local-poetry
	brings_local local-poetry PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml
}

@test "a change of one source line builds the source anew and installs nothing" {
	build_shape pip APP_DIR=shapes/pip PYTHON_INSTALLER=pip
	echo "# $RANDOM" >>"$copy/shapes/pip/shop.py"
	run -0 build_shape pip APP_DIR=shapes/pip PYTHON_INSTALLER=pip
	run -0 step install-dependencies.sh
	assert_line --regexp 'CACHED$'
}

@test "a frontend is where no mount of the source hides it, and the application is told" {
	build_shape frontend APP_DIR=shapes/pip PYTHON_INSTALLER=pip FRONTEND=build FRONTEND_DIR=shapes/frontend \
		FRONTEND_BUILD_COMMAND='mkdir dist; umask 077; echo built >dist/index.html' FRONTEND_DIST=dist
	run -0 within --tmpfs /app "$project-frontend" sh -c 'cat "$FRONTEND_ROOT/index.html"'
	assert_output built
	run within "$project-frontend" find /app -name index.html
	assert_output ''
}

# --- what must not get in ---

@test ".dockerignore keeps secrets, histories and foreign byte code out, and never a package" {
	local name plant=$copy/plant
	for name in bin build data dist docs env examples lib logs static tests tmp var; do
		mkdir -p "$plant/$name"
		touch "$plant/$name/__init__.py"
	done
	mkdir -p "$plant"/{__pycache__,.venv,venv,.git,node_modules/left} "$copy/.git" "$copy/node_modules/left"
	for name in .env .env.docker .env.app .git/config plant/.git/config node_modules/left/pad.js plant/.env.local plant/__pycache__/ghost.cpython-313.pyc \
		plant/ghost.pyc plant/.venv/pyvenv.cfg plant/venv/pyvenv.cfg plant/node_modules/left/pad.js plant/celerybeat-schedule.db; do
		echo poison >"$copy/$name"
	done
	touch "$copy/requirements.txt"
	build_shape planted APP_DIR=.
	run -1 within "$project-planted" grep --recursive --files-with-matches '^poison$' /app
	assert_output ''
	run -0 within "$project-planted" sh -c 'cd /app/plant && find . -name "*.py" | sort'
	assert_output "$(cd "$plant" && find . -name '*.py' | sort)"
	run ! within "$project-planted" python -c 'import plant.ghost'
}

@test "the index's password and the certificates reach the installer, and neither image nor output" {
	local password certificates=$BATS_TEST_TMPDIR/ca.pem marker index
	private_index
	marker=${password/password/certificates}
	cat "${TEST_EXTRA_CA_FILE:-docker/no-extra-ca.pem}" - >"$certificates" <<<"# BEGIN CERTIFICATE $marker"

	run ! build_shape private APP_DIR=shapes/private PIP_INDEX_URL="${index/$password/wrong}"
	run -0 build_shape private APP_DIR=shapes/private PIP_INDEX_URL="$index" EXTRA_CA_FILE="$certificates"
	comes_from_it "$project-private"

	run contains "$project-private" starter_fixture
	assert_success
	run contains "$project-private" "$marker"
	assert_failure
}

@test "a second index: its login is in neither image nor output, and an error names its setting if it is wrong" {
	local password index
	private_index
	run ! build_shape second APP_DIR=shapes/private BUILD_SECRETS="PIP_EXTRA_INDEX_URL=${index/$password/wrong}"
	assert_output --partial 'with-network: an index refuses the user or the password, or wants one. Compare BUILD_SECRETS'
	run -0 build_shape second APP_DIR=shapes/private BUILD_SECRETS="PIP_EXTRA_INDEX_URL=$index"
	comes_from_it "$project-second"
}

@test "a package that does not exist ends the build, and the last lines name it" {
	local index
	index=$(start_mirror secret)/simple
	echo 'starter-missing==1.0' >"$copy/shapes/private/requirements.txt"
	run ! build_shape missing APP_DIR=shapes/private PIP_INDEX_URL="$index"
	output=$(tail -n 25 <<<"$output")
	assert_output --partial starter-missing
}

# --- mirrors and locks ---

origin='import starter_fixture; print(starter_fixture.ORIGIN)'

@test "uv.lock: what it names is installed from the mirror, whatever index it was made with, and only with its hashes" {
	local mirror tampered password=hunter2-$RANDOM$RANDOM
	local settings=(APP_DIR=shapes/locked-uv PYTHON_MANIFEST=pyproject.toml)
	tampered=$(start_mirror "$password" MIRROR_TAMPERED=1)
	mirror=$(start_mirror "$password")
	PIP_INDEX_URL=$mirror/old/simple lock uv locked-uv
	run -0 cat "$copy/shapes/locked-uv/uv.lock"
	assert_output --partial /old/simple
	refute_output --partial hunter2

	run ! build_shape locked-uv "${settings[@]}" PIP_INDEX_URL="$tampered/simple"
	assert_output --partial 'Hash mismatch'
	run -0 build_shape locked-uv "${settings[@]}" PIP_INDEX_URL="$mirror/simple"
	refute_output --partial hunter2
	run -0 within "$project-locked-uv" python -c "$origin"
	assert_output 'the private index'
	run -0 asked
	assert_output --partial 'GET /simple/starter-fixture/'
}

@test "uv.lock: one that is older than pyproject.toml is refused behind a mirror too" {
	local mirror
	mirror=$(start_mirror hunter2)
	[[ -e $copy/shapes/locked-uv/uv.lock ]] || PIP_INDEX_URL=$mirror/old/simple lock uv locked-uv
	sed -i 's/"starter-fixture==1.0"/"starter-fixture==1.0", "starter-other"/' "$copy/shapes/locked-uv/pyproject.toml"
	run ! build_shape locked-uv APP_DIR=shapes/locked-uv PYTHON_MANIFEST=pyproject.toml PIP_INDEX_URL="$mirror/simple"
	assert_output --partial 'older than pyproject.toml'
}

@test "poetry.lock: what it names is installed from the mirror, and only with its hashes" {
	local mirror tampered password=hunter2-$RANDOM$RANDOM
	local settings=(APP_DIR=shapes/locked-poetry PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml)
	tampered=$(start_mirror "$password" MIRROR_TAMPERED=1)
	mirror=$(start_mirror "$password")
	PIP_INDEX_URL=$mirror/old/simple lock poetry locked-poetry

	run ! build_shape locked-poetry "${settings[@]}" PIP_INDEX_URL="$tampered/simple"
	assert_output --partial 'DO NOT MATCH THE HASHES'
	run -0 build_shape locked-poetry "${settings[@]}" PIP_INDEX_URL="$mirror/simple"
	refute_output --partial hunter2
	run -0 within "$project-locked-poetry" python -c "$origin"
	assert_output 'the private index'
	run -0 asked
	assert_output --partial 'GET /simple/starter-fixture/'
}

@test "an npm registry behind a password: npm ci installs from it, whatever default registry the lock was made with" {
	local mirror shape=$copy/shapes/frontend-npm integrity
	mirror=$(start_mirror hunter2)
	mkdir -p "$shape"
	echo '{ "name": "page", "version": "1.0.0", "dependencies": { "starter-fixture": "1.0.0" } }' >"$shape/package.json"
	integrity=$(curl --silent "$mirror/npm/starter-fixture" | json '.versions["1.0.0"].dist.integrity')
	# The default registry is the one that npm takes to mean "whichever is set".
	cat >"$shape/package-lock.json" <<-JSON
		{ "name": "page", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
		  "": { "name": "page", "version": "1.0.0", "dependencies": { "starter-fixture": "1.0.0" } },
		  "node_modules/starter-fixture": { "version": "1.0.0", "integrity": "$integrity",
		    "resolved": "$(within "$node_image" npm config get registry)starter-fixture/-/starter-fixture-1.0.0.tgz" } } }
	JSON
	run -0 build_shape npm APP_DIR=shapes/pip PYTHON_INSTALLER=pip FRONTEND=build FRONTEND_DIR=shapes/frontend-npm \
		FRONTEND_BUILD_COMMAND='npm ci --no-audit --no-fund && mkdir dist && cp node_modules/starter-fixture/index.js dist/' NPM_REGISTRY="$mirror/npm"
	refute_output --partial hunter2
	run -0 within "$project-npm" cat /app/static/dist/index.js
	assert_output --partial 'the private registry'
	run ! build_shape npm APP_DIR=shapes/pip PYTHON_INSTALLER=pip FRONTEND=build FRONTEND_DIR=shapes/frontend-npm \
		FRONTEND_BUILD_COMMAND='npm ci --cache=/tmp/npm' NPM_REGISTRY="${mirror/hunter2/wrong}/npm"
	assert_output --partial 'with-network: the mirror of NPM_REGISTRY refuses the user or the password'
}

@test "a change of what only tests need installs nothing again that production has" {
	local settings=(APP_DIR=shapes/pip PYTHON_INSTALLER=pip PYTHON_DEV_MANIFEST=requirements-dev.txt)
	echo 'iniconfig==2.1.0' >"$copy/shapes/pip/requirements-dev.txt"
	build_shape pip "${settings[@]}"
	echo '# changed' >>"$copy/shapes/pip/requirements-dev.txt"
	run -0 build_shape pip "${settings[@]}"
	number=$(sed -n 's|^\(#[0-9]*\) \[.*with-network.sh /build/install-dependencies.sh$|\1|p' <<<"$output" | head -1)
	run -0 grep "^$number " <<<"$output"
	assert_line --regexp 'CACHED$'
}
