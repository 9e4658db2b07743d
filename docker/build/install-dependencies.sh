#!/bin/sh
# Installs the application's dependencies into /opt/venv: install-dependencies.sh [dev]
# It sees the manifests in /manifest and the PYTHON_… settings of .env.docker. With "dev" it adds
# what tests and reloading need.
set -eu

venv=/opt/venv
manifest=/manifest/${PYTHON_MANIFEST##*/}

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

# in_project COMMAND…: runs it beside a copy of the manifests, because the tools write where they look.
in_project() {
	[ "$manifest" = /manifest/pyproject.toml ] || fail "PYTHON_MANIFEST=$PYTHON_MANIFEST: $PYTHON_INSTALLER reads a lock only beside pyproject.toml."
	work=$(mktemp -d)
	cp /manifest/* "$work"
	cd "$work"
	VIRTUAL_ENV=$venv UV_PROJECT_ENVIRONMENT=$venv "$@"
	cd /
	rm -rf "$work"
}

# A lock names the addresses of its files, and its tool asks nobody else. Behind a mirror (with-network.sh sets
# UV_DEFAULT_INDEX) its versions are asked of that, and its hashes are checked.
install_from_mirror() { # install_from_mirror COMMAND…: the command writes the lock as requirements.txt
	# uv takes a lock for up to date only beside the index that it was made with: the one that most lines name.
	index=$(sed -n 's/^source = { registry = "\(.*\)" }$/\1/p' uv.lock 2>/dev/null | sort | uniq -c | sort -rn | sed -n '1s/^ *[0-9]* //p')
	env -u UV_DEFAULT_INDEX -u PIP_INDEX_URL ${index:+"UV_DEFAULT_INDEX=$index"} "$@" || fail "the lock cannot be read, or it is older than $PYTHON_MANIFEST: make it again."
	install_packages --require-hashes --no-deps -r requirements.txt
}

option_each() { # option_each OPTION WORD…  →  OPTION WORD OPTION WORD …
	option=$1
	shift
	for word; do printf '%s %s ' "$option" "$word"; done
}

# Settings that hold several words are split on purpose below.
# shellcheck disable=SC2046,SC2086
main() {
	groups=${PYTHON_GROUPS:-}
	[ "${1:-}" = dev ] && groups="$groups ${PYTHON_DEV_GROUPS:-}"
	[ -d "$venv" ] || python3 -m venv --without-pip "$venv"

	case $PYTHON_INSTALLER:$manifest in
	uv:*/pyproject.toml)
		[ -f /manifest/uv.lock ] || fail "there is no uv.lock beside $PYTHON_MANIFEST. Make one: uv lock"
		chosen="$(option_each --extra ${PYTHON_EXTRAS:-}) $(option_each --group $groups)"
		if [ -n "${UV_DEFAULT_INDEX:-}" ]; then
			in_project install_from_mirror uv export --quiet --locked --offline --no-emit-project --no-default-groups \
				--output-file requirements.txt $chosen
		else
			in_project uv sync --quiet --locked --inexact --no-install-project --no-default-groups $chosen
		fi
		;;
	poetry:*)
		[ -f /manifest/poetry.lock ] || fail "there is no poetry.lock beside $PYTHON_MANIFEST. Make one: poetry lock"
		chosen="$(option_each --extras ${PYTHON_EXTRAS:-}) $(option_each --only main $groups)"
		if [ -n "${UV_DEFAULT_INDEX:-}" ]; then
			in_project install_from_mirror poetry export --quiet --no-interaction --without-urls --output requirements.txt $chosen
		else
			in_project poetry install --no-interaction --no-root $chosen
		fi
		;;
	*:*/pyproject.toml)
		fail "pip installs no pyproject.toml without its project. Set PYTHON_INSTALLER=uv or poetry, or name a requirements file."
		;;
	*)
		install_packages -r "$manifest"
		;;
	esac
	# By themselves: pip takes no package without a hash in the same run as packages with one.
	[ -z "${PYTHON_EXTRA_PACKAGES:-}" ] || install_packages $PYTHON_EXTRA_PACKAGES
	if [ "${1:-}" = dev ]; then
		if [ -n "${PYTHON_DEV_MANIFEST:-}" ]; then
			dev_manifest=/manifest/${PYTHON_DEV_MANIFEST##*/}
			[ -f "$dev_manifest" ] || fail "PYTHON_DEV_MANIFEST=$PYTHON_DEV_MANIFEST is not in APP_DIR. Correct it in .env.docker, or leave it empty."
			install_packages -r "$dev_manifest"
		fi
		install_packages $DEV_TOOLS
	fi
	# uv leaves its lock there, which everybody may write to.
	rm -f "$venv/.lock"
	# A package may carry Python files for other versions, which do not compile.
	"$venv/bin/python" -m compileall -q -j 0 "$venv/lib" || true
}

main "$@"
