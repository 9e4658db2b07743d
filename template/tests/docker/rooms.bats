#!/usr/bin/env bats
# shellcheck disable=SC2154 # helpers.bash and new_stack export what is used here
# Folders that somebody deletes, as adopt does it: what is left type-checks, keeps its own tests green, and works.
# Rooms go one by one and all together. Where template/ goes, what belongs to it goes as well.

bats_require_minimum_version 1.5.0

load helpers

setup() {
	copy_repository "$BATS_TEST_TMPDIR/copy"
	# Tests ask git for the files.
	git init --quiet
}

teardown() {
	show_stack
	[[ -n ${project:-} ]] || return 0
	remove_stack
	docker image ls --format '{{.Repository}}:{{.Tag}}' | grep "^${project}[.]test/" | xargs --no-run-if-empty docker image rm >/dev/null
}

# use_what_is_here: where no registry answers, the stand-ins of this machine get names of a private registry, as if somebody
# had loaded its images, because the room that selects stand-ins is gone.
use_what_is_here() {
	local image
	[[ $TEST_PYTHON_IMAGE == stand-in/* ]] || return 0
	set_in "$env_file" IMAGE_REGISTRY="$project.test"
	for image in $(docker image ls --format '{{.Repository}}:{{.Tag}}' 'stand-in/*/*'); do docker tag "$image" "$project.test/${image#stand-in/}"; done
}

# remove FOLDER…: from the copy, and from git.
remove() {
	rm -r "$@"
	git add --all
}

# commands_work [FOLDER…]: the type check of these folders, or of all that tsconfig.json names, and what every command begins with.
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

# tests_pass FOLDER…: those of the scripts, which run every command against a fake Docker.
tests_pass() {
	run npx vitest run "$@"
	assert_success
	assert_output --regexp 'Tests .*[0-9]+ passed'
	refute_output --regexp 'Tests .*failed'
}

@test "without template/ the core and every room are well" {
	remove template
	commands_work
	tests_pass tests extras
}

@test "without any one of the rooms the core and the others are well" {
	local room kept=$BATS_TEST_TMPDIR/room
	remove template
	for room in extras/*; do
		echo "without $room"
		mv "$room" "$kept"
		git add --all
		# What imports it, the type check tells. The next test runs the core's own tests without any room.
		commands_work
		mv "$kept" "$room"
	done
}

@test "without the rooms the core is well, whatever the template needs them for" {
	remove extras
	commands_work scripts tests
	# "tests" alone would be template/tests as well.
	tests_pass tests --exclude 'template/**'
}

@test "without rooms and template the core is well, a stack comes up, and the contract suite runs" {
	remove extras template
	commands_work
	tests_pass tests
	new_stack COMPOSE_FILE=compose.yaml:compose.override.yaml
	use_what_is_here
	mv "$env_file" .env.docker
	export env_file=$PWD/.env.docker
	run -0 npm run --silent up
	assert_output --partial 'services are up'
	assert_equal "$(curl --silent --fail --output /dev/null --write-out '%{http_code}' "$web/healthz")" 200
	# What the whole suite says of it, npm test has shown with them.
	run npm run --silent test:docker -- --only queue
	assert_success
	assert_output --regexp '[0-9]+ passed, 0 failed'
}
