#!/usr/bin/env bats
# A site behind mirrors. It is a network namespace with no way out but to a registry and to mirrors of Debian and
# PyPI, each with a password and a certificate of a CA of its own; later that way is cut as well. The mirrors run
# on the engine of the other tests. The site has no engine yet: the scripts set one up. Its name server knows only
# mirrors.test.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # single quotes: for another shell; run sets stderr, helpers.bash project

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export PRIVATE_ENGINE_DIR=$BATS_FILE_TMPDIR/site/engine NAMESPACE='' OUTSIDE=$$
	local refusal
	if ! refusal=$(at_site npm run --silent engine -- start --dry-run 2>&1); then
		skip "no private engine can be set up here: $refusal"
	elif [[ $refusal == Nothing* ]]; then
		skip "an engine answers here, so no private one is set up"
	fi

	# With characters that are special in URLs, shells and apt.
	export password="p@ss:w%rd/k$RANDOM-w$RANDOM" encoded='p%40ss%3Aw%25rd%2F'
	encoded+=${password#*/}
	export secret=${password#*/}
	lay_cable
	new_stack
	start_mirrors
	push_images
	export registry=mirrors.test:$registry_port mirror=https://reader:$encoded@mirrors.test:$mirror_port
	export stranger=https://reader:$encoded@mirrors.test:$stranger_port silent=mirrors.test:$silent_port
	set_in "$env_file" COMPOSE_FILE=compose.yaml:compose.override.yaml IMAGE_REGISTRY="$registry/hub" \
		APT_MIRROR="$mirror/debian" PIP_INDEX_URL="$mirror/simple" EXTRA_CA_FILE="$BATS_FILE_TMPDIR/tls/ca.crt"
	copy_repository "$BATS_FILE_TMPDIR/copy"
	cp "$env_file" .env.docker
	export env_file=$PWD/.env.docker
}

setup() {
	cd "$BATS_FILE_TMPDIR/copy" || return 1
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || docker logs --tail 25 "$mirrors" || true
}

teardown_file() {
	[[ -n ${NAMESPACE:-} ]] || return 0
	cd "$BATS_TEST_DIRNAME/../../.." || return 1
	at_site npm run --silent engine -- remove --yes
	kill "$NAMESPACE"
	ip link delete "$cable" 2>/dev/null || true
	remove_kept
	docker image rm --force "$project-mirrors" >/dev/null
}

# --- the site ---

# at_site COMMAND…: runs it there as a user without an engine, whose shell knows nothing of this machine's CA.
at_site() {
	local enter=()
	# Another tree of mounts begins at its root.
	[[ -z $NAMESPACE ]] ||
		enter=(nsenter --target "$NAMESPACE" --net --mount sh -c 'cd "$0" && exec "$@"' "$PWD")
	env --unset DOCKER_HOST --unset DOCKER_CONFIG --unset DOCKER_CONTEXT --unset SSL_CERT_FILE --unset PIP_CERT \
		--unset REQUESTS_CA_BUNDLE --unset CURL_CA_BUNDLE --unset NODE_EXTRA_CA_CERTS "${enter[@]}" "$@"
}

# docker_there ARGS…: the site's own docker.
docker_there() {
	at_site sh -c '. "$PRIVATE_ENGINE_DIR/activate"; exec docker "$@"' docker "$@"
}

up() { # up [SETTING…]: with these settings changed for once
	cp .env.docker "$BATS_TEST_TMPDIR/settings"
	set_in "$BATS_TEST_TMPDIR/settings" "$@"
	run --separate-stderr at_site npm run --silent up -- --env-file "$BATS_TEST_TMPDIR/settings"
}

# lay_cable: the namespace, and the one way out of it. Sets $outside, the address of this end.
lay_cable() {
	local net=10.$((RANDOM % 256)).$((RANDOM % 256))
	unshare --net --mount --propagation private sleep infinity 3>&- &
	export NAMESPACE=$! cable=mir-$RANDOM outside=$net.1
	until_ok 10 eval '[[ $(readlink /proc/$NAMESPACE/ns/net) != $(readlink /proc/$OUTSIDE/ns/net) ]]'
	ip link add "$cable" type veth peer name out netns "$NAMESPACE"
	ip address add "$outside/30" dev "$cable"
	ip link set "$cable" up
	at_site ip link set lo up
	at_site ip address add "$net.2/30" dev out
	at_site ip link set out up
	# Everything else leads nowhere, and says so at once.
	at_site ip route add unreachable default
	echo "nameserver $outside" >"$BATS_FILE_TMPDIR/resolv.conf"
	at_site mount --bind "$BATS_FILE_TMPDIR/resolv.conf" /etc/resolv.conf
}

# --- the mirrors ---

# make_certificates FOLDER: two for the same names, mirror.pem of the CA in ca.crt, stranger.pem of another one.
make_certificates() {
	docker run --rm --volume "$1:/tls" --workdir /tls "$project-mirrors" sh -euc '
		for name in mirror stranger; do
			openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=CA of $name" -keyout ca.key -out "$name-ca.crt"
			openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout key.pem -out request.pem
			echo "subjectAltName=DNS:mirrors.test" >extensions
			openssl x509 -req -in request.pem -CA "$name-ca.crt" -CAkey ca.key -CAcreateserial -days 2 \
				-extfile extensions -out certificate.pem
			cat key.pem certificate.pem >"$name.pem"
		done
		mv mirror-ca.crt ca.crt' >/dev/null 2>&1
}

# published CONTAINER PORT: the port of $outside under which it is reached.
published() {
	docker port "$1" "$2" | sed -n "s/^$outside://p"
}

start_mirrors() {
	local tls=$BATS_FILE_TMPDIR/tls options=() secrets=()
	mkdir "$tls"
	[[ -z $TEST_EXTRA_CA_FILE ]] || secrets=(--secret "id=extra-ca,src=$TEST_EXTRA_CA_FILE")
	docker build --quiet --tag "$project-mirrors" --build-arg PYTHON_IMAGE="${TEST_PYTHON_IMAGE:?}" "${secrets[@]}" \
		--build-context build=docker/build --file template/tests/docker/mirrors.Dockerfile template/tests/docker >/dev/null
	make_certificates "$tls"
	docker run --rm --interactive "$project-mirrors" htpasswd -inB reader <<<"$password" >"$tls/htpasswd"

	for port in 8080 8443 8444 8999; do options+=(--publish "$outside::$port"); done
	options+=(--publish "$outside:53:53/udp" --env MIRROR_ADDRESS="$outside" --env MIRROR_PASSWORD)
	mirrors=$(MIRROR_PASSWORD=$password keep "${options[@]}" --volume "$tls:/tls:ro" \
		--volume "$PWD/template/tests/docker/mirror.py:/mirror.py:ro" --env SSL_CERT_FILE=/ca.pem \
		--volume "${TEST_EXTRA_CA_FILE:-/etc/ssl/certs/ca-certificates.crt}:/ca.pem:ro" "$project-mirrors" python3 /mirror.py)
	registry_id=$(keep --publish "$outside::5000" --publish 127.0.0.1::5000 --volume "$tls:/tls:ro" \
		--env REGISTRY_HTTP_TLS_CERTIFICATE=/tls/mirror.pem --env REGISTRY_HTTP_TLS_KEY=/tls/mirror.pem \
		--env REGISTRY_AUTH_HTPASSWD_PATH=/tls/htpasswd --env REGISTRY_AUTH_HTPASSWD_REALM=test \
		"$project-mirrors" docker-registry serve /etc/docker/registry/config.yml)
	export mirrors registry_id
	registry_port=$(published "$registry_id" 5000) push_port=$(docker port "$registry_id" 5000 | sed -n 's/^127.0.0.1://p')
	mirror_port=$(published "$mirrors" 8443) stranger_port=$(published "$mirrors" 8444)
	silent_port=$(published "$mirrors" 8999) proxy_port=$(published "$mirrors" 8080)
	export registry_port push_port mirror_port stranger_port silent_port proxy_port
	until_ok 20 curl --silent --insecure --output /dev/null "https://127.0.0.1:$push_port/"
	until_ok 20 at_site curl --silent --cacert "$tls/ca.crt" --output /dev/null "https://mirrors.test:$mirror_port/"
}

push() { # push IMAGE SETTING: under the name that the setting has by default
	local name
	name=127.0.0.1:$push_port/hub/$(sed -n "s/^# $2=//p" .env.docker.example)
	docker tag "$1" "$name"
	# A busy machine may be too slow for a handshake.
	until_ok 120 docker --config "$BATS_FILE_TMPDIR/pusher" push --quiet "$name" >/dev/null
	docker image rm "$name" >/dev/null
}

# push_images: pushes the stack's images under their official names. For 127.0.0.1 an engine needs no CA.
push_images() {
	local model name
	model=$(compose config --format json)
	docker --config "$BATS_FILE_TMPDIR/pusher" login --username reader --password-stdin "127.0.0.1:$push_port" <<<"$password"
	push "$TEST_PYTHON_IMAGE" PYTHON_IMAGE
	for name in postgres redis storage; do push "$(json ".services.$name.image" <<<"$model")" "${name^^}_IMAGE"; done
}

# --- who sees a password ---

# watch_processes FILE: writes down every argument list of this machine that has the password in it, ten times a
# second, until it is killed. Returns when it has been seen to work.
watch_processes() {
	nice python3 - "$1" <<-'PYTHON' 3>&- &
		import glob, os, sys, time
		secret = os.environ["secret"].encode()
		with open(sys.argv[1], "ab", buffering=0) as found:
		    while True:
		        for path in glob.glob("/proc/[0-9]*/cmdline"):
		            try:
		                line = open(path, "rb").read()
		            except OSError:
		                continue
		            if secret in line:
		                found.write(line.replace(b"\0", b" ") + b"\n")
		        time.sleep(0.1)
	PYTHON
	watcher=$!
	sh -c 'sleep 30; true' seen "$secret" 3>&- &
	until_ok 25 grep --quiet 'true seen' "$1"
	kill $!
}

# seen FILE: what it wrote down, without the line that showed that it works.
seen() {
	grep --invert-match 'true seen' "$1" || true
}

# --- from nothing to a stack ---

@test "without a login, up sets up the engine from the mirror, and then says where the login goes: exit code 4" {
	watch_processes "$BATS_FILE_TMPDIR/seen-setting-up"
	run --separate-stderr at_site npm run --silent up
	kill "$watcher"
	assert_failure 4
	output=$stderr
	assert_output --partial 'a private one was set up from Debian packages'
	assert_output --partial "$registry, which IMAGE_REGISTRY names, wants a user and a password"
	assert_output --partial "docker login $registry"
	refute_output --partial "$secret"
	refute_output --partial stand-ins
	run seen "$BATS_FILE_TMPDIR/seen-setting-up"
	assert_output ''
	run grep --recursive --files-with-matches --fixed-strings "$secret" "$PRIVATE_ENGINE_DIR/root/etc" "$PRIVATE_ENGINE_DIR/dockerd.log" \
		"$PRIVATE_ENGINE_DIR/daemon.json" "$PRIVATE_ENGINE_DIR/receipt.json"
	assert_output ''
}

@test "with a login, a whole stack comes up from the registry and the mirrors, and nothing else can be reached" {
	docker_there login --username reader --password-stdin "$registry" <<<"$password"
	watch_processes "$BATS_FILE_TMPDIR/seen"
	run at_site npm run --silent up
	kill "$watcher"
	printf '%s\n' "$output" >"$BATS_FILE_TMPDIR/said"
	assert_success
	assert_output --partial "Pulling $registry/hub/library/postgres:17-trixie"
	run docker_there ps --filter health=healthy --format '{{.Image}}'
	assert_line "$registry/hub/library/postgres:17-trixie"
	assert_line "$project-app:dev"
}

@test "no password is in the output of up, in a process list, in the image, in its history, or in a container" {
	run cat "$BATS_FILE_TMPDIR/said"
	refute_output --partial "$secret"
	run seen "$BATS_FILE_TMPDIR/seen"
	assert_output ''
	docker=docker_there run contains "$project-app:dev" flask
	assert_success
	docker=docker_there run contains "$project-app:dev" "$secret"
	assert_failure
	mapfile -t containers < <(docker_there ps --all --quiet)
	run docker_there inspect "${containers[@]}" "$project-app:dev"
	refute_output --partial "$secret"
}

@test "stand-ins are made through the mirrors too, and keep no password, no login file and no certificate" {
	watch_processes "$BATS_TEST_TMPDIR/seen"
	run at_site sh -c '. "$PRIVATE_ENGINE_DIR/activate"
		export BUILDKIT_PROGRESS=plain
		exec node --import tsx/esm --input-type=module --eval "
			import { loadSettings } from \"./scripts/lib/env/settings.ts\"
			import { ensureStandIns } from \"./extras/offline/stand-ins.ts\"
			await ensureStandIns([\"stand-in/valkey/valkey:9.1-trixie\"], (await loadSettings()).values)"'
	kill "$watcher"
	assert_success
	refute_output --partial "$secret"
	run seen "$BATS_TEST_TMPDIR/seen"
	assert_output ''
	run docker_there run --rm stand-in/debian:trixie sh -c 'cat /etc/apt/sources.list.d/* /etc/apt/sources.list; find /etc/apt -path "*auth*" -type f -o -name "99mmdebstrap"'
	assert_output --partial "https://mirrors.test:$mirror_port/debian"
	refute_output --partial auth
	refute_output --partial 99mmdebstrap
	local image
	for image in debian:trixie valkey/valkey:9.1-trixie; do
		docker=docker_there run contains "stand-in/$image" "$secret"
		assert_failure
		docker=docker_there run contains "stand-in/$image" "$(sed -n 5p "$BATS_FILE_TMPDIR/tls/ca.crt")"
		assert_failure
	done
}

# --- wrong settings ---

# refused CODE SENTENCE SETTING…: up ends with this code and says this.
refused() {
	up "${@:3}"
	assert_failure "$1"
	output=$stderr
	assert_output --partial "$2"
	refute_output --partial "$secret"
	refute_output --partial 'are used instead'
}

@test "a registry that has no such image, or cannot be trusted, is one sentence each, exit code 4, and no stand-ins" {
	refused 4 "$registry, which IMAGE_REGISTRY names, has no image $registry/nowhere/" IMAGE_REGISTRY="$registry/nowhere"
	refused 4 "does not trust the certificate of mirrors.test:$stranger_port" IMAGE_REGISTRY="mirrors.test:$stranger_port/hub"
	assert_output --partial "/etc/docker/certs.d/mirrors.test:$stranger_port/ca.crt"
	refused 4 'mirrors.test:1, which IMAGE_REGISTRY names, does not answer' IMAGE_REGISTRY=mirrors.test:1/hub
	refused 4 'no-such.test, which IMAGE_REGISTRY names, does not answer' IMAGE_REGISTRY=no-such.test
	refused 3 'IMAGE_REGISTRY has to be a host, perhaps with a path, without a scheme' IMAGE_REGISTRY="https://$registry"
}

@test "up waits for a registry that accepts a connection and never answers, and does not report it as absent" {
	SECONDS=0
	refused 4 "$silent, which IMAGE_REGISTRY names, is there, but too slow for $silent/hub/" IMAGE_REGISTRY="$silent/hub"
	echo "# a silent registry cost $SECONDS s" >&3
	assert [ "$SECONDS" -lt 60 ]
}

@test "the CA of a registry, put where the engine looks, is enough without a restart" {
	local folder=/etc/docker/certs.d/mirrors.test:$stranger_port
	mkdir -p "$folder"
	cp "$BATS_FILE_TMPDIR/tls/stranger-ca.crt" "$folder/ca.crt"
	up IMAGE_REGISTRY="mirrors.test:$stranger_port/hub"
	rm -r "$folder"
	rmdir --ignore-fail-on-non-empty /etc/docker/certs.d /etc/docker
	# It is no registry, but it did answer.
	assert_failure 4
	output=$stderr
	refute_output --partial certificate
}

@test "a mirror that refuses, lacks or fakes a package is one sentence that names the setting, and exit code 5" {
	local other=${mirror/$encoded/wrong} apt=APT_PACKAGES=jq pip=PYTHON_EXTRA_PACKAGES=starter-fixture==1.0
	refused 5 'with-network: the mirror of APT_MIRROR refuses the user or the password' $apt APT_MIRROR="$other/debian"
	refused 5 'with-network: the mirror of APT_MIRROR does not have all' $apt APT_MIRROR="$mirror/nowhere/debian"
	refused 5 'with-network: the certificate of the mirror of APT_MIRROR is not trusted' $apt APT_MIRROR="$stranger/debian"
	refused 5 'with-network: the mirror of PIP_INDEX_URL refuses the user or the password' $pip PIP_INDEX_URL="$other/simple"
	refused 5 'with-network: the mirror of PIP_INDEX_URL does not have all' $pip PIP_INDEX_URL="$mirror/nowhere"
	refused 5 'with-network: the certificate of the mirror of PIP_INDEX_URL is not trusted' $pip PIP_INDEX_URL="$stranger/simple"
	refused 3 'EXTRA_CA_FILE has to be a file' EXTRA_CA_FILE=no/such.pem
}

# --- proxies ---

# build_base SETTING…: the first stage of the image, with another package in it, on the site's engine.
build_base() {
	cp .env.docker "$BATS_TEST_TMPDIR/settings"
	set_in "$BATS_TEST_TMPDIR/settings" "$@"
	echo "services: { migrate: { image: $project-base, build: { target: base } } }" >"$BATS_TEST_TMPDIR/base.yaml"
	run at_site sh -c '. "$PRIVATE_ENGINE_DIR/activate"; COMPOSE_FILE=compose.yaml:$1/base.yaml exec docker compose \
		--env-file "$1/settings" --progress plain build' sh "$BATS_TEST_TMPDIR"
}

@test "a build goes through HTTP_PROXY, whose password is stored nowhere" {
	local settings=(APT_PACKAGES=jq APT_MIRROR=http://debian.test/debian)
	build_base "${settings[@]}" HTTP_PROXY="http://reader:wrong@$outside:$proxy_port"
	assert_failure
	assert_output --partial 'with-network: the proxy wants another user or password. Compare HTTP_PROXY'
	build_base "${settings[@]}" HTTP_PROXY="http://reader:$encoded@$outside:$proxy_port"
	assert_success
	refute_output --partial "$secret"
	run docker logs "$mirrors"
	assert_output --partial '"GET http://debian.test/debian/dists/'
	docker=docker_there run contains "$project-base" "$secret"
	assert_failure
	run docker_there inspect "$project-base"
	refute_output --partial "$secret"
}

@test "without HTTP_PROXY, a build goes through the proxy of the client's config.json" {
	local config=$PRIVATE_ENGINE_DIR/config/config.json
	cp "$config" "$BATS_TEST_TMPDIR/config.json"
	PROXY="http://reader:$encoded@$outside:$proxy_port" node -e 'const fs = require("fs"), [file] = process.argv.slice(1)
		const proxies = { default: { httpProxy: process.env.PROXY } }
		fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file)), proxies }))' "$config"
	build_base APT_PACKAGES=tree APT_MIRROR=http://debian.test/debian
	cp "$BATS_TEST_TMPDIR/config.json" "$config"
	assert_success
}

# --- no network at all ---

cut_network() {
	at_site ip link set out down
	run ! at_site curl --silent --max-time 5 "$mirror/simple/"
}

@test "with the network cut, up starts from what is there, and builds a change of the source" {
	cut_network
	at_site npm run --silent teardown
	local started=$EPOCHREALTIME
	run at_site npm run --silent up
	assert_success
	echo "# up without a network: $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }") s" >&3
	echo '# a change' >>app/stories/__init__.py
	run at_site npm run --silent up
	assert_success
	run docker_there exec "$(container web)" tail -n 1 /app/stories/__init__.py
	assert_output '# a change'
}

@test "up --no-build needs only images that were saved and loaded: no network, no cache, no base image" {
	local images all
	cut_network
	at_site npm run --silent teardown
	images=$(docker_there compose --env-file .env.docker config --images | sort -u)
	# shellcheck disable=SC2086 # several words
	docker_there save --output "$BATS_TEST_TMPDIR/images.tar" $images
	mapfile -t all < <(docker_there image ls --quiet | sort -u)
	docker_there image rm --force "${all[@]}" >/dev/null
	docker_there builder prune --all --force >/dev/null
	docker_there load --input "$BATS_TEST_TMPDIR/images.tar"
	run at_site npm run --silent up -- --no-build
	assert_success
}
