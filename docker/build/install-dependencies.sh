#!/bin/sh
# Installs the application's dependencies into /opt/venv: install-dependencies.sh [dev]
# It reads the manifests in /app and the PYTHON_… settings in .env.docker. The source will be in /app too, so an
# editable local package is later the one in the source. With "dev" it also installs what tests and reloading need.
set -eu

venv=/opt/venv
manifest=/app/$PYTHON_MANIFEST
project=${manifest%/*}

fail() {
	printf 'install-dependencies: %s\n' "$1" >&2
	exit 64
}

install_packages() { # any arguments of "pip install"
	case $PYTHON_INSTALLER in
	uv) uv pip install --quiet --python "$venv" "$@" ;;
	*) python3 -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check "$@" ;;
	esac
}

# Applies PYTHON_CONSTRAINTS to the packages and to the tools that build a package from source: an old package may need
# an old setuptools. The installers read different variables.
constrain() { # constrain REQUIREMENT…
	constraints=$(mktemp)
	printf '%s\n' "$@" >"$constraints"
	export PIP_CONSTRAINT="$constraints" PIP_BUILD_CONSTRAINT="$constraints" UV_CONSTRAINT="$constraints" UV_BUILD_CONSTRAINT="$constraints"
}

# in_project COMMAND…: runs a tool in the project's folder. The files that it writes there are gone after the step.
in_project() (
	[ "${manifest##*/}" = pyproject.toml ] || fail "PYTHON_MANIFEST=$PYTHON_MANIFEST: $PYTHON_INSTALLER reads a lock only beside pyproject.toml."
	cd "$project"
	VIRTUAL_ENV=$venv UV_PROJECT_ENVIRONMENT=$venv "$@"
)

need_lock() { # need_lock TOOL OTHER: TOOL reads TOOL.lock; there may be OTHER.lock instead
	[ ! -f "$project/$1.lock" ] || return 0
	[ ! -f "$project/$2.lock" ] || fail "beside $PYTHON_MANIFEST there is no $1.lock, but a $2.lock. Set PYTHON_INSTALLER=$2 in .env.docker."
	fail "there is no $1.lock beside $PYTHON_MANIFEST. Make one: $1 lock"
}

# A lock contains the addresses of its files, and its tool uses no others. Exported as requirements, the same versions
# come from the index of this build (with-network.sh sets UV_DEFAULT_INDEX to a mirror). Hashes are checked.
install_exported() { # install_exported COMMAND…: the command writes the lock as requirements.txt
	# uv accepts a lock only with the index that it was made with: the one that most lines name.
	index=$(sed -n 's/^source = { registry = "\(.*\)" }$/\1/p' uv.lock 2>/dev/null | sort | uniq -c | sort -rn | sed -n '1s/^ *[0-9]* //p')
	env -u UV_DEFAULT_INDEX -u PIP_INDEX_URL ${index:+"UV_DEFAULT_INDEX=$index"} "$@" || fail "$1.lock cannot be read, or it is older than $PYTHON_MANIFEST. Make it again: $1 lock"
	# The lock has chosen the versions. With hashes, uv accepts only constraints with "==".
	unset UV_CONSTRAINT
	# Folders and git repositories have no hashes. A line with hashes ends in a backslash and goes on below.
	unhashed='^(-e |[.]+/|[^ ]+ @ ).*[^\\]$'
	grep -E "$unhashed" requirements.txt >unhashed.txt || true
	sed -i -E "\\#$unhashed#d" requirements.txt
	install_packages --require-hashes --no-deps -r requirements.txt
	[ ! -s unhashed.txt ] || install_packages --no-deps -r unhashed.txt
}

# Settings that hold several words are split on purpose below.
# shellcheck disable=SC2046,SC2086
main() {
	groups=${PYTHON_GROUPS:-}
	[ "${1:-}" = dev ] && groups="$groups${PYTHON_DEV_GROUPS:+ $PYTHON_DEV_GROUPS}"
	# In a requirements file, the paths of local packages start at the folder in which the installer runs.
	workdir=$(realpath --canonicalize-missing "/app/${APP_WORKDIR:-.}")
	case $(realpath --canonicalize-missing "$manifest") in "$workdir"/*) cd "$workdir" ;; *) cd /app ;; esac
	[ -d "$venv" ] || python3 -m venv --without-pip "$venv"
	[ -z "${PYTHON_CONSTRAINTS:-}" ] || constrain $PYTHON_CONSTRAINTS

	case $PYTHON_INSTALLER:$manifest in
	uv:*/pyproject.toml)
		need_lock uv poetry
		chosen="${PYTHON_EXTRAS:+$(printf ' --extra %s' $PYTHON_EXTRAS)}${groups:+$(printf ' --group %s' $groups)}"
		# "uv sync" downloads from the addresses in the lock, and ignores constraints for build tools.
		if [ -n "${UV_DEFAULT_INDEX:-}${PYTHON_CONSTRAINTS:-}" ]; then
			in_project install_exported uv export --quiet --locked --offline --no-emit-project --no-default-groups \
				--output-file requirements.txt $chosen
		else
			in_project uv sync --quiet --locked --inexact --no-install-project --no-default-groups $chosen
		fi
		;;
	poetry:*)
		need_lock poetry uv
		chosen="${PYTHON_EXTRAS:+$(printf ' --extras %s' $PYTHON_EXTRAS)}$(printf ' --only %s' main $groups)"
		# "poetry install" needs metadata from the index that many mirrors and inspecting networks do not serve.
		in_project install_exported poetry export --quiet --no-interaction --with-credentials ${UV_DEFAULT_INDEX:+--without-urls} \
			--output requirements.txt $chosen
		;;
	*:*/pyproject.toml)
		fail "pip cannot install from pyproject.toml without the project itself. Set PYTHON_INSTALLER=uv or poetry, or name a requirements file."
		;;
	*)
		install_packages -r "$manifest"
		;;
	esac
	# A separate run, because pip does not mix packages with and without hashes.
	[ -z "${PYTHON_EXTRA_PACKAGES:-}" ] || install_packages $PYTHON_EXTRA_PACKAGES
	if [ "${1:-}" = dev ]; then
		if [ -n "${PYTHON_DEV_MANIFEST:-}" ]; then
			dev_manifest=/app/$PYTHON_DEV_MANIFEST
			[ -f "$dev_manifest" ] || fail "PYTHON_DEV_MANIFEST=$PYTHON_DEV_MANIFEST is not in APP_DIR. Correct it in .env.docker, or leave it empty."
			install_packages -r "$dev_manifest"
		fi
		install_packages $DEV_TOOLS ${PYTHON_DEV_PACKAGES:-}
	fi
	# A package's own program finds the application too; servers and celery find it anyway. Not by a path, which would come
	# before the finders of editable packages, and would take the folder of such a package for the package.
	for packages in "$venv"/lib/python*/site-packages; do
		cat <<-PTH >"$packages/application.pth"
			import sys; from importlib.machinery import PathFinder; sys.meta_path.append(type("Application", (), {"find_spec": staticmethod(lambda name, path=None, target=None, find=PathFinder.find_spec: find(name, ["$workdir"]) if path is None else None)}))
		PTH
	done
	# uv leaves a lock file that any user may write to.
	rm -f "$venv/.lock"
	# "|| true": a package may contain files for other Python versions, which do not compile.
	"$venv/bin/python" -m compileall -q -j 0 "$venv/lib" || true
}

main "$@"
