#!/usr/bin/env bats
# shellcheck disable=SC2016 # single quotes: for another shell
# docker/python/docker_roles/consumption.py: when a worker takes too little. What workers really do is in
# template/tests/docker/application.bats.

bats_require_minimum_version 1.5.0

load ../../../tests/shell/helpers

@test "a worker takes nothing if tasks waited and it had room at three looks in a row, and no task came between" {
	local looks stalls
	# A look: tasks that wait, free slots, tasks taken until now.
	while IFS='|' read -r looks stalls; do
		run -0 env PYTHONPATH="$ROOT/docker/python" python3 - "$looks" <<-'PYTHON'
			import sys
			from docker_roles.consumption import Stall

			stall = Stall()
			print(*(stall.lasts(*map(int, look.split())) for look in sys.argv[1].split(",")))
		PYTHON
		assert_equal "$looks|$output" "$looks|$stalls"
	done <<-'ROWS'
		1 2 0,1 2 0,1 2 0|False False True
		9 1 5,2 1 5,1 1 5,1 1 5|False False True True
		1 2 0,1 2 0,1 2 1,1 2 1,1 2 1|False False False False True
		1 2 0,1 2 0,0 2 0,1 2 0,1 2 0|False False False False False
		0 2 7,0 2 7,0 2 7|False False False
		5 0 2,5 0 2,5 0 2|False False False
		5 -3 8,5 -3 8,5 -3 8|False False False
		5 0 2,5 1 2,5 1 2,5 1 2|False False False True
		1 2 0,1 2 0,1 2 0,1 2 1|False False True False
		1 2 1,1 2 2,1 2 3,1 2 4|False False False False
	ROWS
}
