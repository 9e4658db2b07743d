#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for another shell; setup_file exports what is used here
# Two platforms under one name: npm run publish on an engine with containerd's image store, to a registry. Both are of this
# test, and run in namespaces of their own: an engine would take the networks of the one that is here. The image is a file
# that differs between the two, so nothing is emulated; but the builder takes only platforms that something runs. It needs
# root and a Debian family host, so it runs only by its name:  npm run test:template -- --only several

bats_require_minimum_version 1.5.0

cd "$BATS_TEST_DIRNAME/../../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

readonly image=127.0.0.1:5000/team/shop:1.4.0

setup_file() {
	[[ $(docker version --format '{{.Server.Arch}}') == amd64 ]] || skip 'this emulates arm64 on amd64'
	own=$(mktemp -d /tmp/several.XXXX)
	export own env_file=$own/several.env
	local kind usr
	usr=$(dirname "$(dirname "$(readlink -f "$(command -v docker)")")")
	(cd "$own" && apt-get download docker-registry qemu-user-static >/dev/null 2>&1 && for one in *.deb; do dpkg -x "$one" root; done)
	mkdir "$own/context"
	printf '%s\n' 'FROM scratch AS prod' 'ARG TARGETARCH' "COPY \$TARGETARCH /kind" >"$own/context/Dockerfile"
	for kind in amd64 arm64; do echo "$kind" >"$own/context/$kind"; done
	echo "services: { migrate: { build: !override { context: '$own/context', target: prod } } }" >"$own/several.yaml"
	{
		sed '/^COMPOSE_PROFILES=/s/=.*/=/' .env.docker.example
		printf '%s\n' COMPOSE_PROJECT_NAME=several "COMPOSE_FILE=compose.yaml:$own/several.yaml"
	} >"$env_file"
	echo '{ "features": { "containerd-snapshotter": true } }' >"$own/daemon.json"
	printf 'version: 0.1\nstorage: { filesystem: { rootdirectory: %s/images } }\nhttp: { addr: "127.0.0.1:5000" }\n' "$own" >"$own/registry.yaml"
	# The end of the first process is the end of all, and the kernel forgets what was mounted.
	PATH=$usr/sbin:$usr/bin:$PATH unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc '
		ip link set lo up
		mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
		[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || sed "s,:/[^:]*:[A-Z]*\$,:$1/root/usr/bin/qemu-aarch64-static:OCF," "$1"/root/usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register
		"$1/root/usr/bin/docker-registry" serve "$1/registry.yaml" &
		dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" \
			--exec-opt native.cgroupdriver=cgroupfs --bridge none --iptables=false --ip6tables=false --config-file "$1/daemon.json" &
		wait' bash "$own" &>"$own/log" 3>&- &
	echo $! >"$own/first"
	until_ok 30 docker --host "unix://$own/docker.sock" version
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -20 "$own/log"
}

teardown_file() {
	[[ -n ${own:-} ]] || return 0
	kill -KILL "$(<"$own/first")" || true
	until_ok 20 rm -rf "$own"
}

# of_registry PATH: what it answers, asked from where it is.
of_registry() {
	nsenter --net="/proc/$(<"$own/first")/ns/net" curl --silent --fail --header 'Accept: application/vnd.oci.image.index.v1+json' \
		--header 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' "http://127.0.0.1:5000/v2/team/shop/$1"
}

@test "publish pushes two platforms under one name, and prints the digest of both" {
	DOCKER_HOST=unix://$own/docker.sock run -0 npm run --silent publish -- --env-file "$env_file" --platform linux/amd64,linux/arm64 "$image"
	assert_line --regexp "^  $image@sha256:[0-9a-f]{64}$"
	local digest
	digest=$(grep --only-matching 'sha256:[0-9a-f]*$' <<<"$output" | tail -n 1)
	run -0 of_registry "manifests/$digest"
	run -0 grep --only-matching --perl-regexp '"architecture": ?"\K\w+' <<<"$output"
	assert_output $'amd64\narm64'
}
