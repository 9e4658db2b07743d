#!/usr/bin/env bats
# docker/build/install-dependencies.sh without a build: the installers are fakes that print how they were called.

bats_require_minimum_version 1.5.0

setup_file() {
	local name
	mkdir "$BATS_FILE_TMPDIR/bin"
	cat >"$BATS_FILE_TMPDIR/bin/fake" <<-'FAKE'
		#!/bin/bash
		[[ "$*" != *compileall* ]] || exit 0
		printf '%q ' "${0##*/}" "$@" | sed 's/ $/\n/'
		[[ -z ${FAKE_FAILS:-} || "$*" != *"$FAKE_FAILS"* ]] || exit 2
		[[ -z ${PIP_CONSTRAINT:-} || "$*" != *install* ]] || echo "within $(xargs <"$PIP_CONSTRAINT") ($(env | sed -n 's/_CONSTRAINT=.*//p' | sort | xargs))"
		[[ -z ${UV_PROJECT_ENVIRONMENT:-} ]] || echo "into $UV_PROJECT_ENVIRONMENT and $VIRTUAL_ENV, with $(echo *)"
		[[ ${FAKE_FOLDER:-} == '' || "$*" != *install* ]] || echo "in $PWD"
		[[ "$*" != *--output* ]] || printf '%s' "${FAKE_EXPORTS:-}" >requirements.txt
	FAKE
	chmod +x "$BATS_FILE_TMPDIR/bin/fake"
	for name in uv poetry python3; do ln -s fake "$BATS_FILE_TMPDIR/bin/$name"; done
}

setup() {
	load ../../../node_modules/bats-support/load
	load ../../../node_modules/bats-assert/load
	manifests=$BATS_TEST_TMPDIR/app
	venv=$BATS_TEST_TMPDIR/venv
	mkdir -p "$manifests" "$venv/bin" "$venv/lib/python3.13/site-packages"
	ln -s "$BATS_FILE_TMPDIR/bin/fake" "$venv/bin/python"
	# The two folders of the build are folders of the test.
	sed -e "s#/app\b#$manifests#g" -e "s#/opt/venv\b#$venv#g" \
		"$BATS_TEST_DIRNAME/../../../docker/build/install-dependencies.sh" >"$BATS_TEST_TMPDIR/install.sh"
}

# install NAME=VALUE… [dev]: the script with these settings. What it prints names its folders as the build does.
install() {
	local settings=()
	while [[ ${1:-} == [A-Z]*=* ]]; do
		settings+=("$1")
		shift
	done
	env -i PATH="$BATS_FILE_TMPDIR/bin:$PATH" DEV_TOOLS='watchfiles==1 debugpy==2' PYTHON_MANIFEST=requirements.txt \
		"${settings[@]}" sh "$BATS_TEST_TMPDIR/install.sh" "$@" 2>&1 | sed "s#$BATS_TEST_TMPDIR##g"
	return "${PIPESTATUS[0]}"
}

# refuses SENTENCE SETTINGS…: nothing is installed, and the sentence is all that is said.
refuses() {
	local sentence=$1
	shift
	run -64 install "$@"
	assert_output "install-dependencies: $sentence"
}

@test "uv installs a requirements file, wherever in the application it lies" {
	run -0 install PYTHON_INSTALLER=uv PYTHON_MANIFEST=requirements/production.txt
	assert_output 'uv pip install --quiet --python /venv -r /app/requirements/production.txt'
}

@test "Python finds the application's modules in the folder where commands run" {
	run -0 install PYTHON_INSTALLER=uv APP_WORKDIR=services/shop
	mkdir -p "$manifests"/services/shop/{shop,tax/tax} "$BATS_TEST_TMPDIR/editable/tax"
	touch "$manifests/services/shop/shop/orders.py" "$BATS_TEST_TMPDIR/editable/tax/__init__.py"
	# As setuptools does for "-e ./tax": its finder comes after every path.
	cat >"$venv/lib/python3.13/site-packages/__editable__.pth" <<-PTH
		import sys; from importlib.machinery import PathFinder; sys.meta_path.append(type("Tax", (), {"find_spec": staticmethod(lambda name, path=None, target=None, find=PathFinder.find_spec: find(name, ["$BATS_TEST_TMPDIR/editable"]) if name == "tax" else None)}))
	PTH
	run -0 python3 -c 'import site, sys; site.addsitedir(sys.argv[1]); import shop.orders, tax; print(shop.orders.__file__, tax.__file__)' \
		"$venv/lib/python3.13/site-packages"
	assert_output "$manifests/services/shop/shop/orders.py $BATS_TEST_TMPDIR/editable/tax/__init__.py"
}

@test "pip installs a requirements file into the environment, not into itself" {
	run -0 install PYTHON_INSTALLER=pip
	assert_output 'python3 -m pip --python /venv/bin/python install --quiet --disable-pip-version-check -r /app/requirements.txt'
}

@test "extra packages are installed in a run of their own, because the others may have hashes" {
	run -0 install PYTHON_INSTALLER=uv PYTHON_EXTRA_PACKAGES='gunicorn==27.0.1 flower==2.2.0'
	assert_line --index 0 'uv pip install --quiet --python /venv -r /app/requirements.txt'
	assert_line --index 1 'uv pip install --quiet --python /venv gunicorn==27.0.1 flower==2.2.0'
}

@test "uv installs a lock as it stands, with the extras and groups that were chosen, and never the project" {
	touch "$manifests"/{pyproject.toml,uv.lock}
	run -0 install PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml PYTHON_EXTRAS='s3 mail' PYTHON_GROUPS=web PYTHON_DEV_GROUPS=test
	assert_line --index 0 'uv sync --quiet --locked --inexact --no-install-project --no-default-groups --extra s3 --extra mail --group web'
	assert_line --index 1 'into /venv and /venv, with pyproject.toml uv.lock'
}

@test "poetry's lock is installed with its hashes by pip, which every index can serve, with the extras and groups that were chosen" {
	touch "$manifests"/{pyproject.toml,poetry.lock}
	run -0 install PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml PYTHON_EXTRAS='s3 mail' PYTHON_GROUPS=web PYTHON_DEV_GROUPS=test
	assert_line --index 0 'poetry export --quiet --no-interaction --with-credentials --output requirements.txt --extras s3 --extras mail --only main --only web'
	assert_line 'python3 -m pip --python /venv/bin/python install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt'
	refute_output --partial 'poetry install'
}

@test "a project in a folder of the application is installed with the lock beside it" {
	mkdir "$manifests/backend"
	touch "$manifests"/backend/{pyproject.toml,uv.lock,poetry.lock}
	run -0 install PYTHON_INSTALLER=uv PYTHON_MANIFEST=backend/pyproject.toml
	assert_line --index 1 'into /venv and /venv, with poetry.lock pyproject.toml uv.lock'
	run -0 install PYTHON_INSTALLER=poetry PYTHON_MANIFEST=backend/pyproject.toml
	assert_line --index 0 --partial 'poetry export'
}

@test "constraints hold for what is installed and for what builds it, whichever tool installs" {
	run -0 install PYTHON_INSTALLER=uv PYTHON_CONSTRAINTS='setuptools<82 numpy<3'
	assert_line 'within setuptools<82 numpy<3 (PIP PIP_BUILD UV UV_BUILD)'
	run -0 install PYTHON_INSTALLER=pip PYTHON_CONSTRAINTS='setuptools<82'
	assert_line 'within setuptools<82 (PIP PIP_BUILD UV UV_BUILD)'
	run -0 install PYTHON_INSTALLER=pip
	refute_output --partial within
}

@test "constraints hold for what builds the packages of a lock, whose own versions stay" {
	touch "$manifests"/{pyproject.toml,uv.lock,poetry.lock}
	local installer
	for installer in uv poetry; do
		run -0 install PYTHON_INSTALLER="$installer" PYTHON_MANIFEST=pyproject.toml PYTHON_CONSTRAINTS='setuptools<82'
		assert_line --index 0 --partial "$installer export"
		assert_output --partial '--require-hashes --no-deps -r requirements.txt'
		# uv takes no such constraint beside hashes.
		assert_line 'within setuptools<82 (PIP PIP_BUILD UV_BUILD)'
	done
}

@test "behind a mirror uv reads the lock without a request, and installs its versions with their hashes" {
	touch "$manifests"/{pyproject.toml,uv.lock}
	run -0 install UV_DEFAULT_INDEX=https://m.test/simple PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml PYTHON_EXTRAS=s3 PYTHON_GROUPS=web
	assert_line --index 0 'uv export --quiet --locked --offline --no-emit-project --no-default-groups --output-file requirements.txt --extra s3 --group web'
	assert_line 'uv pip install --quiet --python /venv --require-hashes --no-deps -r requirements.txt'
}

@test "what a lock has without a hash, because it is a folder or from git, is installed in a run of its own" {
	local hashed=$'six==1 \\\n    --hash=sha256:00\n./w.whl \\\n    --hash=sha256:00\nx @ https://g.test/x.whl \\\n    --hash=sha256:00\nbare==1'
	local unhashed=$'-e ./libs/money\n./libs/tax\n../shared\nfee @ git+https://g.test/fee@00\n-e file:///a ; python_version >= "3"\ny @ file:///b'
	touch "$manifests"/{pyproject.toml,uv.lock,poetry.lock}
	local pip='python3 -m pip --python /venv/bin/python install --quiet --disable-pip-version-check'
	run -0 install PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml FAKE_EXPORTS="$unhashed"$'\n'"$hashed"
	assert_line "$pip --require-hashes --no-deps -r requirements.txt"
	assert_line "$pip --no-deps -r unhashed.txt"
	assert_equal "$(<"$manifests/requirements.txt")" "$hashed"
	assert_equal "$(<"$manifests/unhashed.txt")" "$unhashed"
	run -0 install UV_DEFAULT_INDEX=https://m.test/simple PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml FAKE_EXPORTS="$unhashed"
	assert_line 'uv pip install --quiet --python /venv --no-deps -r unhashed.txt'
}

@test "paths of local packages are relative to where the application runs if the manifest is there, or else to APP_DIR" {
	mkdir -p "$manifests/shop"
	run -0 install PYTHON_INSTALLER=pip PYTHON_MANIFEST=shop/requirements.txt APP_WORKDIR=shop FAKE_FOLDER=1
	assert_line "in /app/shop"
	run -0 install PYTHON_INSTALLER=pip PYTHON_MANIFEST=./shop/requirements.txt APP_WORKDIR=./shop/ FAKE_FOLDER=1
	assert_line --regexp '^in /app/(\./)?shop/?$'
	run -0 install PYTHON_INSTALLER=pip PYTHON_MANIFEST=requirements/prod.txt FAKE_FOLDER=1
	assert_line "in /app"
	run -0 install PYTHON_INSTALLER=pip APP_WORKDIR=shop FAKE_FOLDER=1
	assert_line "in /app"
}

@test "behind a mirror poetry reads the lock, and pip installs its versions with their hashes" {
	touch "$manifests"/{pyproject.toml,poetry.lock}
	run -0 install UV_DEFAULT_INDEX=https://m.test/simple PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml PYTHON_EXTRAS=s3 PYTHON_GROUPS=web
	assert_line --index 0 'poetry export --quiet --no-interaction --with-credentials --without-urls --output requirements.txt --extras s3 --only main --only web'
	assert_line 'python3 -m pip --python /venv/bin/python install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt'
}

@test "behind a mirror a lock that cannot be used is one sentence and exit code 64" {
	touch "$manifests"/{pyproject.toml,uv.lock}
	run -64 install UV_DEFAULT_INDEX=https://m.test/simple FAKE_FAILS=export PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml
	assert_output --partial 'install-dependencies: uv.lock cannot be read, or it is older than pyproject.toml. Make it again: uv lock'
	refute_output --partial 'pip install'
}

@test "development adds its requirements file, the tools for reloading and debugging, and packages of its own" {
	touch "$manifests/requirements-dev.txt"
	run -0 install PYTHON_INSTALLER=uv PYTHON_DEV_MANIFEST=requirements-dev.txt PYTHON_DEV_PACKAGES='pytest==9.0.1' dev
	assert_output - <<-'LINES'
		uv pip install --quiet --python /venv -r /app/requirements.txt
		uv pip install --quiet --python /venv -r /app/requirements-dev.txt
		uv pip install --quiet --python /venv watchfiles==1 debugpy==2 pytest==9.0.1
	LINES
}

@test "development adds its dependency groups to those of every image" {
	touch "$manifests"/{pyproject.toml,uv.lock,poetry.lock}
	run -0 install PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml PYTHON_GROUPS=web PYTHON_DEV_GROUPS='test lint' dev
	assert_output --partial -- '--no-default-groups --group web --group test --group lint'
	run -0 install PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml PYTHON_DEV_GROUPS=test dev
	assert_output --partial -- '--only main --only test'
	assert_output --partial 'python3 -m pip --python /venv/bin/python install --quiet --disable-pip-version-check watchfiles==1 debugpy==2'
}

@test "a project without its lock is one sentence that says how to make one, and exit code 64" {
	touch "$manifests/pyproject.toml"
	refuses 'there is no uv.lock beside pyproject.toml. Make one: uv lock' PYTHON_INSTALLER=uv PYTHON_MANIFEST=pyproject.toml
	refuses 'there is no poetry.lock beside backend/pyproject.toml. Make one: poetry lock' PYTHON_INSTALLER=poetry PYTHON_MANIFEST=backend/pyproject.toml
	touch "$manifests/uv.lock"
	refuses 'beside pyproject.toml there is no poetry.lock, but a uv.lock. Set PYTHON_INSTALLER=uv in .env.docker.' PYTHON_INSTALLER=poetry PYTHON_MANIFEST=pyproject.toml
}

@test "an installer that cannot read the manifest is one sentence and exit code 64" {
	touch "$manifests"/{pyproject.toml,poetry.lock}
	refuses 'pip cannot install from pyproject.toml without the project itself. Set PYTHON_INSTALLER=uv or poetry, or name a requirements file.' PYTHON_INSTALLER=pip PYTHON_MANIFEST=pyproject.toml
	refuses 'PYTHON_MANIFEST=requirements.txt: poetry reads a lock only beside pyproject.toml.' PYTHON_INSTALLER=poetry PYTHON_MANIFEST=requirements.txt
}

@test "a missing requirements file for development is one sentence and exit code 64" {
	run -64 install PYTHON_INSTALLER=uv PYTHON_DEV_MANIFEST=requirements-dev.txt dev
	assert_line --index -1 --partial 'PYTHON_DEV_MANIFEST=requirements-dev.txt is not in APP_DIR'
}
