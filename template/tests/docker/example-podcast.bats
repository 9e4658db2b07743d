#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # eval'ed conditions on purpose; setup_file exports what is used here
# template/examples/podcast from its own env file: code in src, SQLite on a volume that web and worker share, ffmpeg.
# Two writers work beside all other tests; a later test checks their result.

load helpers

# upload FILE [CURL OPTION…]: the answer, and its status on a line of its own.
upload() {
	local file=$1
	shift
	curl --silent --max-time 60 --write-out '\n%{http_code}\n' --form "file=@$file;filename=talk.wav" "$@" "$web/api/episodes"
}

# submit FILE: the id of the episode.
submit() {
	upload "$1" | head --lines 1 | json .id
}

episode() { # episode ID FILTER
	curl --silent --fail --max-time 10 "$web/api/episodes/$1" | json "$2"
}

episode_is() { # episode_is ID STATUS
	local found
	found=$(episode "$1" '.status + ": " + d.error + " " + JSON.stringify(d.steps)')
	echo "$found"
	[[ $found == "$2:"* ]]
}

# Anything will do: it ends with an episode that has failed, after six writes of two services.
write() {
	local _
	for _ in {1..100}; do upload "$BATS_FILE_TMPDIR/letter" | tail --lines 1; done
}

setup_file() {
	new_stack_from template/examples/podcast/env.docker
	start_stack
	compose exec --no-TTY web python ../tests/recording.py /tmp/talk.wav 65
	docker exec "$(container web)" cat /tmp/talk.wav >"$BATS_FILE_TMPDIR/talk.wav"
	echo 'Dear reader, this is no recording.' >"$BATS_FILE_TMPDIR/letter"
	local writer
	for writer in 1 2; do
		write >"$BATS_FILE_TMPDIR/writer.$writer" 2>&1 3>&- &
		echo $! >"$BATS_FILE_TMPDIR/writer.$writer.pid"
	done
}

teardown() {
	show_stack
}

teardown_file() {
	remove_stack
}

@test "web and worker are healthy with only Redis beside them" {
	run_alone web worker redis
}

@test "a minute of talk becomes an episode, every step is seen, and it is as loud as it should be" {
	local id name
	id=$(submit "$BATS_FILE_TMPDIR/talk.wav")
	run until_ok 60 eval "episode $id '.steps.some(s => s.percent > 0 && s.percent < 100)' | grep true"
	assert_success
	run until_ok 120 episode_is "$id" 'done'
	assert_success
	run episode "$id" '.steps.map(s => s.name + " " + s.status).join()'
	assert_output 'probe done,normalise done,cut silence done,encode done,waveform done,report done'
	for name in episode.mp3 waveform.png report.json; do
		curl --silent --fail --output "$BATS_FILE_TMPDIR/$name" "$web/api/episodes/$id/$name"
	done
	# Measured in the image, by another filter than the one that made it.
	run docker exec -i "$(container worker)" sh -c 'ffmpeg -hide_banner -nostats -f mp3 -i - -af ebur128 -f null - 2>&1 | sed -n "s/^ *I: *\(-[0-9.]*\) LUFS/\1/p" | tail -n 1' <"$BATS_FILE_TMPDIR/episode.mp3"
	assert_output --regexp '^-(15\.[5-9]|16\.[0-5])$'
	run json '.loudness.gain + " " + (d.cut_seconds > 5)' <"$BATS_FILE_TMPDIR/report.json"
	assert_output 'linear true'
	run head --bytes 8 "$BATS_FILE_TMPDIR/waveform.png"
	assert_output --partial PNG
	echo "$id" >"$BATS_FILE_TMPDIR/id"
}

@test "an empty or truncated recording, or a file that is none, is reported in one sentence, and the worker goes on" {
	local started before=$BATS_TEST_TMPDIR
	started=$(state '{{.State.StartedAt}}' worker)
	: >"$before/empty"
	head --bytes 100000 "$BATS_FILE_TMPDIR/talk.wav" >"$before/truncated"
	head --bytes 44 "$BATS_FILE_TMPDIR/talk.wav" >"$before/headless"
	fails() { # fails FILE SENTENCE
		local id
		id=$(submit "$1")
		until_ok 60 episode_is "$id" failed
		episode "$id" .error | grep --fixed-strings "$2"
	}
	fails "$before/empty" 'The file is empty'
	fails "$before/truncated" 'The file is truncated'
	fails "$before/headless" 'ends before its sound begins'
	fails "$BATS_FILE_TMPDIR/letter" 'not a WAV recording'
	assert_equal "$(state '{{.State.StartedAt}} {{.RestartCount}}' worker)" "$started 0"
}

@test "200 MB are refused with 413 and a sentence, however they are sent" {
	truncate --size 200M "$BATS_TEST_TMPDIR/large"
	run upload "$BATS_TEST_TMPDIR/large"
	assert_success
	assert_line --index 0 --partial 'larger than 100 MB'
	assert_line --index 1 413
	run upload "$BATS_TEST_TMPDIR/large" --header 'Transfer-Encoding: chunked'
	assert_success
	assert_line --index 1 413
	# Without what the two writers are sending right now: nothing as large as this is left.
	run docker exec "$(container web)" find /data/uploads -ignore_readdir_race -size +50M
	assert_output ''
}

@test "web and worker have written two hundred episodes at once, and neither was locked out" {
	local writer
	for writer in 1 2; do
		run until_ok 90 eval "! kill -0 $(<"$BATS_FILE_TMPDIR/writer.$writer.pid")"
		assert_success
	done
	run sort --unique "$BATS_FILE_TMPDIR/writer.1" "$BATS_FILE_TMPDIR/writer.2"
	assert_output 202
	# Every episode has ended with the expected sentence: nothing else went wrong.
	ended() {
		local found
		found=$(docker exec "$(container web)" python -c 'import sqlite3; print(*sqlite3.connect("/data/podcast.db").execute("SELECT count(*) FROM episode WHERE bytes = 35 AND error LIKE \"%not a WAV%\"").fetchone())')
		echo "$found of 200 have ended"
		((found >= 200))
	}
	run until_ok 60 ended
	assert_success
	compose logs web worker >"$BATS_TEST_TMPDIR/log" 2>&1
	run grep 'database is locked' "$BATS_TEST_TMPDIR/log"
	assert_failure 1
}

@test "a worker that is stopped in mid-task gives the task back, and the next one finishes it" {
	local id
	WORKER_STOP_TIMEOUT=1 compose up --detach --no-deps --wait worker
	id=$(submit "$BATS_FILE_TMPDIR/talk.wav")
	in_the_middle() { episode "$id" '.steps.some(s => s.percent > 0 && s.percent < 100)' | grep true; }
	until_ok 60 caught worker in_the_middle
	compose stop worker
	run state '{{.State.ExitCode}} {{.State.OOMKilled}}' worker
	assert_output --regexp '^(0|143) false$'
	run episode "$id" .status
	assert_output processing
	compose up --detach --no-deps --wait worker
	run until_ok 120 episode_is "$id" 'done'
	assert_success
	run episode "$id" .attempt
	assert_output 2
}

@test "episodes and their files are there after teardown and a new start" {
	compose down
	compose up --detach --wait
	local id
	id=$(<"$BATS_FILE_TMPDIR/id")
	run episode "$id" .status
	assert_output 'done'
	curl --silent --fail "$web/api/episodes/$id/episode.mp3" | cmp - "$BATS_FILE_TMPDIR/episode.mp3"
}
