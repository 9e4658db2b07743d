#!/usr/bin/env bats
# The image that production runs: what is in it, and what is not.
# shellcheck disable=SC2016 # for the containers' shells

load ../helpers

setup() {
	image=$COMPOSE_PROJECT_NAME-app
}

# in_image COMMAND…: runs the command in a container of the image that leaves nothing behind.
in_image() {
	docker run --rm --interactive --network none --cap-drop ALL "$image" "$@"
}

# packages FILE: the names that a requirements file lists.
packages() {
	sed -nE 's/^([A-Za-z0-9][A-Za-z0-9._-]*).*/\1/p' "$1" | tr 'A-Z_.' 'a-z--'
}

@test "the image holds no compiler and no installer" {
	local wanted
	wanted=$(build_setting APT_PACKAGES)
	case " $wanted " in *' gcc'* | *' g++'* | *' clang'* | *' build-essential '*) skip "APT_PACKAGES asks for a compiler: $wanted" ;; esac
	run in_image sh -c 'for tool in gcc cc g++ c++ clang make rustc cargo uv poetry; do command -v $tool; done; ls /opt/venv/bin/pip* 2>/dev/null; true'
	assert_success
	assert_output ''
}

@test "the image holds none of the development tools" {
	local manifest dev names
	manifest=$(build_setting APP_DIR)/$(build_setting PYTHON_MANIFEST)
	dev=$(build_setting PYTHON_DEV_MANIFEST)
	names=$({ sed -nE 's/^ARG DEV_TOOLS="(.*)"/\1/p' Dockerfile && build_setting PYTHON_DEV_PACKAGES; } | tr ' ' '\n' | packages /dev/stdin)
	[[ -z $dev ]] || names+=$'\n'$(packages "$(build_setting APP_DIR)/$dev")
	# Packages that production lists too do not count, and neither do those that one of its packages needs.
	names=$(comm -23 <(sort --unique <<<"$names") <(tr 'A-Z_.' 'a-z--' <"$manifest" | grep --only-matching --extended-regexp '[a-z0-9-]+' | sort --unique))
	[[ -n $names ]]
	# shellcheck disable=SC2086 # a word each
	run in_image python -c "$(cat "$TEST_COPY/tests/docker/leftovers.py")" $names <"$manifest"
	assert_success
	assert_output ''
}

@test "no secret of the env file is in the image's layers, history or configuration" {
	local saved=$BATS_TEST_TMPDIR/saved blob names
	[[ -s $TEST_SECRETS ]] || skip 'the env file has no secrets'
	mkdir "$saved" && cut --delimiter = --fields 2- "$TEST_SECRETS" >"$BATS_TEST_TMPDIR/values"
	docker save "$image" | tar -x -C "$saved"
	docker history --no-trunc "$image" >"$saved/history"
	docker image inspect "$image" >"$saved/inspect"
	while IFS= read -r blob; do
		# The engine may store layers compressed or not. The secret itself is not shown.
		names=$(gzip --decompress --stdout --force "$blob" 2>/dev/null | grep --text --only-matching --fixed-strings --file "$BATS_TEST_TMPDIR/values" |
			sort --unique | grep --fixed-strings --file - "$TEST_SECRETS" | cut --delimiter = --fields 1 | xargs)
		[[ -z $names ]] || fail "the value of $names is in ${blob#"$saved/"}"
	done < <(find "$saved" -type f)
}

@test "the image runs as a numeric user that is not root and can change nothing in it" {
	run docker image inspect --format '{{.Config.User}}' "$image"
	assert_output --regexp '^[1-9][0-9]*(:[0-9]+)?$'
	run in_image find / -xdev '!' -type l -writable -not -path '/proc/*'
	refute_line --regexp '^/(app|bin|etc|lib|opt|sbin|usr)(/|$)'
}

@test "every Python file of the source is in the image, and can be imported there" {
	run npm run --silent check-image -- --env-file "$TEST_ENV_FILE"
	assert_success
}
