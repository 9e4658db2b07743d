#!/usr/bin/env bats
# shellcheck disable=SC2016 # single quotes: for another shell
# docker/entrypoint.sh: where temporary files go.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

@test "each run has its own folder for temporary files; that of a dead run is deleted, and that of a living run stays" {
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

@test "runs that start at once, as the roles do, keep their folders" {
	local folder=$BATS_TEST_TMPDIR/tmp
	mkdir "$folder"
	for _ in 1 2 3; do
		for _ in {1..5}; do
			env TMPDIR="$folder" PATH="$FAKES:$PATH" sh "$ENTRYPOINT" sh -c 'sleep 0.3; test -d "$TMPDIR" || echo "it is gone"' >>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
		done
		wait
	done
	run cat "$BATS_TEST_TMPDIR/said"
	assert_output ''
}

@test "if nothing can be written, TMPDIR is not passed on" {
	run -0 entrypoint TMPDIR=/nowhere SHOW=TMPDIR tool
	assert_line 'TMPDIR=(not set)'
}
