#!/bin/sh
# Copies what decides which packages are installed, and nothing else of the application, so that a change of its
# source does not install them again: collect-manifests.sh APPLICATION TARGET. TARGET/prod gets PYTHON_MANIFEST,
# TARGET/dev PYTHON_DEV_MANIFEST as well, each at its own place with what it includes.
set -eu

application=$1 target=$2

fail() {
	printf 'collect-manifests: %s\n' "$1" >&2
	exit 64
}

# within NAME WHO: the same file seen from the application, without "./" and "folder/..".
within() {
	path=$(realpath --no-symlinks --canonicalize-missing --relative-to="$application" "$application/$1")
	case $path in ../*) fail "$2 is outside of APP_DIR, where no build step sees it. Choose a folder above both as APP_DIR, and the application's as APP_WORKDIR." ;; esac
	printf '%s\n' "$path"
}

# The requirements files that one includes (-r, -c), one a line; not those behind an address.
included_by() {
	tr -d '\r' <"$1" | sed -nE 's/^[[:space:]]*(-r|-c|--requirement|--constraint)[[:space:]=]*([^[:space:]#]+).*/\2/p' | grep -v '://' || true
}

# take FILE FOLDER: a manifest, seen from the application, into FOLDER, with what it needs. One that is not there is
# left to the installer, which knows whether that matters.
take() {
	[ -f "$application/$1" ] && [ ! -e "$2/$1" ] || return 0
	install -D --mode 0644 "$application/$1" "$2/$1"
	case $1 in
	pyproject.toml | */pyproject.toml)
		for lock in uv.lock poetry.lock; do take "${1%pyproject.toml}$lock" "$2"; done
		;;
	*.txt | *.in)
		for name in $(included_by "$application/$1"); do
			# An assignment of its own: a failure within an argument would go unnoticed.
			name=$(within "$(dirname "$1")/$name" "$name in $1")
			take "$name" "$2"
		done
		;;
	esac
}

manifest=$(within "$PYTHON_MANIFEST" "PYTHON_MANIFEST=$PYTHON_MANIFEST")
[ -f "$application/$manifest" ] || fail "PYTHON_MANIFEST=$PYTHON_MANIFEST is not in APP_DIR. Correct it in .env.docker; if the file is there, a line of .dockerignore hides it."
mkdir -p "$target/prod" "$target/dev"
take "$manifest" "$target/prod"
cp -R "$target/prod/." "$target/dev"
if [ -n "${PYTHON_DEV_MANIFEST:-}" ]; then
	dev_manifest=$(within "$PYTHON_DEV_MANIFEST" "PYTHON_DEV_MANIFEST=$PYTHON_DEV_MANIFEST")
	take "$dev_manifest" "$target/dev"
fi
