# Three machines on one. Each node is a dockerd in namespaces of its own (network, processes, mounts, host name), so that
# the end of one process is the end of all that runs there, and nothing of it is mounted afterwards. Between them is a
# switch: a namespace with a bridge, the registry and the visitor, at 10.77.0.1. Node N is 10.77.0.N0. Nothing leaves
# the switch, and an engine of this machine is left alone.

readonly registry=10.77.0.1:5000

# start_nodes FOLDER: returns when the registry and each engine answer.
start_nodes() {
	export nodes=$1
	mkdir -p "$nodes"
	background switch unshare --net sleep infinity
	until_ok 10 has_own_network
	in_switch sh -c 'ip link set lo up && ip link add lan type bridge && ip address add 10.77.0.1/24 dev lan && ip link set lan up'
	start_registry
	local node
	for node in 1 2 3; do start_node "$node"; done
	for node in 1 2 3; do until_ok 30 at "$node" version >/dev/null; done
	until_ok 10 in_switch curl --silent --fail "http://$registry/v2/" >/dev/null
}

# background NAME PROGRAM…: its process id is in NAME.pid, its output in NAME.log.
background() {
	"${@:2}" >"$nodes/$1.log" 2>&1 3>&- &
	echo $! >"$nodes/$1.pid"
}

pid_of() { cat "$nodes/$1.pid"; }

has_own_network() {
	[[ $(readlink "/proc/$(pid_of switch)/ns/net") != "$(readlink /proc/self/ns/net)" ]]
}

# in_switch COMMAND…: runs it like a visitor outside of the cluster.
in_switch() {
	nsenter --net="$(switch_network)" "$@"
}

switch_network() { echo "/proc/$(pid_of switch)/ns/net"; }

# at NODE ARGS…: docker on that node.
at() {
	docker --host "unix://$nodes/$1/docker.sock" "${@:2}"
}

# start_node NODE: starts a node, also one that was killed.
start_node() {
	local folder=$nodes/$1
	mkdir -p "$folder"
	# Of one that was killed, and now the number of another process.
	rm -f "$folder/pid" "$folder/exec/containerd/containerd.pid"
	# bash is the first process of the node, because a first process has to reap orphans. It waits for its cable.
	on_engine_path background "node$1" unshare --net --pid --fork --kill-child --mount --mount-proc --uts bash -c "
		hostname node$1
		until ip link set eth0 up 2>/dev/null; do sleep 0.1; done
		ip link set lo up && ip address add 10.77.0.${1}0/24 dev eth0 && ip route add default via 10.77.0.1
		dockerd --host 'unix://$folder/docker.sock' --data-root '$folder/data' --exec-root '$folder/exec' --pidfile '$folder/pid' \
			--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent '/${nodes##*/}' --insecure-registry $registry --config-file '$folder.json' &
		wait"
	echo '{}' >"$folder.json"
	until_ok 10 in_switch ip link add "port$1" type veth peer name eth0 netns "$(pid_of "node$1")"
	in_switch ip link set "port$1" master lan up
}

# on_engine_path COMMAND…: with the dockerd that lies beside docker first on PATH. The private engine of the room offline
# is told where the libraries of its iptables are.
on_engine_path() {
	local usr receipt
	usr=$(dirname "$(dirname "$(readlink -f "$(command -v docker)")")") receipt=$usr/../../receipt.json
	if [[ -f $receipt ]]; then
		XTABLES_LIBDIR=$(sed -n 's/.*"libraries": *"\([^"]*\)".*/\1/p' "$receipt")/xtables
		export XTABLES_LIBDIR
	fi
	PATH=$usr/sbin:$usr/bin:$PATH "$@"
}

# start_registry: Debian's. It is unpacked, not installed.
start_registry() {
	(cd "$nodes" && apt-get download docker-registry >/dev/null 2>&1 && dpkg -x docker-registry_*.deb registry)
	cat >"$nodes/registry.yaml" <<-CONFIG
		version: 0.1
		storage: { filesystem: { rootdirectory: $nodes/images } }
		http: { addr: "$registry" }
	CONFIG
	background registry nsenter --net="$(switch_network)" "$nodes/registry/usr/bin/docker-registry" serve "$nodes/registry.yaml"
}

# push IMAGE NAME: from this machine's engine to the registry, through the first node.
push() {
	docker save "$1" | at 1 load >/dev/null
	at 1 tag "$1" "$registry/$2"
	at 1 push --quiet "$registry/$2"
}

# kill_node NODE: like a power cut. Every process there ends at once, and the other nodes hear nothing.
kill_node() {
	in_switch ip link delete "port$1"
	kill -KILL "$(pid_of "node$1")"
}

# remove_nodes: whatever state they are in.
remove_nodes() {
	[[ -n ${nodes:-} ]] || return 0
	local name
	for name in node1 node2 node3 registry switch; do
		kill -KILL "$(pid_of "$name")" 2>/dev/null || true
	done
	until_ok 20 rm -rf "$nodes"
	find /sys/fs/cgroup -depth -type d -path "*/${nodes##*/}*" -exec rmdir {} + 2>/dev/null || true
}
