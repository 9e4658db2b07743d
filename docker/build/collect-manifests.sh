#!/bin/sh
# Copies only the files that decide which packages are installed, so that a change of the source does not install them
# again: collect-manifests.sh APPLICATION TARGET. TARGET/prod gets PYTHON_MANIFEST, and TARGET/dev also gets
# PYTHON_DEV_MANIFEST. Each file keeps its path. The files that a manifest includes are copied too, and so are the local
# packages that it names.
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
	tr -d "\r\"'" <"$1" | sed -nE 's/^[[:space:]]*(-r|-c|--requirement|--constraint)[[:space:]=]*([^[:space:]#]+).*/\2/p' | grep -v '://' || true
}

# local_in FILE: prints the paths of the packages that a requirements file takes from this repository, one per line:
# ./libs/money[pdf], file:wheels/money.whl, money @ file:///app/libs/money. An editable one has -e in front, and a folder
# of packages (--find-links) -f. PROJECT_ROOT is uv's name for the folder in which it runs.
local_in() {
	tr -d "\r\"'" <"$1" | sed -nE 's/^[[:space:]]*//; s/[[:space:]]+(#|--|\\).*//; s/[[:space:]]*;.*//; s/(\/\/\/?)?\$\{PROJECT_ROOT\}\//.\//
		s/^(-f|--find-links)[[:space:]=]*(file:)?(\/\/)?/-f /
		/^(-[ef]|--editable)/!{ /^([[:alnum:]._-]+(\[[^]]*\])?[[:space:]]*@[[:space:]]*)?(file:|\.{1,2}(\/|\[|$)|[^-#:@[:space:]][^:@[:space:]]*\/)/!d; }
		s/^(-e|--editable)[[:space:]=]*/-e /; s/^(-e )?[^@:\/]*@[[:space:]]*/\1/; s/^(-e )?file:(\/\/)?/\1/; s/[#[].*//; /:\/\/|^(-e )?git\+/d; p'
}

# sources_in LOCK: prints the same for uv.lock and poetry.lock.
sources_in() {
	sed -nE -e 's/^source = \{ (editable|virtual|directory|path) = "([^"]*)".*/\2/p' \
		-e '/^type = "(directory|file)"$/{ n; s/^url = "(.*)"$/\1/p; }' "$1"
}

# bring [-e |-f ]PATH BASE WHO FOLDER: copies a local package, or a folder of packages. WHO names PATH, seen from BASE.
bring() {
	option=
	case $1 in -[ef]' '*) option=${1%% *} && set -- "${1#-? }" "$2" "$3" "$4" ;; esac
	case $1 in
	*\$\{*) fail "$1 in $3 has a variable, which no build step knows. Write the path out." ;;
	/app | /app/*) set -- ".${1#/app}" . "$3" "$4" ;;
	esac
	if [ "$option" = -f ]; then
		# The folder may lie beside the file that names it. It may also be missing, which does not stop pip.
		[ ! -e "$application/$(dirname "$3")/$1" ] || set -- "$1" "$(dirname "$3")" "$3" "$4"
		[ -e "$application/$2/$1" ] || { echo "collect-manifests: $1 in $3 is not in APP_DIR: left out." >&2 && return; }
	fi
	name=$(within "$2/$1" "$1 in $3")
	[ -e "$application/$name" ] || fail "$1 in $3 is not in APP_DIR as $name. Correct it; if it is there, a line of .dockerignore hides it."
	if [ -f "$application/$name" ]; then
		install -D --mode 0644 "$application/$name" "$4/$name"
	elif [ "$option" = -e ] && { [ "$name" = "$base" ] || [ "$name" = . ]; }; then
		outline "$name" "$4"
	else
		mkdir -p "$4/$name"
		cp -R "$application/$name/." "$4/$name"
		chmod -R u=rwX,go=rX "$4/$name"
	fi
}

# outline PACKAGE FOLDER: copies only what describes the application as a package. With all of its source, every change
# would install it again. It is installed as editable, so it is imported from its source in /app.
outline() {
	(cd "$application/$1" && {
		find . -maxdepth 1 -type f \( -name '*.toml' -o -name '*.cfg' -o -name '*.in' -o -name '*.txt' -o -name setup.py \
			-o -name 'README*' -o -name 'LICEN[CS]E*' \)
		find . -name node_modules -prune -o -type f \( -name __init__.py -o -name __about__.py -o -name '*version*.py' \) -print
	}) | while read -r file; do install -D --mode 0644 "$application/$1/$file" "$2/$1/$file"; done
}

# take FILE FOLDER: copies a manifest and what it needs into FOLDER. It skips a missing file, because the installer
# knows whether that matters.
take() {
	[ -f "$application/$1" ] && [ ! -e "$2/$1" ] || return 0
	install -D --mode 0644 "$application/$1" "$2/$1"
	case $1 in
	pyproject.toml | */pyproject.toml)
		for lock in uv.lock poetry.lock; do take "${1%pyproject.toml}$lock" "$2"; done
		;;
	*.lock)
		# The project itself is not a package here: Python imports it from its source.
		sources_in "$application/$1" | while read -r path; do [ "$path" = . ] || bring "$path" "$(dirname "$1")" "$1" "$2"; done
		;;
	*.txt | *.in)
		for name in $(included_by "$application/$1"); do
			# A separate assignment, because a failure inside an argument would go unnoticed.
			name=$(within "$(dirname "$1")/$name" "$name in $1")
			take "$name" "$2"
		done
		local_in "$application/$1" | while read -r path; do bring "$path" "$base" "$1" "$2"; done
		;;
	esac
}

manifest=$(within "$PYTHON_MANIFEST" "PYTHON_MANIFEST=$PYTHON_MANIFEST")
[ -f "$application/$manifest" ] || fail "PYTHON_MANIFEST=$PYTHON_MANIFEST is not in APP_DIR. Correct it in .env.docker; if the file is there, a line of .dockerignore hides it."
# For pip, a path starts at the folder in which it runs. install-dependencies.sh chooses the same folder.
base=$(within "${APP_WORKDIR:-.}" "APP_WORKDIR=${APP_WORKDIR:-}")
case $manifest in "$base"/*) ;; *) base=. ;; esac
mkdir -p "$target/prod" "$target/dev"
take "$manifest" "$target/prod"
# With a lock, this is how the project itself is installed too.
case " ${PYTHON_EXTRA_PACKAGES:-} " in *' -e .'[\ \[]*) outline "$base" "$target/prod" ;; esac
cp -R "$target/prod/." "$target/dev"
if [ -n "${PYTHON_DEV_MANIFEST:-}" ]; then
	dev_manifest=$(within "$PYTHON_DEV_MANIFEST" "PYTHON_DEV_MANIFEST=$PYTHON_DEV_MANIFEST")
	take "$dev_manifest" "$target/dev"
fi
