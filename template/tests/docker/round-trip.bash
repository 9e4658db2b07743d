# The main job from HTTP to the audio file, for every overlay: stack.bats runs it on development,
# production.bats on production. $web is where a browser reaches the application.
# shellcheck disable=SC2154 # of bats, and of new_stack

# POST a story with so many sentences; prints its id.
submit() { # submit TITLE SENTENCES
	node -e 'const [title, n] = process.argv.slice(1); console.log(JSON.stringify({ title, text: "The fox looked up at the grapes and walked away, for they were surely sour. ".repeat(n) }))' "$1" "$2" |
		curl --silent --fail-with-body --max-time 20 --header 'content-type: application/json' --data @- "$web/api/stories" | json .id
}

story() { # story ID FILTER
	curl --silent --fail --max-time 10 "$web/api/stories/$1" | json "$2"
}

story_is() { # story_is ID STATUS
	local found
	found=$(story "$1" '.status + ", " + d.progress + " %, error: " + d.error')
	echo "$found"
	[[ $found == "$2,"* ]]
}

# Several thousand words, and their recording from the address that a browser gets.
long_story_becomes_audio() {
	local id
	id=$(submit 'A long one' 300)
	until_ok 60 eval "(( \$(story $id .progress) > 0 ))"
	run until_ok 240 story_is "$id" 'done'
	assert_success
	curl --silent --fail --output "$BATS_FILE_TMPDIR/story.wav" "$(story "$id" .audio_url)"
	run head --bytes 4 "$BATS_FILE_TMPDIR/story.wav"
	assert_output RIFF
	# 4,500 words are no less than twenty minutes: 22,050 samples a second of two bytes each.
	(($(stat --format %s "$BATS_FILE_TMPDIR/story.wav") > 20 * 60 * 22050 * 2))
}

# Server-sent events.
progress_is_streamed() {
	local id
	id=$(submit 'Streamed' 200)
	run timeout 120 curl --silent --no-buffer "$web/api/stories/$id/events"
	assert_output --regexp 'narrating'
	assert_output --regexp 'done'
}

# Seen by what it writes, and in the page.
periodic_task_runs() {
	pulse() { docker exec "$(container postgres)" psql -U postgres -d stories -Atc "SELECT seen_at FROM pulse WHERE name = 'beat'" | grep .; }
	# shellcheck disable=SC2329 # by until_ok, below
	pulse_after() { [[ $(pulse) != "$1" ]]; }
	local first second
	first=$(until_ok 30 pulse)
	until_ok 30 pulse_after "$first"
	second=$(pulse)
	until_ok 30 pulse_after "$second"
	run curl --silent --fail "$web/api/status"
	assert_equal "$(json .beat.alive <<<"$output")" true
	run curl --silent --fail "$web/"
	assert_output --partial 'Beat'
}
