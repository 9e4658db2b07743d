#!/usr/bin/env bats
# Your story: what a user does with the application, through every service that takes part. It runs on the
# development stack that this folder's tests share; helpers.bash has what a test can use.

load ../helpers

@test "a user's story, from the request to the result" {
	skip "it is not written yet"
	# For example: what is sent comes back when the worker has done its part.
	run curl --silent --fail --data 'text=hello' "http://$(address web 8000)/jobs"
	assert_success
	run -0 until_ok 30 curl --silent --fail "http://$(address web 8000)/jobs/1/result"
	assert_output hello
}
