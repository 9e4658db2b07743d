#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # JavaScript in quotes, one PATH per test; new_stack exports what is used here
# Machines with problems: the message of a command has to be enough to mend them, and nothing half done may be left. The
# full disks, the other user and the old engine are real.

load helpers

setup_file() {
	((EUID == 0)) || skip "only root can make disks and users for these tests"
	# One stack after the other, in one copy.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export repository=$PWD engine_socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
	engine_socket=${engine_socket#unix://}
	# bats' own folder is closed to other users.
	place=$(mktemp --directory /tmp/hosts.XXXXXX)
	chmod 755 "$place"
	new_stack
	mkdir "$place/Mein Projekt: é 日本"
	export place copy="$place/Mein Projekt: é 日本"
	(
		copy_repository "$copy"
		rm node_modules
		mkdir node_modules
		cp "$env_file" .env.docker
		chmod -R u=rwX,go=rX .
	)
}

setup() {
	bats_require_minimum_version 1.5.0
	processes=() mounts=()
}

# Whatever a test has started ends with the test, however the test ends.
teardown() {
	show_stack
	local process
	for process in "${processes[@]}"; do
		kill "$process" && until_ok 20 is_gone "$process"
	done
	((${#mounts[@]} == 0)) || umount --lazy "${mounts[@]}"
}

teardown_file() {
	[[ -n ${place:-} ]] || return 0
	remove_stack
	rm -r "$place"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null || [[ $(ps --no-headers --format stat --pid "$1") == Z* ]]
}

# small_disk SIZE: mounts a file system of this size at $disk.
small_disk() {
	disk=$BATS_TEST_TMPDIR/disk
	mkdir "$disk"
	mount --types tmpfs --options "size=$1" tmpfs "$disk"
	mounts+=("$disk")
}

# command NAME ARG…: `npm run NAME -- ARG…` in this folder, with the scripts of the repository.
command() {
	local script=scripts/$1.ts
	[[ $1 != engine ]] || script=extras/offline/engine.ts
	shift
	node --import "$repository/node_modules/tsx/dist/esm/index.mjs" -- "$repository/$script" "$@"
}

# stranger COMMAND…: runs it as a user who owns nothing and has no home, but is in the group of the socket $socket. The
# engine's programs and our packages may be readable only by root; for this command they are reachable.
stranger() {
	local docker
	docker=$(dirname "$(dirname "$(readlink -f "$(type -P docker)")")")
	unshare --mount bash -euc '
		umask 022
		mkdir -p "$place/bind/docker" "$place/bind/modules"
		mount --bind "$1" "$place/bind/docker"
		mount --bind "$repository/node_modules" "$place/bind/modules"
		case $1 in /root/*)
			mount --types tmpfs --options mode=755 tmpfs /root
			mkdir -p "$1" "${DOCKER_CONFIG:-/root/x}"
			mount --bind "$place/bind/docker" "$1"
			[[ -z ${DOCKER_CONFIG:-} ]] || printf "{\"cliPluginsExtraDirs\":[\"%s\"]}" "$1/libexec/docker/cli-plugins" >"$DOCKER_CONFIG/config.json"
			PATH=$1/bin:$PATH
		esac
		mount --bind "$place/bind/modules" "$copy/node_modules"
		cd "$copy"
		shift
		umask 077
		DOCKER_HOST=unix://$socket HOME=/nonexistent exec setpriv --reuid 4711 --regid 4711 --groups 4712 "$@"
	' bash "$docker/../usr" "$@"
}

# open_socket: the engine behind a socket for members of group 4712, at $socket.
open_socket() {
	export socket=$place/docker.sock
	rm -f "$socket"
	node -e '
		const [to, from] = process.argv.slice(1)
		require("net").createServer({ allowHalfOpen: true }, (client) => {
			const engine = require("net").connect({ path: to, allowHalfOpen: true })
			client.pipe(engine).pipe(client)
			for (const one of [client, engine]) one.on("error", () => { client.destroy(); engine.destroy() })
		}).listen(from)' "$engine_socket" "$socket" 3>&- &
	processes+=($!)
	until_ok 10 test -S "$socket"
	chown 0:4712 "$socket"
	chmod 660 "$socket"
}

# odd_engine VERSION MINIMUM: starts a server at $DOCKER_HOST that answers like an engine of this version and refuses
# commands whose API is older than the minimum.
odd_engine() {
	export DOCKER_HOST=unix://$BATS_TEST_TMPDIR/odd.sock
	node -e '
		const [path, version, minimum] = process.argv.slice(1)
		require("http").createServer((request, response) => {
			response.setHeader("Api-Version", "1.41")
			const refused = minimum && !request.url.startsWith("/_ping")
			response.writeHead(refused ? 400 : 200, { "Content-Type": "application/json" })
			const refusal = `client version 1.41 is too old. Minimum supported API version is ${minimum}, please upgrade your client`
			response.end(JSON.stringify(refused ? { message: refusal } : { Version: version, ApiVersion: "1.41" }))
		}).listen(path)' "${DOCKER_HOST#unix://}" "$1" "${2:-}" 3>&- &
	processes+=($!)
	until_ok 10 test -S "${DOCKER_HOST#unix://}"
}

# without_engine COMMAND…: as on a machine that has no engine.
without_engine() (
	unset DOCKER_HOST DOCKER_CONFIG PRIVATE_ENGINE_DIR
	PATH=$(dirname "$(type -P node)"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	"$@"
)

skip_where_an_engine_is_installed() {
	[[ ! -S /var/run/docker.sock && ! -e /usr/bin/dockerd ]] || skip "this machine has an engine of its own"
}

node_package() {
	local machine
	case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x64 ;; esac
	cd "$BATS_TEST_TMPDIR" || return 1
	npm pack --silent "node-linux-$machine@$1" >/dev/null || skip "the package of Node $1 cannot be downloaded here"
	tar --extract --gzip --file node-linux-*.tgz package/bin/node
	PATH=$PWD/package/bin:$PATH
	cd "$repository" || return 1
}

# --- Node ---

node_runs_the_commands() {
	node_package "$1"
	assert_equal "$(node --version)" "v$1"
	run --separate-stderr command up --dry-run
	assert_success
	assert_output --partial 'docker compose --env-file .env.docker up --detach --wait'
	assert_equal "$stderr" ''
	run --separate-stderr command up --help
	assert_success
	assert_equal "$stderr" ''
	run command env --env-file "$env_file"
	assert_success
	assert_output --partial ' 0 errors'
	refute_output --partial Warning
}

@test "Node 22 runs the commands, without a warning" {
	node_runs_the_commands 22.23.3
}

@test "Node 24 runs the commands, without a warning" {
	node_runs_the_commands 24.21.0
}

# --- Engines ---

@test "an engine that is too old is one sentence and exit code 4" {
	odd_engine 20.10.24
	run command up --env-file "$env_file"
	assert_failure 4
	assert_output --partial 'Docker Engine 20.10.24 is too old: 25.0.0 is the oldest that works.'
}

@test "a command that is too old for its engine is one sentence and exit code 4" {
	odd_engine 99.0.0 1.99
	run command up --env-file "$env_file"
	assert_failure 4
	assert_output --partial 'do not understand each other'
	assert_output --partial 'client version 1.41 is too old'
	assert_output --partial 'Update the older of the two'
}

@test "if no engine can be set up for lack of disk space or rights, the folder is named, and nothing is left in it" {
	skip_where_an_engine_is_installed
	small_disk 60m
	XDG_CACHE_HOME=$disk run without_engine command engine start
	assert_failure 4
	assert_output --regexp "A private engine takes 700 MB, and $disk/python-docker-starter has (59|60) MB left"
	assert_output --partial 'XDG_CACHE_HOME'
	assert_equal "$(find "$disk" -type f)" ''

	mount --options remount,ro "$disk"
	XDG_CACHE_HOME=$disk/of-a-user run without_engine command engine start
	assert_failure 4
	assert_output --partial "$disk/of-a-user/python-docker-starter/engine, but nothing can be written there"
	assert_output --partial 'export XDG_CACHE_HOME=/path'
	refute_output --partial '    at '
}

# --- Disks ---

@test "if the engine's disk is too small for an image, the step that failed and what to delete are named" {
	local dockerd
	dockerd=$(PATH="$(dirname "$(readlink -f "$(type -P docker)")")/../sbin:$PATH" type -P dockerd) || skip "dockerd is not on this machine"
	small_disk 80m
	export DOCKER_HOST=unix://$BATS_TEST_TMPDIR/small.sock
	# In a network namespace of its own: a second dockerd deletes the bridge of the first.
	PATH="$(dirname "$dockerd"):$(dirname "$dockerd")/../bin:$PATH" unshare --net "$dockerd" --host "$DOCKER_HOST" --data-root "$disk/engine" --exec-root "$BATS_TEST_TMPDIR/exec" \
		--pidfile "$BATS_TEST_TMPDIR/pid" --bridge none --iptables=false --ip6tables=false 3>&- &>"$BATS_TEST_TMPDIR/dockerd.log" &
	processes+=($!)
	until_ok 30 docker version

	cd "$BATS_TEST_TMPDIR" || return 1
	cp "$repository/.env.docker.example" .
	printf 'FROM scratch\nCOPY large /\n' >Dockerfile
	head --bytes 150M /dev/zero >large
	printf 'services: { web: { build: ., image: too-large } }\n' >compose.yaml
	printf 'COMPOSE_FILE=compose.yaml\nCOMPOSE_PROJECT_NAME=too-large\nWEB_APP=web:app\nSECRET_KEY=sample-secret-for-local-runs\n' >.env.docker
	run command up
	assert_failure 5
	assert_output --partial 'The image could not be built'
	assert_output --partial 'no space left on device'
	assert_output --partial 'If a disk is full: docker system df'
	assert_output --partial 'docker builder prune'
}

# postgres_id OPTION: of the user that the image runs PostgreSQL as.
postgres_id() {
	compose run --rm --no-deps --no-TTY --entrypoint id postgres "$1"
}

@test "if the disk of a database is full, the command says so" {
	cat >"$BATS_TEST_TMPDIR/small.yaml" <<-END
		volumes:
		  postgres-data:
		    name: $project-small
		    driver_opts: { type: tmpfs, device: tmpfs, o: "size=20m,mode=0700,uid=$(postgres_id --user),gid=$(postgres_id --group)" }
	END
	COMPOSE_FILE=$TEST_COMPOSE_FILES:$BATS_TEST_TMPDIR/small.yaml run command up --env-file "$env_file" --timeout 60
	compose down --timeout 5
	docker volume rm "$project-small"
	assert_failure
	assert_output --partial 'No space left on device'
	assert_output --partial 'A disk is full. docker system df shows what takes up the room'
}

@test "if the disk is full, the env file stays as it was" {
	small_disk 1m
	cp --parents -r docker/app.env .env.docker.example compose.yaml compose.override.yaml "$disk"
	cd "$disk" || return 1
	# Flower's password is missing, and would be added.
	printf 'COMPOSE_PROFILES=flower\n' >.env.docker
	cat /dev/zero >filler 2>/dev/null || true
	run command env --init
	assert_failure 3
	assert_output --partial '.env.docker cannot be written: no space left on device.'
	assert_equal "$(cat .env.docker)" COMPOSE_PROFILES=flower
	assert_equal "$(find . -name '*.tmp')" ''
}

# --- Users and folders ---

@test "a member of the docker group without a home starts the stack, in a folder with blanks, a colon and letters of others" {
	open_socket
	run stranger node --import tsx/esm -- scripts/up.ts
	assert_success
	assert_output --partial 'cannot be written to, and Buildx keeps its state there'
	assert_output --partial 'services are up'
	run stranger node --import tsx/esm -- scripts/seed.ts
	assert_success
}

@test "if the env file cannot be written because the folder belongs to another user, the command says so" {
	open_socket
	mv "$copy/.env.docker" "$place/env"
	run stranger node --import tsx/esm -- scripts/env.ts --init
	mv "$place/env" "$copy/.env.docker"
	assert_failure 3
	assert_output --partial 'It belongs to uid 0, and you are uid 4711.'
}

@test "the build names a source that the user may not read, without a stack trace" {
	open_socket
	chmod go= "$copy/app"
	run stranger node --import tsx/esm -- scripts/up.ts
	chmod go=rx "$copy/app"
	assert_failure 5
	assert_output --regexp 'app: permission denied'
	assert_output --partial 'The image could not be built'
	refute_output --partial '    at '
}

@test "up continues where a killed up has stopped" {
	cd "$copy" || return 1
	command teardown
	setsid node --import "$repository/node_modules/tsx/dist/esm/index.mjs" -- "$repository/scripts/up.ts" --no-build 3>&- &>"$BATS_TEST_TMPDIR/killed" &
	local group=$!
	until_ok 60 docker inspect "$(container postgres)" || fail "$(cat "$BATS_TEST_TMPDIR/killed")"
	kill -KILL -- "-$group"
	run command up
	assert_success
}

@test "up reports a checkout of umask 077 before the start, and the remedy that it names helps" {
	cd "$copy" || return 1
	command teardown
	chmod -R go= app
	run command up --no-build
	assert_failure 3
	assert_output --partial "The containers run as uid 1001 (APP_UID), which may not read $copy/app. Nothing was started."
	assert_equal "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")" ''
	local remedy
	remedy=$(grep --only-matching 'chmod -R a+rX .*' <<<"$output")
	eval "$remedy"
	run command up --no-build
	assert_success
}

@test "if Compose cannot make a project name of the folder's name, --init sets one" {
	mkdir "$place/日本"
	cd "$place/日本" || return 1
	(cd "$repository" && cp --parents docker/app.env .env.docker.example compose.yaml compose.override.yaml "$place/日本")
	mkdir app
	touch app/requirements.txt app/requirements-dev.txt
	command env --init
	run docker compose --env-file .env.docker config --format json
	assert_success
	assert_output --partial '"name": "project-'
	set_in .env.docker COMPOSE_PROJECT_NAME=
	run command up
	assert_failure 3
	assert_output --partial 'Set COMPOSE_PROJECT_NAME in .env.docker'
}
