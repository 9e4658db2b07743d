#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# template/examples/transcripts on its own env file: FastAPI, Poetry, a chord over two queues, SQLite on the volume.
# One stack for all tests of this file.

load helpers

hand_in() { # hand_in CHANNEL [FILE…]: these and all transcripts of the example; prints the job
	local channel=$1 file files=()
	shift
	for file in "$@" template/examples/transcripts/src/transcripts/seeds/*.txt; do files+=(--form "transcripts=@$file"); done
	curl --silent --fail-with-body --max-time 20 "${files[@]}" "$web/api/channels/$channel/transcripts" | json .job
}

job() { # job ID FILTER
	curl --silent --fail --max-time 10 "$web/api/jobs/$1" | json "$2"
}

has_ended() { # has_ended ID
	local status
	status=$(job "$1" .status)
	echo "$status: $(job "$1" .transcripts)"
	[[ -n $status && $status != running ]]
}

# Some transcript of the job is being read: neither at its beginning nor at its end.
is_in_the_middle() { # is_in_the_middle ID
	[[ $(job "$1" '.transcripts.some(t => t.status === "extracting" && t.progress > 0 && t.progress < 90)') == true ]]
}

ask() { # ask PATH [NAME=VALUE…]: the graph
	local path=$1 pair pairs=()
	shift
	for pair; do pairs+=(--data-urlencode "$pair"); done
	curl --silent --fail --max-time 10 --get "${pairs[@]}" "$web/api/graph/$path"
}

# The job has read five transcripts and given one up, and its channel has the whole graph of the five.
is_whole() { # is_whole JOB CHANNEL
	assert_equal "$(job "$1" .status)" partial
	assert_equal "$(job "$1" '.transcripts.map(t => t.status).join(" ")')" 'done done done failed done done'
	assert_equal "$(curl --silent "$web/api/channels/$2" | json '.entities + " " + d.links')" '23 38'
}

setup_file() {
	copy_repository "$BATS_FILE_TMPDIR/a copy of it"
	# Slow enough to be interrupted in the middle.
	printf 'EXTRACTOR_PAUSE=0.1\nRETRY_SECONDS=0.5\n' >template/examples/transcripts/.env.app
	new_stack_from template/examples/transcripts/env.docker COMPOSE_PROFILES=redis,flower WORKER_STOP_TIMEOUT=1
	start_stack
}

setup() {
	cd "$BATS_FILE_TMPDIR/a copy of it" || return 1
}

teardown() {
	show_stack
}

teardown_file() {
	remove_stack
}

@test "the example's env file has no mistake, and all services are healthy under it" {
	run node --import tsx/esm -- scripts/env.ts --env-file "$env_file"
	assert_success
	assert_output --partial '0 errors'
	local service
	for service in web worker redis flower; do
		run is_health "$service" healthy
		assert_success
	done
	run docker exec "$(container worker)" stat --format '%u %a' /data/transcripts.db
	assert_output --regexp '^1001 '
}

@test "transcripts become a graph, although one fails twice and another one always" {
	local id
	id=$(hand_in first)
	run until_ok 20 is_in_the_middle "$id"
	assert_success
	run until_ok 60 has_ended "$id"
	assert_success
	is_whole "$id" first
	assert_equal "$(job "$id" '.transcripts.find(t => t.extractor === "flaky").attempts')" 3
	assert_equal "$(job "$id" '.transcripts.find(t => t.extractor === "broken").error')" \
		'The extractor does not answer. Gave up after 4 attempts.'
}

@test "the graph answers who is in it, with whom, and how one gets from one to another" {
	run ask entities channel=first q=pike
	assert_output '[{"name":"Silas Pike","mentions":12,"transcripts":3}]'
	run ask entities channel=first q=krantz
	assert_output '[]'
	run ask neighbours channel=first name='Silas Pike'
	assert_output --partial '{"source":"Ada Winter","verb":"hid","target":"Silas Pike","count":1}'
	assert_equal "$(ask path channel=first from='Iris Calloway' to='Thomas Vane' | json '.path.map(l => l.verb).join(" ")')" \
		'runs founded fined'
}

@test "a worker that is restarted in the middle of a chord finishes it, and the graph is whole" {
	local id long=$BATS_TEST_TMPDIR/long.txt
	# Six seconds of reading, so that it can be interrupted in the middle.
	printf 'Ann met Bob.\n%.0s' {1..60} >"$long"
	id=$(hand_in restarted "$long")
	read_by() { job "$id" '.transcripts.find(t => t.title === "long.txt").'"$1"; }
	until_ok 20 eval '(($(read_by progress) > 0))'
	docker restart "$(container worker)"
	run until_ok 60 has_ended "$id"
	assert_success
	assert_equal "$(job "$id" '.transcripts.map(t => t.status).join(" ")')" 'done done done failed done done done'
	assert_equal "$(curl --silent "$web/api/channels/restarted" | json '.entities + " " + d.links')" '25 39'
	# It was in the middle, and has been read a second time.
	assert_equal "$(read_by attempts)" 2
}

@test "without Redis a set is refused at once, and the chord under way is finished afterwards" {
	local id
	id=$(hand_in redis)
	# Before the one that is tried again was tried: Celery forgets a retry that waits when it loses Redis, and takes the
	# task up after the visibility time-out.
	early() { [[ $(job "$id" '.transcripts.some(t => t.status === "extracting" && t.progress > 0) && d.transcripts.find(t => t.extractor === "flaky").attempts === 0') == true ]]; }
	until_ok 20 caught worker early
	compose stop --timeout 5 redis
	compose unpause worker
	run curl --silent --max-time 8 --write-out '\n%{http_code}' --form "transcripts=@template/examples/transcripts/src/transcripts/seeds/1-the-keeper.txt" "$web/api/channels/refused/transcripts"
	assert_line --index -1 503
	# Long enough for the tasks under way to end without it.
	run until_ok 20 eval '! is_in_the_middle '"$id"
	compose start redis
	run until_ok 90 has_ended "$id"
	assert_success
	is_whole "$id" redis
}

@test "Flower sees the worker on both queues" {
	queues() { curl --silent --user admin:flower-local-only "$flower/api/workers?refresh=1" | json '[Object.keys(d)[0]].active_queues.map(q => q.name).sort().join(" ")' | grep .; }
	run until_ok 20 queues
	assert_output 'extract graph'
}

@test "seed can run again while the first run is still under way, and the graph is the same" {
	local id
	compose run --rm --no-TTY --no-deps web seed
	id=$(compose run --rm --no-TTY --no-deps web seed | sed -n 's/.* job //p')
	run until_ok 60 has_ended "$id"
	assert_success
	is_whole "$id" harbour
}
