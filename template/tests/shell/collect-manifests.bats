#!/usr/bin/env bats
# shellcheck disable=SC2016 # what is in single quotes is the file's
# docker/build/collect-manifests.sh: which files decide what is installed. Everything else may change.

bats_require_minimum_version 1.5.0

setup() {
	load ../../../node_modules/bats-support/load
	load ../../../node_modules/bats-assert/load
	application=$BATS_TEST_TMPDIR/application
	collected=$BATS_TEST_TMPDIR/collected
}

# has FILE=LINE…: a file of the application with this line in it.
has() {
	local pair
	for pair; do
		mkdir -p "$(dirname "$application/${pair%%=*}")"
		printf '%b\n' "${pair#*=}" >>"$application/${pair%%=*}"
	done
}

# collect SETTING…: runs the script, and prints what production gets, then what development gets in addition.
collect() {
	rm -rf "$collected"
	env -i PATH="$PATH" PYTHON_MANIFEST=requirements.txt "$@" \
		sh "$BATS_TEST_DIRNAME/../../../docker/build/collect-manifests.sh" "$application" "$collected" || return
	(cd "$collected/prod" && find . -type f | sort)
	diff -rq "$collected/prod" "$collected/dev" | sed "s#$collected/##" || true
}

@test "a requirements file alone: neither the source, nor a pyproject.toml that is for tools, nor another requirements file" {
	has requirements.txt=gunicorn shop.py='import this' pyproject.toml='[tool.ruff]' uv.lock= requirements-docs.txt=sphinx
	run -0 collect
	assert_output ./requirements.txt
}

@test "files that a requirements file includes are collected, each in its place, however they are written" {
	has requirements/prod.txt='-r base.txt\n-c ../constraints.txt\ngunicorn' requirements/base.txt='--requirement=more/a.txt # why\r\n  -rmore/b.txt\r' \
		requirements/more/a.txt='--constraint ../../constraints.txt' requirements/more/b.txt='-r a.txt\n-r https://example.org/c.txt\n# -r none.txt' \
		constraints.txt='setuptools<82' requirements/other.txt=
	run -0 collect PYTHON_MANIFEST=requirements/prod.txt
	assert_output - <<-'FILES'
		./constraints.txt
		./requirements/base.txt
		./requirements/more/a.txt
		./requirements/more/b.txt
		./requirements/prod.txt
	FILES
}

@test "local packages are collected whole, however a requirements file names them, and nothing else is" {
	has libs/{a,b,c,d,e,f,g,h,i}/pyproject.toml='[project]' libs/a/a/__init__.py= wheels/w.whl= wheels/v.whl= libs/other/pyproject.toml= shop.py= \
		requirements/prod.txt='-e ./libs/a\n./libs/b[pdf] # why\r\nfile:libs/c\n--editable=libs/d ; python_version > "3"\n  x-e[y] @ file:///app/libs/e\n-r more.txt' \
		requirements/more.txt='./wheels/w.whl \\\\\n  --hash=sha256:00\nlibs/g\nfile:./wheels/v.whl\n-elibs/f#egg=f\n-e "./libs/h"; extra == "x"\n./libs/i;python_version>"3"\n-e git+https://g.test/x.git\nx @ https://g.test/x.whl\nflask\n#./libs/other'
	chmod 0700 "$application/libs/a"
	run -0 collect PYTHON_MANIFEST=requirements/prod.txt
	assert_output - <<-'FILES'
		./libs/a/a/__init__.py
		./libs/a/pyproject.toml
		./libs/b/pyproject.toml
		./libs/c/pyproject.toml
		./libs/d/pyproject.toml
		./libs/e/pyproject.toml
		./libs/f/pyproject.toml
		./libs/g/pyproject.toml
		./libs/h/pyproject.toml
		./libs/i/pyproject.toml
		./requirements/more.txt
		./requirements/prod.txt
		./wheels/v.whl
		./wheels/w.whl
	FILES
	assert_equal "$(stat --format %a "$collected/prod/libs/a")" 755
}

@test "folders of packages are collected, beside the manifest or where the installer runs; a missing one is no error" {
	has wheels/w.whl= requirements/near/n.whl= far/f.whl= libs/a/pyproject.toml='[project]' \
		requirements/prod.txt='--find-links wheels\n-f ./near --no-index\n--find-links=https://w.test/x\n-f file:///app/far\n-f gone\n-r "more.txt"' \
		requirements/more.txt='-e file:///${PROJECT_ROOT}/libs/a'
	run -0 --separate-stderr collect PYTHON_MANIFEST=requirements/prod.txt
	assert_output $'./far/f.whl\n./libs/a/pyproject.toml\n./requirements/more.txt\n./requirements/near/n.whl\n./requirements/prod.txt\n./wheels/w.whl'
	assert_equal "$stderr" 'collect-manifests: gone in requirements/prod.txt is not in APP_DIR: left out.'
}

@test "of an application that is a package only the description is collected, so that its source installs nothing" {
	has requirements.txt='-e .[s3]' pyproject.toml='[project]' README.md= src/shop/__init__.py= src/shop/_version.py= src/shop/views.py= data.db= \
		frontend/node_modules/x/__init__.py=
	run -0 collect
	assert_output $'./README.md\n./pyproject.toml\n./requirements.txt\n./src/shop/__init__.py\n./src/shop/_version.py'
	echo gunicorn >"$application/requirements.txt"
	for extra in '-e .' 'idna -e .[s3] six'; do
		run -0 collect PYTHON_EXTRA_PACKAGES="$extra"
		assert_output $'./README.md\n./pyproject.toml\n./requirements.txt\n./src/shop/__init__.py\n./src/shop/_version.py'
	done
	run -0 collect PYTHON_EXTRA_PACKAGES='-e ./libs/none'
	assert_output ./requirements.txt
	# A copy that is installed has to be whole.
	echo . >"$application/requirements.txt"
	run -0 collect
	assert_line ./src/shop/views.py
}

@test "local packages of a lock are collected, and the project itself is not" {
	has libs/{a,b,c,d}/pyproject.toml='[project]' libs/other/pyproject.toml= wheels/w.whl= shop/__init__.py= pyproject.toml='[project]' \
		uv.lock='source = { editable = "." }\nsource = { editable = "libs/a" }\nsource = { virtual = "libs/b" }\nsource = { registry = "https://m.test" }' \
		poetry.lock='[package.source]\ntype = "directory"\nurl = "libs/c"\n[package.source]\ntype = "file"\nurl = "wheels/w.whl"\ntype = "git"\nurl = "https://g.test"' \
		uv.lock='source = { directory = "libs/d" }'
	run -0 collect PYTHON_MANIFEST=pyproject.toml
	assert_output - <<-'FILES'
		./libs/a/pyproject.toml
		./libs/b/pyproject.toml
		./libs/c/pyproject.toml
		./libs/d/pyproject.toml
		./poetry.lock
		./pyproject.toml
		./uv.lock
		./wheels/w.whl
	FILES
}

@test "a path is relative to where the application runs, if the manifest is there" {
	has libs/a/pyproject.toml= services/shop/requirements.txt='-e ../../libs/a'
	local as
	for as in '' ./; do
		run -0 collect PYTHON_MANIFEST="${as}services/shop/requirements.txt" APP_WORKDIR="${as}services/shop${as#.}"
		assert_output $'./libs/a/pyproject.toml\n./services/shop/requirements.txt'
	done
}

@test "files that include each other come to an end" {
	has requirements.txt='-r a.txt' a.txt='-r requirements.txt'
	run -0 collect
	assert_output $'./a.txt\n./requirements.txt'
}

@test "the locks next to a project are collected, in a folder too" {
	has backend/pyproject.toml='[project]' backend/uv.lock= backend/poetry.lock= uv.lock= backend/shop.py=
	run -0 collect PYTHON_MANIFEST=backend/pyproject.toml
	assert_output $'./backend/poetry.lock\n./backend/pyproject.toml\n./backend/uv.lock'
}

@test "only development gets what only tests need" {
	has requirements.txt=gunicorn requirements/dev.txt='-r ../requirements.txt\n-r tests.txt' requirements/tests.txt=pytest
	run -0 collect PYTHON_DEV_MANIFEST=requirements/dev.txt
	assert_output $'./requirements.txt\nOnly in dev: requirements'
	run ls "$collected/dev/requirements"
	assert_output $'dev.txt\ntests.txt'
}

@test "a missing manifest for development is no error: production is built without it" {
	has requirements.txt=gunicorn
	run -0 collect PYTHON_DEV_MANIFEST=requirements-dev.txt
	assert_output ./requirements.txt
}

@test "modes do not depend on who has cloned, so a build of another machine is found in the cache" {
	has requirements.txt=gunicorn
	chmod 0600 "$application/requirements.txt"
	run -0 collect
	assert_equal "$(stat --format %a "$collected/prod/requirements.txt")" 644
}

# refuses SENTENCE SETTING…
refuses() {
	run -64 collect "${@:2}"
	assert_output "collect-manifests: $1"
}

@test "a missing manifest is one sentence and exit code 64" {
	mkdir "$application"
	refuses 'PYTHON_MANIFEST=backend/pyproject.toml is not in APP_DIR. Correct it in .env.docker; if the file is there, a line of .dockerignore hides it.' \
		PYTHON_MANIFEST=backend/pyproject.toml
}

@test "a file outside of the application is one sentence and exit code 64, wherever it is named" {
	has requirements.txt='-c ../constraints.txt' sub/requirements.txt='-c ../constraints.txt' constraints.txt=
	run -0 collect PYTHON_MANIFEST=sub/requirements.txt
	local advice='is outside of APP_DIR, where no build step sees it. Choose a folder above both as APP_DIR, and the application'\''s as APP_WORKDIR.'
	refuses "../constraints.txt in requirements.txt $advice"
	refuses "PYTHON_MANIFEST=../requirements.txt $advice" PYTHON_MANIFEST=../requirements.txt
	refuses "PYTHON_DEV_MANIFEST=sub/../../dev.txt $advice" PYTHON_MANIFEST=constraints.txt PYTHON_DEV_MANIFEST=sub/../../dev.txt
}

@test "a local package that no build step sees is one sentence and exit code 64" {
	has requirements.txt='-e ./libs/money' more.txt=./../shared pyproject.toml= uv.lock='source = { directory = "../shared" }'
	refuses './libs/money in requirements.txt is not in APP_DIR as libs/money. Correct it; if it is there, a line of .dockerignore hides it.'
	has some.txt='./${LIBS}/money'
	refuses './${LIBS}/money in some.txt has a variable, which no build step knows. Write the path out.' PYTHON_MANIFEST=some.txt
	local advice='is outside of APP_DIR, where no build step sees it. Choose a folder above both as APP_DIR, and the application'\''s as APP_WORKDIR.'
	refuses "./../shared in more.txt $advice" PYTHON_MANIFEST=more.txt
	refuses "../shared in uv.lock $advice" PYTHON_MANIFEST=pyproject.toml
}
