#!/usr/bin/env bats
# The private engine, set up and broken for real. It has a network namespace of its own, so that it leaves alone the
# bridges and firewall rules of this machine's own engine; only its downloads leave that namespace.

bats_require_minimum_version 1.5.0

load engine

setup_file() {
	# The tests share one engine: a set-up takes half a minute.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export PROJECT="$BATS_TEST_DIRNAME/../../.."
	export PRIVATE_ENGINE_DIR="$BATS_FILE_TMPDIR/cache of a user é 日本/engine"
	unset DOCKER_HOST DOCKER_CONFIG DOCKER_CONTEXT EMBEDDED_ENGINE
	export OUTSIDE=$$
	export NAMESPACE=''

	local refusal
	if ! refusal=$(engine start --dry-run 2>&1); then
		skip "no private engine can be set up here: $refusal"
	elif [[ $refusal == Nothing* ]]; then
		skip "an engine answers here, so no private one is set up"
	fi
	unshare --net sleep infinity 3>&- &
	NAMESPACE=$!
	wait_until has_own_network
	nsenter --net="/proc/$NAMESPACE/ns/net" ip link set lo up
	make_downloader mmdebstrap
	make_downloader apt-get
	export PATH="$BATS_FILE_TMPDIR/bin:$PATH"
}

teardown_file() {
	[[ -n ${NAMESPACE:-} ]] || return 0
	engine remove --yes || remove_by_hand
	kill "$NAMESPACE"
}

setup() {
	load ../../../node_modules/bats-support/load
	load ../../../node_modules/bats-assert/load
}

@test "EMBEDDED_ENGINE=never: start ends with 4 and says how to install Docker" {
	EMBEDDED_ENGINE=never run engine start
	assert_equal "$status" 4
	assert_output --partial 'EMBEDDED_ENGINE=never'
	assert_output --partial 'docs.docker.com/engine/install'
	assert [ ! -e "$PRIVATE_ENGINE_DIR" ]
}

@test "a set-up whose mirror does not answer names the step, ends with 4 and leaves nothing behind" {
	APT_MIRROR=http://127.0.0.1:9/debian run engine start
	assert_equal "$status" 4
	assert_output --partial 'This step failed: Unpacking Docker from Debian packages'
	assert_output --partial 'http://127.0.0.1:9/debian'
	assert_output --partial 'APT_MIRROR'
	assert [ ! -e "$PRIVATE_ENGINE_DIR" ]
}

@test "a set-up that is interrupted leaves nothing behind" {
	cd "$PROJECT"
	setsid nsenter --net="/proc/$NAMESPACE/ns/net" node --import tsx extras/offline/engine.ts start 3>&- &
	local group=$!
	wait_until test -e "$PRIVATE_ENGINE_DIR/root/var/lib"
	kill -TERM -- "-$group"
	local code=0
	wait "$group" || code=$?
	assert_equal "$code" 143
	assert [ ! -e "$PRIVATE_ENGINE_DIR" ]
}

@test "a set-up that is killed while it unpacks does not hinder the next one" {
	cd "$PROJECT"
	nsenter --net="/proc/$NAMESPACE/ns/net" node --import tsx extras/offline/engine.ts start 3>&- &
	local pid=$!
	# No limit: the download may take long.
	until [[ -e $PRIVATE_ENGINE_DIR/root/usr/share ]]; do
		kill -0 "$pid"
		sleep 0.1
	done
	kill -KILL "$pid"
	# This set-up fails at its download, but it tidies up first.
	APT_MIRROR=http://127.0.0.1:9/debian run engine start
	assert_equal "$status" 4
	assert_output --partial 'This step failed: Unpacking Docker from Debian packages'
	assert [ ! -e "$PRIVATE_ENGINE_DIR" ]
}

@test "a set-up from scratch gives an engine that answers, with Compose" {
	run engine start
	assert_success
	assert_output --partial 'engine/activate'
	assert_output --partial 'npm run engine -- remove'

	run --separate-stderr engine status --json
	assert_success
	assert_output --partial '"kind": "private"'
	run private_docker compose version --short
	assert_success
	run private_docker info --format '{{.DockerRootDir}}'
	assert_output "$PRIVATE_ENGINE_DIR/data"
	# Otherwise its build cache grows until the disk is full.
	run private_docker buildx inspect
	assert_output --partial 'GC Policy'
}

@test "packets from other machines to a port on 127.0.0.1 are dropped, as in Docker 28" {
	local tables=("$PRIVATE_ENGINE_DIR"/root/usr/lib/*/xtables)
	run nsenter --net="/proc/$NAMESPACE/ns/net" env XTABLES_LIBDIR="${tables[0]}" "$PRIVATE_ENGINE_DIR/root/usr/sbin/iptables" -t raw -S
	assert_line '-A PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP'
}

@test "starting an engine that runs changes nothing" {
	engine start
	local before
	before=$(pids_of)
	run engine start
	assert_success
	assert_equal "$(pids_of)" "$before"
}

@test "two starts at the same time end in one daemon" {
	engine stop
	engine start 3>&- &
	local first=$!
	engine start 3>&- &
	local second=$!
	wait "$first"
	wait "$second"
	assert_equal "$(pids_of dockerd | wc -l)" 1
}

@test "pid files that name another running program do not hinder a start, and that program goes on" {
	engine start
	local run stranger
	run=$(run_folder)
	engine stop
	sleep 600 3>&- &
	stranger=$!
	mkdir -p "$run/exec/containerd"
	echo "$stranger" | tee "$run/docker.pid" >"$run/exec/containerd/containerd.pid"

	run engine start
	kill "$stranger"
	assert_success
	refute [ "$(cat "$run/docker.pid")" = "$stranger" ]
}

@test "an engine that was killed is started again, with its volumes" {
	engine start
	private_docker volume create kept
	kill_dockerd
	run engine start
	assert_success
	run private_docker volume ls --quiet
	assert_line kept
}

@test "an engine is started after a reboot, which empties /run" {
	engine start
	local run
	run=$(run_folder)
	engine stop
	rm -r "$run"
	run engine start
	assert_success
}

@test "stop leaves no process and no mount, even if the daemon was killed while a container runs" {
	engine start
	local container
	start_container of-a-container
	container=$(private_docker inspect --format '{{.State.Pid}}' sleeper)
	kill_dockerd
	assert [ -e "/proc/$container/exe" ]
	# The kernel may close a file of the daemon a little later than it shows its end.
	(until pids_of dockerd | grep --quiet .; do sleep 0.1; done && while pids_of dockerd | grep --quiet .; do sleep 0.1; done && sleep 1) <"$PRIVATE_ENGINE_DIR/data" 3>&- &

	run engine stop
	assert_success
	assert is_gone "$container"
	assert_equal "$(pids_of)" ''
	run cat /proc/self/mountinfo
	refute_output --partial "$(run_folder)"
	refute_output --partial "${PRIVATE_ENGINE_DIR// /\\040}"
}

@test "a half-made folder is set up again, and its volumes are kept" {
	engine start
	private_docker volume create kept
	local before
	before=$(pids_of dockerd)
	# Files are deleted by hand under a running engine: the worst half-made folder.
	rm -r "$PRIVATE_ENGINE_DIR/receipt.json" "$PRIVATE_ENGINE_DIR/root/usr/lib"
	run engine start
	assert_success
	run private_docker volume ls --quiet
	assert_line kept
	refute [ "$(pids_of dockerd)" = "$before" ]
	assert_equal "$(pids_of dockerd | wc -l)" 1
}

@test "remove refuses to delete volumes unasked: exit code 2, and everything is still there" {
	engine start
	private_docker volume create precious
	run engine remove
	assert_equal "$status" 2
	assert_output --partial precious
	assert_output --partial -- --yes
	run private_docker volume ls --quiet
	assert_line precious
}

@test "remove leaves no file and no process" {
	engine start
	local run
	run=$(run_folder)
	run engine remove --yes
	assert_success
	assert [ ! -e "$PRIVATE_ENGINE_DIR" ]
	assert [ ! -e "$run" ]
	assert_equal "$(pids_of)" ''

	run engine status
	assert_equal "$status" 4
}
