#!/usr/bin/env bats
# Tasks arrive, and a scheduled task is sent only once.

load ../helpers

@test "a task goes through broker and worker" {
	run send_task 'done'
	[[ $status -ne 3 ]] || skip "${lines[-1]}"
	assert_success
	assert_line 'the worker has done it'
}

@test "the result of a task comes back through the result back end" {
	run send_task result
	[[ $status -ne 3 ]] || skip "${lines[-1]}"
	assert_success
	assert_line 'through the queue'
}

@test "a second beat stands by while the first one sends, and stops by itself" {
	need_service beat
	need_service redis
	compose up --detach --no-deps --no-recreate --wait --scale beat=2 beat
	stands_by() { docker logs "$(container beat "$1")" 2>&1 | grep 'stands by'; }
	run until_ok 20 stands_by 2
	assert_success
	run stands_by 1
	assert_failure
	docker stop "$(container beat 2)"
	run docker inspect --format '{{.State.ExitCode}}' "$(container beat 2)"
	assert_output --regexp '^(0|143)$'
	docker rm "$(container beat 2)"
}
