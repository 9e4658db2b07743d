#!/usr/bin/env bats
# shellcheck disable=SC2016 # single quotes: for another shell
# docker/entrypoint.sh: where temporary files go.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

@test "temporary files have a folder of this run alone: what a run that is gone left is deleted, that of a living one stays" {
	local folder=$BATS_TEST_TMPDIR/tmp living
	mkdir -p "$folder/run.gone/deep" "$folder/run.alive" "$folder/other"
	exec {living}<"$folder/run.alive"
	flock "$living"
	run -0 entrypoint TMPDIR="$folder" sh -c '
		touch "$TMPDIR/file"
		! flock --nonblock "$TMPDIR" echo "nobody holds it"
		ls "$0" | sed "s,^run\.......$,run.own," | sort' "$folder"
	assert_output $'other\nrun.alive\nrun.own'
}

@test "where nothing can be written TMPDIR is not handed over" {
	run -0 entrypoint TMPDIR=/nowhere SHOW=TMPDIR tool
	assert_line 'TMPDIR=(not set)'
}
