#!/usr/bin/env bats
# What the stack does when something breaks, and how it stops. The files of this folder run in
# alphabetical order on one stack. This file stops it, so a new file needs a name that sorts before it.

load ../helpers

@test "a frozen web, worker or beat turns unhealthy within half a minute, and healthy again when it goes on" {
	local service roles=(web worker)
	! has_service beat || roles+=(beat)
	for service in "${roles[@]}"; do signal_role STOP "$service"; done
	for service in "${roles[@]}"; do
		run until_ok 32 is_health "$service" unhealthy
		assert_success
	done
	for service in "${roles[@]}"; do signal_role CONT "$service"; done
	for service in "${roles[@]}"; do
		run until_ok 32 is_health "$service" healthy
		assert_success
	done
}

@test "after a restart of Redis or RabbitMQ the worker takes tasks again by itself" {
	has_service redis || need_service rabbitmq
	run send_task 'done'
	[[ $status -ne 3 ]] || skip "$output"
	for broker in redis rabbitmq; do ! has_service "$broker" || compose restart "$broker"; done
	run until_ok 120 send_task 'done'
	assert_success
	run until_ok 40 is_health worker healthy
	assert_success
}

@test "an idle stack stops by itself, and nothing is killed" {
	local service
	compose up --detach --wait
	compose stop
	for service in $CORE_SERVICES; do
		run state '{{.Name}} {{.State.ExitCode}}' "$service"
		assert_output --regexp ' (0|143)$'
	done
}
