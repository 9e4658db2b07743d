#!/usr/bin/env bats
# If the owner deletes some of these folders, the rest passes the type check and its tests, and its commands start.
# adopt deletes all of them by default: adopt.bats has the tests, the stack and the contract suite for that.

bats_require_minimum_version 1.5.0

load helpers

setup() {
	copy_repository "$BATS_TEST_TMPDIR/copy"
	# Tests ask git for the files.
	git init --quiet
}

# remove FOLDER…: from the copy, and from git.
remove() {
	rm -r "$@"
	git add --all
}

# commands_work [FOLDER…]: runs the type check of these folders, or of all in tsconfig.json, and starts every command.
commands_work() {
	if (($# > 0)); then
		printf '{ "extends": "./tsconfig.json", "include": [%s] }' "$(printf '"%s",' "$@" | sed 's/,$//')" >tsconfig.part.json
		run -0 npx tsc --project tsconfig.part.json
		rm tsconfig.part.json
	else
		run -0 npx tsc
	fi
	run -0 npm run --silent env -- --init
	run -0 npm run --silent env
	assert_output --partial ' 0 errors'
	run -0 npm run --silent up -- --dry-run
	assert_output --partial 'up --detach --wait'
	local name
	for name in migrate seed teardown; do
		run -0 npm run --silent "$name" -- --dry-run
		assert_output --partial 'docker compose'
	done
	for name in up env doctor migrate seed teardown check-image test:docker; do
		run -0 npm run --silent "$name" -- --help
	done
}

# tests_pass FOLDER…: runs the tests of the scripts, which run every command against a fake Docker.
tests_pass() {
	run npx vitest run "$@"
	assert_success
	assert_output --regexp 'Tests .*[0-9]+ passed'
	refute_output --regexp 'Tests .*failed'
}

@test "without template/ the core and every room work" {
	remove template
	commands_work
	tests_pass extras
}

@test "without any one of the rooms the core and the others work" {
	local room kept=$BATS_TEST_TMPDIR/room
	remove template
	for room in extras/*; do
		echo "without $room"
		mv "$room" "$kept"
		git add --all
		# The type check finds imports of the room, and its settings are not missed.
		run -0 npx tsc
		run -0 npm run --silent env -- --init
		run -0 npm run --silent env
		assert_output --partial ' 0 errors'
		mv "$kept" "$room"
	done
}

@test "without the rooms the core works, whatever the template needs them for" {
	remove extras
	commands_work scripts tests
}
