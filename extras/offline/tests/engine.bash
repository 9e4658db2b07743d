# What engine.bats does to a private engine in a network namespace ($NAMESPACE) and a folder ($PRIVATE_ENGINE_DIR) of its own.

has_own_network() {
	[[ $(readlink "/proc/$NAMESPACE/ns/net") != "$(readlink "/proc/$OUTSIDE/ns/net")" ]]
}

# Removes the engine if the code under test is too broken to do it.
remove_by_hand() {
	local pid
	for pid in $(pids_of dockerd) $(pids_of); do
		kill -KILL "$pid" || true
		wait_until is_gone "$pid"
	done
	findmnt --list --noheadings --output TARGET | grep --fixed-strings "$BATS_FILE_TMPDIR" | tac |
		xargs --no-run-if-empty --delimiter='\n' umount
}

# Puts a wrapper of a program that downloads on PATH. The wrapper runs it in the machine's network.
make_downloader() {
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	printf '#!/bin/sh\nexec nsenter --net="/proc/%s/ns/net" "/usr/bin/%s" "$@"\n' "$OUTSIDE" "$1" \
		>"$BATS_FILE_TMPDIR/bin/$1"
	chmod +x "$BATS_FILE_TMPDIR/bin/$1"
}

engine() {
	local enter=()
	[[ -z $NAMESPACE ]] || enter=(nsenter --net="/proc/$NAMESPACE/ns/net")
	# The strictest usual umask: neither the set-up nor a container may depend on it.
	(umask 077 && cd "$PROJECT" && "${enter[@]}" node --import tsx extras/offline/engine.ts "$@" </dev/null)
}

# `docker` as a user runs it by hand.
private_docker() (
	. "$PRIVATE_ENGINE_DIR/activate"
	docker "$@"
)

# Pids of the processes that run a program of the engine's root; with an argument, only that program.
pids_of() {
	local process
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe" 2>/dev/null) in
		"$PRIVATE_ENGINE_DIR/root/"*"${1:-}" | "$PRIVATE_ENGINE_DIR/root/"*"${1:-} (deleted)") echo "${process#/proc/}" ;;
		esac
	done
}

wait_until() {
	local deadline=$((SECONDS + 20))
	until "$@"; do
		((SECONDS < deadline)) || {
			echo "not within 20 seconds: $*" >&2
			return 1
		}
		sleep 0.1
	done
}

is_gone() {
	[[ ! -e /proc/$1/exe ]]
}

kill_dockerd() {
	local pid
	pid=$(pids_of dockerd)
	kill -KILL "$pid"
	wait_until is_gone "$pid"
}

run_folder() {
	local socket
	socket=$(. "$PRIVATE_ENGINE_DIR/activate" && echo "$DOCKER_HOST")
	dirname "${socket#unix://}"
}

# Starts a container from an image that needs no registry: this machine's `sleep` with its libraries.
start_container() {
	local libraries
	mapfile -t libraries < <(ldd /bin/sleep | grep --only-matching '/[^ ]*')
	tar --create --dereference --absolute-names /bin/sleep "${libraries[@]}" | private_docker import - sleeper:latest
	private_docker run --detach --name sleeper --volume "$1:/data" sleeper:latest /bin/sleep 86400
}
