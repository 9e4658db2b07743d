#!/usr/bin/env bats
# docker/python/docker_roles/migrate.py: the lock is held as long as anything of the command runs. The database is a file.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

@test "TERM, and Ctrl-C, reach every part of a line of commands, and migrate outlives them all" {
	local signal
	# bash waits here, so it runs no trap of its own; a TERM to bash alone would leave the other behind.
	export ended=$BATS_TEST_TMPDIR/ended
	# shellcheck disable=SC2016 # for the shell below
	export MIGRATE_COMMAND='bash -c '\''trap "sleep 1; echo >$ended; exit 0" TERM; echo running; while sleep 0.1; do :; done'\'' && true'
	for signal in TERM INT; do
		run -143 terminated_migration "$signal"
		assert rm "$ended"
	done
}
