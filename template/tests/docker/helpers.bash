# Shared by the tests that need a daemon. Each file gets a project of its own: random name, free ports,
# nothing left behind. `npm run test:docker` has found the engine and the images before it starts them.

cd "$BATS_TEST_DIRNAME/../../.." || exit 1
# shellcheck source=tests/docker/stack.bash
source tests/docker/stack.bash

# The tests expect the output for people, even if a workflow runs them.
unset GITHUB_ACTIONS

# free_port: a free port of 127.0.0.1 that no other test of this run gets. It is outside the range from which the kernel
# takes ports.
free_port() {
	local claims=${TEST_PORTS:-$BATS_RUN_TMPDIR/ports} port
	mkdir -p "$claims"
	until port=$((20000 + RANDOM % 12000)) && mkdir "$claims/$port" 2>/dev/null && ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
	echo "$port"
}

# new_stack [NAME=VALUE…]: an env file for a stack of its own, with these settings changed. Sets $project,
# $env_file, $web, $flower and $storage; export them in setup_file.
new_stack() {
	new_stack_from .env.docker.example "$@"
}

# new_stack_from FILE [NAME=VALUE…]: the same from another env file, such as an example's.
new_stack_from() {
	local web_port flower_port storage_port
	project=test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
	env_file=$BATS_FILE_TMPDIR/$project.env
	cp "$1" "$env_file"
	shift
	web_port=$(free_port) flower_port=$(free_port) storage_port=$(free_port)
	web=http://127.0.0.1:$web_port flower=http://127.0.0.1:$flower_port storage=http://127.0.0.1:$storage_port
	set_in "$env_file" COMPOSE_PROJECT_NAME="$project" COMPOSE_FILE="${TEST_COMPOSE_FILES:?run npm run test:docker}" \
		EXTRA_CA_FILE="$TEST_EXTRA_CA_FILE" WEB_PORT="$web_port" FLOWER_PORT="$flower_port" \
		STORAGE_PORT="$storage_port" S3_PUBLIC_URL="$storage" "$@"
	export project env_file web flower storage
}

# set_in FILE NAME=VALUE…: gives settings another value. Each stands where it stood, or where its default stands as a
# comment, or before the first line that refers to it, because a reference finds only what is above it; else at the end.
set_in() {
	local file=$1 pair
	shift
	for pair; do
		# By the environment, because awk would take a backslash in -v for its own.
		new=$pair awk -v name="${pair%%=*}" '
			function rank(line) {
				if (index(line, name "=") == 1) return 1
				if (index(line, "# " name "=") == 1) return 2
				return line !~ /^#/ && index(line, "${" name) ? 3 : 4
			}
			FNR == NR { found = rank($0); if (!best || found < best) { best = found; at = FNR } next }
			FNR == at && best == 3 { print ENVIRON["new"] }
			FNR == at && best < 3 { print ENVIRON["new"]; next }
			best == 1 && rank($0) == 1 { next }
			{ print }
			END { if (!best || best == 4) print ENVIRON["new"] }' "$file" "$file" >"$file.changed"
		mv "$file.changed" "$file"
	done
}

# documented PAGE END: the command of this page that ends so, without the indentation of Markdown
documented() {
	sed -n "s#^    \\(.*$2\\)\$#\\1#p" "$1"
}

# build_images: prints nothing, unless it fails: then everything that the last steps said.
build_images() {
	local log=$BATS_FILE_TMPDIR/build.log
	docker compose --env-file "$env_file" --progress plain build &>"$log" && return
	tail --lines 60 "$log"
	return 1
}

start_stack() {
	build_images
	compose up --detach --wait --wait-timeout 180 "$@"
}

# remove_stack: everything of this project, whatever state it is in.
remove_stack() {
	[[ -n ${env_file:-} ]] || return 0
	compose --profile '*' down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
	docker image rm --force "$project-app:dev" "$project-app" >/dev/null 2>&1 || true
	# Every rebuild left the image before it without a name.
	docker image prune --force --filter "label=com.docker.compose.project=$project" >/dev/null || true
}

# keep [OPTION…] IMAGE [COMMAND…]: a container in the background until remove_kept, which belongs into
# teardown; prints its id.
keep() {
	docker run --detach --label "kept-for=$project-${BATS_TEST_NUMBER:-file}" "$@"
}

remove_kept() {
	docker ps --all --quiet --filter "label=kept-for=${project:-}-${BATS_TEST_NUMBER:-file}" |
		xargs --no-run-if-empty docker rm --force --volumes >/dev/null
}

# shellcheck disable=SC2154 # $lines is bats'
# run_alone SERVICE…: these are healthy, no other service runs, and the migration has succeeded.
run_alone() {
	local service
	run docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Label "com.docker.compose.service"}} {{.Status}}'
	assert_equal "${#lines[@]}" $#
	for service; do assert_line --regexp "^$service .*\\(healthy\\)"; done
	run state '{{.State.Status}} {{.State.ExitCode}}' migrate
	assert_output 'exited 0'
}

# caught SERVICE COMMAND…: pauses the service, and checks that the command succeeds. For until_ok, to catch a task in
# the middle on a machine of any speed; `compose unpause` or `compose stop` lets it go on.
caught() {
	# Not by Compose, which takes its time to begin.
	docker pause "$(container "$1")"
	"${@:2}" && return
	docker unpause "$(container "$1")"
	return 1
}

# contains IMAGE TEXT: whether any layer, the configuration or the history holds it. $docker is another command
# for the images of another engine.
contains() {
	local docker=${docker:-docker} saved=$BATS_TEST_TMPDIR/saved blob
	rm -rf "$saved"
	mkdir "$saved"
	"$docker" save "$1" | tar -x -C "$saved"
	"$docker" history --no-trunc "$1" >"$saved/history"
	while IFS= read -r blob; do
		# Layers are compressed or not, as the engine stores them.
		if gzip --decompress --stdout --force "$blob" 2>/dev/null | grep --quiet --text --fixed-strings -e "$2"; then
			echo "found in $blob"
			return 0
		fi
	done < <(find "$saved" -type f)
	return 1
}

# json FILTER: reads JSON from standard input, e.g. json .status
json() {
	node -e 'let s="";process.stdin.on("data",d=>s+=d).on("end",()=>{const f=new Function("d","return d"+process.argv[1]);const v=f(JSON.parse(s));console.log(typeof v==="object"?JSON.stringify(v):v)})' "$1"
}

# copy_repository FOLDER: copies the files that git does not ignore, and goes there. Tests change files only in a copy.
copy_repository() {
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - | tar --extract --directory "$1"
	ln -s "$PWD/node_modules" "$1/node_modules"
	cd "$1" || return 1
}
