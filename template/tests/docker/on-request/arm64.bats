#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for the containers' shells; setup_file exports what is used here
# The application's image for arm64 on a machine of another kind: built and pushed by npm run publish, and run. It takes
# many minutes, so it runs only by its name:  npm run test:template -- --only arm64
#
# QEMU runs the foreign programs. A container registers it with the kernel, which forgets it when the container is gone.
# If no registry answers, the base image is made of Debian's packages for arm64, and kept.

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

setup_file() {
	[[ $(docker version --format '{{.Server.Arch}}') != arm64 ]] || skip 'this machine is arm64: the whole suite runs on it'
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	local port=$((20000 + RANDOM % 6000)) files=${TEST_COMPOSE_FILES:-compose.yaml:compose.override.yaml} base=arm64.test/library/python:3.13-slim-trixie
	files=${files/:compose.override.yaml/}
	export project env_file image=127.0.0.1:$port/team/shop:1.4.0 emulator=$project-emulator
	cat >"$BATS_FILE_TMPDIR/Dockerfile" <<-DOCKERFILE
		FROM ${TEST_PYTHON_IMAGE:-python:3.13-slim-trixie}
		RUN apt-get update && apt-get install --yes --no-install-recommends arch-test debian-archive-keyring docker-registry mmdebstrap qemu-user-static
	DOCKERFILE
	docker build --quiet --tag "$emulator" - <"$BATS_FILE_TMPDIR/Dockerfile"
	docker run --detach --name "$emulator" --privileged --publish "127.0.0.1:$port:5000" "$emulator" sh -euc '
		mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
		[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] ||
			sed "s,:/[^:]*:[A-Z]*\$,:/usr/bin/qemu-aarch64-static:OCF," /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register
		printf "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\nhttp:\n  addr: :5000\n" >/tmp/registry.yaml
		exec docker-registry serve /tmp/registry.yaml'
	until_ok 30 docker exec "$emulator" arch-test arm64
	{
		sed '/^COMPOSE_PROFILES=/s/,\(beat\|flower\)//g' .env.docker.example
		printf '%s\n' "COMPOSE_PROJECT_NAME=$project" COMPOSE_FILE=compose.yaml "EXTRA_CA_FILE=${TEST_EXTRA_CA_FILE:-}" WEB_CONCURRENCY=1 WORKER_CONCURRENCY=1
		[[ ${TEST_PYTHON_IMAGE:-} != stand-in/* ]] || echo IMAGE_REGISTRY=arm64.test
	} >"$env_file"
	[[ ${TEST_PYTHON_IMAGE:-} != stand-in/* ]] || docker image inspect "$base" &>/dev/null || timed 'the base of Debian packages' make_base "$base"
	# The stack then runs our own images for arm64, and the others as they are on this machine.
	export running=$BATS_FILE_TMPDIR/running.yaml stack_files=$files:$BATS_FILE_TMPDIR/running.yaml
	local service
	{
		echo 'services:'
		for service in migrate web worker; do
			echo "  $service: { image: \"$image\", platform: linux/arm64, pull_policy: never, build: !reset null, healthcheck: { start_period: 900s } }"
		done
	} >"$running"
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || COMPOSE_FILE=$stack_files compose logs --no-color --tail 25 || true
}

teardown_file() {
	[[ -n ${project:-} ]] || return 0
	COMPOSE_FILE=$stack_files compose --profile '*' down --volumes --timeout 20 &>/dev/null || true
	docker rm --force --volumes "$emulator" >/dev/null
	docker image rm --force "$emulator" "$image" &>/dev/null || true
}

# timed WHAT COMMAND…: prints how long it took.
timed() {
	local began=$SECONDS status=0
	"${@:2}" || status=$?
	echo "# $1: $((SECONDS - began)) s" >&3
	return "$status"
}

make_base() { # make_base IMAGE: as extras/offline/images/python.Dockerfile makes it
	docker exec "$emulator" mmdebstrap --quiet --architectures=arm64 --variant=minbase \
		--include=ca-certificates,netbase,python3,python3-pip,python3-venv,tzdata \
		--customize-hook='rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED; ln -s python3 "$1/usr/bin/python"; ln -s /usr/bin/python3 "$1/usr/local/bin/python3"' \
		trixie - | docker import --platform linux/arm64 --change 'ENV LANG=C.UTF-8' - "$1" >/dev/null
}

@test "publish builds the image for arm64, labels it and pushes it" {
	timed 'build and push' npm run --silent publish -- --env-file "$env_file" --platform linux/arm64 "$image" &>"$BATS_TEST_TMPDIR/said" ||
		{ tail -40 "$BATS_TEST_TMPDIR/said" && return 1; }
	grep --extended-regexp "$image@sha256:[0-9a-f]{64}$" "$BATS_TEST_TMPDIR/said"
	docker image rm --force "$image" &>/dev/null || true
	docker pull --quiet --platform linux/arm64 "$image"
	run -0 docker image inspect --format '{{.Architecture}} {{index .Config.Labels "org.opencontainers.image.version"}} {{index .Config.Labels "org.opencontainers.image.revision"}}' "$image"
	assert_output --regexp '^arm64 1\.4\.0 [0-9a-f]{40}'
	echo "# size: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB" >&3
}

@test "web and worker of that image are healthy under emulation, and a task is done" {
	export COMPOSE_FILE=$stack_files
	# Only the image's own base was for arm64.
	export IMAGE_REGISTRY=
	timed 'until web and worker are healthy' compose up --detach --no-build --wait --wait-timeout 900 web worker
	run -0 docker exec "$(container web)" python -c 'import platform; print(platform.machine())'
	assert_output aarch64
	task() { docker exec --interactive "$(container worker)" entrypoint.sh python - 'done' <tests/docker/task.py; }
	timed 'a task' until_ok 600 task
	compose stop --timeout 60 web worker
	run docker inspect --format '{{.State.ExitCode}}' "$(container web)" "$(container worker)"
	refute_output --partial 137
}
