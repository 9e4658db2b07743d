#!/bin/sh
# Copies only the files that decide which packages are installed, so that a change of the source does not install them
# again: collect-manifests.sh APPLICATION TARGET. TARGET/prod gets PYTHON_MANIFEST, and TARGET/dev also gets
# PYTHON_DEV_MANIFEST. Each file keeps its path, and the files that it includes come along.
set -eu

application=$1 target=$2

fail() {
	printf 'collect-manifests: %s\n' "$1" >&2
	exit 64
}

# within NAME WHO: prints the path relative to the application, without "./" and "folder/..".
within() {
	path=$(realpath --no-symlinks --canonicalize-missing --relative-to="$application" "$application/$1")
	case $path in ../*) fail "$2 is outside of APP_DIR, where no build step sees it. Choose a folder above both as APP_DIR, and the application's as APP_WORKDIR." ;; esac
	printf '%s\n' "$path"
}

# included_by FILE: prints the requirements files that it includes (-r, -c), one per line, but not URLs.
included_by() {
	tr -d '\r' <"$1" | sed -nE 's/^[[:space:]]*(-r|-c|--requirement|--constraint)[[:space:]=]*([^[:space:]#]+).*/\2/p' | grep -v '://' || true
}

# take FILE FOLDER: copies a manifest and what it needs into FOLDER. A missing file is left to the installer, which
# knows whether that matters.
take() {
	[ -f "$application/$1" ] && [ ! -e "$2/$1" ] || return 0
	install -D --mode 0644 "$application/$1" "$2/$1"
	case $1 in
	pyproject.toml | */pyproject.toml)
		for lock in uv.lock poetry.lock; do take "${1%pyproject.toml}$lock" "$2"; done
		;;
	*.txt | *.in)
		for name in $(included_by "$application/$1"); do
			# A separate assignment, because a failure inside an argument would go unnoticed.
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
